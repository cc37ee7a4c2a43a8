"""A saved plan: what was reviewed, in a file, so that exactly that is applied or nothing is."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.core.plan import Plan, plan_body
from reconciler.errors import MlopsError, StalePlanError
from reconciler.frozen import dataclass
from reconciler.late import pattern
from reconciler.record.files import lay_down, read_bounded
from reconciler.record.sealing import Bond, SealKeys, opened_document, sealed_document

FORMAT = 1
_DIGEST = pattern(r"[0-9a-f]{64}")
_PLACE = "saved plan"
_MOVED = {
    "lineage": "it was made against another state",
    "serial": "the state has changed since",
    "tree": "the files have changed since",
    "live": "a live object has changed since",
    "recovery": "an unfinished operation was settled since",
}


@dataclass(frozen=True)
class SavedPlan:
    """A plan as it was reviewed.

    Args:
        digest: of the plan.
        body: the plan in JSON values, secrets are digests; None where the digest is all that is known of it.
        wish: the paths, names and options that it was made with; values given by `--var` and `--set` are left out,
            since they may be secret, and must be given again.
    """

    digest: str
    body: Mapping[str, Any] | None
    wish: Mapping[str, Any]

    def refuse_unless(self, plan: Plan) -> None:
        """Compare with the plan that would be made now.

        Raises:
            StalePlanError: they differ; the message says what moved.
        """
        if plan.digest == self.digest:
            return
        if self.body is None:
            raise StalePlanError(
                f"stale plan: the plan is {plan.digest} by now, and not {self.digest}: the files, the record or a live "
                "object have changed since, or it was made with other options; plan again and review what it says"
            )
        now = json.loads(json.dumps(plan_body(plan)))
        moved = [why for name, why in _MOVED.items() if now.get(name) != self.body.get(name)]
        given = [*self.wish.get("variables", ()), *self.wish.get("overrides", ())]
        advice = f" (give its --var and --set again: {', '.join(given)})" if given else ""
        reason = " and ".join(moved) or "it was made with other options"
        raise StalePlanError(f"stale plan: {reason}{advice}; plan again and review what it says now")


def save_plan(file: Path, plan: Plan, wish: Mapping[str, Any], *, keys: SealKeys) -> None:
    """Write the plan readable by its owner alone, whole or not at all; sealed where there is a key."""
    held = {"digest": plan.digest, "wish": wish, "plan": plan_body(plan)}
    sealed = sealed_document(json.dumps(held), keys, Bond(plan.lineage, plan.serial, _PLACE))
    text = json.dumps({"format": FORMAT, **(sealed or held)}, indent=1, sort_keys=True) + "\n"
    try:
        lay_down(file, lambda temporary: _fill(temporary, text), over=True)
    except OSError as error:
        raise MlopsError(f"the plan cannot be saved to {file}: {error.strerror}") from error


def plan_of_digest(digest: str) -> SavedPlan:
    """A plan that was reviewed elsewhere, of which nobody brought a file.

    Raises:
        MlopsError: it is no digest of a plan.
    """
    if not _DIGEST.fullmatch(digest):
        raise MlopsError(f"{digest!r} is no digest of a plan; `mlops plan --format json` says it")
    return SavedPlan(digest, None, {})


def _fill(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


def read_plan(file: Path, *, keys: SealKeys) -> SavedPlan:
    """Read a saved plan.

    Raises:
        MlopsError: there is none, or it is not one of ours.
        StateError: it is sealed and does not open, or it is not sealed although a key is given.
    """
    try:
        held = json.loads(read_bounded(file))
        if held["format"] != FORMAT:
            raise MlopsError(f"{file} is a plan of format {held['format']}, this tool knows {FORMAT}; plan again")
        if (text := opened_document(held, keys, place=_PLACE, name=str(file))) is not None:
            held = json.loads(text)
        return SavedPlan(held["digest"], held["plan"], held["wish"])
    except OSError as error:
        raise MlopsError(f"the plan {file} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise MlopsError(f"{file} is not a saved plan; make one with `mlops plan --out {file}`") from error
