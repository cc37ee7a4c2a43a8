"""Code, models and our scoring server on an engine: each content in a volume of its own, filled once and whole.

Content goes through the engine's archive API rather than by bind mounts: so it reaches engines that do not see this
machine's files or run as somebody else, and instances keep it when the repository's private folder is lost.
"""

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from reconciler.providers.docker.archives import tar_of
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.volumes import Volumes

KIND = "content"
# Of the mark of a content: the volume that holds it.
VOLUME = "mlops.volume"


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
        """The volume that holds a content, filled if there is none: one call to the engine where it is known.

        Args:
            digest: of the content.
            source: where it lies on this machine; only asked when the volume is to be filled.
            name: what the file or folder is called within the volume; without one a folder is the volume's root.

        Raises:
            ProviderError: the content is nowhere, or the engine does not take it.
        """
        mark = self._names.of(KIND, hashlib.sha256(f"{digest}\n{name}".encode()).hexdigest()[:32])
        found = self._known(mark)
        if found is None:
            with self._filling:
                # Asked again: another thread may have been at it.
                found = self._known(mark) or self._filled(mark, source(), name)
        return found

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

    def _known(self, mark: str) -> str | None:
        with self._giving:
            self._given_out.add(mark)
            known = self._volumes.labels()
        if mark not in known:
            return None
        held = known[mark][VOLUME]
        if held not in known:
            # Somebody removed the volume, such as by `docker volume prune`.
            self._volumes.remove(mark)
            return None
        return held

    def _filled(self, mark: str, path: Path, name: str) -> str:
        volume = f"{mark}-{os.urandom(4).hex()}"
        with self._volumes.filled(volume, tar_of(path, name)):
            marked = self._volumes.mark(mark, **{VOLUME: volume})[VOLUME]
        if marked != volume:
            self._volumes.remove(volume)  # Another process was faster.
        return marked
