"""What a plan gets once it is made: who wrote what it comes from, and what policies over plans say of it."""

from dataclasses import replace

from reconciler.core.bylaw import Bylaws
from reconciler.judging import Occasion, judged
from reconciler.load.authorship.behind import behind
from reconciler.load.authorship.blame import blamed
from reconciler.load.authorship.removed import with_removals
from reconciler.load.authorship.taken_out import taken_out, written
from reconciler.telemetry import span
from reconciler.wishes import Planned, Wish, cache_of, options_of, paths_of
from reconciler.workspace import Workspace


def held_against(bylaws: Bylaws, planned: Planned, workspace: Workspace, command: str) -> Planned:
    """The plan, with what the policies warn of; what they deny is raised."""
    if not bylaws.found:
        return planned
    occasion = Occasion(command, workspace.config.root, workspace.target, planned.blame)
    with span("judge"):
        told = judged(planned.plan, bylaws.found, occasion)
    return replace(planned, warnings=(*planned.warnings, *told))


def with_blame(planned: Planned, workspace: Workspace, wish: Wish) -> Planned:
    """The plan with those who last wrote what its fields come from, or a warning that git does not say it."""
    root, steps = workspace.config.root, planned.plan.steps
    if not steps:
        return planned
    with span("blame"):
        paths, taken = paths_of(workspace.config, wish), taken_out(steps, workspace.manifests)
        steps, went = with_removals(steps, root, options_of(workspace.target, wish), paths=paths, taken=taken)
        # Of a field that was taken out, whoever wrote what held it did not do it.
        sources = written(steps, taken)
        named = behind(workspace.manifests) if sources else {}
        cache, plain = cache_of(workspace, wish), workspace.plain
        found = blamed(sources, root, paths=wish.paths, named=named, plain=plain, cache=cache)
    return replace(
        planned,
        plan=replace(planned.plan, steps=steps),
        blame={**found.found, **went} if went else found.found,
        warnings=(*planned.warnings, *found.problems()),
    )
