"""What surrounds a command of `az ml` that changes something: standard output is its answer alone."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from reconciler.cli.applying import interruptible, say_aside
from reconciler.cli.asking import agreed
from reconciler.cli.saying import warn

if TYPE_CHECKING:
    from reconciler.apply import Watcher
    from reconciler.core.plan import Plan
    from reconciler.pipeline import Manner, Planned


@contextmanager
def az_manner(command: str, *, lock_timeout: float, quiet: bool = False, yes: bool = False) -> "Iterator[Manner]":
    """How a command goes about it: progress goes to standard error, and only about a replacement somebody is asked.

    What cannot change in place is deleted and made anew, with nobody to answer meanwhile, and no word of the command
    says so.

    Args:
        command: what the run is written down as, such as `online-endpoint create`.
        lock_timeout: seconds to wait for another run of the target.
        quiet: whether nothing but errors is said.
        yes: whether nobody is asked.
    """
    import threading  # noqa: PLC0415 - --help loads none of it

    from reconciler.apply import Pace, Watcher  # noqa: PLC0415
    from reconciler.cli.progress import plain_lines  # noqa: PLC0415
    from reconciler.imperative.amending import replacements  # noqa: PLC0415
    from reconciler.pipeline import Manner  # noqa: PLC0415

    stop = threading.Event()
    with ExitStack() as steps:

        def confirm(planned: "Planned") -> bool:
            if not quiet:
                say_aside(planned)
            going = () if yes else replacements(planned.plan)
            for step in going:
                warn(f"{step.address}: {step.reason}")
            return not going or agreed("Delete it, and make it anew? Until it is back it answers nobody.", flag="--yes")

        def begin(_made: "Plan") -> "Watcher":
            steps.enter_context(interruptible(stop))
            return Watcher() if quiet else plain_lines(warn)

        yield Manner(confirm, 4, lock_timeout, stop, begin, Pace(), command=command)
