"""What is known of all resources of a look, each kind of it in parts of which few are read; without any field."""

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler.core.address import Address
from reconciler.core.state import Live, State, generation_of
from reconciler.frozen import dataclass
from reconciler.load import Loaded
from reconciler.load.caching.cached_rows import keep_rows
from reconciler.load.caching.parted import Parted, Values, all_kept, keep_parted, parted
from reconciler.remembering.clusters import Cluster, Clusters, by_file, cluster_of, clusters_of
from reconciler.remembering.rows import TABLE, written

# A part of more than one in so many of the files, or that leads to more, is most of the long way, which is surer.
_LARGE = 5
# So few are never too many, however small the folder is.
_FEW = 10
_PARTS = ("files", "leading", "clusters", "looking", "rows", "objects", "moves")


@dataclass(frozen=True)
class Known:
    """What is known of all resources.

    Args:
        count: how many files of ours there are.
        files: by the name of a file of ours, the digest of all that it holds, names and brings in.
        leading: by the name of a file, the clusters that it defines any of, and the paths to which its manifests lead.
        clusters: what hangs together, as `as_cluster` reads it.
        looking: by path, the files whose manifests lead there; None where those are too many to tell.
        rows: by address, the digest of what is recorded.
        objects: by address, the digest of the live object.
        moves: by address, the generation and operation of the live object.
    """

    count: int
    files: Parted
    leading: Parted
    clusters: Parted
    looking: Parted
    rows: Parted
    objects: Parted
    moves: Parted

    def some_clusters(self, names: Collection[str]) -> dict[str, Cluster]:
        """Those of these names that there are."""
        return _clusters(self.clusters.some(names))

    def is_little(self, addresses: Collection[Address]) -> bool:
        """Whether the clusters of some addresses are few enough to be looked at anew each time."""
        some = self.some_clusters({cluster_of(address) for address in addresses})
        files = {file for cluster in some.values() for file in cluster.files}
        return are_few(max(len(files), len(addresses)), self.count)

    @property
    def most(self) -> int:
        """So many files, or addresses, are a part; more are most of the long way, which is surer."""
        return _most(self.count)

    def all_clusters(self) -> dict[str, Cluster]:
        """What hangs together."""
        return _clusters(self.clusters.all())

    def defining(self, files: Collection[str]) -> dict[str, tuple[str, ...]]:
        """By file the clusters that it defines any of."""
        return {name: tuple(defined) for name, (defined, _) in self.leading.some(files).items()}

    def led_to(self, files: Collection[str]) -> set[str]:
        """The paths to which files lead, save for those of which too many do."""
        return {path for _, paths in self.leading.some(files).values() for path in paths}


def are_few(count: int, files: int) -> bool:
    """Whether so many addresses are few enough, of so many files, to be looked at anew each time."""
    return count <= _most(files) // 2


def known_of(loaded: Loaded, recorded: State, live: Iterable[Live]) -> Known:
    """What is known of what was loaded, recorded and live, but for the digests of rows and objects."""
    clusters = clusters_of(loaded.manifests, loaded.names, recorded.entries)
    looking = _narrow(loaded.looking, len(loaded.names))
    return Known(
        len(loaded.digests),
        parted(loaded.digests),
        parted(_leading(clusters, looking)),
        parted({name: [sorted(e) for e in (c.addresses, c.files, c.uses, c.pins)] for name, c in clusters.items()}),
        parted({path: None if names is None else sorted(names) for path, names in looking.items()}),
        parted({}),
        parted({}),
        parted({str(item.address): generation_of(item) for item in live}),
    )


def _most(files: int) -> int:
    return max(files // _LARGE, _FEW)


def _narrow(looking: Mapping[str, Collection[str]], files: int) -> dict[str, Collection[str] | None]:
    """By path the files whose manifests lead there, where those are not too many."""
    most = _most(files)
    return {place: names if len(names) <= most else None for place, names in looking.items()}


def _leading(clusters: Clusters, looking: Mapping[str, Collection[str] | None]) -> Values:
    paths: dict[str, list[str]] = {}
    for path, names in looking.items():
        for name in names or ():
            paths.setdefault(name, []).append(path)
    defining = by_file(clusters)
    return {
        name: [sorted(defining.get(name, ())), sorted(paths.get(name, ()))] for name in defining.keys() | paths.keys()
    }


def _clusters(found: Values) -> dict[str, Cluster]:
    return {name: Cluster(*map(set, parts)) for name, parts in found.items()}


def joined(rest: Known, part: Known, *, files: Set[str], clusters: Set[str], addresses: Set[str]) -> Known:
    """What is known of all once a part was looked at anew, with the digests of rows and objects as they were.

    Args:
        rest: what was known of all.
        part: what is known of the part now.
        files: those of the part.
        clusters: those of the part.
        addresses: those of the part.

    Raises:
        ForgottenError: what was known is not kept any more.
    """
    looking = part.looking.all()
    before = rest.looking.some(rest.led_to(files) | looking.keys())
    led = {path: _led(before.get(path, []), looking.get(path, []), files) for path in before.keys() | looking.keys()}
    return replace(
        rest,
        files=rest.files.amended(files, part.files.all()),
        leading=rest.leading.amended(files, part.leading.all()),
        clusters=rest.clusters.amended(clusters, part.clusters.all()),
        looking=rest.looking.amended(led.keys(), {path: names for path, names in led.items() if names != []}),
        moves=rest.moves.amended(addresses, part.moves.all()),
        count=rest.count - len(rest.files.some(files)) + part.count,
    )


def _led(before: list[str] | None, now: list[str] | None, files: Set[str]) -> list[str] | None:
    """The files that lead to a path."""
    return None if before is None or now is None else sorted({*before} - files | {*now})


def with_digests(known: Known, rows: Mapping[Address, str], objects: Mapping[Address, str]) -> Known:
    """The same with the digests of what is recorded and live."""
    return replace(known, rows=parted(_by_name(rows)), objects=parted(_by_name(objects)))


def _by_name(digests: Mapping[Address, str]) -> dict[str, str]:
    return {str(address): digest for address, digest in digests.items()}


def kept_known(cache: Path | None, head: Mapping[str, Any]) -> Known:
    """What was kept with a look.

    Args:
        cache: where.
        head: of the look.

    Raises:
        ForgottenError: it is not there any more.
    """
    return Known(head["count"], *all_kept([head["known"][name] for name in _PARTS], cache))


def keep(cache: Path | None, place: str, head: Mapping[str, Any], known: Known) -> None:
    """Keep a look: its head, which alone is read where nothing differs, and what is known besides."""
    parts = {name: getattr(known, name) for name in _PARTS}
    keep_parted(cache, *parts.values())
    more = {"known": {name: part.id for name, part in parts.items()}, "count": known.count}
    keep_rows(cache, TABLE, {place: written({**head, **more})})


def differing(before: Mapping[str, str], now: Mapping[Address, str]) -> set[str]:
    """The addresses whose digests differ, or of which one side has none."""
    return {address for address, _ in before.items() ^ _by_name(now).items()}
