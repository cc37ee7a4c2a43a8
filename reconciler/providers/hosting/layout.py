"""Where a local target's files lie, and the short place of its sockets."""

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from reconciler.core.address import Address
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass

# A unix socket's path has 104 bytes at most on macOS, 108 on Linux, the end marker included.
LONGEST_SOCKET = 100


@dataclass(frozen=True)
class Layout:
    """The places below a target's private folder."""

    folder: Path

    @property
    def sockets(self) -> Path:
        """The folder of unix sockets: below the target's own, or a short private one where that is too long."""
        own = self.folder / "run"
        if len(os.fsencode(own / f"{'0' * 12}.sock")) <= LONGEST_SOCKET:
            return own
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"mlops-{os.getuid()}-{digest}"

    @property
    def environments(self) -> Path:
        """Python environments, by content."""
        return self.folder / "environments"

    @property
    def runtime(self) -> Path:
        """Copies of the scoring server, by content."""
        return self.folder / "runtime"

    @property
    def models(self) -> Path:
        """Folders for `AZUREML_MODEL_DIR`, by content."""
        return self.folder / "models"

    @property
    def gateway(self) -> Path:
        """The proxy's files."""
        return self.folder / "gateway"

    @property
    def gateway_log(self) -> Path:
        """What the proxy prints."""
        return self.gateway / "envoy.log"

    @property
    def gateway_facts(self) -> Path:
        """What the proxy was last told: its port, who it says it is, and by which options."""
        return self.gateway / "serving.json"

    @property
    def gateway_lock(self) -> Path:
        """Held by whoever changes what the proxy is told."""
        return self.gateway / "lock"

    @property
    def certificate(self) -> Path:
        """The self-signed certificate, for clients to trust; in its folder also lies its key."""
        return self.folder / "tls" / "certificate.pem"

    @property
    def signing_key(self) -> Path:
        """The private key that signs the target's tokens."""
        return self.folder / "signing-key.pem"

    @property
    def keeper(self) -> Path:
        """The keeper's table and log."""
        return self.folder / "keeper"

    @property
    def console(self) -> Path:
        """What all instances printed, in the columns of AmlOnlineEndpointConsoleLog; the keeper writes it."""
        return self.keeper / "console.jsonl"

    @property
    def events(self) -> Path:
        """What befell the instances, in the columns of AmlOnlineEndpointEventLog; the keeper writes it."""
        return self.keeper / "events.jsonl"

    @property
    def warden(self) -> Path:
        """What the warden of a docker target counts and writes: restarts, events, and how far it read."""
        return self.folder / "warden"

    @property
    def warden_events(self) -> Path:
        """What befell the containers of a docker target, in the same columns; the warden writes it."""
        return self.warden / "events.jsonl"

    def resident_log(self, name: str) -> Path:
        """What a process of ours that looks after the target says, by its name."""
        return self.folder / f"{name}.log"

    @property
    def attendant_log(self) -> Path:
        """What the attendant decided, one line each."""
        return self.folder / "attendant.log"

    def logs(self, deployment: Address) -> Path:
        """The folder of the logs of a deployment's instances."""
        return self.folder / "logs" / deployment.endpoint / deployment.name

    def initializer_log(self, deployment: Address) -> Path:
        """What was laid down before a deployment's instances started, in the columns of AmlOnlineEndpointConsoleLog."""
        return self.logs(deployment) / "storage-initializer.jsonl"

    def socket(self, instance: str) -> Path:
        """Where an instance listens."""
        return self.sockets / f"{instance}.sock"

    def prepare(self) -> None:
        """Make the private folders.

        Raises:
            ProviderError: the sockets' folder is there and somebody else may write to it.
        """
        for folder in (self.folder, self.gateway, self.keeper):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        self.sockets.mkdir(exist_ok=True, mode=0o700)
        facts = self.sockets.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
            raise ProviderError(f"{self.sockets} is not a private folder of this user; remove it")

    def clear_sockets(self) -> None:
        """Remove the sockets' folder."""
        shutil.rmtree(self.sockets, ignore_errors=True)
