"""What the gateway is to serve: the objects of a target in the gateway's words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.core.address import Address
from reconciler.frozen import dataclass
from reconciler.gateway.values import Backend, Deployment, Endpoint, Probe, Tokens
from reconciler.kinds.marks import is_keyless
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.objects import Object, Objects
from reconciler.providers.hosting.options import Options
from reconciler.providers.hosting.tokens import Signer, accepted_of

# The gateway's words for those of a probe; its initial delay does not matter to one that asks until there is an answer.
_PROBE = {
    "period": "period_s",
    "timeout": "timeout_s",
    "success_threshold": "success_threshold",
    "failure_threshold": "failure_threshold",
}


@dataclass(frozen=True)
class Ways:
    """How the gateway reaches the instances of one deployment.

    Args:
        backends: one an instance in service.
        queues: whether an instance itself holds back what it cannot run yet, and refuses what is too much.
        scoring_path: the path below which an instance scores.
        readiness_path: the path that tells whether an instance may be sent requests, on its backend's health port.
        own_paths: whether instances run a server of their maker's own, all of whose paths are the endpoint's too.
    """

    backends: tuple[Backend, ...]
    queues: bool = True
    scoring_path: str = "/score"
    readiness_path: str = "/"
    own_paths: bool = False


# How each of some deployments is reached, by address; all are asked for in one look.
Backends = Callable[[Sequence[Object]], Mapping[Address, Ways]]


@dataclass(frozen=True)
class Serving:
    """Reads the objects as the gateway is to serve them."""

    objects: Objects
    layout: Layout
    options: Options
    backends: Backends

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every endpoint as the objects have it; a deployment takes part once it has instances in service.

        Raises:
            ProviderError: the keys of a token's issuer cannot be read.
        """
        held = list(self.objects.all())
        serving = [item for item in held if item.address.kind == "deployment" and item.serving]
        ways = self.backends(serving)
        deployments: dict[str, list[Deployment]] = {}
        for item in serving:
            deployments.setdefault(item.address.endpoint, []).append(_deployment(item, ways[item.address]))
        endpoints = (item for item in held if item.address.kind == "endpoint")
        return tuple(self._endpoint(item, tuple(deployments.get(item.address.name, ()))) for item in endpoints)

    def _endpoint(self, item: Object, serving: tuple[Deployment, ...]) -> Endpoint:
        names = {each.name for each in serving}
        shared, mirrored = (
            {name: share for name, share in shares(item.spec.get(kind) or {}).items() if name in names}
            for kind in ("traffic", "mirror_traffic")
        )
        return Endpoint(
            item.address.name,
            self._keys(item),
            shared,
            serving,
            tokens=self._tokens(item),
            mirror=mirrored,
            kubernetes="compute" in item.spec,
        )

    def _keys(self, item: Object) -> tuple[str, ...]:
        asked_for = auth_mode(item) == "key" and not is_keyless(item.spec)
        return tuple(self.objects.secrets(item.address).values()) if asked_for else ()

    def _tokens(self, item: Object) -> Tokens | None:
        if is_keyless(item.spec):
            return None
        mode, issuer = auth_mode(item), self.options.issuer
        if mode == "aml_token":
            return Signer(self.layout.signing_key).accepted(item.address)
        return accepted_of(issuer) if mode == "aad_token" and issuer else None


def auth_mode(item: Object) -> str:
    """What opens an endpoint: `key`, `aml_token` or `aad_token`."""
    return str(item.spec.get("auth_mode", "key"))


def shares(traffic: Mapping[str, int]) -> dict[str, int]:
    """Traffic without those that get none: zero and absent are the same."""
    return {name: int(share) for name, share in traffic.items() if share}


def _deployment(item: Object, ways: Ways) -> Deployment:
    requests: Mapping[str, Any] = item.spec["request_settings"]
    return Deployment(
        item.address.name,
        ways.backends,
        timeout_ms=int(requests["request_timeout_ms"]),
        max_concurrent=int(requests["max_concurrent_requests_per_instance"]),
        queues=ways.queues,
        readiness=_probe(item.spec.get("readiness_probe") or {}, ways.readiness_path),
        scoring_path=ways.scoring_path,
        own_paths=ways.own_paths,
    )


def _probe(spec: Mapping[str, Any], path: str) -> Probe:
    return Probe(path, **{word: spec[name] for name, word in _PROBE.items() if name in spec})
