"""PATH becomes manifests: find, read or remember, bring in what they name, digest, report."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH120

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.core.manifest import Content, Manifest, Script
from reconciler.core.problem import Problem
from reconciler.kinds import KINDS
from reconciler.load.caching.parted import parted
from reconciler.load.checking.flaw import Flaw
from reconciler.load.checking.rules import field
from reconciler.load.contents import Contents, is_mlflow
from reconciler.load.disk.blob_id import blob_id
from reconciler.load.folder import Located, located
from reconciler.load.governed import governed
from reconciler.load.looked import Looked
from reconciler.load.many import File, read_files
from reconciler.load.mlflow import flavors_of
from reconciler.load.nested import Nested
from reconciler.load.options import Loaded, Options
from reconciler.load.overrides import address_of, unmatched
from reconciler.load.place import Here
from reconciler.load.reading import Entry, Reading
from reconciler.load.tree import Tree, tree_of

_NO_OPTIONS = Options()
_Readings = Sequence[tuple[File, Reading]]


def load(path: str, options: Options = _NO_OPTIONS) -> Loaded:
    """Read every manifest of a folder, a file or REV:PATH; everything that is wrong comes in one answer.

    Raises:
        ManifestError: the path itself is of no use.
    """
    return load_all([path], options)


def load_all(
    paths: Sequence[str], options: Options = _NO_OPTIONS, meanwhile: Callable[[], None] | None = None
) -> Loaded:
    """Read several paths as if they were one.

    Args:
        paths: of folders, files or REV:PATH.
        options: how to read.
        meanwhile: what else there is to do, done here while other processes read, if any does.

    Raises:
        ManifestError: one of the paths is of no use.
    """
    tree, problems, looked = Tree(options), list[Problem](), Looked()
    readings: list[tuple[File, Reading]] = []
    manifests: list[Manifest] = []
    places = _each_once([_located(path, options) for path in paths])
    for place in places:
        problems += _links_out(place)
        found = _readings(place, options, tree, problems, meanwhile)
        contents = Contents(place.bounds, looked, options.cache)
        manifests += _manifests(place, found, contents, tree, problems)
        readings += found
    problems += [problem for _, reading in readings for problem in reading.problems]
    alone = all(place.alone for place in places)
    problems += _strangers(options, readings, whole=not alone)
    manifests, wrong = governed(manifests, options.policies, whole=not alone)
    problems += wrong
    return Loaded(
        tuple(sorted(manifests, key=lambda manifest: (manifest.file, manifest.source().line))),
        tuple(sorted(set(problems))),
        tuple(file.here.shown for file, reading in readings if reading.passed_over),
        tree_of(tree.given, parted(digests := tree.digests())),
        alone=alone,
        names={file.here.shown: file.here.relative for file, _ in readings},
        files=frozenset(tree.files),
        digests=digests,
        blobs=_blobs(readings) if options.cache is not None else {},
        looked=looked.found,
        looking=looked.files,
        plain=_plain(readings),
    )


def _located(path: str, options: Options) -> Located:
    """The place, whose files may also name what a command names itself."""
    place = located(path, options.start, only=options.only, cached=options.cache is not None)
    bounds = replace(place.bounds, beyond=options.beyond) if options.beyond else place.bounds
    return replace(place, bounds=bounds)


def _each_once(places: Sequence[Located]) -> list[Located]:
    """The places without files that an earlier one has already."""
    seen: set[str] = set()
    found = []
    for place in places:
        found.append(replace(place, files=tuple(here for here in place.files if here.path not in seen)))
        seen.update(here.path for here in place.files)
    return found


def _readings(
    place: Located, options: Options, tree: Tree, problems: list[Problem], meanwhile: Callable[[], None] | None
) -> _Readings:
    """What each file holds; those of ours go into the tree."""
    readings = list(read_files(place, options, problems, meanwhile=meanwhile))
    for file, reading in readings:
        if not reading.passed_over:
            tree.file(file.here, file.data)
    return readings


def _blobs(readings: _Readings) -> dict[str, str]:
    return {file.here.relative: file.blob or blob_id(file.data) for file, _ in readings}


def _plain(readings: _Readings) -> dict[str, str]:
    ours = (file for file, reading in readings if file.blob and not reading.passed_over)
    return {file.here.shown: file.blob for file in ours if file.data.isascii() and b"\r" not in file.data}


def _manifests(
    place: Located, readings: _Readings, contents: Contents, tree: Tree, problems: list[Problem]
) -> list[Manifest]:
    """The manifests of a place's files, with what they name brought in."""
    nested = Nested(contents, place.bounds, tree)
    manifests = []
    for file, reading in readings:
        here = file.here
        contents.looked.begin(here.relative)
        for entry in reading.entries:
            manifest = manifest_of(here, entry, contents, nested, problems)
            tree.contents(here.relative, manifest)
            manifests.append(manifest)
    return manifests


def manifest_of(here: Here, entry: Entry, contents: Contents, nested: Nested, problems: list[Problem]) -> Manifest:
    """The manifest of an entry, with what it names brought in; what is wrong with that is added to `problems`."""
    folder = os.path.dirname(here.path)
    document, own, inside = nested.brought_in(entry, folder, here.relative)
    found, flaws = contents.of(document, entry.kind, folder)
    scripts = scripts_of(entry.kind, document, found, contents)
    derived, strange = _derived(entry.kind, document, found, contents)
    manifest = Manifest(
        here.shown,
        entry.kind,
        entry.platform,
        document,
        entry.positions,
        found,
        entry.valid,
        scripts,
        entry.given,
        nested.brought(entry, folder) if document is not entry.document else {},
        derived,
    )
    wrong = [manifest.problem(flaw.path, flaw.code, flaw.message) for flaw in (*own, *flaws, *strange)] + inside
    problems += wrong
    return replace(manifest, valid=False) if wrong else manifest


def _derived(
    kind: str, document: Mapping[str, Any], found: Mapping[str, Content], contents: Contents
) -> tuple[dict[str, Any], list[Flaw]]:
    """What the content of a registered MLflow model tells of it, and what is wrong with what it tells."""
    if "flavors" not in KINDS[kind].derived or "path" not in found or not is_mlflow(document, "path"):
        return {}, []
    told = flavors_of(found["path"].location, contents.looked)
    return ({}, [Flaw("path", "E-MODEL", told)]) if isinstance(told, str) else ({"flavors": told}, [])


def scripts_of(
    kind: str, document: Mapping[str, Any], found: Mapping[str, Content], contents: Contents
) -> dict[str, Script]:
    """The scripts that a document names, in the folders that were found."""
    scripts = {}
    for path, folder in KINDS[kind].scripts.items():
        name = field(document, path)
        if isinstance(name, str) and folder in found:
            scripts[path] = contents.script(found[folder], name)
    return scripts


def _links_out(place: Located) -> list[Problem]:
    return [
        here.problem(1, 1, "E-LINK-OUT", f"{here.relative} links to {real}, outside the repository")
        for here, real in place.links_out
    ]


def _strangers(options: Options, readings: _Readings, *, whole: bool) -> list[Problem]:
    """Overrides that found no manifest; of some files the others' are passed by."""
    if not options.overrides or options.only is not None:
        return []
    entries = [entry for _, reading in readings for entry in reading.entries]
    used = [override for _, reading in readings for override in reading.used]
    known = [address_of(entry.kind, entry.document) for entry in entries]
    return unmatched(options.overrides, used, known, whole=whole)
