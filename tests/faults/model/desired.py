"""What is wanted: values that edits turn into other values, and the folder of YAML that says them."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

CANARY = "c4n4ry"
"""Part of every value that must never be shown."""

BAD_CODE = "broken"
_SCHEMAS = "https://azuremlschemas.azureedge.net/latest"
_SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return {answer!r}\n"

Key = tuple[str, str]
"""Endpoint and name of a deployment."""


@dataclass(frozen=True)
class Deployment:
    """What the file of a deployment says; `secret` is a number that goes into a value with the canary."""

    model: str = "azureml:risk:1"
    code: str = "first"
    environment: str = "azureml:runtime:1"
    count: int = 1
    size: str = "Standard_DS3_v2"
    note: str = ""
    secret: int = 0


@dataclass(frozen=True)
class Endpoint:
    """What the file of an endpoint says; `traffic` of None says nothing."""

    traffic: Mapping[str, int] | None = None
    note: str = ""
    auth: str = "key"
    location: str = "westeurope"


@dataclass(frozen=True)
class Desired:
    """All that is wanted."""

    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    deployments: Mapping[Key, Deployment] = field(default_factory=dict)
    models: frozenset[int] = frozenset({1})

    @property
    def valid(self) -> bool:
        """Whether every sum of traffic is right."""
        return all(sum((each.traffic or {}).values()) in (0, 100) for each in self.endpoints.values())

    @property
    def works(self) -> bool:
        """Whether the code of every deployment starts."""
        return all(each.code != BAD_CODE for each in self.deployments.values())

    def of(self, endpoint: str) -> list[str]:
        """The names of an endpoint's deployments."""
        return sorted(name for parent, name in self.deployments if parent == endpoint)

    def with_endpoint(self, name: str, **fields: Any) -> "Desired":
        """An endpoint more, or one that says something else."""
        made = replace(self.endpoints.get(name, Endpoint()), **fields)
        return replace(self, endpoints={**self.endpoints, name: made})._repaired()

    def without_endpoint(self, name: str) -> "Desired":
        """No such endpoint, and none of its deployments."""
        endpoints = {key: value for key, value in self.endpoints.items() if key != name}
        kept = {key: value for key, value in self.deployments.items() if key[0] != name}
        return replace(self, endpoints=endpoints, deployments=kept)

    def with_deployment(self, key: Key, **fields: Any) -> "Desired":
        """A deployment more, or one that says something else; its endpoint is there by then."""
        endpoints = {key[0]: Endpoint(), **self.endpoints}
        made = replace(self.deployments.get(key, Deployment()), **fields)
        return replace(self, endpoints=endpoints, deployments={**self.deployments, key: made})._repaired()

    def without_deployment(self, key: Key) -> "Desired":
        """No such deployment; its traffic goes to the first that is left."""
        return replace(self, deployments={k: v for k, v in self.deployments.items() if k != key})._repaired()

    def renamed(self, key: Key, name: str) -> "Desired":
        """A deployment under another name, which gets its traffic."""
        kept = {k: v for k, v in self.deployments.items() if k != key}
        traffic = self.endpoints[key[0]].traffic
        if traffic is not None:
            traffic = {name if each == key[1] else each: share for each, share in traffic.items()}
        endpoints = {**self.endpoints, key[0]: replace(self.endpoints[key[0]], traffic=traffic)}
        return replace(self, endpoints=endpoints, deployments={**kept, (key[0], name): self.deployments[key]})

    def _repaired(self) -> "Desired":
        """The same with traffic to deployments that are there, and every model that is named."""
        named = {int(d.model.rpartition(":")[2]) for d in self.deployments.values() if "@" not in d.model}
        found = {name: self._routed(name, endpoint) for name, endpoint in self.endpoints.items()}
        return replace(self, endpoints=found, models=self.models | named)

    def _routed(self, name: str, endpoint: Endpoint) -> Endpoint:
        there = self.of(name)
        if endpoint.traffic is None or set(endpoint.traffic) <= set(there):
            return endpoint
        return replace(endpoint, traffic={there[0]: 100} if there else {})


class Folder:
    """The folder of YAML; only files that say something else are written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written: dict[str, str] = {}
        for name in ("first", "second", BAD_CODE):
            (path / name).mkdir(parents=True)
            (path / name / "score.py").write_text(_SCRIPT.format(answer=name))

    def say(self, desired: Desired) -> None:
        """Have the files say what is wanted."""
        texts = {name: _text(document) for name, document in _documents(desired).items()}
        for number in desired.models:
            texts[f"weights-{number}/model.pkl"] = f"weights {number}"
        for name in self._written.keys() - texts.keys():
            self._remove(self.path / name)
        for name, text in texts.items():
            if self._written.get(name) != text:
                (self.path / name).parent.mkdir(exist_ok=True)
                (self.path / name).write_text(text)
        self._written = texts

    def _remove(self, file: Path) -> None:
        if file.parent == self.path:
            file.unlink()
        else:
            shutil.rmtree(file.parent)


def _documents(desired: Desired) -> dict[str, dict[str, Any]]:
    """What each file says."""
    found: dict[str, dict[str, Any]] = {}
    for number in sorted(desired.models):
        found[f"risk-{number}.yml"] = _named("model", "risk", version=str(number), path=f"weights-{number}")
    for number in (1, 2):
        found[f"runtime-{number}.yml"] = _named("environment", "runtime", version=str(number), image=f"image:{number}")
    for name, endpoint in desired.endpoints.items():
        found[f"{name}.yml"] = _endpoint(name, endpoint)
    for (parent, name), deployment in desired.deployments.items():
        found[f"{parent}-{name}.yml"] = _deployment(parent, name, deployment)
    return found


def _endpoint(name: str, said: Endpoint) -> dict[str, Any]:
    routed = {} if said.traffic is None else {"traffic": dict(said.traffic)}
    tags = {"note": said.note} if said.note else {}
    fields = {"auth_mode": said.auth, "location": said.location, "tags": tags, **routed}
    return _named("managedOnlineEndpoint", name, **fields)


def _deployment(parent: str, name: str, said: Deployment) -> dict[str, Any]:
    return _named(
        "managedOnlineDeployment",
        name,
        endpoint_name=parent,
        model=said.model,
        code_configuration={"code": said.code, "scoring_script": "score.py"},
        environment=said.environment,
        instance_type=said.size,
        instance_count=said.count,
        tags={"note": said.note} if said.note else {},
        environment_variables={"TOKEN": f"{CANARY}-{said.secret}"},
    )


def _named(schema: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"$schema": f"{_SCHEMAS}/{schema}.schema.json", "name": name, **fields}


def _text(document: Mapping[str, Any]) -> str:
    return "".join(f"{field}: {json.dumps(value)}\n" for field, value in document.items())
