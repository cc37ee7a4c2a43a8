"""PATH becomes manifests: find, read or remember, bring in what they name, digest, report."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.core.manifest import Manifest, Script
from reconciler.core.problem import Problem
from reconciler.kinds import KINDS
from reconciler.load import cache
from reconciler.load.contents import CONDA, Contents, path_fields
from reconciler.load.explain import Flaw
from reconciler.load.folder import Place, located
from reconciler.load.nested import FILE, CondaFiles, put, rebased
from reconciler.load.options import Loaded, Options, Override
from reconciler.load.overrides import address_of, meant_for, unmatched
from reconciler.load.place import Here
from reconciler.load.reading import Entry, Reading, read
from reconciler.load.variables import uses_variables

_NO_OPTIONS = Options()


def load(path: str, options: Options = _NO_OPTIONS) -> Loaded:
    """Read every manifest of a folder, a file or REV:PATH; everything that is wrong comes in one answer.

    Raises:
        ManifestError: the path itself is of no use.
    """
    place = located(path)
    run = _Run(place, options)
    readings = run.readings()
    manifests = [manifest for here, reading in readings for manifest in run.manifests(here, reading)]
    manifests.sort(key=lambda manifest: (manifest.file, manifest.source().line))
    problems = {*run.problems, *(problem for _, reading in readings for problem in reading.problems)}
    problems.update(_strangers(options.overrides, readings, whole=not place.alone))
    passed_over = tuple(here.shown for here, reading in readings if reading.passed_over)
    return Loaded(tuple(manifests), tuple(sorted(problems)), passed_over, run.tree(readings, manifests))


@dataclass
class _Run:
    """One load: what it was asked for, and what it has met so far."""

    place: Place
    options: Options
    problems: list[Problem] = field(default_factory=list)
    data: dict[str, bytes] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.contents = Contents(self.place.bounds)
        self.condas = CondaFiles(self.contents, self.place.bounds)
        for here, real in self.place.links_out:
            message = f"{here.relative} links to {real}, outside the repository"
            self.problems.append(here.problem(1, 1, "E-LINK-OUT", message))

    def readings(self) -> list[tuple[Here, Reading]]:
        """What each file holds, from the cache where it is the same as ever."""
        files = [(here, data) for here in self.place.files if (data := self._bytes(here)) is not None]
        blobs = {here.path: cache.blob_id(data) for here, data in files if self._cacheable(data)}
        known = cache.known(self.options.cache, set(blobs.values())) if blobs else {}
        learnt: dict[str, Reading] = {}
        found = []
        for here, data in files:
            blob = blobs.get(here.path, "")
            reading = known.get(blob)
            if reading is None or self._meant(reading):
                reading = read(data, here, self.options, alone=self.place.alone)
                if blob and not reading.used:
                    learnt[blob] = reading
            found.append((here, reading))
        cache.learn(self.options.cache, learnt)
        return found

    def manifests(self, here: Here, reading: Reading) -> Iterator[Manifest]:
        """The manifests of a file, with what they name brought in."""
        for entry in reading.entries:
            kind = KINDS[entry.kind]
            document, broken = self._brought_in(here, entry)
            contents, flaws = self.contents.of(document, kind, os.path.dirname(here.path))
            manifest = Manifest(
                here.shown, entry.kind, entry.platform, document, entry.positions, contents, valid=entry.valid
            )
            own = [manifest.problem(flaw.path, flaw.code, flaw.message) for flaw in (*broken, *flaws)]
            self.problems += own
            yield replace(manifest, valid=entry.valid and not own, scripts=self._scripts(manifest))

    def tree(self, readings: Sequence[tuple[Here, Reading]], manifests: Sequence[Manifest]) -> str:
        """The digest of everything that went in."""
        digest = hashlib.sha256()
        for here, reading in readings:
            if not reading.passed_over:
                data = self.data[here.path]
                digest.update(f"file {here.relative} {len(data)}\n".encode("utf-8", "surrogateescape") + data)
        options = self.options
        digest.update(repr(sorted(options.variables.items())).encode())
        digest.update(repr([(one.address, one.path, one.value) for one in options.overrides]).encode())
        digest.update(repr((options.name, options.endpoint_name, self.condas.digests())).encode())
        found = {(path, content.name, content.digest) for one in manifests for path, content in one.contents.items()}
        digest.update(repr(sorted(found)).encode())
        return digest.hexdigest()
