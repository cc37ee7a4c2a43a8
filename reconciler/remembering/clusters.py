"""What hangs together: an endpoint with its deployments, all versions of an asset, and who names which asset.

A change reaches no further than its cluster and, of an asset, the endpoints that name it: everything that a stage looks
up by name or label lies there.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from dataclasses import field

from reconciler.core.address import Address
from reconciler.core.manifest import Manifest
from reconciler.frozen import dataclass
from reconciler.kinds import KINDS
from reconciler.resolve.assets import parse_reference


@dataclass(frozen=True)
class Cluster:
    """What is known of one.

    Args:
        addresses: what is recorded of it.
        files: the manifests that define any of it.
        uses: the clusters of the assets that it names.
        pins: the labels by which it names them, such as `model/risk@latest`.
    """

    addresses: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)
    pins: set[str] = field(default_factory=set)


Clusters = Mapping[str, Cluster]
_ASSETS = frozenset(kind.name for kind in KINDS.values() if kind.versioned)


def is_endpoint(cluster: str) -> bool:
    """Whether it is an endpoint with its deployments."""
    return cluster.startswith("endpoint/")


def cluster_of(address: Address) -> str:
    """The cluster of an address."""
    return f"endpoint/{address.family}" if address.family else f"{address.kind}/{address.name}"


def cluster_named(address: str) -> str:
    """The same of an address as a user writes it, an asset with its version or without, in small letters."""
    kind, _, name = address.lower().partition("/")
    return f"{kind}/{name.partition(':')[0]}" if kind in _ASSETS else f"endpoint/{name.partition('/')[0]}"


def clusters_of(manifests: Iterable[Manifest], names: Mapping[str, str], recorded: Iterable[Address]) -> Clusters:
    """The clusters of manifests and of what is recorded.

    Args:
        manifests: as loaded.
        names: by the file of a manifest, its name below the loaded folder.
        recorded: addresses.
    """
    found: dict[str, Cluster] = defaultdict(Cluster)
    for manifest in manifests:
        file, own = names[manifest.file], found[_defined(manifest)]
        own.files.add(file)
        for asset, pin, inline in _named(manifest):
            own.uses.add(asset)
            if pin:
                own.pins.add(pin)
            if inline:
                found[asset].files.add(file)
    for address in recorded:
        found[cluster_of(address)].addresses.add(str(address))
    return found


def _defined(manifest: Manifest) -> str:
    """The cluster of what a manifest defines; addresses of endpoints and deployments are in small letters."""
    kind, document = KINDS[manifest.kind], manifest.document
    if kind.versioned:
        return f"{kind.name}/{document.get('name', '')}"
    return f"endpoint/{str(document.get('endpoint_name' if kind.parent else 'name', '')).lower()}"


def _named(manifest: Manifest) -> Iterator[tuple[str, str, bool]]:
    """The clusters of assets that a manifest names, each with the label, if one is named, and whether it defines it."""
    for path, kind in KINDS[manifest.kind].references.items():
        value = manifest.document.get(path)
        if isinstance(value, Mapping) and value.get("name") is not None:
            yield f"{kind}/{value['name']}", "", True
        elif parsed := parse_reference(value):
            name, _, label = parsed
            yield f"{kind}/{name}", f"{kind}/{name}@{label}" if label else "", False


Defining = dict[str, tuple[str, ...]]
"""By file the clusters that it defines any of."""


def by_file(clusters: Clusters) -> Defining:
    """Which file defines what."""
    found: Defining = {}
    for name, cluster in clusters.items():
        for file in cluster.files:
            found[file] = (*found.get(file, ()), name)
    return found


def users_of(changed: Collection[str], clusters: Clusters) -> set[str]:
    """The clusters that name any of the changed assets."""
    return {name for name, cluster in clusters.items() if not cluster.uses.isdisjoint(changed)}


def reached(
    changed: Set[str],
    clusters: Callable[[Set[str]], Clusters],
    defining: Callable[[Set[str]], Iterable[str]],
) -> set[str]:
    """The clusters in which anything may be otherwise where these changed, and those that are looked up from there.

    Args:
        changed: clusters in which something did, and those that name one of them.
        clusters: those of some names, with what is new.
        defining: the clusters that some files define any of.
    """
    found, pending = set[str](), {*changed}
    while pending:
        found |= pending
        some = clusters(pending)
        beside = set(defining({file for cluster in some.values() for file in cluster.files}))
        uses = {each for name, cluster in some.items() if is_endpoint(name) for each in cluster.uses}
        pending = (beside | uses) - found
    return found
