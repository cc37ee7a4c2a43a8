"""The autoscalers of a target: they sample what their policies look at, decide, and act through the provider."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Action, Operation, Step
from reconciler.core.state import Live
from reconciler.kinds import KINDS
from reconciler.kinds.autoscaling import COUNT, bounds
from reconciler.operate.autoscale import Decision, Memory, Sample, decided, horizon_of, interval_of
from reconciler.operate.measure import memory_bytes
from reconciler.operate.metrics import samples
from reconciler.operate.traffic import Request
from reconciler.providers.provider import DemandSource, Usage, UsageSource
from reconciler.record.files import lay_down
from reconciler.workspace import Workspace

# After an act that failed, such as an instance that does not start, nothing is tried for a while.
_REST_S = 60.0


@dataclass
class _Watched:
    """One deployment as it was seen so far: its memory, and what was gathered since its last sample."""

    memory: Memory
    answered: list[Request] = field(default_factory=list)
    usages: Sequence[Usage] = ()
    interval: float = 0.0
    rests_until: float = 0.0

    @property
    def sampled(self) -> float | None:
        """When it was looked at last."""
        return self.memory.samples[-1].at if self.memory.samples else None

    def is_due(self, now: float) -> bool:
        """Whether it is to be looked at; after a clock was set back it is."""
        return self.sampled is None or not self.sampled <= now < self.sampled + self.interval


class Scaling:
    """Looks after the deployments whose number of instances is an autoscaler's.

    Args:
        file: where it is kept when each was last changed, so that a cool-down outlives the process.
        say: takes one line for every decision.
    """

    def __init__(self, file: Path, say: Callable[[str], None]) -> None:
        self._file, self._say = file, say
        self._watched: dict[Address, _Watched] = {}
        self._acted = _read(file, say)

    def watch(self, recorded: Mapping[Address, Spec]) -> None:
        """Take up what is recorded with an autoscaler, and drop what no longer is."""
        wanted = {address for address, spec in recorded.items() if address.endpoint and bounds(spec)}
        for address in self._watched.keys() - wanted:
            del self._watched[address]
        for address in wanted - self._watched.keys():
            self._watched[address] = _Watched(Memory(acted=self._acted.get(str(address))))

    @property
    def watches(self) -> bool:
        """Whether there is anything to look after."""
        return bool(self._watched)

    def take(self, requests: Iterable[Request]) -> None:
        """Gather requests that ended, for the next samples."""
        for each in requests:
            watched = self._watched.get(Address("deployment", each.deployment, endpoint=each.endpoint))
            if watched:
                watched.answered.append(each)

    def due(self, workspace: Workspace, now: float) -> Iterable[tuple[Live, Decision]]:
        """Sample whatever is due; what is to be changed, with the reason.

        Args:
            workspace: the target.
            now: seconds since the epoch.
        """
        for address, watched in self._watched.items():
            if not watched.is_due(now):
                continue
            live = workspace.provider.observe(address)
            if live is None or bounds(live.spec) is None:
                continue
            watched.interval = interval_of(live.spec)
            sample = _sampled(workspace, live, watched, now)
            watched.memory = watched.memory.with_sample(sample, keep_s=horizon_of(live.spec))
            decision = decided(live.spec, watched.memory, live.spec[COUNT], now)
            rests = now < watched.rests_until <= now + _REST_S
            if decision.count != live.spec[COUNT] and live.status == "Succeeded" and not rests:
                yield live, decision

    def act(self, workspace: Workspace, seen: Live, decision: Decision) -> bool:
        """Scale, and tell whether it was still to be done; the caller holds the target's lock.

        It may take as long as instances take to be ready, and reads and writes nothing of this object: another thread
        may do it. The operation is the deployment's own: an apply knows it by that, and fences it off by going beyond
        it.

        Raises:
            ProviderError: it cannot be done; what served goes on.
        """
        live = workspace.provider.observe(seen.address)
        if live is None or (live.generation, live.operation) != (seen.generation, seen.operation):
            return False  # an apply was here in between
        symptoms = KINDS[live.address.kind].symptoms
        spec = {name: value for name, value in live.spec.items() if name not in symptoms}
        step = Step(0, Action.SCALE, live.address, decision.reason, (), spec, {**spec, COUNT: decision.count})
        workspace.provider.scale(step, Operation(live.operation, live.lineage, live.generation))
        return True

    def acted(self, seen: Live, decision: Decision, now: float) -> None:
        """Remember that a deployment was scaled, and say so."""
        self._acted[str(seen.address)] = now
        if watched := self._watched.get(seen.address):
            watched.memory = Memory(watched.memory.samples, now)
        self._say(f"{seen.address}: {seen.spec[COUNT]} -> {decision.count} instances ({decision.reason})")
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lay_down(self._file, lambda temporary: _write(temporary, self._acted), over=True)

    def failed(self, seen: Live, now: float) -> None:
        """Leave a deployment alone for a while."""
        if watched := self._watched.get(seen.address):
            watched.rests_until = now + _REST_S

    def pause(self, now: float, most: float) -> float:
        """Seconds until the next sample is due, at most so many."""
        ends = [(watched.sampled or now) + watched.interval - now for watched in self._watched.values()]
        return min([most, *(max(0.0, end) for end in ends)])


def _sampled(workspace: Workspace, live: Live, watched: _Watched, now: float) -> Sample:
    """What a deployment's policy looks at, since the last look."""
    apart_s = now - watched.sampled if watched.sampled is not None and watched.sampled < now else watched.interval
    metrics = _metrics(live.spec)
    provider, values = workspace.provider, dict[str, float]()
    usages: Sequence[Usage] = ()
    if any(name.startswith("Cpu") for name in metrics) and isinstance(provider, UsageSource):
        usages = [each for each in provider.usage() if each.deployment == live.address]
    before = watched.usages if watched.sampled is not None else ()
    total = memory_bytes() if usages else 0
    found = samples(watched.answered, usages, window_s=apart_s, before=before, apart_s=apart_s, memory_bytes=total)
    for name in metrics:
        of_metric = [each.value for each in found if each.name == name]
        if name == "RequestsPerMinute":
            values[name] = sum(of_metric)
        elif of_metric:
            values[name] = fmean(of_metric)
    if not metrics and isinstance(provider, DemandSource):
        values["demand"] = float(provider.demand().get(live.address, 0))
    watched.usages, watched.answered = usages, []
    return Sample(now, values)


def _metrics(spec: Spec) -> frozenset[str]:
    """The metrics that a policy's rules name; none where scale_settings ask for the demand alone."""
    policy = spec.get("autoscale")
    profiles = (policy, *policy["schedules"]) if policy else ()
    return frozenset(rule["metric"] for profile in profiles for rule in profile.get("rules", ()))


def _read(file: Path, say: Callable[[str], None]) -> dict[str, float]:
    try:
        found = json.loads(file.read_bytes())
        return {str(name): float(at) for name, at in found.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        say(f"{file} cannot be read, and cool-downs begin anew: {error}")
        return {}


def _write(file: Path, acted: Mapping[str, float]) -> None:
    file.write_text(json.dumps(acted), encoding="ascii")
