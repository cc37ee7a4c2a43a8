"""Every call of git: nothing that the repository says may run a program, write anything, or reach out.

Whoever sends a pull request may have written the repository's settings, hooks, attributes and names. What is in force
here wins over its settings; the settings of the user, such as `safe.directory`, stay as they are.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from git import Git

_PATIENCE_S = 60.0
_CHUNK = 1 << 20

_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",  # a blob that a partial clone lacks would else be fetched, by any program
    "GIT_ASKPASS": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_EDITOR": "false",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS": "",
}
_SETTINGS = {
    "core.alternateRefsCommand": "",
    "core.askPass": "",
    "core.attributesFile": os.devnull,
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.sshCommand": "false",
    "core.untrackedCache": "false",
    "credential.helper": "",
    "protocol.allow": "never",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
}
# Of a filter of the repository: what it would run, and whether git may do without.
_FILTER = {"clean": "", "smudge": "", "process": "", "required": "false"}


class Unanswered(Exception):  # noqa: N818  # it is caught where it is raised for: nothing is raised to the user
    """Git has no answer; the message is its own first line."""


def answer(root: str, *words: str) -> bytes:
    """What a command of git prints, one that reads.

    Raises:
        Unanswered: it ended with an error, or not within a minute.
    """
    return _run(_git(root), *words)


def status(root: str) -> bytes:
    """The files that differ from the commit, as `git status --porcelain -z`; empty where none does.

    A file that git would pass through a filter, and that was touched, is compared as it is.
    """
    caller = _git(root)
    caller.update_environment(**_settings(_without_filters(root)), GIT_WORK_TREE=root)
    return _run(caller, "status", "--porcelain=v1", "-z", "--no-renames", "--ignore-submodules=all")


@contextmanager
def blobs(root: str) -> Iterator[Callable[[str, IO[bytes]], None]]:
    """Give what writes the blob of an id into a file, as git holds it; one process serves them all.

    Raises:
        Unanswered: a blob is not there.
    """
    process: Any = _git(root).execute([_program(), "cat-file", "--batch"], istream=PIPE, as_process=True, shell=False)
    try:
        yield lambda blob, target: _copy(process, blob, target)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.proc.wait()


def _copy(process: Any, blob: str, target: IO[bytes]) -> None:
    process.stdin.write(f"{blob}\n".encode())
    process.stdin.flush()
    _, _, size = process.stdout.readline().rstrip().partition(b" blob ")
    if not size.isdigit():
        raise Unanswered(f"the file {blob} is missing from the repository")
    left = int(size)
    while left:
        part = process.stdout.read(min(left, _CHUNK))
        if not part:
            raise Unanswered(f"the file {blob} is cut short in the repository")
        target.write(part)
        left -= len(part)
    process.stdout.read(1)


def _git(root: str) -> "Git":
    # GitPython asks git for its version when it is imported: the same git, not one of a relative PATH.
    os.environ.setdefault("GIT_PYTHON_GIT_EXECUTABLE", _program())
    from git import Git  # noqa: PLC0415  # 0.1 s, and only revisions and records of runs need it

    caller = Git(root)
    caller.update_environment(**_ENVIRONMENT, **_settings(_SETTINGS))
    return caller


def _run(caller: "Git", *words: str) -> bytes:
    from git import GitError  # noqa: PLC0415  # as above

    # Windows knows no such limit.
    patience = _PATIENCE_S if os.name == "posix" else None
    try:
        printed = caller.execute(
            [_program(), *words],
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            shell=False,
            kill_after_timeout=patience,
        )
    except (GitError, OSError) as error:
        raise Unanswered(_first_line(error)) from error
    return printed if isinstance(printed, bytes) else b""


def _program() -> str:
    """Where git is; not in the folder that a relative part of PATH happens to mean, which may be the repository."""
    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(folder).is_absolute()]
    found = shutil.which("git", path=os.pathsep.join(folders))
    if not found:
        raise Unanswered("git is not installed")
    return found


def _settings(settings: dict[str, str]) -> dict[str, str]:
    """Settings in the form in which they win over those of every file, whatever is in their names."""
    everything = {**_SETTINGS, **settings}
    pairs = {f"GIT_CONFIG_KEY_{index}": name for index, name in enumerate(everything)}
    values = {f"GIT_CONFIG_VALUE_{index}": value for index, value in enumerate(everything.values())}
    return {"GIT_CONFIG_COUNT": str(len(everything)), **pairs, **values}


def _without_filters(root: str) -> dict[str, str]:
    """Settings that leave nothing to run to the filters that the repository's settings define."""
    try:
        listed = answer(root, "config", "--null", "--name-only", "--get-regexp", r"^filter\.")
    except Unanswered:
        return {}  # git ends with an error where there are none
    names = {name.rpartition(".")[0] for name in os.fsdecode(listed).split("\0") if name}
    return {f"{name}.{key}": value for name in sorted(names) for key, value in _FILTER.items()}


def _first_line(error: Exception) -> str:
    said = str(getattr(error, "stderr", "") or error).strip()
    return (said.splitlines() or [type(error).__name__])[0].removeprefix("stderr: ").strip("' ")
