"""A remote as an operator names it: a path, ssh or https, and nothing that runs a program or shows a password."""

from pathlib import Path

from reconciler.errors import RefusedError
from reconciler.frozen import dataclass
from reconciler.late import pattern

_SCHEME = pattern(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HELPER = pattern(r"[A-Za-z0-9]+::")
_USER_AND_HOST = pattern(r"[^/:\s]+@?(\[[0-9A-Fa-f:.]+\]|[^/:\s]*):(?!//)")
_PASSWORD = pattern(r"://[^/@]*:[^/@]*@")
_KNOWN = ("file", "ssh", "https")
# What git allows in no name of a branch, and a few more that would be a pattern or an option.
_CROOKED = pattern(r"^[-/.]|[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|/\.|\.lock(/|$)|[/.]$")


@dataclass(frozen=True)
class Remote:
    """One branch of one repository elsewhere.

    Args:
        url: as git takes it; a path is absolute.
        scheme: the one transport that may be used: `file`, `ssh` or `https`.
        branch: its name, without `refs/heads/`.
    """

    url: str
    scheme: str
    branch: str


def remote_of(text: str, branch: str) -> Remote:
    """The remote that an operator means.

    Raises:
        RefusedError: it is none that may be reached, or shows a password.
    """
    if _CROOKED.search(branch) or not branch:
        raise RefusedError(f"{branch!r} is no name of a branch")
    if text.startswith("-") or _HELPER.match(text):
        raise RefusedError(f"{text!r} is no remote; name a path, ssh://…, USER@HOST:PATH or https://…")
    if _PASSWORD.search(text):
        raise RefusedError(
            "the remote's URL has a password in it, which every list of processes would show; leave it to git's "
            "credential helper or an ssh key"
        )
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() not in _KNOWN:
        raise RefusedError(f"{scheme[1]}:// is no transport for a remote; there are a path, {', '.join(_KNOWN)}")
    if scheme:
        return Remote(text, scheme[1].lower(), branch)
    if _USER_AND_HOST.match(text) and not Path(text).exists():
        return Remote(text, "ssh", branch)
    return Remote(str(Path(text).absolute()), "file", branch)
