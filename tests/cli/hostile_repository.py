"""A repository whose author wants what he wrote to run on the machine that only looks at it."""

import os
import stat
from pathlib import Path

from command_line import Repository

# What is run says so, by a file that is there afterwards; whatever the test looks at must not be.
MARK = "it-ran"
_SHADOWS = (
    *("yaml", "json", "typing", "typer", "git", "jsonschema", "jsonschema_rs", "deepdiff", "docker", "reconciler"),
    *("sitecustomize", "usercustomize", "conftest", "setup", "__init__", "__main__", "socket", "sqlite3", "site"),
)
_HOOKS = (
    *("post-checkout", "pre-commit", "post-index-change", "fsmonitor-watchman", "reference-transaction"),
    *("post-merge", "pre-auto-gc", "post-rewrite", "prepare-commit-msg", "sendemail-validate"),
)
_EVIL = """import pathlib, socket
pathlib.Path({mark!r}).write_text(__name__)
socket.create_connection(("127.0.0.1", 9), 1)
def init(): pass
def run(raw_data): return raw_data
"""


def hostile(repo: Repository) -> Path:
    """Fill a repository with all that some tool would run, commit it, and give the file that a run would leave."""
    mark = repo.folder.parent / MARK
    _shadow(repo, _EVIL.format(mark=str(mark)))
    repo.write("manifests/src/score.py", _EVIL.format(mark=str(mark)))
    repo.write(
        "pyproject.toml", '[project]\nname = "evil"\n[project.entry-points."mlops.providers"]\nlocal = "evil:x"\n'
    )
    repo.write("evil.egg-info/entry_points.txt", "[mlops.providers]\nmemory = evil:Provider\n")
    repo.write("evil.pth", "import evil\n")
    repo.write(".gitattributes", "* filter=evil diff=evil merge=evil\n*.yml filter=evil\n")
    repo.write(
        ".gitmodules", f'[submodule "sub"]\n\tpath = sub\n\turl = ext::sh -c "touch {mark}"\n\tupdate = !touch {mark}\n'
    )
    repo.git("init", "-q", "-b", "main")
    repo.git("add", "--all")
    repo.git("-c", "protocol.file.allow=always", "commit", "-qm", "innocent")
    repo.git("update-index", "--add", "--cacheinfo", "160000,0123456789012345678901234567890123456789,sub")
    repo.git("commit", "-qm", "with a submodule")
    _settings(repo, mark)
    _hooks(repo, mark)
    return mark


def _shadow(repo: Repository, text: str) -> None:
    for folder in ("", "manifests/", "manifests/src/"):
        for name in _SHADOWS:
            repo.write(f"{folder}{name}.py", text)


def _settings(repo: Repository, mark: Path) -> None:
    """What stands in the repository's own settings; those of `include.path` as well."""
    run = _program(repo.folder / ".git" / "run.sh", mark)
    (repo.folder / ".git" / "more").write_text(
        f'[filter "more"]\n\tclean = {run}\n\tsmudge = {run}\n[core]\n\tfsmonitor = {run}\n'
    )
    (repo.folder / ".git" / "info").mkdir(exist_ok=True)
    (repo.folder / ".git" / "info" / "attributes").write_text("* filter=evil\nmlops.yaml filter=more\n")
    with (repo.folder / ".git" / "config").open("a") as config:
        config.write(
            f"""
[core]
\tfsmonitor = {run}
\tsshCommand = {run}
\thooksPath = {repo.folder}/.git/hooks
\tpager = {run}
\teditor = {run}
\taskPass = {run}
\tgitProxy = {run}
\talternateRefsCommand = {run}
[include]
\tpath = more
[diff]
\texternal = {run}
[diff "evil"]
\tcommand = {run}
\ttextconv = {run}
[filter "evil"]
\tclean = {run}
\tsmudge = {run}
\tprocess = {run}
\trequired = true
[filter "a=b\\".c"]
\tclean = {run}
[alias]
\tstatus = !{run}
\tls-tree = !{run}
\trev-parse = !{run}
\tcat-file = !{run}
[gpg]
\tprogram = {run}
[log]
\tshowSignature = true
\tmailmap = true
[mailmap]
\tfile = {run}
\tblob = HEAD:manifests/src/score.py
[blame]
\tignoreRevsFile = {run}
\tmarkIgnoredLines = true
[credential]
\thelper = !{run}
[protocol "ext"]
\tallow = always
[remote "origin"]
\turl = ext::{run}
\tpromisor = true
\tpartialclonefilter = blob:none
\tuploadpack = {run}
\tvcs = {run}
[url "ext::{run}"]
\tinsteadOf = https://
[submodule]
\trecurse = true
[extensions]
\tpartialClone = origin
"""
        )


def _hooks(repo: Repository, mark: Path) -> None:
    for name in _HOOKS:
        _program(repo.folder / ".git" / "hooks" / name, mark)


def _program(file: Path, mark: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'#!/bin/sh\necho "$0 $*" >> {mark}\n')
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def touch_everything(repo: Repository) -> None:
    """Give every file another time than git knows, so that it must look at what is in it."""
    for file in repo.folder.rglob("*"):
        if file.is_file() and ".git" not in file.relative_to(repo.folder).parts:
            os.utime(file, (1, 1))
