"""What a swarm hands to every node: small content as configs, the user's variables as a secret."""

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from reconciler.core.address import Address
from reconciler.providers.docker.contents import Content, Contents
from reconciler.providers.docker.launch import Launch, Mount
from reconciler.providers.docker.names import ADDRESS, Names
from reconciler.providers.docker.surroundings import RUNTIME
from reconciler.providers.docker.swarm import Swarm
from reconciler.providers.docker.swarm_services import VARIABLES_FILE, Attached, Service, is_read_at_start
from reconciler.providers.hosting.objects import version_of

CONFIG, SECRET = "file", "env"
# Every manager keeps all configs in memory, and a task has a mount for each.
_MOST_FILES, _MOST_BYTES, _LARGEST = 100, 2_000_000, 500_000
# Begins the name of content that goes as configs, where other has that of a volume, in which there is no slash.
_CONFIGS = "configs/"

Files = Mapping[PurePosixPath, bytes]


@dataclass(frozen=True)
class SwarmContents:
    """Content for services: small one becomes configs, which the swarm brings to whatever node a task runs on.

    What is larger goes into volumes of the engine's own node. With several nodes, volumes need a driver whose volumes
    all nodes share.
    """

    volumes: Contents
    _files: dict[str, Files] = field(default_factory=dict, init=False)

    def lay(self, wanted: Sequence[Content]) -> list[str]:
        """What holds each of some contents; as `volume`."""
        return [self.volume(each.digest, each.source, each.name) for each in wanted]

    def volume(self, digest: str, source: Callable[[], Path], name: str = "") -> str:
        """The name of the volume that holds a content, or of files to be made configs.

        Args:
            digest: of the content.
            source: where it lies on this machine.
            name: what the file or folder is called there; without one a folder is the root.

        Raises:
            ProviderError: the content is nowhere, or the engine does not take it.
        """
        key = f"{_CONFIGS}{digest}/{name}"
        if key not in self._files:
            files = small_files(source(), name)
            if files is None:
                return self.volumes.volume(digest, source, name)
            self._files[key] = files
        return key

    def sweep(self) -> None:
        """Remove the volumes that nothing has."""
        self.volumes.sweep()

    def files(self, name: str) -> Files | None:
        """The files of such a name; None where it is a volume's."""
        return self._files[name] if name.startswith(_CONFIGS) else None


def small_files(path: Path, name: str = "") -> Files | None:
    """A file, or those of a folder, by their paths; None where configs cannot hold them.

    Configs are neither empty nor folders. A Python module may as well be an empty line.
    """
    found: dict[PurePosixPath, bytes] = {}
    total = 0
    for each in [path] if path.is_file() else sorted(path.rglob("*")):
        if each.is_dir() and not each.is_symlink() and any(each.iterdir()):
            continue
        if each.is_symlink() or not each.is_file() or each.stat().st_mode & 0o100:
            return None
        total += each.stat().st_size
        if each.stat().st_size > _LARGEST or total > _MOST_BYTES or len(found) == _MOST_FILES:
            return None
        content = each.read_bytes() or (b"\n" if each.suffix == ".py" else b"")
        if not content:
            return None
        found[PurePosixPath(name, each.relative_to(path).as_posix())] = content
    return found or None


def packed(files: Files) -> bytes:
    """Modules as one zip archive, from which Python imports as from a folder; the same for the same files."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path, content in sorted(files.items()):
            zipped.writestr(zipfile.ZipInfo(str(path)), content, zipfile.ZIP_DEFLATED)
    return archive.getvalue()


class SwarmFiles:
    """The configs and secrets of a project; each is known by its content, and removed once no service has it."""

    def __init__(self, swarm: Swarm, names: Names, contents: SwarmContents) -> None:
        self._swarm, self._names, self._contents = swarm, names, contents
        # What was made for a service that is about to be made must not be swept before.
        self._using = threading.Lock()

    @contextmanager
    def service(self, deployment: Address, launch: Launch, given: Mapping[str, str]) -> Iterator[Service]:
        """Lay down what is attached to a service, and give the service; it must be made within the block.

        Args:
            deployment: that it is.
            launch: as containers are started.
            given: the user's own variables. Where our server runs they go as a secret, but for those that are read
                before it runs; a server of the image's own finds them in its environment.

        Raises:
            ProviderError: the swarm refuses.
        """
        hidden = {
            name: launch.variables[name]
            for name in given
            if launch.image.python and name in launch.variables and not is_read_at_start(name)
        }
        visible = {name: value for name, value in launch.variables.items() if name not in hidden}
        volumes = tuple(each for each in launch.mounts if self._contents.files(each.volume) is None)
        with self._using:
            configs = self._configs(launch)
            secret = self._secret(deployment, launch, hidden) if hidden else None
            # The server's own folder is a file here, and a process runs in none of the user's.
            folder = "/" if launch.folder == str(RUNTIME) else launch.folder
            plain = replace(launch, mounts=volumes, variables=visible, folder=folder)
            yield Service(deployment, plain, configs, secret, self._swarm.node)

    def sweep(self) -> None:
        """Remove what no service has.

        Raises:
            ProviderError: the swarm refuses.
        """
        with self._using, self._swarm.doing("what no service has cannot be removed"):
            api = self._swarm.api
            used = _used([each.body for each in self._swarm.look().services.values()])
            for kind, found, remove in (
                (CONFIG, api.configs(filters=self._names.filter(CONFIG)), api.remove_config),
                (SECRET, api.secrets(filters=self._names.filter(SECRET)), api.remove_secret),
            ):
                for each in found:
                    if (kind, each["ID"]) not in used:
                        remove(each["ID"])

    def _configs(self, launch: Launch) -> list[Attached]:
        wanted = {
            str(mount.target / path): content
            for mount in launch.mounts
            for path, content in _as_configs(mount, self._contents.files(mount.volume) or {}).items()
        }
        if not wanted:
            return []
        api, labels = self._swarm.api, self._names.labels(CONFIG)
        with self._swarm.doing("configs cannot be made"):
            known = {each["Spec"]["Name"]: str(each["ID"]) for each in api.configs(filters=self._names.filter(CONFIG))}
            found = []
            for target, content in sorted(wanted.items()):
                name = self._names.of(CONFIG, hashlib.sha256(content).hexdigest()[:12])
                if name not in known:
                    known[name] = str(api.create_config(name, content, labels)["ID"])
                found.append(Attached(known[name], name, target))
        return found

    def _secret(self, deployment: Address, launch: Launch, variables: Mapping[str, str]) -> Attached:
        # Not named by its content, from which short secrets could be guessed: the version says as much.
        identity = f"{deployment}\n{version_of(launch.spec)}"
        name = self._names.of(SECRET, hashlib.sha256(identity.encode()).hexdigest()[:12])
        api, labels = self._swarm.api, self._names.labels(SECRET, **{ADDRESS: str(deployment)})
        with self._swarm.doing("the secret of the environment variables cannot be made"):
            known = api.secrets(filters={"name": [name]})
            there = [str(each["ID"]) for each in known if each["Spec"]["Name"] == name]
            made = there[0] if there else str(api.create_secret(name, json.dumps(variables).encode(), labels)["ID"])
        return Attached(made, name, VARIABLES_FILE)


def _as_configs(mount: Mount, files: Files) -> Files:
    """The files of a mount by their paths below it; our server's are one, as engines now and then fail over many."""
    return {PurePosixPath(): packed(files)} if files and mount.target == RUNTIME else files


def _used(services: list[Mapping[str, Any]]) -> set[tuple[str, str]]:
    containers = [each["TaskTemplate"]["ContainerSpec"] for each in services]
    configs = {(CONFIG, str(each["ConfigID"])) for found in containers for each in found.get("Configs") or []}
    return configs | {(SECRET, str(each["SecretID"])) for found in containers for each in found.get("Secrets") or []}
