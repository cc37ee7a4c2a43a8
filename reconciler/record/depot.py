"""The content of a target in a store elsewhere: parts under their own digest, and a description of each content.

`v1/parts/ab/abcd…` is a part, `v1/contents/….json` what a content is made of. A part is written once, whatever names
it; a description is written last, so that whoever finds one finds its parts.
"""

import hashlib
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from reconciler.errors import ProviderError
from reconciler.record.description import PART_BYTES, Description, StoredFile, read_description
from reconciler.record.files import open_regular
from reconciler.record.laying import finish, opened, room_for
from reconciler.record.remote_files import RemoteFiles
from reconciler.record.together import each

AT_ONCE = 8
"""How many parts are under way at the same time."""
_MOST_TEXT = 64 << 20


class Depot:
    """Keeps content where other machines find it; whoever was cut off goes on behind the parts that are there.

    Every method raises `ProviderError` as its files do.

    Args:
        files: the store.
        part_bytes: how large a part is, of what is kept from now on.
    """

    def __init__(self, files: RemoteFiles, *, part_bytes: int = PART_BYTES) -> None:
        self._files, self._part_bytes = files, part_bytes

    def holds(self, digest: str) -> bool:
        """Whether the content is described there."""
        return self._described(digest) is not None

    def keep(self, digest: str, files: Sequence[tuple[str, Path]]) -> None:
        """Have the content there, whole; parts that are there already are not sent again.

        A part that is missing or cut short is sent also where the content is described. That the bytes of one are what
        its name says is looked at when it is fetched.

        Args:
            digest: the content's.
            files: what it consists of, sorted by relative name; nobody may change them meanwhile.

        Raises:
            ProviderError: what lies there is not of this digest, or the store will not have it.
            TransientError: the store is away or busy.
        """
        described = self._described(digest)
        if described and self._is_whole(described):
            return
        sent = self._sent(files)
        if sent.digest != digest:
            raise ProviderError(f"the content {digest} was altered where it lies; remove it from .mlops/assets")
        self._files.write(_text_name(digest), sent.text())

    def fetch(self, digest: str, copy: Path) -> None:
        """Lay the content down; of what lies there already, parts with the right bytes are not fetched again.

        Whoever asks looks at the digest of the whole.

        Args:
            digest: the content's.
            copy: the file or folder that is to be it.

        Raises:
            ProviderError: the store has no such content, or a part of it is missing or damaged there.
            TransientError: the store is away or busy.
        """
        described = self._described(digest)
        if described is None:
            raise ProviderError(f"the content {digest} is not in {self._files.url}; apply from the files that name it")
        if described.size > (room := room_for(copy)):
            # A store may say what it likes: a disk is not filled to find that out.
            raise ProviderError(f"the content {digest} has {described.size} bytes, and there is room for {room} here")
        if described.is_folder:
            copy.mkdir(exist_ok=True)
        for file in described.files:
            (copy / file.name).parent.mkdir(parents=True, exist_ok=True)
            with opened(copy / file.name) as made:
                made.truncate(file.size)
        places = ((copy / file.name, at, size, part) for file, at, size, part in described.places())
        each(lambda place: self._fetch(*place), places, threads=AT_ONCE)
        for file in described.files:
            with opened(copy / file.name) as made:
                finish(made, copy / file.name, executable=file.executable)

    def _described(self, digest: str) -> Description | None:
        """What is said of a content; a description that is cut short, or of another one, counts as none."""
        data = self._files.read(_text_name(digest), _MOST_TEXT)
        if data is None:
            return None
        try:
            return read_description(data, digest)
        except ValueError:
            return None

    def _is_whole(self, described: Description) -> bool:
        parts = {part: size for _, _, size, part in described.places()}
        return all(each(lambda part: self._is_there(*part), parts.items(), threads=AT_ONCE))

    def _is_there(self, part: str, size: int) -> bool:
        return self._files.size(_part_name(part)) == size

    def _sent(self, files: Sequence[tuple[str, Path]]) -> Description:
        """Send what is not there; parts of all files at once, each read when its turn comes."""
        statuses = [path.stat() for _, path in files]
        starts = [range(0, status.st_size, self._part_bytes) for status in statuses]
        places = [(path, at) for (_, path), ats in zip(files, starts, strict=True) for at in ats]
        parts = iter(each(lambda place: self._send(*place), places, threads=AT_ONCE))
        described = []
        for (name, path), status, ats in zip(files, statuses, starts, strict=True):
            own = tuple(islice(parts, len(ats)))
            sha256 = own[0] if len(own) == 1 else _sha256(path)
            described.append(StoredFile(name, status.st_size, bool(status.st_mode & 0o100), sha256, own))
        return Description(tuple(described), self._part_bytes)

    def _send(self, path: Path, at: int) -> str:
        with open_regular(path) as file:
            file.seek(at)
            data = file.read(self._part_bytes)
        part = hashlib.sha256(data).hexdigest()
        if not self._is_there(part, len(data)):
            self._files.write(_part_name(part), data)
        return part

    def _fetch(self, path: Path, at: int, size: int, part: str) -> None:
        with opened(path) as made:
            made.seek(at)
            if hashlib.sha256(made.read(size)).hexdigest() == part:
                return
            data = self._part(part, size)
            made.seek(at)
            made.write(data)

    def _part(self, part: str, size: int) -> bytes:
        """The bytes of a part; others are not taken, and asked for once more, as an answer may be cut short."""
        for _ in range(2):
            data = self._files.read(_part_name(part), size)
            if data is not None and hashlib.sha256(data).hexdigest() == part:
                return data
        wrong = "is missing" if data is None else "has other bytes than its name says; remove it there"
        raise ProviderError(
            f"assets {self._files.url}: {_part_name(part)} {wrong}, and apply from the files that name the content"
        )


def _sha256(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _part_name(part: str) -> str:
    return f"v1/parts/{part[:2]}/{part}"


def _text_name(digest: str) -> str:
    return f"v1/contents/{digest.partition(':')[2]}.json"
