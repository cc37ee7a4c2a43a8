"""Code, models and our scoring server on an engine: each content in a volume of its own, filled once and whole.

Content goes through the engine's archive API rather than by bind mounts: so it reaches engines that do not see this
machine's files or run as somebody else, and instances keep it when the repository's private folder is lost.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.providers.docker.archives import tar_of
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.volumes import Volumes

KIND = "content"
# Of the mark of a content: the volume that holds it.
VOLUME = "mlops.volume"


@dataclass(frozen=True)
class Content:
    """A file or folder that is known by its digest.

    Args:
        source: tells where it lies on this machine; only asked when a volume is to be filled.
        name: what it is called within its volume; without one a folder is the volume's root.
    """

    digest: str
    source: Callable[[], Path]
    name: str = ""


class Contents:
    """The contents that a project has on an engine.

    A content is filled into a volume with a random name. Once that is whole, an empty volume is made as its mark:
    named after the content, with the other's name as a label. What has no mark, because a process was killed or
    another was faster, is never used; and as the engine makes a volume of one name only once, all agree on one.
    """

    def __init__(self, engine: Engine, names: Names) -> None:
        self._names, self._volumes = names, Volumes(engine, names, KIND)
        self._giving, self._filling = threading.Lock(), threading.Lock()
        # By their marks, and from the moment that they are asked for.
        self._given_out: set[str] = set()

    def volume(self, digest: str, source: Callable[[], Path], name: str = "") -> str:
        """The volume that holds a content; as `lay`."""
        return self.lay([Content(digest, source, name)])[0]

    def lay(self, wanted: Sequence[Content]) -> list[str]:
        """The volumes that hold contents, in their order; those that there are none of are filled all at a stroke.

        One call to the engine where all are known.

        Raises:
            ProviderError: a content is nowhere, or the engine does not take it.
        """
        marks = {self._mark(content): content for content in wanted}
        found = self._known(marks) if marks else {}
        if len(found) < len(marks):
            with self._filling:
                # Asked again: another thread may have been at it.
                found = self._known(marks)
                found |= self._filled({mark: content for mark, content in marks.items() if mark not in found})
        return [found[self._mark(content)] for content in wanted]

    def distrust(self, digest: str, name: str = "") -> None:
        """Forget which volume holds a content, so that it is filled into another one when it is next wanted."""
        with self._filling:
            self._volumes.remove(self._mark(Content(digest, Path, name)))

    def sweep(self) -> None:
        """Remove what no container has, of contents and of fillings that were cut off.

        What this process gave out stays, as its containers may yet be made; other processes have no say meanwhile, as
        whoever changes a target holds its lock.
        """
        with self._giving:
            self._volumes.clear_handling()
            # Marks are looked at last: what is idle by then has its mark, or never gets one.
            idle, known = self._volumes.labels(idle=True), self._volumes.labels()
            marks = {name: labels[VOLUME] for name, labels in known.items() if VOLUME in labels}
            staying = {volume for mark, volume in marks.items() if mark in self._given_out}
            leaving = idle.keys() - marks.keys() - staying
            # Marks go first: a mark must never speak of what is not there.
            for mark, volume in marks.items():
                if volume in leaving or (volume not in known and mark not in self._given_out):
                    self._volumes.remove(mark)
            for volume in leaving:
                self._volumes.remove(volume)
        if leaving == known.keys() - marks.keys():
            self._volumes.remove_image()

    def _mark(self, content: Content) -> str:
        identity = hashlib.sha256(f"{content.digest}\n{content.name}".encode()).hexdigest()
        return self._names.of(KIND, identity[:32])

    def _known(self, marks: Collection[str]) -> dict[str, str]:
        """The volumes of those contents that are whole, by their marks."""
        with self._giving:
            self._given_out.update(marks)
            known = self._volumes.labels()
        found = {mark: known[mark][VOLUME] for mark in marks if mark in known}
        for mark, volume in found.items():
            if volume not in known:
                # Somebody removed the volume, such as by `docker volume prune`.
                self._volumes.remove(mark)
        return {mark: volume for mark, volume in found.items() if volume in known}

    def _filled(self, missing: Mapping[str, Content]) -> dict[str, str]:
        if not missing:
            return {}
        made = {mark: f"{mark}-{os.urandom(4).hex()}" for mark in missing}
        sources = {f"{number}/{each.name}": each.source() for number, each in enumerate(missing.values())}
        with self._volumes.filled(list(made.values()), tar_of(sources)):
            found = {mark: self._volumes.mark(mark, **{VOLUME: volume})[VOLUME] for mark, volume in made.items()}
        for mark, volume in made.items():
            if found[mark] != volume:
                self._volumes.remove(volume)  # Another process was faster.
        return found
