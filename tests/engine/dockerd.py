"""A Docker engine of the tests' own: Debian's plain `dockerd`, as root, with all that it keeps in one folder.

    python3 tests/engine/dockerd.py start FOLDER [OPTION OF DOCKERD...]     prints the address for DOCKER_HOST
    python3 tests/engine/dockerd.py swarm FOLDER                            has it manage a swarm of its own
    python3 tests/engine/dockerd.py stop FOLDER                             and removes the folder

It needs nothing but the standard library, so that it runs before there is a virtual environment.
"""

import hashlib
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

# Beside an engine that is already there: hands off the packet filter, whose chains all engines of a machine share.
BESIDE_ANOTHER = ("--iptables=false",)
_PATIENCE_S = 60.0
_ANSWER_S = 20.0


class CannotStartError(Exception):
    """The engine did not start; the message says why, in the engine's own last words."""


def obstacle() -> str:
    """Why no engine can be started here; empty where one can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "an engine is started on Linux, as root"
    missing = [package for tool, package in (("dockerd", "docker.io"), ("ip", "iproute2")) if not _tool(tool)]
    return f"an engine is started with {' and '.join(missing)}, not installed here" if missing else ""


def start(folder: Path, *options: str) -> str:
    """Start an engine, wait until it answers, and return its address; a folder that an engine left is taken up again.

    Args:
        folder: where it keeps everything; its path must be short enough for that of a socket.
        options: more of dockerd's own.

    Raises:
        CannotStartError: it did not start.
    """
    if why := obstacle():
        raise CannotStartError(why)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    bridge = _bridge(folder)
    if not _is_link(bridge):
        _ip("link", "add", "name", bridge, "type", "bridge")
    where = (f"--host={address(folder)}", f"--data-root={folder}/data", f"--exec-root={folder}/exec")
    # A stop gives containers two seconds: what a test left behind is not worth more.
    how = (f"--pidfile={folder}/pid", f"--bridge={bridge}", "--shutdown-timeout=2", "--log-level=warn")
    command = (_tool("dockerd"), *where, *how, *options)
    with _forked(command, folder / "log") as ended:
        _until(lambda: _answers(folder) or ended())
    if not _answers(folder):
        words = (folder / "log").read_text(errors="replace").splitlines()[-5:]
        stop(folder)
        raise CannotStartError("dockerd did not start: " + " | ".join(words))
    return address(folder)


def halt(folder: Path, how: signal.Signals = signal.SIGTERM) -> None:
    """End an engine and keep what it has, for another start; with SIGKILL its containers run on."""
    pids = (folder / "pid", folder / "exec/containerd/containerd.pid")
    if (pid := _running(pids[0])) is not None:
        _kill(pid, how)
        if not _until(lambda: _running(pids[0]) is None):
            _kill(pid, signal.SIGKILL)
    for file in pids:
        _until(lambda file=file: _running(file) is None)
        # What was killed leaves it, and is a zombie until somebody waits for it: it would seem to run still.
        file.unlink(missing_ok=True)


def swarm(folder: Path) -> None:
    """Have an engine manage a swarm of one node, which only this machine reaches.

    Raises:
        CannotStartError: it refuses.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    status, said = _ask(folder, "POST", "/swarm/init", {"ListenAddr": listen, "AdvertiseAddr": "127.0.0.1"})
    if status != http.HTTPStatus.OK:
        raise CannotStartError(f"the engine manages no swarm: {said}")


def stop(folder: Path) -> None:
    """End an engine, all that runs for it, its mounts, and its folder."""
    if _answers(folder):
        for prepare in (_leave_swarm, _kill_containers):
            # Without it the end takes longer, or leaves more to remove: no reason not to come to it.
            with suppress(OSError, http.client.HTTPException):
                prepare(folder)
    halt(folder)
    for pid in _left(folder):
        _kill(pid, signal.SIGKILL)
    _until(lambda: not _left(folder))
    for mount in sorted(_mounts(folder), reverse=True):
        subprocess.run(("umount", "--lazy", mount), check=False)
    for bridge in _bridges(folder):
        _ip("link", "delete", bridge)
    if folder.exists():
        shutil.rmtree(folder)


def address(folder: Path) -> str:
    """The address of the engine of a folder."""
    return f"unix://{folder}/docker.sock"


@contextmanager
def _forked(command: Sequence[str], log: Path) -> Iterator[Callable[[], bool]]:
    """Start what is not a child of ours, so that nobody need wait for it who only wanted it started.

    Yields:
        Whether it has ended, and all that it started: nobody holds the writing end of a pipe any more. Its command line
        does not tell: it is empty while a process becomes another one, for as long as it takes to read that from disk.
    """
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as held:
        with os.fdopen(writing, "wb"), log.open("ab") as words:
            subprocess.run(
                ("setsid", "--fork", *command),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                env=_environment(),
                pass_fds=(writing,),
                check=True,
            )
        yield lambda: bool(select.select([held], [], [], 0)[0])


def _leave_swarm(folder: Path) -> None:
    """Take away the one network that a swarm leaves behind."""
    status, _ = _ask(folder, "POST", "/swarm/leave?force=1")
    if status == http.HTTPStatus.OK:
        _until(lambda: _ask(folder, "DELETE", "/networks/docker_gwbridge")[0] != http.HTTPStatus.FORBIDDEN)


def _kill_containers(folder: Path) -> None:
    """Spare the engine to stop them, each in a time of its own."""
    status, said = _ask(folder, "GET", "/containers/json")
    for each in json.loads(said) if status == http.HTTPStatus.OK else ():
        _ask(folder, "POST", f"/containers/{each['Id']}/kill")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_ANSWER_S)
        self.sock.connect(str(self._path))


def _answers(folder: Path) -> bool:
    try:
        return _ask(folder, "GET", "/_ping")[0] == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


def _ask(folder: Path, method: str, path: str, content: object = None) -> tuple[int, str]:
    """What the engine answers: its status, and what it says."""
    connection = _UnixConnection(folder / "docker.sock")
    body = None if content is None else json.dumps(content)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def _running(file: Path) -> int | None:
    """The process of a file; what another process became under its old number, or a zombie, is none."""
    try:
        pid = int(file.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    return pid if f"{file.parent}/" in command else None


def _left(folder: Path) -> list[int]:
    """The processes with the folder in their command line, such as containerd and its shims, and their children."""
    parents, ours = {}, set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state == "Z" or int(entry.name) == os.getpid():
            continue
        parents[int(entry.name)] = int(parent)
        if f"{folder}/".encode() in command:
            ours.add(int(entry.name))
    return [pid for pid in parents if any(above in ours for above in _line(pid, parents))]


def _kill(pid: int, how: signal.Signals) -> None:
    # It may have ended since it was seen, as what is in a container does with the first of its processes.
    with suppress(ProcessLookupError):
        os.kill(pid, how)


def _line(pid: int, parents: Mapping[int, int]) -> Iterator[int]:
    while pid in parents:
        yield pid
        pid = parents[pid]


def _bridges(folder: Path) -> set[str]:
    """The engine's bridges that are still there: it leaves those of its networks behind, with their addresses."""
    book = folder / "data/network/files/local-kv.db"
    written = book.read_bytes() if book.exists() else b""
    named = {name.decode() for name in re.findall(rb"br-[0-9a-f]{12}", written)}
    return {name for name in {*named, _bridge(folder)} if _is_link(name)}


def _bridge(folder: Path) -> str:
    """The engine's own default bridge, of a name that fits an interface: docker0 is another engine's, or will be."""
    return f"mlt-{hashlib.sha256(bytes(folder)).hexdigest()[:8]}"


def _ip(*arguments: str) -> None:
    subprocess.run((_tool("ip"), *arguments), check=True)


def _is_link(name: str) -> bool:
    # Asked of the network namespace that we are in; /sys may show another one's.
    return subprocess.run((_tool("ip"), "link", "show", "dev", name), capture_output=True, check=False).returncode == 0


def _mounts(folder: Path) -> list[str]:
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [point for point in points if point.startswith(f"{folder}/")]


def _until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}


def _tool(name: str) -> str:
    return shutil.which(name, path=_environment()["PATH"]) or ""


def _main(arguments: list[str]) -> None:
    match arguments:
        case ["start", folder, *options]:
            print(start(Path(folder).absolute(), *options))  # noqa: T201 - a script
        case ["swarm", folder]:
            swarm(Path(folder).absolute())
        case ["stop", folder]:
            stop(Path(folder).absolute())
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    try:
        _main(sys.argv[1:])
    except CannotStartError as problem:
        sys.exit(f"{problem}")
