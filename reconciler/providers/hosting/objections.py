"""What no target on this machine can do: show a certificate that is none, verify tokens of nobody, collect data."""

from collections.abc import Iterator, Sequence

from reconciler.core.manifest import Resource
from reconciler.core.problem import Problem
from reconciler.errors import ProviderError
from reconciler.providers.hosting.certificates import identity
from reconciler.providers.hosting.options import Certificate, Issuer, Options
from reconciler.providers.hosting.tokens import accepted_of

_NAME_THE_ISSUER = (
    "add `tokens: {issuer: …, audience: …, jwks_uri: …}` to the target, or override auth_mode there by key or aml_token"
)


def to_endpoints(resources: Sequence[Resource], provider: str, options: Options) -> Iterator[Problem]:
    """Every objection to the endpoints among the resources, by what the target chooses."""
    endpoints = [resource for resource in resources if resource.address.kind == "endpoint"]
    yield from _to_certificate(endpoints[:1], options.tls)
    for resource in endpoints:
        yield from _to_endpoint(resource, provider, options.issuer)


def to_collecting(resource: Resource, provider: str) -> Iterator[Problem]:
    """A warning that a deployment's data is not collected: there is no workspace here to collect it in."""
    collections = (resource.spec.get("data_collector") or {}).get("collections") or {}
    if any(str(each.get("enabled", "")).lower() == "true" for each in collections.values()):
        message = f"{provider} collects no data and sets no AZUREML_MDC_CONFIG_PATH; data_collector has no effect here"
        yield resource.manifest.problem("data_collector", "W-UNSUPPORTED", message)


def _to_certificate(first: Sequence[Resource], chosen: Certificate | None) -> Iterator[Problem]:
    """The user's own certificate is looked at by every plan: a proxy that has it keeps it until its next start."""
    if chosen is None or chosen.cert_file is None:
        return
    for resource in first:
        try:
            identity(chosen, chosen.cert_file)
        except ProviderError as error:
            yield resource.manifest.problem("", "E-UNSUPPORTED", str(error))


def _to_endpoint(resource: Resource, provider: str, issuer: Issuer | None) -> Iterator[Problem]:
    if resource.spec.get("auth_mode") != "aad_token":
        return
    try:
        if issuer:
            accepted_of(issuer)
            return
        message = f"{provider} does not know who issues the tokens; " + _NAME_THE_ISSUER
    except ProviderError as error:
        message = str(error)
    yield resource.manifest.problem("auth_mode", "E-UNSUPPORTED", message)
