"""What differs from the look that was kept, with all that it may reach: the one part of a plan that is made anew."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from functools import cached_property
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Content
from reconciler.core.state import Live, State, generation_of, generations
from reconciler.frozen import dataclass
from reconciler.load import Loaded
from reconciler.load.options import Override
from reconciler.load.overrides import meant_for
from reconciler.load.tree import given_digest, tree_of
from reconciler.remembering.clusters import (
    Cluster,
    Clusters,
    by_file,
    cluster_named,
    cluster_of,
    clusters_of,
    is_endpoint,
    reached,
    users_of,
)
from reconciler.remembering.inputs import Inputs
from reconciler.remembering.known import Known, differing, joined, known_of
from reconciler.remembering.rest import Rest
from reconciler.wanted import loaded_of
from reconciler.wishes import Planned, Wish, options_of
from reconciler.workspace import Workspace


@dataclass(frozen=True)
class Part:
    """The part of a plan that is made anew.

    Args:
        loaded: what its files say.
        recorded: what is recorded of it.
        live: what is live of it.
        found: what differs.
        files: the names of its files, also of those that are gone.
        clusters: what it is made of.
        asked: the addresses of which it was asked what is recorded and live.
        before: what was known of everything then.
        rest: the plan of all else.
        besides: how many resources are wanted, and recorded, that are no part of it.
        secrets: the variables that are asked for the values of secrets.
        names: by file as the user would write it, its name below the folder, of all that anything is said of.
        contents: where the content lies that is named besides.
        looked: by path, what was there of all that manifests besides lead to.
    """

    loaded: Loaded
    recorded: State
    live: tuple[Live, ...]
    found: "Differences"
    files: Set[str]
    clusters: Set[str]
    asked: Set[str]
    before: Known
    rest: Planned
    besides: tuple[int, int]
    secrets: Set[str]
    names: Mapping[str, str]
    contents: Mapping[str, Content]
    looked: Mapping[str, str]

    @cached_property
    def known(self) -> Known:
        """What is known of everything now, but for the digests of rows and objects."""
        part = known_of(self.loaded, self.recorded, self.live)
        return joined(self.before, part, files=self.files, clusters=self.clusters, addresses=self.asked)

    def whole(self, made: Planned, workspace: Workspace, wish: Wish) -> Planned:
        """The plan of everything."""
        rest, plan = self.rest, made.plan
        plan = replace(
            plan,
            tree=self._tree(workspace, wish),
            live=self._moved(),
            pins=dict(sorted({**rest.plan.pins, **plan.pins}.items())),
            unchanged=rest.plan.unchanged + plan.unchanged,
            labels=dict(sorted({**rest.plan.labels, **plan.labels}.items())),
            by_command=tuple(sorted({*rest.plan.by_command, *plan.by_command})),
        )
        passed_over = tuple(sorted((*rest.passed_over, *made.passed_over)))
        return replace(
            made, plan=plan, warnings=tuple(sorted({*rest.warnings, *made.warnings})), passed_over=passed_over
        )

    def _tree(self, workspace: Workspace, wish: Wish) -> str:
        changed = self.found.files
        digests = {name: digest for name, digest in self.loaded.digests.items() if name in changed}
        files = self.before.files.amended(changed, digests)
        return tree_of(given_digest(options_of(workspace.target, wish)), files)

    def _moved(self) -> str:
        """The digest of all generations; the same as ever where it is for those of the part."""
        ours, moves = {generation_of(item) for item in self.live}, self.before.moves
        if not self.found.in_live or ours == {*moves.some(self.asked).values()}:
            return self.rest.plan.live
        return generations((*ours, *(moved for address, moved in moves.all().items() if address not in self.asked)))


@dataclass(frozen=True)
class Differences:
    """What differs from the look that was kept.

    Args:
        files: the names of manifests; of those that are gone too.
        there: those of them that are there.
        addresses: whose rows or objects differ, or where something was to be done anyway.
        in_live: whether anything of the live side differs.
    """

    files: frozenset[str]
    there: frozenset[str]
    addresses: frozenset[str]
    in_live: bool


def part_of(
    workspace: Workspace, wish: Wish, inputs: Inputs, held: Mapping[str, Any], known: Known, moved: Sequence[str]
) -> Part | None:
    """The part that is to be made anew; None where it is most of everything, or anything is wrong with it.

    Args:
        workspace: the target.
        wish: what is asked for.
        inputs: as they are.
        held: the head of what was kept.
        known: the rest of it.
        moved: the paths at which something else is now.

    Raises:
        ForgottenError: some of it is not kept any more.
    """
    found = _differences(workspace, inputs, held, known, moved)
    if found is None or max(len(found.files), len(found.addresses)) > known.most:
        return None
    first = loaded_of(workspace, wish, only=found.there)
    if not _is_well(first):
        return None
    clusters = _reached(known, clusters_of(first.manifests, first.names, ()), found)
    before = known.some_clusters(clusters)
    files = {file for cluster in before.values() for file in cluster.files} | found.files
    names = frozenset(files - found.files | found.there)
    if len(names) > known.most:
        return None
    loaded = loaded_of(workspace, wish, only=names) if names != found.there else first
    if not _is_well(loaded) or not clusters >= clusters_of(loaded.manifests, loaded.names, ()).keys():
        return None
    if not _find_manifests((*workspace.target.overrides, *wish.overrides), loaded, clusters):
        return None
    rest = Rest(held, known, before, files)
    asked, planned = rest.gone | found.addresses, rest.planned(workspace.target.name, inputs.record)
    return Part(
        loaded,
        *_standing(workspace, inputs, known, found, asked),
        found=found,
        files=files,
        clusters=clusters,
        asked=asked,
        before=known,
        rest=planned,
        besides=(planned.plan.unchanged, held["inputs"]["record"]["entries"] - len(rest.gone)),
        secrets={*held["secrets"], *loaded.secrets},
        names={**rest.names(), **loaded.names},
        contents=rest.contents(),
        looked=rest.looked,
    )


def _differences(
    workspace: Workspace, inputs: Inputs, held: Mapping[str, Any], known: Known, moved: Sequence[str]
) -> Differences | None:
    """What differs; None where that cannot be told in parts."""
    before, now = held["inputs"], inputs.told()
    changed = inputs.files.differing(before["files"]) if before["files"] != now["files"] else {}
    looking = known.looking.some(moved) if moved else {}
    leading = [looking.get(place) for place in moved]
    if changed is None or any(names is None for names in leading):
        return None
    led = {name for names in leading for name in names or ()}
    addresses = set(held["unsettled"])
    if before["record"] != now["record"]:
        rows = workspace.store.digests()
        if not inputs.record.is_of(rows.values()):
            return None
        addresses |= differing(known.rows.all(), rows)
    if in_live := before["live"] != now["live"]:
        addresses |= differing(known.objects.all(), inputs.eyes.digests())
    there = {name for name, blob in changed.items() if blob} | {name for name in led if changed.get(name) != ""}
    return Differences(frozenset({*changed, *led}), frozenset(there), frozenset(addresses), in_live)


def _is_well(loaded: Loaded) -> bool:
    return not any(problem.is_error for problem in loaded.problems)


def _find_manifests(overrides: Sequence[Override], loaded: Loaded, clusters: Set[str]) -> bool:
    """Whether each override that is for any of the clusters is for a manifest of theirs; all others found theirs."""
    meant, small = loaded.manifests, {name.lower() for name in clusters}
    ours = [each for each in overrides if cluster_named(each.address) in small]
    return all(any(meant_for([each], one.kind, one.document) for one in meant) for each in ours)


def _reached(known: Known, fresh: Clusters, found: Differences) -> set[str]:
    """The clusters that are to be looked at, of what they were and of what they are."""
    new = by_file(fresh)

    def now(before: Clusters, names: Set[str]) -> Clusters:
        return {**before, **{name: _both(before.get(name), fresh[name]) for name in names & fresh.keys()}}

    def defining(files: Set[str]) -> set[str]:
        told = (*known.defining(files).values(), *(new.get(file, ()) for file in files))
        return {name for names in told for name in names}

    changed = {cluster_of(Address.parse(address)) for address in found.addresses}
    changed |= fresh.keys() | defining(found.files)
    assets = {name for name in changed if not is_endpoint(name)}
    users = users_of(assets, now(known.all_clusters(), fresh.keys())) if assets else set()
    return reached(changed | users, lambda names: now(known.some_clusters(names), names), defining)


def _both(before: Cluster | None, now: Cluster) -> Cluster:
    if before is None:
        return now
    return replace(before, files=before.files | now.files, uses=before.uses | now.uses)


def _standing(
    workspace: Workspace, inputs: Inputs, known: Known, found: Differences, names: Set[str]
) -> tuple[State, tuple[Live, ...]]:
    """What is recorded and live of addresses."""
    meant = [Address.parse(name) for name in sorted(names)]
    recorded = State(inputs.record.lineage, inputs.record.serial, workspace.store.some(meant))
    if found.in_live:
        return recorded, tuple(inputs.eyes.some(meant))
    objects = known.objects.some(names)
    return recorded, tuple(inputs.eyes.known({each: objects[str(each)] for each in meant if str(each) in objects}))
