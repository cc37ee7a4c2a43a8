"""What the local target cannot do of what is wanted, said before anything is touched."""

from collections.abc import Callable, Iterator, Sequence

from reconciler.core.address import Address
from reconciler.core.manifest import Resource, Spec
from reconciler.core.problem import Problem
from reconciler.errors import ProviderError
from reconciler.providers.local.certificates import identity
from reconciler.providers.local.deployment_objections import Asset, asset_of, to_deployment, to_model
from reconciler.providers.local.options import Certificate, Issuer, Options
from reconciler.providers.local.tokens import accepted_of

_NAME_THE_ISSUER = (
    "add `tokens: {issuer: …, audience: …, jwks_uri: …}` to the target, or override auth_mode there by key or aml_token"
)

Lookup = Callable[[Address], Spec | None]


def objections(resources: Sequence[Resource], registered: Lookup, options: Options) -> Iterator[Problem]:
    """Every objection to the resources.

    Args:
        resources: what is wanted of the target.
        registered: finds assets that the target holds already.
        options: the target's.
    """
    wanted = {resource.address: resource for resource in resources}

    def find(address: Address) -> Asset | None:
        if address in wanted:
            return asset_of(wanted[address])
        spec = registered(address)
        return Asset(spec) if spec else None

    endpoints = [resource for resource in resources if resource.address.kind == "endpoint"]
    yield from _to_certificate(endpoints[:1], options.tls)
    for resource in resources:
        if resource.address.kind == "endpoint":
            yield from _to_endpoint(resource, options.issuer)
        elif resource.address.kind == "model":
            yield from to_model(resource, "path", resource.spec)
        elif resource.address.kind == "deployment":
            yield from to_deployment(resource, find, server=options.server)


def _to_certificate(first: Sequence[Resource], chosen: Certificate | None) -> Iterator[Problem]:
    """The user's own certificate is looked at by every plan: a proxy that has it keeps it until its next start."""
    if chosen is None or chosen.cert_file is None:
        return
    for resource in first:
        try:
            identity(chosen, chosen.cert_file)
        except ProviderError as error:
            yield resource.manifest.problem("", "E-UNSUPPORTED", str(error))


def _to_endpoint(resource: Resource, issuer: Issuer | None) -> Iterator[Problem]:
    if resource.spec.get("auth_mode") != "aad_token":
        return
    try:
        if issuer:
            accepted_of(issuer)
            return
        message = "local does not know who issues the tokens; " + _NAME_THE_ISSUER
    except ProviderError as error:
        message = str(error)
    yield resource.manifest.problem("auth_mode", "E-UNSUPPORTED", message)
