"""A network of a test's own: a namespace that a server is in, and the wire to it, which can be cut."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.engine.fixtures import lacking


class Wire:
    """One end is ours, the other is the server's; what is sent while it is cut is lost without a word.

    Args:
        name: of the namespace, and of our end.
        number: the third part of the addresses.
    """

    def __init__(self, name: str, number: int) -> None:
        self.name, self.host = name, f"10.213.{number}.2"
        self._ours = f"10.213.{number}.1/30"
        self.inside = (_tool(), "netns", "exec", name)

    def lay(self) -> None:
        there = f"{self.name}s"
        ip("netns", "add", self.name)
        ip("link", "add", self.name, "type", "veth", "peer", "name", there, "netns", self.name)
        ip("addr", "add", self._ours, "dev", self.name)
        ip("-n", self.name, "addr", "add", f"{self.host}/30", "dev", there)
        ip("-n", self.name, "link", "set", "lo", "up")
        ip("-n", self.name, "link", "set", there, "up")
        self.mend()

    def cut(self) -> None:
        """Lose whatever is sent from now on: the server's end goes down, so that ours notices nothing."""
        ip("-n", self.name, "link", "set", f"{self.name}s", "down")

    def mend(self) -> None:
        ip("link", "set", self.name, "up")
        ip("-n", self.name, "link", "set", f"{self.name}s", "up")

    def remove(self) -> None:
        # Our end goes with the namespace that its peer is in.
        ip("netns", "delete", self.name)


@contextmanager
def wire() -> Iterator[Wire]:
    """A wire for one test."""
    if os.geteuid() != 0 or not _tool():
        lacking("a network is cut by root, with iproute2", "netns")
    made = Wire(f"t{secrets.token_hex(4)}", secrets.randbelow(256))
    made.lay()
    try:
        yield made
    finally:
        made.remove()


def ip(*words: str) -> None:
    subprocess.run((_tool(), *words), check=True, capture_output=True, timeout=60)


def _tool() -> str:
    return shutil.which("ip", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or ""
