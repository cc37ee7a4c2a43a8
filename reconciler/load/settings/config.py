"""`mlops.yaml` at the repository's root: where the manifests are, and the targets that they are applied to."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from reconciler.core.address import Address
from reconciler.core.problem import Problem
from reconciler.core.words import did_you_mean
from reconciler.errors import ManifestError
from reconciler.frozen import dataclass
from reconciler.load.checking.flaw import Flaw
from reconciler.load.checking.paths import found_at
from reconciler.load.disk.roots import CONFIG, git_root, settings_above
from reconciler.load.options import Override
from reconciler.load.place import Bounds, Here, inside, shown
from reconciler.load.repository.private import refuse_tracked
from reconciler.load.settings.known_settings import keep, known
from reconciler.load.yaml.parsed import Document
from reconciler.load.yaml.text import MAX_BYTES, decoded
from reconciler.record.files import open_regular

STATE = ".mlops/state.db"
CACHE = ".mlops/cache"


@dataclass(frozen=True)
class Target:
    """A named place to apply to.

    Args:
        name: the name.
        provider: what serves it.
        default: whether it is the one when none is named.
        state: where the record of it is kept.
        assets: the URL of where its content is kept for other machines; empty for its own folder alone.
        variables: what `{{NAME}}` becomes.
        overrides: fields that are other than in the files.
        protect: addresses that are never deleted or replaced.
        quota: cores by family of machines.
        pinned: whether labels and images without a version are refused.
        max_delete: how many deletions a plan may hold; None for the usual budget.
        require_clean: whether what is in no commit is not applied.
        policies: by address and name, those of the target over those of all targets, every default made explicit;
            durations in seconds.
        policy_fields: those that become fields of the resource, as overrides with their place.
        options: every other key, for the provider.
    """

    name: str
    provider: str
    default: bool = False
    state: str = STATE
    assets: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    protect: tuple[str, ...] = ()
    quota: Mapping[str, int] = field(default_factory=dict)
    pinned: bool = False
    max_delete: int | None = None
    require_clean: bool = False
    policies: Mapping[Address, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    policy_fields: tuple[Override, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Config:
    """The repository's settings.

    Args:
        root: the repository's root, or the folder of `mlops.yaml`.
        manifests: the folder of manifests, relative to the root.
        targets: by name, in the order of the file.
        file: `mlops.yaml` as the user would write it; empty without one.
    """

    root: Path
    manifests: str
    targets: Mapping[str, Target]
    file: str = ""

    def target(self, name: str | None) -> Target:
        """The target of a name; without a name the default one, else the only one.

        Raises:
            ManifestError: there is no such target, or none that is meant.
        """
        defaults = [target for target in self.targets.values() if target.default] or list(self.targets.values())
        if name is None and len(defaults) == 1:
            return defaults[0]
        if name is not None and name in self.targets:
            return self.targets[name]
        known = f"targets: {', '.join(self.targets)}{'' if self.file else f', as there is no {CONFIG}'}"
        if name is None:
            raise self._refused(f"no target is the default; name one with --target, or give one default: true; {known}")
        raise self._refused(f"no target is named {name or repr(name)}{did_you_mean(name, self.targets)}; {known}")

    def _refused(self, message: str) -> ManifestError:
        return ManifestError([Problem(self.file, 1, 1, "E-TARGET", message)])


def read_config(start: Path, *, file: Path | None = None, within: str = "", cached: bool = False) -> Config:
    """The settings of the repository that `start` is in; without `mlops.yaml` one target, `local`.

    Args:
        start: a folder of the repository; where `file` is given, its root.
        file: what counts in place of the repository's own `mlops.yaml`.
        within: the root of the repository, where it is not git that tells, as of a revision that was laid out.
        cached: whether what the file said to an earlier run may be used, and kept for later ones.

    Raises:
        ManifestError: with everything that is wrong in `mlops.yaml`.
        RefusedError: the cache came with the repository.
    """
    root, file = (start.absolute(), file) if file else (None, _file(str(start.absolute())))
    if file is None:
        root = Path(git_root(str(start.absolute())) or _worked_in(start.absolute()))
        return Config(root, ".", {"local": Target("local", "local", default=True)})
    here = Here(str(file), CONFIG, shown(str(file)))
    problems: list[Problem] = []
    folder = root or file.parent
    if cached:
        refuse_tracked(str(folder))  # before the cache, which may have come along, is opened
    found = _document(file, here, problems, folder / CACHE if cached else None)
    if problems or found is None:
        raise ManifestError(problems)
    reader = _Reader(found, here, within)
    targets = {target.name: target for target in reader.targets()} or {"local": reader.only_target()}
    manifests = reader.folder("manifests", ".")
    if reader.problems:
        raise ManifestError(reader.problems)
    return Config(folder, manifests, targets, here.shown)


def _file(start: str) -> Path | None:
    found = settings_above(start)
    return Path(found) if found else None


def _worked_in(start: Path) -> Path:
    """The nearest folder from `start` upwards that holds a record already, so that its subfolders share it."""
    return next((folder for folder in (start, *start.parents) if (folder / STATE).is_file()), start)


def _document(file: Path, here: Here, problems: list[Problem], cache: Path | None) -> Document | None:
    data = _bytes(file, here)
    if isinstance(data, bytes) and cache and (was := known(cache, data)):
        return was
    found = _parsed(data if isinstance(data, Problem) else decoded(data, here), here, problems)
    if isinstance(data, bytes) and cache and found and not problems:
        keep(cache, data, found)
    return found


def _parsed(text: str | Problem, here: Here, problems: list[Problem]) -> Document | None:
    if isinstance(text, Problem):
        problems.append(text)
        return None
    from reconciler.load.checking.literals import URL_PASSWORD, literal_secrets  # noqa: PLC0415 - as above
    from reconciler.load.yaml.document import document  # noqa: PLC0415 - an unchanged file is known
    from reconciler.load.yaml.nodes import Unreadable, documents  # noqa: PLC0415 - as above

    # A server's URL may have its password here; whoever wants it elsewhere has libpq's own files and variables.
    problems += literal_secrets(text, here, but=URL_PASSWORD)
    try:
        found = [document(top, here, problems) for top in documents(text, here, problems)]
    except Unreadable as error:
        problems.append(error.problem)
        return None
    if found and found[0].value is None:
        found[0] = Document({}, found[0].positions, {})
    if len(found) > 1 or (found and not isinstance(found[0].value, dict)):
        problems.append(here.problem(1, 1, "E-CONFIG", "mlops.yaml is one mapping, with targets: and manifests:"))
    return found[0] if found else Document({}, {"": (1, 1)}, {})


def _bytes(file: Path, here: Here) -> bytes | Problem:
    """The file's content, if it is one, of the repository's own."""
    real, root = os.path.realpath(file), git_root(str(file.parent))
    if root and not inside(real, os.path.realpath(root)):
        return here.problem(1, 1, "E-LINK-OUT", f"{CONFIG} links to {real}, outside the repository")
    try:
        with open_regular(file) as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        return here.problem(1, 1, "E-CONFIG", f"{CONFIG} cannot be read: {error.strerror or error}")


class _Reader:
    """Reads the parts of `mlops.yaml`; what is wrong is gathered with its place."""

    def __init__(self, found: Document, here: Here, within: str) -> None:
        self._value, self._positions, self._written = found.value, found.positions, found.written
        self._here, self._within = here, within
        self.problems: list[Problem] = []
        for key in self._value:
            if key not in _TOP:
                self.wrong(key, f"unknown field{did_you_mean(key, _TOP)}", code="E-FIELD")
        self._policies = self._placed("policies", self._value.get("policies"))

    def text(self, path: str, default: str, value: Any = None) -> str:
        """A text field of the top, or of a value at hand."""
        value = self._value.get(path) if value is None else value
        if value is None or isinstance(value, str):
            return default if value is None else value
        self.wrong(path, f"expected text, here is {self._written.get(path, 'something else')}")
        return default

    def folder(self, path: str, default: str) -> str:
        """A folder of the repository; it need not be there for commands that read no manifests."""
        text, beside = self.text(path, default), os.path.realpath(Path(self._here.path).parent)
        flaw = found_at(text, beside, Bounds(base=beside, root=self._within or git_root(beside)), path)
        if isinstance(flaw, Flaw) and flaw.code != "E-PATH":
            self.wrong(path, flaw.message, code=flaw.code)
        return text

    def written(self, path: str, value: Any) -> Any:
        """The text of a scalar as it stands in the file, whatever YAML makes of it."""
        return self._written.get(path, value)

    def targets(self) -> Iterator[Target]:
        """The targets, in the order of the file."""
        targets = self._mapping("targets", self._value.get("targets"))
        for name, given in targets.items():
            yield self._target(name, self._mapping(f"targets.{name}", given), f"targets.{name}")
        defaults = [name for name, given in targets.items() if isinstance(given, dict) and given.get("default") is True]
        for name in defaults[1:]:
            self.wrong(f"targets.{name}.default", f"{defaults[0]} is the default already")

    def only_target(self) -> Target:
        """The target of a file that names none."""
        return self._target("local", {"provider": "local", "default": True}, "targets.local")

    def _target(self, name: str, given: Mapping[str, Any], path: str) -> Target:
        if "provider" not in given:
            self.wrong(path, "provider is missing", code="E-REQUIRED")
        policies = {**self._policies, **self._placed(f"{path}.policies", given.get("policies"))}
        return Target(
            name=name,
            provider=self.text(f"{path}.provider", "local", given.get("provider")),
            default=self._true(f"{path}.default", given.get("default", False)),
            state=self.text(f"{path}.state", STATE, given.get("state")),
            assets=self._assets(f"{path}.assets", given.get("assets")),
            variables=self._texts(f"{path}.variables", given.get("variables")),
            overrides=tuple(self._overrides(f"{path}.overrides", given.get("overrides"))),
            protect=tuple(self._protect(f"{path}.protect", given.get("protect"))),
            quota=dict(self._quota(f"{path}.quota", given.get("quota"))),
            pinned=self._true(f"{path}.pinned", given.get("pinned", False)),
            max_delete=self._count(f"{path}.max_delete", given.get("max_delete")),
            require_clean=self._true(f"{path}.require_clean", given.get("require_clean", False)),
            policies=_by_address(policies),
            policy_fields=tuple(policies.values()),
            options={key: value for key, value in given.items() if key not in _TARGET},
        )

    def _assets(self, path: str, given: Any) -> str:
        url = self.text(path, "", given)
        if url:
            from reconciler.load.settings.asset_url import flaw_of  # noqa: PLC0415 - most content has one folder

            if wrong := flaw_of(url):
                self.wrong(path, wrong, code="E-ASSETS")
        return url

    def _texts(self, path: str, given: Any) -> dict[str, str]:
        """Variables, as they were written: `1.10` stays `1.10`."""
        values = {}
        for name, value in self._mapping(path, given).items():
            if isinstance(value, (dict, list)):
                self.wrong(f"{path}.{name}", "a variable is text in one line")
                continue
            values[name] = value if isinstance(value, str) else self._written[f"{path}.{name}"]
        return values

    def _overrides(self, path: str, given: Any) -> Iterator[Override]:
        for address, fields in self._mapping(path, given).items():
            for name, value in self._mapping(f"{path}.{address}", fields).items():
                line, column = self._place(f"{path}.{address}.{name}")
                yield Override(address, name, value, self._here.shown, line, column)

    def _placed(self, path: str, given: Any) -> dict[tuple[Address, str], Override]:
        """Policies by address and name, each with its place."""
        if given is None:
            return {}
        from reconciler.load.settings.policies import Policies  # noqa: PLC0415 - only a file with policies needs it

        return {
            (address, name): Override(
                str(address), name, value, self._here.shown, *self._place(f"{path}.{address}.{name}")
            )
            for address, policies in Policies(self).read(path, given).items()
            for name, value in policies.items()
        }

    def _protect(self, path: str, given: Any) -> Iterator[str]:
        for index, address in enumerate(self._list(path, given)):
            try:
                yield str(Address.parse(str(address)))
            except ValueError as error:
                self.wrong(f"{path}.{index}", str(error))

    def _quota(self, path: str, given: Any) -> Iterator[tuple[str, int]]:
        for family, cores in self._mapping(path, given).items():
            count = self._count(f"{path}.{family}", cores)
            if count is not None:
                yield family, count

    def _count(self, path: str, value: Any) -> int | None:
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        self.wrong(path, "expected a whole number >= 0")
        return None

    def _true(self, path: str, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        self.wrong(path, "expected true or false")
        return False

    def _mapping(self, path: str, value: Any) -> Mapping[str, Any]:
        if value is None or isinstance(value, dict):
            return value or {}
        self.wrong(path, "expected a mapping")
        return {}

    def _list(self, path: str, value: Any) -> list[Any]:
        if value is None or isinstance(value, list):
            return value or []
        self.wrong(path, "expected a list")
        return []

    def _place(self, path: str) -> tuple[int, int]:
        while path not in self._positions:
            path = path.rpartition(".")[0]
        return self._positions[path]

    def wrong(self, path: str, message: str, *, code: str = "E-TYPE") -> None:
        """Gather a problem at the place of a dotted path."""
        self.problems.append(self._here.problem(*self._place(path), code, f"{path}: {message}"))


def _by_address(policies: Mapping[tuple[Address, str], Override]) -> dict[Address, dict[str, Any]]:
    found: dict[Address, dict[str, Any]] = {}
    for (address, name), policy in policies.items():
        found.setdefault(address, {})[name] = policy.value
    return found


_TOP = ("manifests", "targets", "policies")
_TARGET = frozenset(
    {"provider", "default", "state", "variables", "overrides", "protect", "quota", "pinned", "max_delete", "policies"}
    | {"require_clean", "assets"}
)
