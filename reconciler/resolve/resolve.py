"""Manifests become resources; whatever does not resolve becomes a problem with its place."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from reconciler.core.address import Address
from reconciler.core.manifest import Manifest, Resource
from reconciler.core.problem import Problem
from reconciler.core.secret import Secret
from reconciler.core.state import State
from reconciler.core.words import nearest
from reconciler.frozen import dataclass
from reconciler.kinds import KINDS
from reconciler.kinds.marks import BY_COMMAND, is_by_command
from reconciler.kinds.references import made_by
from reconciler.resolve.assets import Command, Registry, changed_content, parse_reference
from reconciler.resolve.marked import marked
from reconciler.resolve.normalise import spec_of

Place = TypeVar("Place")


@dataclass(frozen=True)
class Resolved:
    """What the manifests ask for.

    Args:
        resources: sorted by address; broken manifests left out.
        problems: names that do not resolve, names given twice, versions whose content changed.
        pins: label references as resolved, for the plan to hold.
    """

    resources: tuple[Resource, ...]
    problems: tuple[Problem, ...]
    pins: Mapping[str, str]


def resolve(
    manifests: Sequence[Manifest],
    state: State,
    *,
    secret_key: bytes,
    whole: bool = True,
    linked: bool = True,
    blind: bool = False,
    command: Command | None = None,
) -> Resolved:
    """Resolve the manifests against each other and against what is recorded.

    Args:
        manifests: as loaded; broken ones count as names only.
        state: what is recorded, where references may also point.
        secret_key: the state's key, under which secrets are compared.
        whole: the manifests are everything that is wanted, so what is only recorded is about to be deleted.
        linked: False looks no name up: for a check of files by themselves, whose other half lies elsewhere.
        blind: whether there is no record, so that a command may have registered what is not found here.
        command: whether a command says it all; None where files do.
    """
    registry = Registry.of(state, command=command, blind=blind)
    named = [(_address(manifest, registry, secret_key), manifest) for manifest in _assets_first(manifests)]
    problems = list(_duplicates(named))
    resources: dict[Address, Resource] = {}
    met: dict[tuple[str, Any], str] = {}
    secrets: dict[str, Secret] = {}
    for address, manifest in named:
        if manifest.valid and address not in resources:
            kind = KINDS[address.kind]
            spec = spec_of(manifest, kind, secret_key=secret_key, met=secrets)
            if kind.versioned:
                registry.added[address] = Resource(address, spec, manifest)
            labels = _looked_up_in(spec, manifest, registry, problems, met, linked=linked) if kind.references else {}
            resources[address] = Resource(address, spec, manifest, labels)
    resources.update(registry.added)
    _mark(resources, state, command)
    if linked:
        names = {address for address, _ in named} | (set() if whole else set(state.entries))
        problems += _orphans(resources.values(), names, state)
        problems += _moved_versions(registry.added.values(), state)
        if whole:
            problems += _about_to_go(resources.values(), resources.keys(), state)
    return Resolved(
        tuple(sorted(resources.values(), key=lambda r: str(r.address))),
        tuple(problems),
        dict(sorted(registry.pins.items())),
    )


def _mark(resources: dict[Address, Resource], state: State, command: Command | None) -> None:
    """Give resources the marks that their kinds have, in place."""
    first = None if command is None else {BY_COMMAND: True, **command.marks}
    for address, resource in resources.items():
        if KINDS[address.kind].marks:
            resources[address] = marked(resource, state.entries.get(address), first=first)


def _assets_first(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Versions must be known before the deployments that ask for the latest of them."""
    return sorted(manifests, key=lambda manifest: not KINDS[manifest.kind].versioned)


def _address(manifest: Manifest, registry: Registry, secret_key: bytes) -> Address:
    kind, document = KINDS[manifest.kind], manifest.document
    name = str(document.get("name", ""))
    if kind.parent:
        return Address(kind.name, name.lower(), endpoint=str(document.get("endpoint_name", "")).lower())
    if not kind.versioned:
        return Address(kind.name, name.lower())
    version = document.get("version")
    if version is None and manifest.valid:
        version = registry.version_for(kind.name, name, spec_of(manifest, kind, secret_key=secret_key))
    return Address(kind.name, name, version=str(version or 1))


def _duplicates(named: Sequence[tuple[Address, Manifest]]) -> Iterator[Problem]:
    if len({address for address, _ in named}) == len(named):
        return
    first: dict[Address, Manifest] = {}
    for address, manifest in sorted(named, key=lambda pair: (pair[1].file, pair[1].source().line)):
        other = first.setdefault(address, manifest)
        if other is manifest:
            continue
        mine, its = str(manifest.document.get("name")), str(other.document.get("name"))
        if mine != its and mine.lower() == its.lower():
            yield manifest.problem(
                "name", "E-DUP-CASE", f"{mine!r} and {its!r} ({other.source('name')}) are one name in Azure"
            )
        else:
            message = f"{address.kind} {_short(address)} is also defined in {other.source('name')}; keep one of them"
            yield manifest.problem("name", "E-DUP-RESOURCE", message)


def _looked_up_in(
    spec: dict[str, Any],
    manifest: Manifest,
    registry: Registry,
    problems: list[Problem],
    met: dict[tuple[str, Any], str],
    *,
    linked: bool,
) -> dict[str, str]:
    """Put references as they resolve into a spec; gives the labels that they had.

    Args:
        spec: nobody else's.
        manifest: what it was made of.
        registry: where they are looked up.
        problems: takes what is wrong.
        met: references to versions that were found before; new ones are added.
        linked: whether names are looked up.
    """
    labels: dict[str, str] = {}
    for path, kind in KINDS[manifest.kind].references.items():
        value = spec.get(path)
        if isinstance(value, dict):
            spec[path] = _inline((manifest, path, kind), value, registry, problems)
        elif isinstance(value, str) and (kind, value) in met:
            spec[path] = met[kind, value]
        elif parsed := parse_reference(value):
            told = len(problems)
            spec[path] = _looked_up((manifest, path, kind), parsed, registry, problems, linked=linked)
            if parsed[2]:
                labels[path] = parsed[2]
            elif len(problems) == told:
                met[kind, value] = spec[path]
    return labels


def _inline(
    field: tuple[Manifest, str, str], written: dict[str, Any], registry: Registry, problems: list[Problem]
) -> Any:
    """An inline asset: registered when it has a name, else known by its content alone."""
    manifest, path, kind = field
    facts = KINDS[kind]
    name, version = written.get("name"), written.get("version")
    spec = {**facts.defaults[""], **{k: v for k, v in written.items() if k not in ("name", "version", "$schema")}}
    if name is None:
        return {key: value for key, value in spec.items() if value not in ({}, "")}
    version = str(version) if version is not None else registry.version_for(kind, str(name), spec, inline=True)
    address = Address(kind, str(name), version=version)
    other = registry.added.setdefault(address, Resource(address, spec, _rooted(manifest, path)))
    if moved := changed_content(kind, other.spec, spec):
        message = (
            f"{kind} {_short(address)} has another {moved} in {other.manifest.source()}; give one of them a version"
        )
        problems.append(manifest.problem(path, "E-DUP-RESOURCE", message))
    return f"azureml:{name}:{version}"


def _rooted(manifest: Manifest, path: str) -> Manifest:
    """The manifest of an inline asset: the same file, seen from the field that holds it."""
    positions, given = _below(path, manifest.positions), _below(path, manifest.given)
    contents = {key.removeprefix(path + "."): c for key, c in manifest.contents.items() if key.startswith(path + ".")}
    return replace(manifest, positions=positions, contents=contents, scripts={}, given=given)


def _below(path: str, places: Mapping[str, Place]) -> dict[str, Place]:
    """What stands below a field, the field itself under the empty path."""
    return {key[len(path) + 1 :]: place for key, place in places.items() if key == path or key.startswith(path + ".")}


def _looked_up(
    field: tuple[Manifest, str, str],
    parsed: tuple[str, str, str],
    registry: Registry,
    problems: list[Problem],
    *,
    linked: bool,
) -> str:
    manifest, path, kind = field
    name, version, label = parsed
    written = f"{name}:{version}" if version else f"{name}@{label}"
    if label:
        version = registry.latest(kind, name) if label == "latest" else ""
    found = Address(kind, name, version=version) in registry
    if linked and not found:
        code = "W-REF" if registry.blind else "E-REF"
        problems.append(manifest.problem(path, code, f"{kind} {written!r} {_missing(written, kind, registry)}"))
    if label and found:
        registry.pins[f"{kind}/{name}@{label}"] = f"{kind}/{name}:{version}"
    return f"azureml:{name}:{version}" if version else f"azureml:{written}"


def _missing(written: str, kind: str, registry: Registry) -> str:
    """Why a reference leads nowhere, and what to do."""
    known = registry.names(kind)
    name, at, label = written.partition("@")
    if at and label == "latest" and any(each.startswith(f"{name}:") for each in known):
        return "leads nowhere: all versions of it are archived; restore one, or name a version"
    near = nearest(written, known)
    meant = f"did you mean {near}?" if near else ""
    if registry.blind:
        return f"is not defined here, so it has to be registered when this is applied; {meant}".removesuffix("; ")
    advice = meant or "add its file, or register it first"
    return f"is not defined here nor recorded; {advice}"


def _orphans(resources: Iterable[Resource], names: set[Address], state: State) -> Iterator[Problem]:
    """A deployment whose endpoint is nowhere, or is about to be deleted."""
    endpoints = {address.name for address in names if address.kind == "endpoint"}
    for resource in resources:
        parent = resource.address.parent
        if parent is None or parent in names:
            continue
        near = nearest(parent.name, endpoints)
        where = (
            "is recorded but no longer defined here" if parent in state.entries else "is not defined here nor recorded"
        )
        advice = f"did you mean {near}?" if near else f"add its file, or make it: {made_by(parent)}"
        yield resource.manifest.problem("endpoint_name", "E-REF", f"endpoint {parent.name!r} {where}; {advice}")


def _moved_versions(assets: Iterable[Resource], state: State) -> Iterator[Problem]:
    for asset in assets:
        entry = state.entries.get(asset.address)
        moved = changed_content(asset.address.kind, entry.spec, asset.spec) if entry else ""
        if moved:
            message = (
                f"{asset.address.kind} {_short(asset.address)} is registered with another {moved}, and a version never "
                "changes; raise the version, or leave it out"
            )
            yield asset.manifest.problem(moved, "E-IMMUTABLE", message)


def _about_to_go(resources: Iterable[Resource], wanted: Iterable[Address], state: State) -> Iterator[Problem]:
    """A reference to an asset that is recorded, but whose file is gone, so that it would be deleted."""
    assets = {address: entry for address, entry in state.entries.items() if KINDS[address.kind].versioned}
    gone = {address for address, entry in assets.items() if not is_by_command(entry.spec)} - set(wanted)
    for resource in resources if gone else ():
        for path, kind in KINDS[resource.address.kind].references.items():
            parsed = parse_reference(resource.spec.get(path))
            address = Address(kind, parsed[0], version=parsed[1]) if parsed else None
            if address in gone:
                message = f"{address} is recorded, but its file is gone, so it would be deleted; restore the file"
                yield resource.manifest.problem(path, "E-REF", message)


def _short(address: Address) -> str:
    return str(address).partition("/")[2]
