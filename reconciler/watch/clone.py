"""The clone that a watcher works in: made by it, fetched, and laid out as exactly one commit, also after a kill.

Before files are written it is written down which commits they may be of. A run that is cut off leaves a mix; the next
one has git take away what any of those commits brought. What git does not know of in the folder stays as it is.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import RefusedError, TransientError
from reconciler.load.repository.git import Unanswered, answer, begin_clone, fetch, lay_out, signer, tidy
from reconciler.load.repository.remote import Remote
from reconciler.watch.kept import Kept
from reconciler.workspace import PRIVATE

_FETCHED = "refs/watch/fetched"
# A large tree on a slow disk; what is longer hangs.
_LAYING_S = 3600.0
_LOCKS = ("index.lock", "HEAD.lock", "packed-refs.lock", "shallow.lock", "config.lock")


class GitOutageError(TransientError):
    """The remote, or the clone, cannot be used at the moment."""


class UntrustedError(RefusedError):
    """A commit is not signed as the operator demands."""


@dataclass(frozen=True)
class Commit:
    """A commit as people are told of it.

    Args:
        id: all of it.
        author: foreign text, as is the subject.
    """

    id: str
    author: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Signers:
    """Whose signatures count, from files of the operator; none at all where nothing is demanded.

    Args:
        allowed: a file of allowed signers, as ssh-keygen has it.
        revoked: keys that count no more.
        gnupg: a folder of gpg's with a keyring.
    """

    allowed: str = ""
    revoked: str = ""
    gnupg: str = ""

    @property
    def demanded(self) -> bool:
        """Whether a commit must be signed."""
        return bool(self.allowed or self.gnupg)


class Clone:
    """One branch in one folder. Whoever uses it holds the lock of the folder.

    Args:
        folder: absolute.
        held: the descriptor of that lock, which git keeps open while it writes.
    """

    def __init__(self, folder: Path, remote: Remote, kept: Kept, *, held: int) -> None:
        self._folder, self._remote, self._kept, self._held = folder, remote, kept, held
        self._root = str(folder)

    def begin(self) -> None:
        """Make the clone unless it is there; what a killed git left locked is free again, and what it half had is gone.

        Raises:
            GitOutageError: it cannot be made.
        """
        if self._kept.clone().get("remote") != self._remote.url:
            self._kept.keep_clone({"remote": self._remote.url, "laid": []})
        if not (self._folder / ".git" / "HEAD").exists():
            with _as_outage("the clone cannot be made"):
                begin_clone(self._root, self._remote.branch)
        for name in _LOCKS:
            (self._folder / ".git" / name).unlink(missing_ok=True)
        for stale in (self._folder / ".git" / "refs").rglob("*.lock"):
            stale.unlink(missing_ok=True)
        for part in (self._folder / ".git" / "objects").glob("*/tmp_*"):
            part.unlink(missing_ok=True)

    def fetch(self, *, timeout_s: float) -> str:
        """The commit that the remote's branch is at; everything of it is here.

        Raises:
            GitOutageError: the remote does not answer, or has no such branch.
        """
        try:
            fetch(self._root, self._remote, _FETCHED, timeout_s=timeout_s)
            return self._id(_FETCHED)
        except Unanswered as error:
            if self._has_lost():
                self._begin_anew()
            raise GitOutageError(f"fetch of {self._remote.branch} failed: {error}") from error

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether a branch that was at one commit comes to the other without losing any."""
        try:
            return not answer(self._root, "rev-list", "--max-count=1", older, f"^{newer}")
        except Unanswered:
            return False  # the older one is not known here

    def told(self, commit: str) -> Commit:
        """A commit with its author and subject."""
        try:
            said = answer(self._root, "show", "--no-patch", "--no-show-signature", "--format=%an%x00%s", commit)
        except Unanswered:
            return Commit(commit)
        author, _, subject = said.decode("utf-8", "replace").strip("\n").partition("\0")
        return Commit(commit, author, subject)

    def refuse_unless_signed(self, commit: str, signers: Signers) -> None:
        """Trust the operator's files alone, whatever settings lie about.

        Raises:
            UntrustedError: it is not signed by any of them.
        """
        if not signers.demanded:
            return
        environ = {"GNUPGHOME": signers.gnupg} if signers.gnupg else {"GNUPGHOME": os.devnull}
        settings = {
            "gpg.ssh.allowedSignersFile": signers.allowed or os.devnull,
            "gpg.ssh.revocationFile": signers.revoked,
            "gpg.minTrustLevel": "undefined",
        }
        try:
            signer(self._root, commit, settings, environ)
        except Unanswered as error:
            raise UntrustedError(f"it is not signed by anybody who is trusted ({error})") from error

    @property
    def laid(self) -> str:
        """The commit whose files are in the folder, and none besides; empty where that is not sure."""
        found = self._kept.clone().get("laid")
        return str(found[0]) if isinstance(found, list) and len(found) == 1 else ""

    def lay_out(self, commit: str) -> None:
        """Have the folder hold exactly the files of a commit, and HEAD name it, on the branch.

        Raises:
            RefusedError: the commit has files where the record lies; it and its key would be lost.
            GitOutageError: it cannot be done; a damaged clone is made anew in the next round.
        """
        self._refuse_ours(commit)
        clone = self._kept.clone()
        known = [str(each) for each in clone.get("laid", []) if str(each) != commit]
        if known or clone.get("laid") != [commit]:
            self._kept.keep_clone({**clone, "laid": [*known, commit]})
        # Of one alone the index tells everything; of several nobody knows how far they came.
        former = known if len(known) > 1 else ()
        try:
            lay_out(self._root, commit, former=former, held=self._held, timeout_s=_LAYING_S)
        except Unanswered as error:
            raise self._not_laid(commit, error) from error
        self._kept.keep_clone({**clone, "laid": [commit]})

    def tidy(self) -> None:
        """Pack what was fetched, where there is much of it."""
        with _as_outage("the clone cannot be packed"):
            tidy(self._root, held=self._held, timeout_s=_LAYING_S)

    def strangers(self, below: str) -> tuple[str, ...]:
        """Files below a folder of the clone that are of no commit, whatever the repository would ignore."""
        listed = answer(self._root, "ls-files", "--others", "-z", "--", f":(literal){below}")
        names = [name for name in os.fsdecode(listed).split("\0") if name and not _is_ours(name)]
        return tuple(name for name in names if below != "." or name.lower().endswith((".yml", ".yaml")))

    def _refuse_ours(self, commit: str) -> None:
        """Refuse a commit before git writes a file of it, which would replace what lies there."""
        try:
            listed = answer(self._root, "ls-tree", "--full-tree", "--name-only", "-z", commit)
        except Unanswered as error:
            raise self._not_laid(commit, error) from error
        for name in os.fsdecode(listed).split("\0"):
            if name.casefold() == PRIVATE:  # the same folder, on a disk that knows no case
                raise RefusedError(f"{name} came with the repository, and what is in it is this machine's own")

    def _not_laid(self, commit: str, error: Unanswered) -> GitOutageError:
        if _is_damaged(str(error)):
            self._begin_anew()
        return GitOutageError(f"commit {commit[:12]} cannot be laid out: {error}")

    def _has_lost(self) -> bool:
        """Whether git cannot use the clone, or lacks the commit whose files are laid out."""
        words = ("cat-file", "-e", f"{self.laid}^{{tree}}") if self.laid else ("rev-parse", "--git-dir")
        try:
            answer(self._root, *words)
        except Unanswered:
            return True
        return False

    def _begin_anew(self) -> None:
        """Remove git's own folder; of which commits files may lie about is still known."""
        clone = self._kept.clone()
        self._kept.keep_clone({**clone, "laid": [*clone.get("laid", []), "damaged"]})
        shutil.rmtree(self._folder / ".git", ignore_errors=True)

    def _id(self, ref: str) -> str:
        found = answer(self._root, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")
        return found.decode("ascii").strip()


def _is_ours(name: str) -> bool:
    return name.startswith(".mlops/") or "__pycache__" in name.split("/")


def _is_damaged(why: str) -> bool:
    """Whether git's own folder is beyond use, and not merely out of space."""
    words = (
        *("corrupt", "bad object", "unable to read", "missing blob", "missing tree", "invalid object", "index file"),
        *("not a tree object", "not a valid object"),
    )
    return any(word in why.lower() for word in words)


class _as_outage:  # noqa: N801 - it reads as the words that it stands for
    """What git has no answer to is an outage, told with what was wanted."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _type: object, error: object, _trace: object) -> None:
        """Tell."""
        if isinstance(error, Unanswered):
            raise GitOutageError(f"{self._wanted}: {error}") from error


def refuse_others(folder: Path, kept: Kept, remote: Remote) -> None:
    """Work in no folder that holds somebody's work, or follows another remote.

    Raises:
        RefusedError: it is not empty, or ours for another remote.
    """
    clone = kept.clone()
    if clone.get("remote") == remote.url:
        return
    if clone:
        raise RefusedError(f"{folder} follows {clone.get('remote')}; name another folder with --folder")
    if folder.is_dir() and (found := sorted(each.name for each in folder.iterdir() if each.name != ".mlops")):
        raise RefusedError(
            f"{folder} holds {found[0]} already, and a watcher works in a folder of its own; name an empty one, or one "
            "to be made, with --folder"
        )
