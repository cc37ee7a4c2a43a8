"""plan(): what is known from an earlier look, else the stages, then who wrote what it comes from, and policies."""

from collections.abc import Sequence

from reconciler.apply.retrying import Pace
from reconciler.core.problem import Problem
from reconciler.errors import MlopsError
from reconciler.judging import ask_for_authors, in_force
from reconciler.remembering import Look, looking
from reconciler.saved import SavedPlan
from reconciler.telemetry import span
from reconciler.wishes import Planned, Wish
from reconciler.workspace import Workspace


def plan(workspace: Workspace, wish: Wish, pace: Pace | None = None) -> Planned:
    """What must be done so that the live side is as the manifests say, once what was cut off is recovered.

    Args:
        workspace: the target.
        wish: what is wanted.
        pace: how long the platform may take to say what is live.

    Raises:
        ManifestError: the files are wrong; carries every problem of every file.
        RefusedError: a guard or the quota forbids the plan, or the record is older than what is live.
    """
    if wish.against:
        from reconciler.wanted import take_for_recorded  # noqa: PLC0415 - most plans are against the record

        take_for_recorded(workspace, wish)
    return planned(workspace, wish, pace or Pace(), "plan")


def prepared(workspace: Workspace, wish: Wish, pace: Pace) -> Planned:
    """The plan of a run that holds the target's lock, and has recovered what was cut off; as `plan`."""
    return planned(workspace, wish, pace, "rollback")


def planned(workspace: Workspace, wish: Wish, pace: Pace, command: str, *, saved: SavedPlan | None = None) -> Planned:
    """The plan of a command, with who wrote what it comes from, held against the policies over plans."""
    bylaws = in_force(workspace.config.root, wish.policies, cached=wish.cached)
    with span("plan", target=workspace.target.name, provider=workspace.provider.name):
        made = _plan(workspace, wish, pace, bylaws.problems, saved=saved, alone=command != "plan")
    if not made.plan.steps:  # Nobody wrote what is not to be done, and no policy says anything of it.
        return made
    from reconciler.completing import held_against, with_blame  # noqa: PLC0415 - most plans have no steps

    if wish.blame or ask_for_authors(bylaws.found):
        made = with_blame(made, workspace, wish)
    return held_against(bylaws, made, workspace, command)


def _plan(
    workspace: Workspace, wish: Wish, pace: Pace, besides: Sequence[Problem], *, saved: SavedPlan | None, alone: bool
) -> Planned:
    """The plan as an earlier look had it, where all is as it was then, else made anew, which later looks then know.

    Args:
        workspace: the target.
        wish: what is wanted.
        pace: how long the platform may take to say what is live.
        besides: what is wrong with other files than the manifests.
        saved: a plan made before, against which this one is held.
        alone: whether the caller holds the target's lock, so that nobody else is at work on it.
    """
    look = looking(workspace, wish, pace, besides)
    if look and (known := look.again(alone=alone)):
        if saved:
            saved.refuse_unless(known.plan)
        return known
    if look and (made := _made_in_part(look, pace, saved=saved, alone=alone)):
        return made
    from reconciler.staging import sighted, staged  # noqa: PLC0415 - what is known goes through no stage

    sight = sighted(workspace, wish, pace)
    planned = staged(workspace, wish, sight, pace, besides, saved=saved, alone=alone)
    if look:
        look.keep(planned, sight.loaded, sight.recorded, sight.live)
    return planned


def _made_in_part(look: Look, pace: Pace, *, saved: SavedPlan | None, alone: bool) -> Planned | None:
    """The plan of which only that is made anew which differs from an earlier look; None where the whole is to be."""
    part, workspace, wish = look.part(), look.workspace, look.wish
    if part is None:
        return None
    from reconciler.comparing import Sight  # noqa: PLC0415 - as above
    from reconciler.load.caching.parted import ForgottenError  # noqa: PLC0415 - as above
    from reconciler.preflight import asks_for_quota  # noqa: PLC0415 - as above
    from reconciler.staging import staged  # noqa: PLC0415 - as above

    sight = Sight(part.loaded, part.recorded, part.live, besides=part.besides)
    try:
        made = part.whole(staged(workspace, wish, sight, pace, look.besides, saved=None, alone=alone), workspace, wish)
    except (MlopsError, ForgottenError):
        return None  # What is wrong is said of the whole.
    if not look.holds() or asks_for_quota(made.plan.steps, workspace.target.quota):
        return None  # Of a quota everything takes.
    if saved:
        saved.refuse_unless(made.plan)
    workspace.contents.update(part.contents)  # whoever applies a part may ask about what all manifests name
    look.keep_part(made, part)
    return made
