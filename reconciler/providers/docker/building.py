"""Images are built: by the engine from a context, or by what is done in a container of the image below.

The engine's builder takes no secrets. What needs this machine's settings therefore runs in a container, the settings
on a volume that goes with it, and what it changed is committed with the configuration of the image below.
"""

import io
import re
import tarfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from reconciler.errors import ProviderError
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.recipes import DIGEST

# The last lines of a build that explain its failure.
TAIL = 15
KIND = "build"
_NO_PROGRAM = ("executable file not found", "no such file or directory", "permission denied", "not a directory")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

Tell = Callable[[str], None]
# An image as the engine describes it.
Facts = Mapping[str, Any]


class NoProgramError(ProviderError):
    """An image has no such program."""


@dataclass(frozen=True)
class Builder:
    """Builds images on an engine; a build that fails leaves neither an image nor a container."""

    engine: Engine
    names: Names

    def facts(self, reference: str) -> Facts | None:
        """An image as the engine has it; None where it does not."""
        from docker.errors import ImageNotFound  # noqa: PLC0415 - 300 ms

        with self.engine.doing(f"image {reference} cannot be looked at"):
            try:
                return dict(self.engine.api.inspect_image(reference))  # type: ignore[no-untyped-call]  # types-docker
            except ImageNotFound:
                return None

    def architecture(self) -> str:
        """What the engine builds for."""
        with self.engine.doing("the engine's version cannot be asked for"):
            return str(self.engine.api.version()["Arch"])

    def build(
        self,
        context: Path,
        dockerfile: str,
        reference: str,
        labels: Mapping[str, str],
        arguments: Mapping[str, str],
        tell: Tell,
    ) -> None:
        """Build a context as the docker command does.

        Args:
            context: its folder.
            dockerfile: the Dockerfile's path in it.
            reference: what the image is called.
            labels: that it gets.
            arguments: build arguments, such as proxies.
            tell: told every line of the output.

        Raises:
            ProviderError: it fails; carries the last lines.
        """
        printed: deque[str] = deque(maxlen=TAIL)
        errors: list[str] = []
        with self.engine.doing("the image cannot be built"):
            events = self.engine.api.build(
                path=str(context),
                dockerfile=dockerfile,
                tag=reference,
                labels=dict(labels),
                buildargs=dict(arguments),
                rm=True,
                forcerm=True,
                decode=True,
            )
            for line in _lines(_printed(events, errors)):
                tell(line)
                printed.append(line)
        if errors:
            raise ProviderError(f"the image cannot be built from {dockerfile}: {errors[0]}", log_tail=printed)

    def output(self, image: Facts, argv: Sequence[str], digest: str) -> tuple[int, str]:
        """Run a program in a container of an image, and return its status and what it wrote to its standard output.

        Args:
            image: what it is made of.
            argv: the program and its arguments.
            digest: of what is about to be built.

        Raises:
            NoProgramError: the image has no such program.
        """
        with self.bench(image, argv, digest) as bench:
            bench.start()
            return bench.status(), bench.printed()

    @contextmanager
    def bench(
        self, image: Facts, argv: Sequence[str], digest: str, *, network: str = "none", scratch: str = ""
    ) -> Iterator["Bench"]:
        """A container of an image that is about to run a program as root; removed with its volume in the end.

        Args:
            image: what it is made of.
            argv: the program and its arguments.
            digest: of what is built in it.
            network: which it has.
            scratch: a folder that a volume of its own lies over.
        """
        body = _body(image, argv, self.names.labels(KIND, **{DIGEST: digest}), network, scratch)
        with self.engine.doing(f"a container of {image['Id']} cannot be made"):
            container = self.engine.api.create_container_from_config(body)["Id"]  # type: ignore[no-untyped-call]  # as above
        try:
            yield Bench(self.engine, container, image)
        except BaseException:
            with suppress(ProviderError):  # The first error tells more; `clear` finds the container.
                self._remove(container)
            raise
        self._remove(container)

    def clear(self, digest: str) -> None:
        """Remove the containers in which the same was built by somebody who was killed; the caller has its lock."""
        filters = self.names.filter(KIND)
        with self.engine.doing("the engine's containers cannot be listed"):
            left = self.engine.api.containers(all=True, filters={"label": [*filters["label"], f"{DIGEST}={digest}"]})
        for container in left:
            self._remove(container["Id"])

    def _remove(self, container: str) -> None:
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        with self.engine.doing(f"container {container} cannot be removed"), suppress(NotFound):
            self.engine.api.remove_container(container, force=True, v=True)


@dataclass(frozen=True)
class Bench:
    """A container in which an image is made.

    Args:
        engine: that has it.
        container: its id.
        image: what it was made of.
    """

    engine: Engine
    container: str
    image: Facts

    def put(self, folder: str, archive: bytes) -> None:
        """Lay the files of a tar archive below a folder."""
        with self.engine.doing(f"files cannot be laid into {folder} of a container"):
            self.engine.api.put_archive(self.container, folder, archive)

    def read(self, path: str) -> bytes:
        """The content of one file."""
        with self.engine.doing(f"{path} of a container cannot be read"):
            pieces, _ = self.engine.api.get_archive(self.container, path)
            with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
                member = archive.next()
                file = archive.extractfile(member) if member else None
                return file.read() if file else b""

    def start(self) -> None:
        """Start the program.

        Raises:
            NoProgramError: the image has no such program.
        """
        from docker.errors import APIError  # noqa: PLC0415 - 300 ms

        with self.engine.doing("a container that builds an image cannot be started"):
            try:
                self.engine.api.start(self.container)
            except APIError as error:
                if any(words in str(error).lower() for words in _NO_PROGRAM):
                    raise NoProgramError(f"the image has no such program: {error.explanation}") from error
                raise

    def run(self, tell: Tell) -> tuple[int, Sequence[str]]:
        """Run the program, and return its status and the last lines that it printed."""
        self.start()
        tail: deque[str] = deque(maxlen=TAIL)
        with self.engine.doing("what a build prints cannot be followed"):
            printed = self.engine.api.logs(self.container, stream=True, follow=True)
            for line in _lines(piece.decode(errors="replace") for piece in printed):
                tell(line)
                tail.append(line)
        return self.status(), tail

    def status(self) -> int:
        """Wait for the end, and return the exit status."""
        with self.engine.doing("the end of a build cannot be waited for"):
            return int(self.engine.api.wait(self.container)["StatusCode"])

    def printed(self) -> str:
        """What the program wrote to its standard output."""
        with self.engine.doing("what a container printed cannot be read"):
            return bytes(self.engine.api.logs(self.container, stdout=True, stderr=False)).decode(errors="replace")

    def commit(self, reference: str, changed: Mapping[str, Any], labels: Mapping[str, str], why: str) -> None:
        """Make an image of it.

        Args:
            reference: what it is called.
            changed: of the configuration of the image below.
            labels: that it has besides those of the image below.
            why: for its history.
        """
        repository, _, tag = reference.rpartition(":")
        below = self.image["Config"]
        conf = {
            **below,
            "Hostname": "",
            "Domainname": "",
            **changed,
            "Labels": {**(below.get("Labels") or {}), **labels},
        }
        # Empty is another thing than not said, which the engine would fill from the container.
        conf["Entrypoint"] = conf.get("Entrypoint") or []
        with self.engine.doing(f"image {reference} cannot be written"):
            self.engine.api.commit(self.container, repository, tag, message=why, pause=False, conf=conf)


def _body(image: Facts, argv: Sequence[str], labels: Mapping[str, str], network: str, scratch: str) -> dict[str, Any]:
    """The body of the call that makes a container; nothing in it is secret, for the image remembers it."""
    volume = [{"Type": "volume", "Target": scratch, "VolumeOptions": {"NoCopy": True}}] if scratch else []
    return {
        "Image": image["Id"],
        "Entrypoint": list(argv),
        # Who is not said to be anybody is root, and the image goes on to say nothing.
        "User": "0:0" if image["Config"].get("User") else "",
        "WorkingDir": "/",
        "Labels": dict(labels),
        "HostConfig": {"NetworkMode": network, "Mounts": volume, "LogConfig": {"Type": "json-file"}},
    }


def _printed(events: Iterable[Mapping[str, Any]], errors: list[str]) -> Iterator[str]:
    """What the engine's builder prints; an error is noted too, and is the last that it says."""
    for event in events:
        if "error" in event:
            errors.append(" ".join(str(event["error"]).split()))
        yield str(event.get("stream") or event.get("error") or "")


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Whole lines out of pieces, without colours; of a line that was written over itself, the last of it."""
    left = ""
    for piece in chain(pieces, "\n"):
        *whole, left = (left + piece).replace("\r\n", "\n").split("\n")
        plain = (_COLOUR.sub("", line).rpartition("\r")[2].rstrip() for line in whole)
        yield from filter(None, plain)
