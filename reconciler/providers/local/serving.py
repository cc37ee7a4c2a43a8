"""What the gateway is to serve: the objects of a target in the gateway's words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.gateway.values import Backend, Deployment, Endpoint, Probe, Tokens
from reconciler.providers.local.layout import Layout
from reconciler.providers.local.objects import Object, Objects
from reconciler.providers.local.options import Options
from reconciler.providers.local.tokens import Signer, accepted_of

# The gateway's words for those of a probe; its initial delay does not matter to one that asks until there is an answer.
_PROBE = {
    "period": "period_s",
    "timeout": "timeout_s",
    "success_threshold": "success_threshold",
    "failure_threshold": "failure_threshold",
}


@dataclass(frozen=True)
class Serving:
    """Reads the objects as the gateway is to serve them."""

    objects: Objects
    layout: Layout
    options: Options = field(default_factory=Options)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every endpoint as the objects have it; a deployment takes part once it has instances in service.

        Raises:
            ProviderError: the keys of a token's issuer cannot be read.
        """
        held = list(self.objects.all())
        deployments: dict[str, list[Object]] = {}
        for item in held:
            if item.address.kind == "deployment" and item.serving:
                deployments.setdefault(item.address.endpoint, []).append(item)
        return tuple(
            self._endpoint(item, deployments.get(item.address.name, ()))
            for item in held
            if item.address.kind == "endpoint"
        )

    def _endpoint(self, item: Object, deployments: Iterable[Object]) -> Endpoint:
        serving = tuple(self._deployment(each) for each in deployments)
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
        return tuple(self.objects.secrets(item.address).values()) if auth_mode(item) == "key" else ()

    def _tokens(self, item: Object) -> Tokens | None:
        mode, issuer = auth_mode(item), self.options.issuer
        if mode == "aml_token":
            return Signer(self.layout.signing_key).accepted(item.address)
        return accepted_of(issuer) if mode == "aad_token" and issuer else None

    def _deployment(self, item: Object) -> Deployment:
        requests: Mapping[str, Any] = item.spec["request_settings"]
        return Deployment(
            item.address.name,
            tuple(Backend(name, str(self.layout.socket(name))) for name in item.serving),
            timeout_ms=int(requests["request_timeout_ms"]),
            max_concurrent=int(requests["max_concurrent_requests_per_instance"]),
            queues=self.options.server == "mlops",
            readiness=_probe(item.spec.get("readiness_probe") or {}),
        )


def auth_mode(item: Object) -> str:
    """What opens an endpoint: `key`, `aml_token` or `aad_token`."""
    return str(item.spec.get("auth_mode", "key"))


def shares(traffic: Mapping[str, int]) -> dict[str, int]:
    """Traffic without those that get none: zero and absent are the same."""
    return {name: int(share) for name, share in traffic.items() if share}


def _probe(spec: Mapping[str, Any]) -> Probe:
    return Probe(**{word: spec[name] for name, word in _PROBE.items() if name in spec})
