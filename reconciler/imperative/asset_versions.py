"""Registered versions of models and environments: found, shown, listed. Nothing here loads what plans."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core.address import Address
from reconciler.core.state import Entry
from reconciler.core.words import did_you_mean
from reconciler.errors import MlopsError
from reconciler.kinds.marks import is_archived
from reconciler.kinds.references import natural
from reconciler.record.store import Store
from reconciler.render.azure_assets import asset_document, name_document
from reconciler.resolve import Registry

LATEST = "latest"
_Found = tuple[Address, Entry]


@dataclass(frozen=True)
class Named:
    """The asset that a command names, and which versions of it.

    Args:
        kind: the kind's name.
        name: of the asset.
        version: one version; empty for what the label says, or for all.
        label: `latest`; empty for none.
    """

    kind: str
    name: str
    version: str = ""
    label: str = ""


@dataclass(frozen=True)
class View:
    """Which versions a list tells.

    Args:
        archived: those that were put away, too.
        active: those that were not.
        fits: what else is asked of a version.
        most: how many rows at the most; None for all.
    """

    archived: bool = False
    active: bool = True
    fits: Callable[[Mapping[str, Any]], bool] = lambda _spec: True
    most: int | None = None

    def has(self, entry: Entry) -> bool:
        """Whether a version is told."""
        return (self.archived if is_archived(entry.spec) else self.active) and self.fits(entry.spec)


def one(store: Store, target: str, named: Named) -> Address:
    """The version that a command is about, by itself or by its label.

    Raises:
        MlopsError: neither is given, or both; or there is no such version.
    """
    if not (named.version or named.label):
        raise MlopsError(f"which version of {named.kind} {named.name}? Give --version/-v, or --label {LATEST}")
    return meant(store, target, named)[0]


def show(store: Store, target: str, address: Address) -> dict[str, Any]:
    """A version as the Azure CLI shows it."""
    return asset_document(address, store.read().entries[address], target)


def listed(store: Store, target: str, kind: str, name: str, view: View) -> list[dict[str, Any]]:
    """The versions of a name, the newest first; without a name one row a name, with its latest version."""
    found = [(address, entry) for address, entry in _all(store, kind) if view.has(entry)]
    if name:
        rows = [asset_document(*each, target) for each in _newest_first(found) if each[0].name == name]
    else:
        names = sorted({address.name for address, _ in found})
        rows = [_row([each for each in found if each[0].name == named], target) for named in names]
    return rows[: view.most]


def meant(store: Store, target: str, named: Named) -> tuple[Address, ...]:
    """The versions that a command is about: one, the latest, or all.

    Raises:
        MlopsError: there is none, or what is given names none.
    """
    if named.version and named.label:
        raise MlopsError("--version and --label: both mean one version; give one of them")
    if named.label and named.label != LATEST:
        raise MlopsError(f"--label {named.label}: the one label that there is is {LATEST}")
    known = [address for address, _ in _all(store, named.kind)]
    versions = [address for address in known if address.name == named.name]
    if named.version:
        chosen = [address for address in versions if address.version == named.version]
    elif named.label:
        latest = Registry.of(store.read()).latest(named.kind, named.name)
        chosen = [address for address in versions if address.version == latest]
    else:
        chosen = versions
    if chosen:
        return tuple(chosen)
    raise MlopsError(_unknown(named, versions, known, target))


def _unknown(named: Named, versions: Sequence[Address], known: Sequence[Address], target: str) -> str:
    if not versions:
        hint = did_you_mean(named.name, sorted({address.name for address in known}))
        return f"{named.kind} {named.name} is not registered (target {target}){hint}"
    if named.label:
        return f"all versions of {named.kind} {named.name} are archived, so none is the latest (target {target})"
    there = ", ".join(address.version for address in sorted(versions, key=_number, reverse=True)[:5])
    return f"{named.kind} {named.name} has no version {named.version} (target {target}); newest there: {there}"


def _number(address: Address) -> Any:
    return natural(address.version)


def _all(store: Store, kind: str) -> list[_Found]:
    """The versions of a kind; what only remains are left of is none."""
    return [(address, e) for address, e in store.read().entries.items() if address.kind == kind and e.spec]


def _newest_first(found: Iterable[_Found]) -> list[_Found]:
    return sorted(found, key=lambda each: (each[1].created, natural(each[0].version)), reverse=True)


def _row(versions: Sequence[_Found], target: str) -> dict[str, Any]:
    newest = _newest_first(versions)
    latest = next((each for each in newest if not is_archived(each[1].spec)), newest[0])
    return name_document(*latest, target, first=newest[-1][1].created)
