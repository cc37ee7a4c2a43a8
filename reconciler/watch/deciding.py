"""What a watcher does next, from facts alone: which commit counts, and whether it is applied, left, or held and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.address import Address


class Hold(StrEnum):
    """Why something that is to be done is not done."""

    UNSIGNED = "unsigned"
    REWRITTEN = "rewritten"
    SUSPENDED = "suspended"
    BUSY = "busy"
    WINDOW = "window"
    UNDONE = "rolled back"
    FAILED = "failed"
    DRIFT = "drift"
    REFUSED = "refused"
    BROKEN = "broken"
    STANDBY = "standby"


class Outage(StrEnum):
    """What cannot be reached or used."""

    GIT = "git"
    STATE = "state"
    PROVIDER = "provider"
    DISK = "disk"
    INTERNAL = "internal"


@dataclass(frozen=True)
class Branch:
    """What is known of the head of the branch.

    Args:
        head: the commit that the remote names.
        former: the newest commit that counted before; empty for none.
        untrusted: why its signature is refused; empty where it is not.
        follows: whether the former commit is in the head's history.
        accepted: whether rewritten history is followed: always, or for this commit.
    """

    head: str
    former: str = ""
    untrusted: str = ""
    follows: bool = True
    accepted: bool = False


@dataclass(frozen=True)
class Chosen:
    """The commit that counts, empty for none; and why the head does not, where it does not."""

    commit: str
    hold: Hold | None = None
    why: str = ""


def choose(branch: Branch) -> Chosen:
    """The head counts if it is trusted and loses no history; else the former commit stays."""
    if branch.untrusted:
        return Chosen(branch.former, Hold.UNSIGNED, branch.untrusted)
    if branch.former and not branch.follows and not branch.accepted:
        lost = f"commit {branch.former[:12]} is no longer part of it"
        why = f"the history of the branch was rewritten: {lost}; --retry or SIGHUP follows it"
        return Chosen(branch.former, Hold.REWRITTEN, why)
    return Chosen(branch.head)


@dataclass(frozen=True)
class Facts:
    """What a plan of the commit that counts has to be held against.

    Args:
        commit: the commit.
        is_new: whether what it wants, with the operator's variables, is other than what was last applied to its end.
        steps: the addresses of the plan's steps, in order.
        heals: which of them may be brought back before the next commit.
        unsettled: whether operations of a run that was cut off have to be settled.
        holder: who is at work on the target at the moment; empty for nobody.
        plan: what tells this plan from any other.
        tried: the commit whose apply failed.
        tried_plan: what was left to do after that; empty where nobody knows.
        undone: the commit that a person took back.
        closed: why the windows forbid it; empty where they do not.
        suspended: by whom and why nothing is to be changed; empty where it is not.
    """

    commit: str
    is_new: bool = False
    steps: Sequence[Address] = ()
    heals: Sequence[Address] = ()
    unsettled: bool = False
    holder: str = ""
    plan: str = ""
    tried: str = ""
    tried_plan: str = ""
    undone: str = ""
    closed: str = ""
    suspended: str = ""


class Do(StrEnum):
    """What is done about a plan."""

    REST = "rest"
    APPLY = "apply"
    HOLD = "hold"


@dataclass(frozen=True)
class Decision:
    """What is done.

    Args:
        only: the addresses that it is confined to; empty for all of them.
        hold: why nothing is done although there is something to do.
        why: the same for people.
    """

    do: Do
    only: tuple[Address, ...] = ()
    hold: Hold | None = None
    why: str = ""


def decide(facts: Facts) -> Decision:
    """Apply what a new commit asks for, or what may be brought back, unless anything forbids it."""
    if not facts.steps and not facts.unsettled:
        return Decision(Do.REST)
    is_all = facts.is_new or len(facts.heals) == len(facts.steps)
    only = () if is_all else tuple(dict.fromkeys(facts.heals))
    if held := _forbidden(facts, heals=bool(facts.is_new or facts.heals or not facts.steps)):
        return held
    return Decision(Do.APPLY, only)


def is_forbidden(facts: Facts) -> bool:
    """Whether a new commit would be held whatever its plan is, as far as that is known without one."""
    return _forbidden(facts, heals=True) is not None


def _forbidden(facts: Facts, *, heals: bool) -> Decision | None:
    """The first reason of these to do nothing, those that people gave before those that the watcher found."""
    reasons = (
        (Hold.SUSPENDED, facts.suspended),
        (Hold.BUSY, facts.holder and f"in progress by {facts.holder}"),
        (Hold.UNDONE, facts.undone == facts.commit and "it was rolled back; a new commit, or SIGHUP, goes on"),
        (Hold.FAILED, _failed(facts)),
        (Hold.DRIFT, not heals and "self-heal is off, so it stays until the next commit"),
        (Hold.WINDOW, facts.closed),
    )
    return next((Decision(Do.HOLD, hold=hold, why=str(why)) for hold, why in reasons if why), None)


def _failed(facts: Facts) -> str:
    """One try for a commit and what it comes to; what moved since is worth another."""
    if facts.commit != facts.tried or facts.tried_plan not in ("", facts.plan):
        return ""
    return "its apply failed; a new commit, a change of what is live, or SIGHUP, tries again"


def pause(interval_s: float, failures: int, *, longest_s: float, jitter: float, dice: float) -> float:
    """How long to wait for the next round: an interval, and twice as long for each failure in a row, within bounds.

    Args:
        interval_s: between two rounds of which none failed.
        failures: how many rounds in a row something could not be reached.
        longest_s: the bound; never shorter than an interval.
        jitter: by which share a pause is shorter at the most, so that many watchers do not ask at once.
        dice: a number from 0 to 1.
    """
    doubled: float = interval_s * 2.0 ** min(max(failures - 1, 0), 32)
    return min(doubled, max(longest_s, interval_s)) * (1 - jitter * dice)
