"""Every call of git: nothing that the repository says may run a program, write anything, or reach out.

Whoever sends a pull request may have written the repository's settings, hooks, attributes and names. What is in force
here wins over its settings; the settings of the user, such as `safe.directory`, stay as they are. One call alone
reaches out, `fetch`, to the remote that an operator names, and one alone writes files, `lay_out`, into our own clone.
"""

import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import PIPE
from typing import IO, TYPE_CHECKING, Any

from reconciler.load.repository.remote import Remote

if TYPE_CHECKING:
    from git import Git

_PATIENCE_S = 60.0
_CHUNK = 1 << 20
_MOST_SAID = 1 << 18

_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",  # a blob that a partial clone lacks would else be fetched, by any program
    "GIT_ASKPASS": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_DIFF_OPTS": "",
    "GIT_EDITOR": "false",
    "GIT_GLOB_PATHSPECS": "0",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_ICASE_PATHSPECS": "0",
    "GIT_LITERAL_PATHSPECS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS": "",
}
_SETTINGS = {
    "advice.graftFileDeprecated": "false",  # of GIT_GRAFT_FILE above; it would be taken for what git refuses
    "core.alternateRefsCommand": "",
    "core.askPass": "",
    "core.attributesFile": os.devnull,
    "core.bigFileThreshold": "512m",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.sshCommand": "false",
    "core.untrackedCache": "false",
    "credential.helper": "",
    "protocol.allow": "never",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
}
# How a remote is reached: the user's own settings count, such as credential helpers, and nothing runs on arrival.
_FETCHING = {
    "core.alternateRefsCommand": "",
    "core.fsmonitor": "false",
    "core.fsync": "all",
    "core.hooksPath": os.devnull,
    "fetch.fsckObjects": "true",
    "fetch.recurseSubmodules": "false",
    "fetch.writeCommitGraph": "false",
    "gc.autoDetach": "false",
    "maintenance.auto": "false",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
    "transfer.bundleURI": "false",
}
# A clone has files as git holds them, whatever the user would have on a screen.
_LAYING_OUT = {"core.autocrlf": "false", "core.eol": "lf", "core.fsync": "all", "core.symlinks": "true"}
# Variables that git sets for hooks and aliases, which would have every call mean that repository, and settings of that
# call win over those below.
OF_A_REPOSITORY = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_ATTR_SOURCE",
        "GIT_COMMON_DIR",
        "GIT_CONFIG_PARAMETERS",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)
# What lists the settings of filters.
FILTERS = ("config", "--null", "--name-only", "--get-regexp", r"^filter\.")
# Of a filter of the repository: what it would run, and whether git may do without.
_FILTER = {"clean": "", "smudge": "", "process": "", "required": "false"}


class Unanswered(Exception):  # noqa: N818  # it is caught where it is raised for: nothing is raised to the user
    """Git has no answer; the message is its own first line."""


def answer(root: str, *words: str) -> bytes:
    """What a command of git prints, one that reads.

    Raises:
        Unanswered: it ended with an error, or not within a minute.
    """
    return _run(root, words, quiet())


def status(root: str) -> bytes:
    """The files that differ from the commit, as `git status --porcelain -z`; empty where none does.

    A file that git would pass through a filter, and that was touched, is compared as it is.
    """
    words = ("status", "--porcelain=v1", "-z", "--no-renames", "--ignore-submodules=all")
    return _run(root, words, {**quiet(), **settings_of(without_filters(root)), "GIT_WORK_TREE": root})


@contextmanager
def blobs(root: str) -> Iterator[Callable[[str, IO[bytes]], None]]:
    """Give what writes the blob of an id into a file, as git holds it; one process serves them all.

    Raises:
        Unanswered: a blob is not there.
    """
    process: Any = _git(root).execute([program(), "cat-file", "--batch"], istream=PIPE, as_process=True, shell=False)
    try:
        yield lambda blob, target: _copy(process, blob, target)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.proc.wait()


def begin_clone(root: str, branch: str) -> None:
    """Make an empty repository, without the user's template of hooks.

    Raises:
        Unanswered: it cannot be made.
    """
    _ordered(root, ("init", "--quiet", "--template=", f"--initial-branch={branch}"), quiet(), _PATIENCE_S)


def fetch(root: str, remote: Remote, ref: str, *, timeout_s: float) -> None:
    """Have a ref of ours name what the remote's branch names, with all of its history; no other transport is used.

    Raises:
        Unanswered: the remote does not answer, or not within the time, or what it sends is damaged.
    """
    words = (
        *("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--no-auto-maintenance"),
        *("--refmap=", "--", remote.url, f"+refs/heads/{remote.branch}:{ref}"),
    )
    reaching = {
        "GIT_ALLOW_PROTOCOL": remote.scheme,
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "SSH_ASKPASS_REQUIRE": "never",
    }
    given = _given()
    _ordered(root, words, {**given, **reaching, **_settings_behind(given, _FETCHING)}, timeout_s)


def lay_out(root: str, commit: str, *, former: Sequence[str], held: int, timeout_s: float) -> None:
    """Have the files and HEAD of a clone of our own be those of a commit, and no file be left of former ones.

    Args:
        root: the clone.
        commit: the id.
        former: commits that a run which was cut off may have left files of.
        held: a descriptor that git keeps open for as long as it writes, whatever becomes of this process.
        timeout_s: how long one call may take.

    Raises:
        Unanswered: it cannot be done.
    """
    environ = {**quiet(), **settings_of({**without_filters(root), **_LAYING_OUT}), "GIT_WORK_TREE": root}
    for each in former:
        # The index as if that commit were laid out, so that git knows which files to take away.
        with suppress(Unanswered):
            _ordered(root, ("read-tree", each), environ, timeout_s, held)
            _ordered(root, ("read-tree", "--reset", "-u", commit), environ, timeout_s, held)
    _ordered(root, ("reset", "--quiet", "--hard", commit), environ, timeout_s, held)


def tidy(root: str, *, held: int, timeout_s: float) -> None:
    """Pack a clone of our own where it has become untidy.

    Raises:
        Unanswered: it cannot be done.
    """
    environ = {**quiet(), **settings_of({"gc.autoDetach": "false"})}
    _ordered(root, ("gc", "--auto", "--quiet"), environ, timeout_s, held)


def signer(root: str, commit: str, settings: Mapping[str, str], environ: Mapping[str, str]) -> str:
    """Who signed a commit, in the words of what verified it; the keys of the operator alone count.

    Args:
        root: the repository.
        commit: the id.
        settings: which keys are trusted, as settings of git.
        environ: the same for programs that take them from there.

    Raises:
        Unanswered: it is not signed, or not by any of them, or by one whose time is over.
    """
    trusting = {"gpg.program": "gpg", "gpg.ssh.program": "ssh-keygen", "gpg.x509.program": "false", **settings}
    words = ("verify-commit", "--verbose", "--end-of-options", commit)
    return _ordered(root, words, {**quiet(), **environ, **settings_of(trusting)}, _PATIENCE_S).decode(
        "utf-8", "replace"
    )


def _ordered(
    root: str, words: Sequence[str], environ: Mapping[str, str], timeout_s: float, held: int | None = None
) -> bytes:
    """Run git in a group of its own, which ends with its time; give what it says, errors included."""
    with subprocess.Popen(
        [program(), *words],
        cwd=root,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=() if held is None else (held,),
    ) as process:
        try:
            said = _said(process, timeout_s)
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        raise Unanswered(_telling(said.decode("utf-8", "replace")) or f"git ended with {process.returncode}")
    return said


def _said(process: subprocess.Popen[bytes], timeout_s: float) -> bytes:
    """What a process says until it ends; of very much the last, as a remote may talk without an end.

    Raises:
        Unanswered: it does not end within the time.
    """
    assert process.stdout  # noqa: S101 - it was started with a pipe
    end, said = time.monotonic() + timeout_s, b""
    with selectors.DefaultSelector() as ready, suppress(subprocess.TimeoutExpired):
        ready.register(process.stdout, selectors.EVENT_READ)
        while (left := end - time.monotonic()) > 0 and ready.select(left):
            part = os.read(process.stdout.fileno(), _CHUNK)
            if not part:
                process.wait(max(0.0, end - time.monotonic()))
                return said
            said = (said + part)[-_MOST_SAID:]
    raise Unanswered(f"no answer within {timeout_s:g} s")


def _telling(said: str) -> str:
    """The line that says what went wrong; before it may stand what a server or ssh greets with."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    place = next((at for at, line in enumerate(lines) if line.startswith(("fatal:", "error:"))), 0)
    if place and "Could not read from remote" in lines[place]:
        place -= 1  # ssh has said why
    return lines[place].removeprefix("fatal: ").removeprefix("error: ") if lines else ""


def quiet() -> dict[str, str]:
    """An environment in which nothing reaches out, and nothing of the repository runs."""
    return {**_given(), **_ENVIRONMENT, **settings_of(_SETTINGS)}


def _given() -> dict[str, str]:
    """What this process was given, save what would have git look for repositories or programs in folders by chance."""
    given = {name: value for name, value in os.environ.items() if name not in OF_A_REPOSITORY}
    return {**given, "PATH": os.pathsep.join(_folders())}


def _folders() -> list[str]:
    """Where programs are; a relative part of PATH may mean the repository, which would bring a gpg or ssh along."""
    return [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(folder).is_absolute()]


def _settings_behind(given: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Settings behind those that the environment has already, such as a token for a host."""
    count = given.get("GIT_CONFIG_COUNT", "")
    begin = int(count) if count.isdigit() else 0
    pairs = {f"GIT_CONFIG_KEY_{begin + index}": name for index, name in enumerate(settings)}
    values = {f"GIT_CONFIG_VALUE_{begin + index}": value for index, value in enumerate(settings.values())}
    return {"GIT_CONFIG_COUNT": str(begin + len(settings)), **pairs, **values}


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
    os.environ.setdefault("GIT_PYTHON_GIT_EXECUTABLE", program())
    from git import Git  # noqa: PLC0415  # 0.1 s, and only files of revisions need it

    caller = Git(root)
    caller.update_environment(**_ENVIRONMENT, **settings_of(_SETTINGS), PATH=os.pathsep.join(_folders()))
    return caller


def _run(root: str, words: Sequence[str], environ: Mapping[str, str]) -> bytes:
    """What git prints, apart from what it says on standard error, which is the reason of a failure."""
    try:
        return subprocess.run(
            [program(), *words],
            cwd=root,
            env={**environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=True,
        ).stdout
    except subprocess.TimeoutExpired as error:
        raise Unanswered(f"no answer within {_PATIENCE_S:g} s") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip() or f"git ended with {error.returncode}"
        raise Unanswered(said.splitlines()[0]) from error
    except OSError as error:
        raise Unanswered(str(error)) from error


def program() -> str:
    """Where git is; not in the folder that a relative part of PATH happens to mean, which may be the repository."""
    found = shutil.which("git", path=os.pathsep.join(_folders()))
    if not found:
        raise Unanswered("git is not installed")
    return found


def settings_of(settings: dict[str, str]) -> dict[str, str]:
    """Settings in the form in which they win over those of every file, whatever is in their names."""
    everything = {**_SETTINGS, **settings}
    pairs = {f"GIT_CONFIG_KEY_{index}": name for index, name in enumerate(everything)}
    values = {f"GIT_CONFIG_VALUE_{index}": value for index, value in enumerate(everything.values())}
    return {"GIT_CONFIG_COUNT": str(len(everything)), **pairs, **values}


def without_filters(root: str) -> dict[str, str]:
    """Settings that leave nothing to run to the filters that the repository's settings define."""
    try:
        return filters_off(answer(root, *FILTERS))
    except Unanswered:
        return {}  # git ends with an error where there are none


def filters_off(listed: bytes) -> dict[str, str]:
    """The same, by what git says that they define."""
    names = {name.rpartition(".")[0] for name in os.fsdecode(listed).split("\0") if name}
    return {f"{name}.{key}": value for name in sorted(names) for key, value in _FILTER.items()}
