"""What the options of a command say of resources becomes manifests, checked as those of files are."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from reconciler.core.address import Address
from reconciler.core.amendment import Amendment, Spelled
from reconciler.core.manifest import Content, Manifest, Script, Source, Spec, origin_of
from reconciler.core.problem import Problem
from reconciler.core.secret import with_secrets
from reconciler.kinds import KINDS
from reconciler.load.as_text import as_text
from reconciler.load.checking.check import flaws
from reconciler.load.checking.normal import normal
from reconciler.load.checking.rules import field, put
from reconciler.load.checking.sniff import platform_of
from reconciler.load.contents import Contents, path_fields
from reconciler.load.governed import POLICY_FIELDS
from reconciler.load.manifests import manifest_of, scripts_of
from reconciler.load.nested import Nested
from reconciler.load.options import Options, Override
from reconciler.load.overrides import SET, overridden, places
from reconciler.load.place import Bounds, Here
from reconciler.load.reading import Entry
from reconciler.load.said import fields_said, said_secrets
from reconciler.load.tree import Tree
from reconciler.load.yaml.nodes import MAX_DEPTH
from reconciler.load.yaml.parsed import Document

_ANYWHERE = Bounds(os.sep, relative=True, free=True)
_OPTIONS = "options"

Stored = Callable[[str], Path | None]
"""Where content of a digest is stored; None where it is not."""


def spelled_out(spelled: Spelled, overrides: tuple[Override, ...] = ()) -> tuple[Manifest, list[Problem]]:
    """The manifest of a resource that a command spells out, and what is wrong with it."""
    manifest, wrong = _read(spelled.kind, spelled.document, overrides, known={}, said=spelled.options)
    return manifest, [*said_secrets((*fields_said(spelled), *overrides), spelled.kind), *wrong]


def amended(
    address: Address, spec: Spec, amendment: Amendment, *, stored: Stored = lambda _digest: None
) -> tuple[Manifest, list[Problem]]:
    """The manifest of a recorded resource with some fields changed, and what is wrong with it.

    What is recorded of content and secrets is their digests; they stay what they are where they are not changed.

    Args:
        address: of the resource.
        spec: as it is recorded, or live.
        amendment: what is to change.
        stored: where recorded content is stored, in which a script may be named that is to be checked.
    """
    document, known = _document_of(address, spec)
    problems = [_refused(amendment, path) for path in amendment.removed if not _take_out(document, path)]
    problems += [_is_its_name(amendment, path) for path, _ in amendment.values if path in _names(address)]
    problems += [_no_list(amendment, path) for path, item in amendment.added if not _append(document, path, item)]
    overrides = tuple(
        Override(str(address), path, value, amendment.options.get(path, SET))
        for path, value in amendment.values
        if path not in _names(address)
    )
    added = (Override(str(address), path, item, "--add") for path, item in amendment.added)
    problems += said_secrets((*overrides, *added), address.kind)
    manifest, wrong = _read(address.kind, document, overrides, known, stored)
    marks = {**_marks(address, spec), **(amendment.marks or {})}
    return replace(manifest, document={**manifest.document, **marks}), problems + wrong


def _read(
    kind: str,
    document: Mapping[str, Any],
    overrides: tuple[Override, ...],
    known: Mapping[str, Content],
    stored: Stored = lambda _digest: None,
    said: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Manifest, list[Problem]]:
    """Check a document with its overrides, and look at what it points at.

    Args:
        kind: the kind's name.
        document: as a file would have it.
        overrides: what is set of it.
        known: content that is recorded.
        stored: where that is stored.
        said: by field, the option that says it; without any, `--set` is where problems are told.
    """
    where = _OPTIONS if said else SET
    given = {**{path: Source(option, 1) for path, option in said.items()}, **places(overrides)}
    read = as_text(overrides, kind, platform_of(KINDS[kind], document))
    one, problems = overridden(Document(document, {"": (1, 1)}, {}), read)
    value = one.value
    kept = {path: content for path, content in known.items() if field(value, path) == content.name}
    platform = platform_of(KINDS[kind], value)
    told = with_secrets(value, str)
    for flaw in flaws(told, {}, kind, platform):
        place = origin_of(flaw.path, given) or Source(where, 1)
        problems.append(Problem(place.file, place.line, place.column, flaw.code, flaw.message))
    entry = Entry(kind, platform, normal(value, {}), one.positions, not problems, given)
    for path in kept:
        entry = replace(entry, document=put(entry.document, path, None))
    here = Here(os.path.join(os.getcwd(), where), where, where)  # noqa: PTH109, PTH118
    contents = Contents(_ANYWHERE)
    manifest = manifest_of(here, entry, contents, Nested(contents, _ANYWHERE, Tree(Options())), problems)
    whole = manifest.document
    for path, content in kept.items():
        whole = put(whole, path, content.name)
    scripts = {**manifest.scripts, **_renamed(replace(manifest, document=whole), kept, contents, stored)}
    return replace(manifest, file="", document=whole, contents={**manifest.contents, **kept}, scripts=scripts), problems


def _renamed(manifest: Manifest, kept: Mapping[str, Content], contents: Contents, stored: Stored) -> dict[str, Script]:
    """The scripts that a command names anew in content that is recorded, where that is at hand."""
    places = {path: (content, stored(content.digest)) for path, content in kept.items()}
    lying = {path: replace(content, location=place) for path, (content, place) in places.items() if place}
    found = scripts_of(manifest.kind, manifest.document, lying, contents)
    folders = {path: kept[folder].name for path, folder in KINDS[manifest.kind].scripts.items() if folder in kept}
    return {
        path: replace(script, path=f"{folders[path]}/{field(manifest.document, path)}")
        for path, script in found.items()
        if origin_of(path, manifest.given)
    }


def _document_of(address: Address, spec: Spec) -> tuple[dict[str, Any], dict[str, Content]]:
    """A recorded spec as a file would have it, and the content that its paths point at."""
    kind = KINDS[address.kind]
    left_out = {*kind.symptoms, *POLICY_FIELDS, *_marks(address, spec)}
    document: dict[str, Any] = _names(address)
    document |= {key: value for key, value in spec.items() if key not in left_out and value != ""}
    contents = {}
    for path, _ in path_fields(address.kind):
        value = field(document, path)
        if isinstance(value, Mapping) and "digest" in value:
            contents[path] = Content(str(value["digest"]), str(value["name"]), Path())
            document = dict(put(document, path, value["name"]))
    return document, contents


def _names(address: Address) -> dict[str, str]:
    """The fields that name a resource."""
    names = {"name": address.name, "endpoint_name": address.endpoint, "version": address.version}
    return {key: value for key, value in names.items() if value}


def _marks(address: Address, spec: Spec) -> dict[str, Any]:
    return {name: spec[name] for name in KINDS[address.kind].marks if name in spec}


def _take_out(document: dict[str, Any], path: str) -> bool:
    """Remove a dotted field, or a list's item; False where there is none. A key of the user's may hold dots itself."""
    steps = _steps(path)
    for length in range(len(steps) - 1, -1, -1) if len(steps) <= MAX_DEPTH else ():
        holder, last = _held(document, steps[:length]), ".".join(steps[length:])
        if isinstance(holder, dict) and last in holder:
            del holder[last]
            return True
        if isinstance(holder, list) and _has(holder, last):
            del holder[int(last)]
            return True
    return False


def _append(document: dict[str, Any], path: str, item: Any) -> bool:
    """Add an item to a list, which is made where nothing is; False where something else is, or no way leads there."""
    *parents, last = _steps(path)
    holder = _held(document, parents)
    if isinstance(holder, dict):
        holder.setdefault(last, [])
    found = _held(document, [*parents, last])
    if not isinstance(found, list):
        return False
    found.append(item)
    return True


def _steps(path: str) -> list[str]:
    return path.replace("[", ".").replace("]", "").split(".")


def _held(document: dict[str, Any], steps: Sequence[str]) -> Any:
    """The mapping or list at the end of some steps, copied as everything on the way there; None where there is none."""
    target: Any = document
    for step in steps:
        if not (step in target if isinstance(target, dict) else _has(target, step)):
            return None
        key: Any = step if isinstance(target, dict) else int(step)
        if not isinstance(target[key], (dict, list)):
            return None
        target[key] = target[key].copy()
        target = target[key]
    return target


def _has(items: Sequence[Any], number: str) -> bool:
    """Whether there is an item of a number, which is text of whatever length and script."""
    return number.isdecimal() and number.isascii() and len(number) < 6 and int(number) < len(items)


def _refused(amendment: Amendment, path: str) -> Problem:
    return Problem("--remove", 1, 1, "E-SET", f"{amendment.address} has no {path} that could be removed")


def _is_its_name(amendment: Amendment, path: str) -> Problem:
    return Problem(SET, 1, 1, "E-SET", f"{path}: {amendment.address} keeps its name; make another one in its place")


def _no_list(amendment: Amendment, path: str) -> Problem:
    message = f"{path} of {amendment.address} is no list that --add could add to; --set {path}.NAME=VALUE sets a field"
    return Problem("--add", 1, 1, "E-SET", message)
