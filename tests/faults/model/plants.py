"""The table of planted faults: what the product then does, and the promises by whose breach the model finds it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from tests.faults.model import planting as p
from tests.faults.model.invariants import Promise


@dataclass(frozen=True)
class Plant:
    """A fault of the product.

    Args:
        name: by which it is known.
        says: what is wrong, in a sentence.
        breaks: one of these promises must be found broken.
        patch: plants it.
        tried: the rules of the model that are enough to find it; all if there are none.
    """

    name: str
    says: str
    breaks: Iterable[Promise]
    patch: p.Patch
    tried: Collection[str] = ()


I1, I2, I3, I4, I5, I6, I7, I8, GUARDED, SETTLED = Promise
_PREFLIGHT, _WAVES = "reconciler.preflight.manifests", "reconciler.providers.hosting.waves"

_APPLIED, _FAILING, _DISTURBED = (f"it_is_applied{how}" for how in ("", "_and_calls_fail", "_and_something_happens"))
_MEDDLED = "something_is_changed_behind_our_back"
_LATE = (_APPLIED, _FAILING, _MEDDLED)

PLANTS: Sequence[Plant] = (
    Plant("no-intent", "The intent is written once the call has come back.", [I6], p.no_intent, _LATE),
    Plant("key-of-content", "The id of an operation is a digest of what it does.", [SETTLED], p.key_of_content),
    Plant("platform-unfenced", "The provider lets older generations in.", [I6], p.platform_without_fences, _LATE),
    Plant(
        "recovery-unfenced",
        "Recovery looks without having older calls refused first.",
        [I6],
        p.swap("tests.faults.model.client.Client.fence", lambda *_: None),
        _LATE,
    ),
    Plant(
        "store-unfenced",
        "The store takes writes of a run whose lock was broken.",
        [I6],
        p.store_without_fences,
        [_DISTURBED],
    ),
    Plant("lock-for-everybody", "The run lock excludes nobody.", [I6], p.lock_for_everybody, [_DISTURBED]),
    Plant("unknown-is-failed", "A call without an answer is written down as failed.", [I6], p.unknown_is_failed, _LATE),
    Plant("code-before-scale", "Code is rolled out first, and scaled then.", [I1], p.code_before_scale),
    Plant(
        "traffic-before-ready",
        "Traffic waits for no deployment.",
        [I2],
        p.no_rule("deployments_before_traffic"),
        [_FAILING],
    ),
    Plant("delete-before-drain", "A deletion waits for no traffic.", [I3], p.no_rule("traffic_before_deletes")),
    Plant(
        "parents-first",
        "An endpoint is deleted before what stands on it.",
        [GUARDED],
        p.no_rule("children_deleted_before_parents"),
    ),
    Plant(
        "dependents-executed",
        "A step waits for what it needs, not for its success.",
        [I1, I2, I3],
        p.dependents_executed,
        [_FAILING],
    ),
    Plant(
        "whole-spec-at-once",
        "The first step records all that is wanted.",
        [SETTLED],
        p.whole_spec_at_once,
    ),
    Plant("failed-is-done", "A failed step is recorded as done.", [SETTLED], p.failed_is_done, [_FAILING]),
    Plant("recovery-trusts", "What was intended is recorded, not what is there.", [SETTLED], p.recovery_trusts),
    Plant("never-settled", "A default is another one with every plan.", [SETTLED], p.default_that_moves),
    Plant("clock-decides", "What is made later may be recorded as older.", [SETTLED], p.clock_decides),
    Plant("secret-in-plan", "A plan shows the values of secrets.", [I5], p.secret_in_plan),
    Plant(
        "secret-in-record",
        "The record keeps the values of secrets.",
        [I5],
        p.swap("reconciler.record.memory.forgetful", lambda spec: spec),
    ),
    Plant(
        "sum-unchecked",
        "Traffic may sum to anything.",
        [I4],
        p.swap(f"{_PREFLIGHT}.traffic_problems", lambda *_: ()),
    ),
    Plant("budget-ignored", "A plan deletes as much as it likes.", [GUARDED], p.budget_ignored, [_APPLIED]),
    Plant(
        "old-stop-first",
        "A roll-out stops the old before the new answer.",
        [I7],
        p.swap(f"{_WAVES}.waves", p.old_stop_first),
    ),
    Plant("orphans-forgotten", "What is live and in no record is nobody's.", [I8], p.orphans_forgotten),
    Plant(
        "foreign-overwritten",
        "An object of others is replaced by ours.",
        [I8],
        p.foreign_overwritten,
        [_APPLIED, _MEDDLED],
    ),
    Plant(
        "refresh-ignored",
        "A plan does not look at what is live.",
        [SETTLED],
        p.swap("reconciler.comparing.fold", lambda state, _live, **_looked: state),
    ),
)
