"""`policies:` of mlops.yaml: how traffic moves, what an endpoint promises, how a deployment scales; by address.

What is read is plain values with every default made explicit. Durations, written `300ms`, `90s`, `5m`, `12h` or `30d`,
become seconds; times of day stay `HH:MM`, and dates ISO 8601, both of the schedule's time zone.
"""

from collections.abc import Mapping
from typing import Any

from reconciler.core.address import Address
from reconciler.core.words import did_you_mean
from reconciler.load.settings.timetables import DAYS, minutes_of
from reconciler.load.settings.values import REQUIRED, Field, File, Read, Values, listed

Policy = Mapping[str, Any]

METRICS = (
    "CpuUtilizationPercentage",
    "CpuMemoryUtilizationPercentage",
    "RequestsPerMinute",
    "RequestLatency",
    "RequestLatency_P50",
    "RequestLatency_P90",
    "RequestLatency_P95",
    "RequestLatency_P99",
)
"""Azure's names of what a rule may look at: CPU in percent of one core, memory of the machine, latency in ms."""

_30_DAYS_S = 30 * 86400.0


class Policies:
    """Reads the policies of a `policies:` key; what is wrong goes to the file."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._values = Values(file)
        self._known: Mapping[str, Mapping[str, Read]] = {
            "endpoint": {"rollout": self._rollout, "slo": self._slo},
            "deployment": {"autoscale": self._autoscale},
        }

    def read(self, path: str, given: Any) -> dict[Address, dict[str, Policy]]:
        """The policies by address and name; those with a mistake are left out."""
        found: dict[Address, dict[str, Policy]] = {}
        for text, policies in self._values.mapping(path, given).items():
            address = self._address(f"{path}.{text}", str(text))
            if address:
                found[address] = self._of(address, f"{path}.{text}", policies)
        return found

    def _address(self, path: str, text: str) -> Address | None:
        try:
            address = Address.parse(text.lower())
        except ValueError as error:
            self._file.wrong(path, str(error), code="E-VALUE")
            return None
        if address.kind not in self._known:
            self._file.wrong(path, f"policies are for endpoints and deployments, not a {address.kind}", code="E-VALUE")
            return None
        return address

    def _of(self, address: Address, path: str, given: Any) -> dict[str, Policy]:
        known = self._known[address.kind]
        found = {}
        for name, value in self._values.mapping(path, given).items():
            if name not in known:
                message = (
                    f"{address.kind}s have no such policy{did_you_mean(str(name), known)}; there are {listed(known)}"
                )
                self._file.wrong(f"{path}.{name}", message, code="E-FIELD")
            elif policy := known[name](f"{path}.{name}", value):
                found[str(name)] = policy
        return found

    def _rollout(self, path: str, given: Any) -> Policy:
        return self._values.fields(
            path,
            given,
            {
                "steps": Field(self._steps, [5, 25, 50, 100]),
                "pause": Field(self._values.duration, 300.0),
                "gates": Field(self._gates, {}),
                "on_failure": Field(self._values.word("return", "hold"), "return"),
            },
        )

    def _gates(self, path: str, given: Any) -> Policy:
        """Without any gate nothing is judged, so that no number of requests is waited for either."""
        gates = {
            "error_rate": Field(self._values.number(low=0, high=1)),
            "p95_ms": Field(self._values.number(above=0)),
            "min_requests": Field(self._values.count(0), 20),
        }
        return {} if given == {} else self._values.fields(path, given, gates)

    def _slo(self, path: str, given: Any) -> Policy:
        latency = {
            "percentile": Field(self._values.number(above=0, below=100), 95.0),
            "ms": Field(self._values.number(above=0), REQUIRED),
        }
        found = self._values.fields(
            path,
            given,
            {
                "availability": Field(self._values.number(above=0, below=100)),
                "latency": Field(lambda where, value: self._values.fields(where, value, latency)),
                "window": Field(self._values.duration, _30_DAYS_S),
            },
        )
        if isinstance(given, Mapping) and not {"availability", "latency"} & given.keys():
            self._file.wrong(path, "promises nothing; give availability, latency or both", code="E-REQUIRED")
        return found

    def _autoscale(self, path: str, given: Any) -> Policy:
        found = self._values.fields(
            path,
            given,
            {
                **self._bounds(),
                "interval": Field(self._values.duration, 30.0),
                "rules": Field(self._values.list(self._rule), []),
                "schedules": Field(self._values.list(self._schedule), []),
            },
        )
        self._in_order(path, found)
        return found

    def _bounds(self) -> dict[str, Field]:
        return {name: Field(self._values.count(1), REQUIRED) for name in ("minimum", "maximum")}

    def _rule(self, path: str, given: Any) -> Policy:
        found = self._values.fields(
            path,
            given,
            {
                "metric": Field(self._values.word(*METRICS), REQUIRED),
                "above": Field(self._values.number(low=0)),
                "below": Field(self._values.number(low=0)),
                "aggregation": Field(self._values.word("average", "minimum", "maximum"), "average"),
                "for": Field(self._values.duration, 300.0),
                "change": Field(self._change),
                "to": Field(self._values.count(1)),
                "cooldown": Field(self._values.duration, 300.0),
            },
        )
        if isinstance(given, Mapping):
            self._one_of(path, given, "above", "below")
            self._one_of(path, given, "change", "to")
        return found

    def _schedule(self, path: str, given: Any) -> Policy:
        found = self._values.fields(
            path,
            given,
            {
                "name": Field(self._values.text, REQUIRED),
                "days": Field(self._values.list(self._values.word(*DAYS))),
                "from": Field(self._values.time),
                "to": Field(self._values.time),
                "start": Field(self._values.date),
                "end": Field(self._values.date),
                "timezone": Field(self._values.zone, "UTC"),
                **self._bounds(),
                "rules": Field(self._values.list(self._rule)),
            },
        )
        if isinstance(given, Mapping):
            self._when(path, given, found)
        self._in_order(path, found)
        return found

    def _when(self, path: str, given: Policy, found: dict[str, Any]) -> None:
        """A schedule comes back every week, or is for once."""
        weekly, once = {"days", "from", "to"} & given.keys(), {"start", "end"} & given.keys()
        if weekly and once:
            self._file.wrong(path, "give days, from and to, or start and end, not both", code="E-VALUE")
        elif once:
            for name in sorted({"start", "end"} - once):
                self._file.wrong(path, f"{name} is missing", code="E-REQUIRED")
            if found.get("start") and found.get("end") and found["start"] >= found["end"]:
                self._file.wrong(f"{path}.end", f"is not after start, {found['start']}", code="E-VALUE")
        else:
            found["days"] = found.get("days") or list(DAYS)
            found["from"], found["to"] = found.get("from") or "00:00", found.get("to") or "24:00"
            if minutes_of(found["from"]) == minutes_of(found["to"]):
                self._file.wrong(path, "from and to are one time; a whole day is 00:00 to 24:00", code="E-VALUE")

    def _in_order(self, path: str, found: Policy) -> None:
        low, high = found.get("minimum"), found.get("maximum")
        if low is not None and high is not None and low > high:
            self._file.wrong(f"{path}.minimum", f"{low} is more than maximum {high}", code="E-SCALE")

    def _one_of(self, path: str, given: Policy, *names: str) -> None:
        there = [name for name in names if name in given]
        if len(there) != 1:
            told = " and ".join(there) or "neither"
            self._file.wrong(path, f"give one of {' and '.join(names)}; here is {told}", code="E-REQUIRED")

    def _steps(self, path: str, given: Any) -> Any:
        steps = self._values.list(self._values.count(1))(path, given)
        if steps is None or None in steps:
            return None
        if not steps or steps != sorted(set(steps)) or steps[-1] != 100:
            message = "expected rising percents that end with 100, such as [5, 25, 50, 100]"
            return self._values.refused(path, message, "E-VALUE")
        return steps

    def _change(self, path: str, given: Any) -> Any:
        if isinstance(given, int) and not isinstance(given, bool) and given:
            return given
        return self._values.refused(path, "expected how many instances more or less, such as 2 or -1")
