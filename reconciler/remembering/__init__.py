"""A plan that found nothing to do is remembered, and given again where all that it hangs on is as it was."""

from reconciler.remembering.look import Look, looking

__all__ = ["Look", "looking"]
