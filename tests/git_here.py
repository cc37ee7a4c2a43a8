"""git in the current folder, as whoever runs it who has a name and no settings."""

import os
import subprocess

_NAMED = {
    f"GIT_{role}_{what}": of
    for role in ("AUTHOR", "COMMITTER")
    for what, of in (("NAME", "Ana"), ("EMAIL", "a@b.example"))
}
_NO_SETTINGS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


def git(*words: str, **variables: str) -> str:
    """Run git in the current folder.

    Args:
        words: of its command line.
        variables: of its environment, besides.

    Returns:
        What it says, without space at its ends.

    Raises:
        CalledProcessError: it refuses.
    """
    argv = ("git", "-c", "init.defaultBranch=main", *words)
    env = {**os.environ, **_NAMED, **_NO_SETTINGS, **variables}
    return subprocess.run(argv, check=True, capture_output=True, text=True, env=env).stdout.strip()
