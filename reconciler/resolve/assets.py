"""References to models and environments: by version, by label, inline under a name, or anonymous by content."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from functools import lru_cache
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Resource, Spec
from reconciler.core.state import State
from reconciler.frozen import dataclass
from reconciler.kinds import KINDS
from reconciler.kinds.marks import is_archived, is_by_command
from reconciler.kinds.references import natural
from reconciler.late import pattern

_REFERENCE = pattern(r"azureml:(?P<name>[^/:@]+)(?::(?P<version>[^@]+)|@(?P<label>[^:]+))$")
# As `online-deployment show` prints them, so that scripts can hand them on.
_PRINTED = pattern(r"azureml:/targets/[^/]+/(?:models|environments)/(?P<name>[^/:@]+)/versions/(?P<version>[^/@]+)$")


@dataclass(frozen=True)
class Command:
    """What there is to know where a command says it all, and no files.

    Args:
        marks: what it sets on what it makes, besides that versions which it registers are no folder's.
        spent: whether there ever was such a version; its number is not given again.
    """

    marks: Mapping[str, Any] = field(default_factory=dict)
    spent: Callable[[Address], bool] = lambda _address: False


@dataclass(frozen=True)
class Registry:
    """The versions that exist once a plan is applied: the recorded ones and the ones that the manifests add.

    Args:
        recorded: the assets of the state, with the time at which each was first recorded.
        added: the assets that manifests define, in the order in which they were met.
        pins: labels as resolved so far, `model/risk@latest` to `model/risk:3`.
        command: a command that registers one version, the latest from then on; None for files, which may hold many.
        blind: whether nothing is known of what is registered.
    """

    recorded: Mapping[Address, tuple[str, Spec]]
    added: dict[Address, Resource] = field(default_factory=dict)
    pins: dict[str, str] = field(default_factory=dict)
    command: Command | None = None
    blind: bool = False

    @classmethod
    def of(cls, state: State, *, command: Command | None = None, blind: bool = False) -> "Registry":
        """The registry of what is recorded."""
        recorded = {a: (e.created, e.spec) for a, e in state.entries.items() if KINDS[a.kind].versioned}
        return cls(recorded, command=command, blind=blind)

    def version_for(self, kind: str, name: str, spec: Spec, *, inline: bool = False) -> str:
        """The version of an asset that was given none: the newest one of the same content, else one more.

        A command that registers it makes it the latest, also where an older version has the content. Inline in a
        deployment it is whichever version has it: the same file again is the same deployment. Of a folder's versions
        and those that a command registered, the folder's come first, so that no registration changes what files mean.
        """
        known = sorted(self._versions(kind, name), key=natural, reverse=True)
        known.sort(key=lambda version: is_by_command(self.spec(Address(kind, name, version=version))))
        for version in known if inline or not self.command else filter(None, [self.latest(kind, name)]):
            if not changed_content(kind, self.spec(Address(kind, name, version=version)), spec):
                return version
        number = max((int(version) for version in known if version.isdigit()), default=0) + 1
        while self.command and self.command.spent(Address(kind, name, version=str(number))):
            number += 1
        return str(number)

    def latest(self, kind: str, name: str) -> str:
        """The version created last, not the highest one, as Azure has it; new ones count by number. Empty if none.

        Archived ones are none.
        """
        new = [a.version for a in self.added if (a.kind, a.name) == (kind, name) and a not in self.recorded]
        if new:
            return max(new, key=natural)
        old = [(created, natural(a.version), a.version) for a, (created, spec) in self.recorded.items()
               if (a.kind, a.name) == (kind, name) and not is_archived(spec)]  # fmt: skip
        return max(old)[2] if old else ""

    def __contains__(self, address: Address) -> bool:
        return address in self.added or address in self.recorded

    def spec(self, address: Address) -> Spec:
        """What is known of a version."""
        return self.added[address].spec if address in self.added else self.recorded[address][1]

    def names(self, kind: str) -> list[str]:
        """All versions of a kind, as references write them."""
        return sorted({f"{a.name}:{a.version}" for a in (*self.recorded, *self.added) if a.kind == kind})

    def _versions(self, kind: str, name: str) -> Iterable[str]:
        return {a.version for a in (*self.recorded, *self.added) if (a.kind, a.name) == (kind, name)}


def changed_content(kind: str, before: Spec, after: Spec) -> str:
    """The first field by which two specs of one version differ although a version never changes; empty if none."""
    facts = KINDS[kind]
    for name in sorted(facts.immutable):
        if name in facts.derived and name not in after:
            continue
        if before.get(name) != after.get(name):
            return name
    return ""


def parse_reference(value: Any) -> tuple[str, str, str] | None:
    """Read `azureml:NAME:VERSION` or `azureml:NAME@LABEL` as (name, version, label); None for all other forms.

    So is read what our own commands print of a version, `azureml:/targets/TARGET/models/NAME/versions/VERSION`.
    Registry references, ARM ids and curated environments (`AzureML-…`) are of that other kind: they are passed to
    the platform unchanged.
    """
    return _parsed(value) if isinstance(value, str) else None


@lru_cache(maxsize=4096)
def _parsed(value: str) -> tuple[str, str, str] | None:
    """The same of a text; those of a large folder are few."""
    if printed := _PRINTED.match(value):
        return printed["name"], printed["version"], ""
    match = _REFERENCE.match(value)
    if not match or match["name"].startswith("AzureML-"):
        return None
    return match["name"], match["version"] or "", match["label"] or ""
