"""What is known of all resources of a look, in parts that are read where something differs; without any field."""

import secrets
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import field, replace
from functools import cache
from pathlib import Path
from typing import Any

from reconciler.core.address import Address
from reconciler.core.state import Live, State, generation_of
from reconciler.frozen import dataclass
from reconciler.load import Loaded
from reconciler.load.cached_rows import keep_rows, read_rows
from reconciler.remembering.clusters import Cluster, Clusters, clusters_of
from reconciler.remembering.rows import TABLE, read, written

# A change of what more of the files lead to than one in so many is planned in the long way anyway.
_WIDE = 5


@dataclass(frozen=True)
class Known:
    """What is known of all resources.

    Args:
        files: by the name of a file, the digest of all that it holds, names and brings in.
        clusters: what hangs together.
        looking: by path, the files whose manifests lead there; None where those are too many to tell.
        rows: by address, the digest of what is recorded.
        objects: by address, the digest of the live object, and its generation and operation.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    clusters: Clusters = field(default_factory=dict)
    looking: Mapping[str, Collection[str] | None] = field(default_factory=dict)
    rows: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def known_of(loaded: Loaded, recorded: State, live: Iterable[Live]) -> Known:
    """What is known of what was loaded, recorded and live, but for the digests of rows and objects."""
    return Known(
        dict(loaded.digests),
        clusters_of(loaded.manifests, loaded.names, recorded.entries),
        narrow(loaded.looking, len(loaded.names)),
        {},
        {str(item.address): ("", generation_of(item)) for item in live},
    )


def narrow(looking: Mapping[str, Collection[str] | None], files: int) -> dict[str, Collection[str] | None]:
    """By path the files whose manifests lead there, where those are not too many."""
    most = max(files // _WIDE, 10)
    return {place: names if names is None or len(names) <= most else None for place, names in looking.items()}


def joined(rest: Known, part: Known, *, files: Set[str], clusters: Set[str]) -> Known:
    """What is known of all once a part was looked at anew.

    Args:
        rest: what was known of all.
        part: what is known of the part now.
        files: those of the part.
        clusters: those of the part.
    """
    gone = {address for name in clusters if name in rest.clusters for address in rest.clusters[name].addresses}
    looking = {p: n if n is None else set(n) - files for p, n in rest.looking.items()}
    for place, names in part.looking.items():
        before = looking.get(place, set())
        looking[place] = None if before is None or names is None else {*before, *names}
    return Known(
        {**{name: each for name, each in rest.files.items() if name not in files}, **part.files},
        {**{name: each for name, each in rest.clusters.items() if name not in clusters}, **part.clusters},
        {place: names for place, names in looking.items() if names is None or names},
        rest.rows,
        {**{name: each for name, each in rest.objects.items() if name not in gone}, **part.objects},
    )


def with_digests(known: Known, rows: Mapping[Address, str], objects: Mapping[Address, str]) -> Known:
    """The same with the digests of what is recorded and live."""
    told = {str(address): digest for address, digest in objects.items()}
    return replace(
        known,
        rows={str(address): digest for address, digest in rows.items()},
        objects={address: (told.get(address, ""), moved) for address, (_, moved) in known.objects.items()},
    )


class Kept:
    """The parts as they were kept with one look, each read once it is asked for.

    Raises:
        LookupError: a part is not there any more, or is another look's.
    """

    def __init__(self, cache: Path | None, place: str, stamp: str) -> None:
        self._cache, self._place, self._stamp = cache, place, stamp

    @cache  # noqa: B019 - a look is over in a moment
    def files(self) -> Mapping[str, str]:
        """As of `Known`."""
        return self._part("files")

    @cache  # noqa: B019 - as above
    def clusters(self) -> Clusters:
        """As of `Known`."""
        return {name: Cluster(*map(set, parts)) for name, parts in self._part("clusters").items()}

    @cache  # noqa: B019 - as above
    def looking(self) -> Mapping[str, Collection[str] | None]:
        """As of `Known`."""
        return self._part("looking")

    def rows(self) -> Mapping[str, str]:
        """As of `Known`."""
        return self._part("rows")

    @cache  # noqa: B019 - as above
    def objects(self) -> Mapping[str, tuple[str, str]]:
        """As of `Known`."""
        return self._part("objects")

    def _part(self, name: str) -> Mapping[str, Any]:
        key = f"{self._place} {name}"
        held = read(read_rows(self._cache, TABLE, [key])[key])
        if held["stamp"] != self._stamp:
            raise LookupError(f"{name} is of another look")
        found: Mapping[str, Any] = held["part"]
        return found


def keep(cache: Path | None, place: str, head: Mapping[str, Any], known: Known) -> None:
    """Keep a look: its head, which alone is read where nothing differs, and the parts, all of one stamp."""
    stamp = secrets.token_hex(8)
    parts = {
        "files": known.files,
        "clusters": {
            name: [sorted(each) for each in (one.addresses, one.files, one.uses, one.pins)]
            for name, one in known.clusters.items()
        },
        "looking": {path: None if names is None else sorted(names) for path, names in known.looking.items()},
        "rows": known.rows,
        "objects": known.objects,
    }
    rows = {f"{place} {name}": written({"stamp": stamp, "part": part}) for name, part in parts.items()}
    keep_rows(cache, TABLE, {place: written({**head, "stamp": stamp}), **rows})


def differing(before: Mapping[str, str], now: Mapping[Address, str]) -> set[str]:
    """The addresses whose digests differ, or of which one side has none."""
    told = {str(address): digest for address, digest in now.items()}
    return {address for address, _ in before.items() ^ told.items()}
