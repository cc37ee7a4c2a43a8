"""Python environments of deployments: built by uv from the conda file, kept by content, shared."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.core.secret import masked, without_secrets
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.providers.hosting.locking import locked
from reconciler.providers.hosting.packages import SERVER_REQUIREMENTS, besides, index_strategy, uv_binary

if TYPE_CHECKING:
    from reconciler.providers.hosting.conda import Requirements
    from reconciler.providers.local.pythons import Choice

_READY = "ready"
_TAIL = 15

Tell = Callable[[str], None]


def _to_nobody(_line: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class Environment:
    """A built environment: its interpreter, and a folder for bytecode that all its instances share."""

    python: Path
    bytecode: Path


class Environments:
    """The environments below a folder.

    An environment is a folder named after the digest of everything that decides its content. A marker written last
    makes it ready; without it the folder is what is left of a build that was cut short, and is built anew. A lock
    a digest lets threads and processes that want the same one wait for the first.

    Args:
        folder: where they are kept.
        exact: whether to refuse what the machine's Pythons do not fit, rather than take the nearest.
        env: the process environment: index and proxy settings are the machine's own.
    """

    def __init__(self, folder: Path, *, exact: bool = False, env: Mapping[str, str] = os.environ) -> None:
        self._folder = folder
        self._exact = exact
        self._env = {name: value for name, value in without_secrets(env).items() if name != "VIRTUAL_ENV"}

    def ready(
        self,
        spec: Mapping[str, Any],
        report: Tell,
        *,
        requirements: Sequence[str] = SERVER_REQUIREMENTS,
        log: Tell = _to_nobody,
    ) -> Environment:
        """The environment of a spec with an optional `conda_file`, built first if need be.

        Args:
            spec: of the environment.
            report: told what is going on, a line at a time.
            requirements: what it has besides, in this process's versions.
            log: told every line that the build prints.

        Raises:
            ProviderError: it cannot be built; nothing half is left.
        """
        from reconciler.providers.hosting.conda import translate  # noqa: PLC0415 - only a build needs it
        from reconciler.providers.local.pythons import choose, on_machine  # noqa: PLC0415

        wanted = translate(spec.get("conda_file") or {})
        choice = choose(wanted.python, on_machine(self._folder / "pythons.json", self._env), exact=self._exact)
        lines = (*wanted.lines, *besides(wanted.lines, requirements))
        # What opens an index is no part of what is installed from it.
        home = self._folder / _digest([masked(line) for line in lines], choice)
        built = Environment(home / "venv" / "bin" / "python", home / "bytecode")
        if choice.note:
            report(choice.note)
        if not _is_ready(home):
            with locked(self._folder / f"{home.name}.lock") as lock:
                if not _is_ready(home):
                    self._tell(wanted, choice, report)
                    self._build(home, lines, choice, log, lock)
        log(f"environment {home.name} of Python {choice.python} is ready")
        return built

    def _tell(self, wanted: "Requirements", choice: "Choice", report: Tell) -> None:
        for note in wanted.notes:
            report(note)
        report(f"building a Python {choice.python} environment of {_counted(len(wanted.lines))}")

    def _build(self, home: Path, lines: Sequence[str], choice: "Choice", log: Tell, lock: int) -> None:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True, mode=0o700)
        python = str(home / "venv" / "bin" / "python")
        venv = ("venv", "--no-project", "--no-python-downloads", "--python", choice.python.path, "venv")
        install = ("pip", "install", "--python", python, *index_strategy(lines), "-r", "-")
        wanted = "\n".join(lines) + "\n"
        try:
            # For people to read; uv gets the lines as they are, and from no file.
            (home / "requirements.txt").write_text(masked(wanted), encoding="utf-8")
            self._uv(choice, *venv, home=home, log=log, lock=lock)
            self._uv(choice, *install, home=home, log=log, lock=lock, given=wanted)
            (home / _READY).touch()
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)
            raise

    def _uv(self, choice: "Choice", *argv: str, home: Path, log: Tell, lock: int, given: str = "") -> None:
        command = [uv_binary(), *argv, "--no-progress", "--color", "never"]
        tail: deque[str] = deque(maxlen=_TAIL)
        # A session of its own: Ctrl-C in the terminal is for us, and lets a running step come to its end. It holds the
        # lock, too: where this process is killed, the next one waits for it rather than build in the same folder.
        begun = subprocess.Popen(
            command,
            cwd=home,
            env=self._env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            pass_fds=(lock,),
        )
        with begun as uv, _broken_off_with(uv):
            if uv.stdin:
                with suppress(BrokenPipeError), uv.stdin:  # what ends without reading says why by its status
                    uv.stdin.write(given)
            for line in uv.stdout or ():
                log(said := masked(line.rstrip()))
                tail.append(said)
        if uv.returncode:
            hint = f" ({choice.note}: the pins may need the one that is asked for)" if choice.note else ""
            message = f"the Python environment cannot be built with Python {choice.python}{hint}"
            raise ProviderError(message, log_tail=list(tail))


@contextmanager
def _broken_off_with(uv: "subprocess.Popen[str]") -> Iterator[None]:
    """End a build whose user has lost patience; a step of an apply is never broken off so."""
    try:
        yield
    except BaseException:
        uv.kill()
        raise


def _digest(lines: Sequence[str], choice: "Choice") -> str:
    machine = [platform.system(), platform.machine(), *platform.libc_ver()]
    body = [list(lines), choice.python.path, list(choice.python.version), machine]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()[:32]


def _is_ready(home: Path) -> bool:
    """Whether it was built to the end, and the interpreter that it leans on is still there."""
    return (home / _READY).exists() and (home / "venv" / "bin" / "python").exists()


def _counted(number: int) -> str:
    return "1 requirement" if number == 1 else f"{number} requirements"
