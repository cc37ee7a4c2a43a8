"""What an operator lets a watcher do, from a file of the operator's own; the fetched repository has no say in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from reconciler.core.address import Address
from reconciler.core.problem import Problem
from reconciler.core.words import did_you_mean
from reconciler.errors import ManifestError
from reconciler.load.place import Here, shown
from reconciler.load.settings.timetables import zone_of
from reconciler.load.settings.values import REQUIRED, Field, Values, listed
from reconciler.load.yaml.document import document
from reconciler.load.yaml.nodes import Unreadable, documents
from reconciler.load.yaml.parsed import Document
from reconciler.load.yaml.text import MAX_BYTES, decoded
from reconciler.record.files import open_regular
from reconciler.watch.clone import Signers
from reconciler.watch.windows import Window, Windows, is_cron

LONGEST_WINDOW_S = 31 * 86400.0


@dataclass(frozen=True)
class SelfHeal:
    """Whether what was changed behind git's back is brought back before the next commit.

    Args:
        default: for endpoints that are not named, and for what belongs to none.
        endpoints: by name.
    """

    default: bool = False
    endpoints: Mapping[str, bool] = field(default_factory=dict)

    def heals(self, address: Address) -> bool:
        """Whether a resource is brought back."""
        endpoint = address.endpoint or (address.name if address.kind == "endpoint" else "")
        return self.endpoints.get(endpoint, self.default)


@dataclass(frozen=True)
class Settings:
    """How a watcher goes about it, and what it may do.

    Args:
        branch: of the remote.
        target: of mlops.yaml; None for the default one.
        config: the operator's own mlops.yaml, in place of the repository's; empty for the repository's.
        interval_s: how often the remote is asked.
        jitter: by which share of itself an interval is shorter, at the most, by chance.
        backoff_s: the longest pause while something cannot be reached.
        fetch_timeout_s: how long the remote may take to answer.
        step_timeout_s: how long a step may take.
        parallel: how many steps run at once.
        max_delete: how many resources a commit may delete; None for the larger of 5 and 20 %.
        allow_empty: whether a commit without any manifest may delete everything.
        protect: addresses that are never deleted, besides those of mlops.yaml.
        variables: what replaces `{{NAME}}`, over those of mlops.yaml.
        policies: where policies over plans are taken from; empty for the repository's own.
        follow_rewritten: whether a branch whose history was rewritten is followed without being asked.
        signers: whose signature a commit must have.
        listen: host and port of health and metrics; None for neither.
    """

    branch: str = "main"
    target: str | None = None
    config: str = ""
    interval_s: float = 60.0
    jitter: float = 0.1
    backoff_s: float = 600.0
    fetch_timeout_s: float = 60.0
    step_timeout_s: float = 3600.0
    parallel: int = 4
    max_delete: int | None = None
    allow_empty: bool = False
    protect: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    policies: str = ""
    self_heal: SelfHeal = field(default_factory=SelfHeal)
    follow_rewritten: bool = False
    signers: Signers = field(default_factory=Signers)
    windows: Windows = field(default_factory=Windows)
    listen: tuple[str, int] | None = None


def read_settings(file: Path) -> dict[str, Any]:
    """The settings that a file gives, by the names of `Settings`.

    Raises:
        ManifestError: with everything that is wrong in it.
    """
    here = Here(str(file.absolute()), file.name, shown(str(file.absolute())))
    problems: list[Problem] = []
    found = _document(file, here, problems)
    if problems or found is None:
        raise ManifestError(problems)
    settings = _Reader(found, here, file.absolute().parent)
    read = settings.read()
    if settings.problems:
        raise ManifestError(settings.problems)
    return read


def listen_of(text: str) -> tuple[str, int] | None:
    """Host and port of `PORT`, `HOST:PORT` or `[HOST]:PORT`, of this machine alone where no host is said."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or not 0 <= int(port) < 1 << 16:
        return None
    return host.strip("[]") or "127.0.0.1", int(port)


def _document(file: Path, here: Here, problems: list[Problem]) -> Document | None:
    try:
        with open_regular(file) as stream:
            text = decoded(stream.read(MAX_BYTES + 1), here)
    except OSError as error:
        text = here.problem(1, 1, "E-CONFIG", f"it cannot be read: {error.strerror or error}")
    if isinstance(text, Problem):
        problems.append(text)
        return None
    try:
        found = [document(top, here, problems) for top in documents(text, here, problems)]
    except Unreadable as error:
        problems.append(error.problem)
        return None
    if len(found) != 1 or not isinstance(found[0].value, dict):
        problems.append(here.problem(1, 1, "E-CONFIG", "the settings of a watcher are one mapping"))
        return None
    return found[0]


class _Reader:
    """Reads the settings; what is wrong is gathered with its place."""

    def __init__(self, found: Document, here: Here, folder: Path) -> None:
        self._found, self._here, self._folder = found, here, folder
        self._values = Values(self)
        self.problems: list[Problem] = []

    def read(self) -> dict[str, Any]:
        """Every setting that is written."""
        values = self._values
        known = {
            "branch": ("branch", values.text),
            "target": ("target", values.text),
            "config": ("config", self._file),
            "interval": ("interval_s", values.duration),
            "jitter": ("jitter", values.number(low=0, high=0.9)),
            "backoff": ("backoff_s", values.duration),
            "fetch_timeout": ("fetch_timeout_s", values.duration),
            "step_timeout": ("step_timeout_s", values.duration),
            "parallel": ("parallel", values.count(1)),
            "max_delete": ("max_delete", values.count(0)),
            "allow_empty": ("allow_empty", self._flag),
            "protect": ("protect", values.list(self._address)),
            "variables": ("variables", self._variables),
            "policies": ("policies", self._file),
            "self_heal": ("self_heal", self._self_heal),
            "rewritten": ("follow_rewritten", self._rewritten),
            "signers": ("signers", self._signers),
            "windows": ("windows", self._windows),
            "listen": ("listen", self._listen),
        }
        for name in self._found.value:
            if name not in known:
                hint = did_you_mean(str(name), known)
                self.wrong(str(name), f"unknown field{hint}; there are {listed(known)}", code="E-FIELD")
        read = {
            field: reader(name, self._found.value[name])
            for name, (field, reader) in known.items()
            if self._found.value.get(name) is not None
        }
        return {name: value for name, value in read.items() if value is not None}

    def written(self, path: str, value: Any) -> Any:
        """The text of a scalar as it stands in the file."""
        return self._found.written.get(path, value)

    def wrong(self, path: str, message: str, *, code: str = "E-TYPE") -> None:
        """Gather a problem at the place of a dotted path."""
        place = path
        while place not in self._found.positions:
            place = place.rpartition(".")[0]
        self.problems.append(self._here.problem(*self._found.positions[place], code, f"{path}: {message}"))

    def _file(self, path: str, given: Any) -> Any:
        """A file or folder that must be there; a relative one counts from the settings."""
        text = self._values.text(path, given)
        if text is None:
            return None
        place = self._folder / text
        return str(place) if place.exists() else self._values.refused(path, f"{place} is not there", "E-PATH")

    def _flag(self, path: str, given: Any) -> Any:
        return given if isinstance(given, bool) else self._values.refused(path, "expected true or false")

    def _address(self, path: str, given: Any) -> Any:
        try:
            return str(Address.parse(str(given)))
        except ValueError as error:
            return self._values.refused(path, str(error))

    def _variables(self, path: str, given: Any) -> Any:
        found = self._values.mapping(path, given)
        return {str(name): str(self.written(f"{path}.{name}", value)) for name, value in found.items()}

    def _self_heal(self, path: str, given: Any) -> Any:
        if isinstance(given, bool):
            return SelfHeal(given)
        fields = {"default": Field(self._flag, default=False), "endpoints": Field(self._flags, {})}
        return SelfHeal(**self._values.fields(path, given, fields))

    def _flags(self, path: str, given: Any) -> Any:
        return {str(k): self._flag(f"{path}.{k}", v) for k, v in self._values.mapping(path, given).items()}

    def _rewritten(self, path: str, given: Any) -> Any:
        return self._values.word("hold", "follow")(path, given) == "follow"

    def _signers(self, path: str, given: Any) -> Any:
        fields = {name: Field(self._file) for name in ("allowed", "revoked", "gnupg")}
        found = Signers(**self._values.fields(path, given, fields))
        if not found.demanded:
            return self._values.refused(path, "names nobody; give allowed, gnupg or both", "E-REQUIRED")
        return found

    def _windows(self, path: str, given: Any) -> Any:
        windows = Field(self._values.list(self._window), [])
        found = self._values.fields(path, given, {"allow": windows, "deny": windows})
        return Windows(*(tuple(filter(None, found.get(name, ()))) for name in ("allow", "deny")))

    def _window(self, path: str, given: Any) -> Any:
        fields = {
            "cron": Field(self._cron, REQUIRED),
            "duration": Field(self._lasting, REQUIRED),
            "timezone": Field(self._values.zone, "UTC"),
            "why": Field(self._values.text, ""),
        }
        found = self._values.fields(path, given, fields)
        if not {"cron", "duration", "timezone"} <= found.keys():
            return None
        zone, lasting = zone_of(found["timezone"]), timedelta(seconds=found["duration"])
        return Window(found["cron"], lasting, zone, found.get("why", ""))

    def _cron(self, path: str, given: Any) -> Any:
        if isinstance(given, str) and is_cron(given):
            return given
        return self._values.refused(path, 'expected five fields of cron that ever come, such as "0 9 * * mon-fri"')

    def _lasting(self, path: str, given: Any) -> Any:
        seconds = self._values.duration(path, given)
        if seconds is not None and seconds > LONGEST_WINDOW_S:
            return self._values.refused(path, "a window lasts 31d at the most", "E-VALUE")
        return seconds

    def _listen(self, path: str, given: Any) -> Any:
        found = listen_of(str(self.written(path, given)))
        if found is None:
            self.wrong(path, "expected PORT or HOST:PORT", code="E-VALUE")
        return found
