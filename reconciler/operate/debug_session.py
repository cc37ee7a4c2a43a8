"""A scoring server in the foreground, open to a debugger: started, waited for, ended with all that it has started."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TextIO

from reconciler.core.address import Address
from reconciler.errors import MlopsError
from reconciler.keeper.reaper import Reaper
from reconciler.operate.debug_container import Boxed, container_session
from reconciler.operate.debug_server import (
    HOST,
    LAST_MOMENTS_S,
    SERVER,
    Ports,
    Session,
    debugpy_folder,
    refuse_end,
    server_variables,
)
from reconciler.operate.debugging import Subject
from reconciler.providers.local.launch import Launch, variables


def session(
    subject: Subject,
    ports: Ports,
    *,
    wait: bool,
    output: TextIO | None = None,
    outer: Mapping[str, str] = os.environ,
) -> AbstractContextManager[Session]:
    """Run the server of a deployment for as long as the block; nothing that it has started outlives this process.

    Args:
        subject: what is served.
        ports: where it listens.
        wait: whether its script is loaded only once a debugger has come.
        output: where it prints; by default as this process does.
        outer: the environment of whoever debugs, of which it gets a few harmless names.
    """
    if isinstance(subject.launch, Boxed):
        return container_session(subject.address, subject.launch, ports, wait=wait, output=output)
    return _session(subject, subject.launch, ports, outer, wait=wait, output=output)


class _Process:
    """A server that runs as a process of this machine."""

    def __init__(self, address: Address, process: "subprocess.Popen[bytes]", told: TextIO) -> None:
        self._address, self._process, self._told = address, process, told

    def await_listening(self) -> None:
        """Wait until a debugger may come; the server says so by a pipe, which its end closes.

        Raises:
            MlopsError: the server has ended before.
        """
        if not self._told.readline():
            self.await_end()
            raise MlopsError(f"{self._address}: the server has ended before a debugger could come")

    def await_end(self) -> None:
        """Wait until the server ends."""
        refuse_end(self._address, self._process.wait())


@contextmanager
def _session(
    subject: Subject, launch: Launch, ports: Ports, outer: Mapping[str, str], *, wait: bool, output: TextIO | None
) -> Iterator[Session]:
    reaper = Reaper()
    try:
        reader, writer = os.pipe()
        with os.fdopen(reader) as told:
            debugged = server_variables(
                (subject.code, os.path.realpath(subject.code)),
                port=ports.debugger,
                package=str(debugpy_folder()),
                python=sys.executable,
                wait=wait,
                told=writer,
            )
            try:
                process = subprocess.Popen(
                    [launch.environment.python, *SERVER, "--host", HOST, "--port", str(ports.scoring)],
                    cwd=launch.runtime,
                    env=reaper.marked({**variables(launch, outer), **debugged}),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    pass_fds=(writer,),
                    start_new_session=True,
                )
            finally:
                os.close(writer)
            reaper.watch(process.pid)
            try:
                yield _Process(subject.address, process, told)
            finally:
                _end(process)
    finally:
        reaper.end()
    process.wait()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask the server to end, and see to it that it does, also where somebody who waits for that loses patience."""
    try:
        process.terminate()
        process.wait(LAST_MOMENTS_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        process.kill()
