"""What surrounds a command of `az ml` that changes something: standard output is its answer alone."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import typer

from reconciler.cli.applying import interruptible, say_aside
from reconciler.cli.asking import agreed
from reconciler.cli.saying import warn
from reconciler.core.worker import is_worker

if TYPE_CHECKING:
    from reconciler.apply import Watcher
    from reconciler.core.address import Address
    from reconciler.core.plan import Plan
    from reconciler.pipeline import Manner, Planned
    from reconciler.workspace import Workspace


def in_background(*more: str, quiet: bool = False) -> bool:
    """Have a worker do what this command line says; False in that worker, which goes on with it.

    As with `az`, nothing is printed but a hint on standard error.

    Args:
        more: words that the worker is given in addition, such as `--yes` of what was asked here.
        quiet: whether nothing but errors is said.

    Raises:
        typer.Exit: it is refused; why was told.
    """
    from reconciler.imperative.leaving import started  # noqa: PLC0415 - --help loads none of it

    if is_worker(os.environ):
        return False
    code, log = started([*sys.argv[1:], *more])
    if code < 0:
        warn(
            f"mlops: its worker was ended by signal {-code} before it was accepted; nothing was changed, run this again"
        )
    if not log:
        raise typer.Exit(code if code >= 0 else 1)
    if not quiet:
        warn(f"Under way; `show` tells how far it is, and {log} has the log until it is done.")
    return True


def say_why(workspace: "Workspace", address: "Address") -> None:
    """Say on standard error why a resource is `Failed`, where that is known: Azure's documents have no field for it."""
    from reconciler.imperative.standing import standings  # noqa: PLC0415 - --help loads none of it

    standing = standings(workspace).get(address)
    if standing and standing.why:
        warn(f"{address}: {standing.why}")


@contextmanager
def running(
    command: str, target: str | None, *, lock_timeout: float, quiet: bool = False, yes: bool = False
) -> "Iterator[tuple[Workspace, Manner]]":
    """A target that is open to a command which changes it, and how that goes about it, as `az_manner` has it."""
    from reconciler.workspace import open_workspace  # noqa: PLC0415 - --help loads none of it

    with (
        open_workspace(target) as workspace,
        az_manner(command, lock_timeout=lock_timeout, quiet=quiet, yes=yes) as manner,
    ):
        yield workspace, manner


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

    from reconciler.apply import Pace  # noqa: PLC0415
    from reconciler.cli.progress import errors_alone, plain_lines  # noqa: PLC0415
    from reconciler.core.holder import holder_text  # noqa: PLC0415
    from reconciler.imperative.amending import refuse_loss, replacements  # noqa: PLC0415
    from reconciler.imperative.background import PATIENCE_S, Errand  # noqa: PLC0415
    from reconciler.pipeline import Manner  # noqa: PLC0415

    stop = threading.Event()
    patience_s = PATIENCE_S if is_worker(os.environ) else lock_timeout
    with ExitStack() as steps:

        def confirm(planned: "Planned") -> bool:
            if not quiet:
                say_aside(planned)
            refuse_loss(planned.plan)
            going = () if yes else replacements(planned.plan)
            for step in going:
                warn(f"{step.address}: {step.reason}")
            return not going or agreed("Delete it, and make it anew? Until it is back it answers nobody.", flag="--yes")

        def begin(_made: "Plan") -> "Watcher":
            steps.enter_context(interruptible(stop))
            return errand.watched(errors_alone(warn) if quiet else plain_lines(warn, logs=True))

        def waiting(holder: Mapping[str, str | int]) -> None:
            if not quiet:
                warn(f"Waiting for {holder_text(holder)}.")

        errand = Errand(command, confirm, apart=is_worker(os.environ))
        try:
            yield Manner(
                confirm, 4, patience_s, stop, begin, Pace(), command=command, accept=errand.accept, waiting=waiting
            )
        except BaseException as error:
            errand.failed(error)
            raise
        errand.done()
