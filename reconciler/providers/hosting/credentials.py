"""What opens an endpoint: its two keys, made, handed out and replaced one at a time, or a fresh token."""

import secrets
from collections.abc import Mapping
from contextlib import suppress

from reconciler.core.address import Address
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.providers.hosting.front import Front
from reconciler.providers.hosting.objects import Object, Objects
from reconciler.providers.hosting.options import Issuer
from reconciler.providers.hosting.serving import auth_mode
from reconciler.providers.hosting.tokens import Signer
from reconciler.providers.provider import Key

KEYS: Mapping[Key, str] = {"primary": "primaryKey", "secondary": "secondaryKey"}


@dataclass(frozen=True)
class Credentials:
    """Hands out what opens endpoints, and replaces it.

    Args:
        issuer: of the tokens that we only verify; None where the target names none.
    """

    objects: Objects
    front: Front
    signer: Signer
    issuer: Issuer | None

    def of(self, endpoint: Address) -> Mapping[str, str | int]:
        """The keys of an endpoint, or a fresh token.

        Raises:
            ProviderError: the endpoint is not there, or its tokens are handed out by somebody else.
        """
        mode = auth_mode(self.objects.held(endpoint))
        if mode == "key":
            return self.objects.secrets(endpoint)
        if mode == "aml_token":
            return self.signer.issue(endpoint)
        who = f"of {self.issuer.issuer}, for the audience {self.issuer.audience}" if self.issuer else "of an issuer"
        raise ProviderError(f"{endpoint} is opened by tokens {who} (auth_mode {mode}); get one there")

    def rotate(self, endpoint: Address, which: Key) -> None:
        """Put a new key in force in the place of an old one, which opens nothing from then on; the other one goes on.

        Raises:
            ProviderError: the endpoint has no keys, or the gateway does not take the new one; the old one goes on.
        """
        mode = auth_mode(self.objects.held(endpoint))
        if mode != "key":
            raise ProviderError(f"{endpoint} has no keys to rotate: its auth_mode is {mode}")
        former = self.objects.secrets(endpoint)
        self.objects.keep_secrets(endpoint, {**former, KEYS[which]: _new_key()})
        try:
            self.front.sync()
        except BaseException:
            self.objects.keep_secrets(endpoint, former)
            with suppress(ProviderError):
                self.front.sync()
            raise


def ensure_keys(objects: Objects, endpoint: Object) -> None:
    """Make the keys of an endpoint that is opened by keys and has none; those that it has are kept."""
    if auth_mode(endpoint) == "key" and not objects.secrets(endpoint.address):
        objects.keep_secrets(endpoint.address, {name: _new_key() for name in KEYS.values()})


def _new_key() -> str:
    return secrets.token_urlsafe(32)
