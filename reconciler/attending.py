"""Whether somebody must look after a target between two applies, and having that process there or not."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import reconciler
from reconciler.core.manifest import Resource
from reconciler.core.problem import Problem
from reconciler.errors import LockHeldError
from reconciler.kinds.autoscaling import bounds
from reconciler.providers.provider import Attended, Progressive, Provider, TableSource
from reconciler.record.environment import refuse_values
from reconciler.record.lock import held_by, wait_until_taken
from reconciler.record.tickets import is_alive
from reconciler.workspace import Workspace, holder

COMMAND = "mlops attendant"
"""How the attendant names itself when it holds the target's lock."""

# An act of the attendant starts a few instances at most; only where those are slow is an apply refused because of it.
_PATIENCE_S = 120.0


@contextmanager
def locked(
    workspace: Workspace,
    command: str,
    *,
    timeout_s: float,
    waiting: Callable[[Mapping[str, str | int]], None] = lambda _holder: None,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Be the only run of the target; what the attendant does at the moment is waited for, up to two minutes.

    Operations that nobody waits for, and that were asked for before, come first.

    Args:
        command: told to whoever has to wait.
        timeout_s: how long to wait for other runs.
        waiting: told once of whoever has to be waited for.

    Raises:
        LockHeldError: another run holds the target.
    """
    who, began = holder(command, workspace.now()), now()
    first = workspace.line.ahead(workspace.turn)
    held = first[0].holder if first else workspace.store.holder() if timeout_s else None
    if held is not None and timeout_s:
        waiting(held)
    if not wait_until_taken(lambda: not any(map(is_alive, first)), timeout_s, sleep=sleep, now=now):
        raise held_by(workspace.target.name, next(filter(is_alive, first), first[0]).holder)
    timeout_s = max(0.0, timeout_s - (now() - began))
    with ExitStack() as stack:
        try:
            stack.enter_context(workspace.store.lock(who, timeout_s=timeout_s))
        except LockHeldError as error:
            if error.command != COMMAND:
                raise
            stack.enter_context(workspace.store.lock(who, timeout_s=_PATIENCE_S))
        yield


def see_to_attendance(workspace: Workspace, *, environ: Mapping[str, str] = os.environ) -> None:
    """Have the attendant run where it is needed, and nowhere else. The caller holds the target's lock.

    Raises:
        ProviderError: it cannot be started or ended.
        StateError: it is needed, and could not open the record by itself.
    """
    provider = workspace.provider
    if not isinstance(provider, Attended):
        return
    if needs_attendance(workspace):
        refuse_values(workspace.target.state, environ)
        argv = (sys.executable, "-m", "reconciler.operate", str(workspace.config.root), workspace.target.name)
        provider.attend(argv, Path(reconciler.__file__).parent.parent)
    elif provider.attended():
        provider.unattend()


def unfollowed(provider: Provider, resources: Iterable[Resource]) -> Iterator[Problem]:
    """Warnings for the policies that a provider cannot follow."""
    moves, scales = isinstance(provider, Progressive), isinstance(provider, Attended)
    for resource in resources:
        if "rollout" in resource.spec and not moves:
            message = f"provider {provider.name} moves traffic at once, whatever the rollout policy says"
            yield resource.manifest.problem("rollout", "W-POLICY", message)
        if "autoscale" in resource.spec and not scales:
            message = f"provider {provider.name} has nobody who scales between two applies"
            yield resource.manifest.problem("autoscale", "W-POLICY", message)


def needs_attendance(workspace: Workspace) -> bool:
    """Whether there is anything to do without an apply.

    Instances and traffic on its way are to be decided on, promises to be counted, or Prometheus is to ask.
    """
    provider, entries = workspace.provider, workspace.store.read().entries
    if not entries:
        return False
    if isinstance(provider, Attended) and provider.metrics_port:
        return True
    if isinstance(provider, Progressive) and any(each.unfinished for each in provider.rollouts().values()):
        return True
    # The record tells the rest without a look at every instance.
    if isinstance(provider, TableSource) and any(
        address in entries and "slo" in found for address, found in workspace.target.policies.items()
    ):
        return True
    return any(bounds(entry.spec) for entry in entries.values())
