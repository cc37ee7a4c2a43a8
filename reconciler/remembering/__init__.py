"""What an earlier look found is known again where all that it hangs on is as it was: no drift, nothing to do."""

from reconciler.late import offered

TYPE_CHECKING = False  # `typing` would take as long to load as all else of a plan that is known at a glance

if TYPE_CHECKING:
    from reconciler.remembering.drifts import DriftLook, looking_for_drift
    from reconciler.remembering.look import Look, looking

__all__ = ["DriftLook", "Look", "looking", "looking_for_drift"]

__getattr__ = offered(
    __name__, {"DriftLook": "drifts", "Look": "look", "looking": "look", "looking_for_drift": "drifts"}
)
