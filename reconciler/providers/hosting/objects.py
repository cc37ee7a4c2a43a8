"""What a local target holds: one private JSON file an address, its secrets apart, and the fences."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Operation
from reconciler.core.rollout import Rollout
from reconciler.core.secret import Secret, sealed, secrets_of, unsealed, with_secrets
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.gateway.files import write_private
from reconciler.kinds.deployment import DEPLOYMENT

_SUFFIX = ".json"
_UNDER_WAY = frozenset({"Creating", "Updating", "Scaling"})


@dataclass(frozen=True)
class Object:
    """One object of the target.

    Args:
        spec: what was last made true, its secrets as digests.
        status: Azure's provisioning state.
        serving: names of the instances that the gateway sends requests to; of deployments only.
        created: ISO 8601 in UTC.
        versions: of what is in service, which version of the spec it runs; one that is not named runs `spec`.
        rollout: of an endpoint, traffic on its way; the spec has what is in force of it.
        former: the states that had it before, whose marks its instances may carry.
    """

    address: Address
    spec: Spec
    lineage: str
    generation: int
    operation: str
    status: str = "Succeeded"
    serving: tuple[str, ...] = ()
    created: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    rollout: Rollout | None = None
    former: tuple[str, ...] = ()

    @property
    def others(self) -> tuple[str, ...]:
        """What is in service and runs another version than `spec`: some, while a roll-out is under way."""
        return tuple(name for name in self.serving if self.version(name) != version_of(self.spec))

    def version(self, instance: str) -> str:
        """Which version of the spec an instance runs."""
        return self.versions.get(instance, version_of(self.spec))

    def joined_by(self, instances: Iterable[str], version: str) -> "Object":
        """The object with more instances in service, all of one version."""
        fresh = tuple(instances)
        return replace(
            self, serving=(*self.serving, *fresh), versions={**self.versions, **dict.fromkeys(fresh, version)}
        )

    def without(self, instances: Iterable[str]) -> "Object":
        """The object with fewer instances in service."""
        serving = tuple(name for name in self.serving if name not in set(instances))
        versions = {name: version for name, version in self.versions.items() if name in serving}
        return replace(self, serving=serving, versions=versions)

    @property
    def under_way(self) -> bool:
        """Whether a step is at work on it, or was cut off."""
        return self.status in _UNDER_WAY

    def at_rest(self) -> "Object":
        """The deployment as it is when nobody works at it."""
        status = "Updating" if self.others else "Succeeded" if self.serving else "Failed"
        return replace(self, status=status)

    @property
    def lineages(self) -> frozenset[str]:
        """The states whose marks its instances may carry."""
        return frozenset((self.lineage, *self.former))

    def by(self, operation: Operation) -> "Object":
        """The object as an operation leaves it."""
        return replace(self, lineage=operation.lineage, generation=operation.generation, operation=operation.id)


def version_of(spec: Spec) -> str:
    """What tells instances of one version of a spec from those of another: everything but how many there are."""
    same = {name: value for name, value in spec.items() if name not in DEPLOYMENT.scale}
    return hashlib.sha256(json.dumps(sealed(same), sort_keys=True).encode()).hexdigest()[:12]


def by_digest(spec: Spec) -> dict[str, str]:
    """The values of the secrets of a spec that are at hand, by their digests."""
    return {secret.digest: secret.value for secret in secrets_of(spec) if secret.value is not None}


def with_values(spec: Spec, stored: Mapping[str, str]) -> dict[str, Any]:
    """A spec whose secrets know their values, where those are at hand or were kept under their digests."""

    def known(secret: Secret) -> Secret:
        return secret if secret.value is not None else replace(secret, value=stored.get(secret.digest))

    return {name: with_secrets(value, known) for name, value in spec.items()}


@dataclass(frozen=True)
class Objects:
    """The objects of a target, below a folder."""

    folder: Path

    def get(self, address: Address) -> Object | None:
        """One object; None when there is none."""
        try:
            return _object(address, self._path("objects", address).read_bytes())
        except FileNotFoundError:
            return None

    def held(self, address: Address) -> Object:
        """One object that must be there.

        Raises:
            ProviderError: it is not.
        """
        found = self.get(address)
        if found is None:
            raise ProviderError(f"{address} is not there")
        return found

    def require_parent(self, deployment: Address) -> None:
        """Let no deployment be made of an endpoint that is not there.

        Raises:
            ProviderError: it is not.
        """
        if deployment.parent and self.get(deployment.parent) is None:
            raise ProviderError(f"{deployment}: there is no {deployment.parent}")

    def all(self) -> Iterator[Object]:
        """Every object, by address."""
        return self._matching("*")

    def of_endpoint(self, endpoint: str) -> Iterator[Object]:
        """An endpoint's deployments."""
        return self._matching(quote(f"deployment/{endpoint}/", safe="") + "*")

    def has_endpoints(self) -> bool:
        """Whether there is anything to serve."""
        return any(self._matching(quote("endpoint/", safe="") + "*"))

    def put(self, item: Object) -> None:
        """Store an object whole."""
        body = {key: value for key, value in asdict(replace(item, spec={})).items() if key not in ("address", "spec")}
        self._write("objects", item.address, {**body, "spec": sealed(item.spec)})

    def remove(self, address: Address) -> None:
        """Forget an object and its secrets; its fence stays, against operations that come late."""
        for part in ("objects", "secrets"):
            self._path(part, address).unlink(missing_ok=True)

    def secrets(self, address: Address) -> dict[str, str]:
        """What an object keeps in the clear: an endpoint's keys, a deployment's variables."""
        try:
            found: dict[str, str] = json.loads(self._path("secrets", address).read_bytes())
        except FileNotFoundError:
            return {}
        return found

    def keep_secrets(self, address: Address, values: Mapping[str, str]) -> None:
        """Store an object's secrets, readable by the owner alone."""
        self._write("secrets", address, dict(values))

    def fence(self, address: Address, generation: int) -> None:
        """Refuse operations below a generation from now on."""
        fenced, lineage = self._fenced(address)
        if generation > fenced:
            self._write("fences", address, [generation, lineage])

    def fences(self) -> dict[Address, int]:
        """By address the highest generation that was seen, also where the object is gone."""
        found = (self._named(path) for path in sorted(self.folder.glob(f"fences/*{_SUFFIX}")))
        return {address: self._fenced(address)[0] for address in found}

    def admit(self, address: Address, operation: Operation) -> None:
        """Let an operation in, and fence off the older ones of its state; other states count for themselves.

        Raises:
            ProviderError: a younger one has been here.
        """
        fenced, lineage = self._fenced(address)
        if lineage in ("", operation.lineage) and operation.generation < fenced:
            raise ProviderError(
                f"{address}: operation of generation {operation.generation} is late; {fenced} has been here"
            )
        if (fenced, lineage) != (operation.generation, operation.lineage):
            self._write("fences", address, [operation.generation, operation.lineage])

    def take_over(self, address: Address, operation: Operation) -> None:
        """Have an object, and its fence, be the state's of an operation.

        Raises:
            ProviderError: it is not there, or a younger operation of that state has been here.
        """
        held = self.held(address)
        Objects.admit(self, address, operation)  # Others' objects may be beside it, whatever a target may hold.
        former = tuple(sorted(held.lineages - {operation.lineage, ""}))
        self.put(replace(held.by(operation), former=former))

    def mirror(self) -> None:
        """Copy what the gateway keeps beside the objects to where they have a copy; files alone have none."""

    def _matching(self, pattern: str) -> Iterator[Object]:
        for path in sorted(self.folder.glob(f"objects/{pattern}{_SUFFIX}")):
            found = self.get(self._named(path))
            if found:
                yield found

    def _fenced(self, address: Address) -> tuple[int, str]:
        """The highest generation seen, and the state that it is of; none where only a fence was set."""
        try:
            generation, lineage = json.loads(self._path("fences", address).read_bytes())
        except FileNotFoundError:
            return 0, ""
        return int(generation), str(lineage)

    def _write(self, part: str, address: Address, value: Any) -> None:
        path = self._path(part, address)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, json.dumps(value, indent=1).encode())

    def _path(self, part: str, address: Address) -> Path:
        return self.folder / part / (quote(str(address), safe="") + _SUFFIX)

    @staticmethod
    def _named(path: Path) -> Address:
        return Address.parse(unquote(path.name.removesuffix(_SUFFIX)))


def _object(address: Address, text: bytes) -> Object:
    body = json.loads(text)
    spec, serving = unsealed(body.pop("spec")), tuple(body.pop("serving"))
    moving, former = body.pop("rollout", None), tuple(body.pop("former", ()))
    rollout = Rollout.of_json(moving) if moving else None
    return Object(address, spec, serving=serving, rollout=rollout, former=former, **body)
