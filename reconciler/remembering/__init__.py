"""What an earlier look found is known again where all that it hangs on is as it was: no drift, nothing to do."""

from reconciler.remembering.drifts import DriftLook, looking_for_drift
from reconciler.remembering.look import Look, looking

__all__ = ["DriftLook", "Look", "looking", "looking_for_drift"]
