"""A PostgreSQL server of the tests' own: Debian's plain `postgres`, with all that it keeps in one folder.

    python3 -m tests.postgres.server start FOLDER     prints the URL of a superuser, with its password
    python3 -m tests.postgres.server stop FOLDER      and removes the folder

It needs nothing but the standard library, so that it runs before there is a virtual environment.
"""

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.ports import free_port

USER = "mlops"
_PATIENCE_S = 60.0
# As on a server that keeps what it acknowledged; only memory and connections are few.
_SETTINGS = {"shared_buffers": "16MB", "max_connections": "60", "fsync": "on", "full_page_writes": "on"}


class CannotStartError(Exception):
    """The server did not start; the message says why."""


def obstacle() -> str:
    """Why no server can be started here; empty where one can."""
    return "" if _tool("initdb") else "a server is started with Debian's postgresql, not installed here"


class Server:
    """One server, in a folder; what a stop left is taken up again by the next start.

    Args:
        folder: where it keeps everything; its path must be short enough for that of a socket.
        port: of 127.0.0.1.
        listen: the addresses that it listens on.
        inside: what a command begins with that runs in the server's own network namespace.
    """

    def __init__(self, folder: Path, port: int, *, listen: str = "127.0.0.1", inside: tuple[str, ...] = ()) -> None:
        self.folder, self.port, self.password = folder, port, _password(folder)
        self._listen, self._inside = listen, inside

    def url(self, database: str = "postgres", *, host: str = "127.0.0.1") -> str:
        """Where a superuser finds it."""
        return f"postgresql://{USER}:{self.password}@{host}:{self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            CannotStartError: it did not start.
        """
        if not (self.folder / "data").exists():
            self._make()
        options = {**_SETTINGS, "port": self.port, "listen_addresses": self._listen}
        options["unix_socket_directories"] = self.folder
        said = " ".join(f"-c {name}={value}" for name, value in options.items())
        try:
            self._run("pg_ctl", "start", "--wait", f"--timeout={_PATIENCE_S:.0f}", "--log", self._log, "-o", said)
        except subprocess.CalledProcessError as error:
            words = Path(self._log).read_text(errors="replace").splitlines()[-5:] if Path(self._log).exists() else []
            raise CannotStartError("postgres did not start: " + " | ".join([error.stderr.strip(), *words])) from error

    def kill(self) -> None:
        """Kill the server and all its processes at one blow, as where the machine loses power."""
        pids = self.pids()
        for pid in pids:
            _signal(pid, signal.SIGKILL)
        deadline = time.monotonic() + _PATIENCE_S
        while any(_runs(pid) for pid in pids):
            assert time.monotonic() < deadline, "a killed process is still there"
            time.sleep(0.01)
        # Nobody may have reaped them, and a server takes what is left of another for one that runs.
        for left in ("data/postmaster.pid", f".s.PGSQL.{self.port}.lock"):
            (self.folder / left).unlink(missing_ok=True)

    def pids(self) -> list[int]:
        """The server's processes, its parent first; none when it does not run."""
        try:
            parent = int((self.folder / "data/postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return []
        children = [int(pid) for task in Path("/proc").glob(f"{parent}/task/*/children") for pid in _words(task)]
        return [parent, *children] if _runs(parent) else []

    def stop(self) -> None:
        """End it and remove the folder."""
        if self.pids():
            self._run("pg_ctl", "stop", "--mode=immediate", "--wait", f"--timeout={_PATIENCE_S:.0f}")
        shutil.rmtree(self.folder)

    @property
    def _log(self) -> str:
        return str(self.folder / "log")

    def _make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        password = self.folder / "password"
        password.write_text(self.password)
        if os.geteuid() == 0:
            for path in (self.folder, password):
                shutil.chown(path, "postgres", "postgres")
        how = ("--encoding=UTF8", "--locale=C", "--auth-local=trust", "--auth-host=scram-sha-256")
        self._run("initdb", f"--username={USER}", f"--pwfile={password}", *how)
        with (self.folder / "data/pg_hba.conf").open("a") as hba:
            hba.write("host all all 10.0.0.0/8 scram-sha-256\n")

    def _run(self, tool: str, *arguments: str) -> None:
        """Run one of the server's tools; they refuse to be run by root."""
        by = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
        argv = (*self._inside, *by, _tool(tool), f"--pgdata={self.folder}/data", *arguments)
        # A log file and no pipe for what a server says that outlives the tool; the tool's own words are few.
        with (self.folder / "tool").open("w+") as said:
            try:
                subprocess.run(argv, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=True)
            except subprocess.CalledProcessError as error:
                said.seek(0)
                error.stderr = said.read()
                raise


def _password(folder: Path) -> str:
    try:
        return (folder / "password").read_text()
    except FileNotFoundError:
        return f"canary-{secrets.token_hex(8)}"


def _tool(name: str) -> str:
    """A tool of the newest version that Debian has installed, else the one of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else shutil.which(name) or ""


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _runs(pid: int) -> bool:
    """Whether there is such a process that is more than a zombie."""
    try:
        return not re.search(r"\) [ZX] ", Path(f"/proc/{pid}/stat").read_text())
    except OSError:
        return False


def _main(arguments: list[str]) -> None:
    match arguments:
        case ["start", folder]:
            server = Server(Path(folder).absolute(), free_port())
            server.start()
            print(server.url())  # noqa: T201
        case ["stop", folder]:
            Server(Path(folder).absolute(), 0).stop()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    _main(sys.argv[1:])
