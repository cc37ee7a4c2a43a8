"""A target on this machine in a temporary folder, with scripts as content and steps in short words."""

import json
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from reconciler.core.address import Address
from reconciler.core.plan import Action, Operation, Step
from reconciler.core.state import Live
from reconciler.kinds import KINDS
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.processes import Processes
from reconciler.providers.hosting.provider import HostedProvider
from reconciler.providers.provider import Setting
from tests import constant_load

PATIENCE_S = 20.0
ENDPOINT = KINDS["endpoint"].defaults["managed"]
DEPLOYMENT = KINDS["deployment"].defaults["managed"]


def answering(text: str) -> str:
    return f"def init(): print('init of {text}')\ndef run(raw_data): return {text!r}\n"


class Contents:
    """Content by digest, as the store of assets has it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def script(self, text: str) -> dict[str, str]:
        digest = f"sha256:{abs(hash(text)):x}"
        folder = self.path(digest)
        folder.mkdir(exist_ok=True)
        (folder / "score.py").write_text(text)
        return {"name": "code", "digest": digest}

    def copied(self, source: Path) -> dict[str, str]:
        """The content of a folder of the tests."""
        digest = f"sha256:{source.name}"
        shutil.copytree(source, self.path(digest), dirs_exist_ok=True)
        return {"name": source.name, "digest": digest}

    def distrust(self, digest: str) -> None:
        """What a test writes nobody alters."""

    def path(self, digest: str) -> Path:
        return self._folder / digest.removeprefix("sha256:")

    def holds(self, digest: str) -> bool:
        return self.path(digest).exists()


class HostedWorld:
    """A target of the provider `opens`."""

    opens: ClassVar[type[HostedProvider]]

    def __init__(self, folder: Path, **options: Any) -> None:
        self.layout = Layout(folder / "target")
        self.layout.folder.mkdir(mode=0o700, parents=True)
        self.contents = Contents(folder / "contents")
        self._options = options
        self._count = count(1)
        self._generations: dict[str, int] = {}
        self._counting = threading.Lock()
        self.reports: list[str] = []
        self.provider = self.opened()

    def opened(self) -> HostedProvider:
        """What another run of the command line has."""
        return self.opens.open(Setting("dev", self.layout.folder, self.contents, self._options))

    def switch(self, **options: Any) -> None:
        """Go on with other options, as after an edit of `mlops.yaml`."""
        self._options = options
        self.provider = self.opened()

    def deployment(self, script: str, **fields: Any) -> dict[str, Any]:
        code = {"code": self.contents.script(script), "scoring_script": "score.py"}
        return {**DEPLOYMENT, "code_configuration": code, **fields}

    def operation(self, address: str) -> Operation:
        with self._counting:
            self._generations[address] = self._generations.get(address, 0) + 1
            return Operation(f"op{next(self._count)}", "lineage", self._generations[address], self.reports.append)

    def do(self, action: str, address: str, after: Mapping[str, Any] | None = None) -> Operation:
        operation = self.operation(address)
        self.again(action, address, after, operation)
        return operation

    def again(self, action: str, address: str, after: Mapping[str, Any] | None, operation: Operation) -> None:
        step = Step(1, Action(action), Address.parse(address), "a reason", (), None, after)
        getattr(self.provider, action)(step, operation)

    def endpoint_with(self, **scripts: str) -> None:
        """Endpoint `credit` and its deployments."""
        self.do("create", "endpoint/credit", ENDPOINT)
        for name, script in scripts.items():
            self.do("create", f"deployment/credit/{name}", self.deployment(script))

    def route(self, **traffic: int) -> None:
        self.do("route", "endpoint/credit", {**ENDPOINT, "traffic": traffic})

    def live(self, address: str) -> Live:
        found = {str(live.address): live for live in self.provider.list()}
        return found[address]

    def pids(self, address: str) -> list[int]:
        return [each["pid"] for each in self.live(address).detail["instances"]]

    def score(self, deployment: str = "", *, endpoint: str = "credit", key: str = "primaryKey") -> Any:
        status, answer = self.call(deployment, endpoint=endpoint, key=key)
        assert status == 200, answer
        return json.loads(answer)

    def call(
        self, deployment: str = "", *, endpoint: str = "credit", key: str = "primaryKey", body: bytes = b"{}"
    ) -> tuple[int, bytes]:
        address = Address("endpoint", endpoint)
        live = self.provider.observe(address)
        assert live is not None
        bearer = f"Bearer {self.provider.credentials(address).get(key, key)}"
        headers = {"authorization": bearer, "content-type": "application/json"}
        pin = {"azureml-model-deployment": deployment} if deployment else {}
        return post(live.detail["scoring_uri"], {**headers, **pin}, body)

    def end(self) -> None:
        Processes(self.layout).shutdown()
        self.layout.clear_sockets()


class Load(constant_load.Load):
    """Asks endpoint `credit`, by default over two connections that are kept and one that is new for each request.

    Args:
        key: which of the endpoint's keys the clients have.
        ca: the certificates that the clients trust, for an endpoint of https.
    """

    def __init__(
        self, world: HostedWorld, *, kept: int = 2, fresh: int = 1, key: str = "primaryKey", ca: Path | None = None
    ) -> None:
        endpoint = Address("endpoint", "credit")
        live = world.provider.observe(endpoint)
        assert live is not None
        secret = str(world.provider.credentials(endpoint)[key])
        super().__init__(live.detail["scoring_uri"], secret, kept=kept, fresh=fresh, ca=ca)


def post(uri: str, headers: Mapping[str, str], body: bytes = b"{}") -> tuple[int, bytes]:
    request = urllib.request.Request(uri, data=body, headers=dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
