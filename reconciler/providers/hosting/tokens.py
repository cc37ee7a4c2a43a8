"""Tokens that open endpoints: our own, for `auth_mode: aml_token`, and those of the issuer that a target names.

Ours are JWTs signed with RS256, which of the algorithms that the proxy takes is the cheapest to verify.
"""

import base64
import hashlib
import json
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.core.address import Address
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.gateway.values import Tokens
from reconciler.providers.hosting.options import Issuer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

LIFETIME_S = 12 * 3600
# Whoever fetches a new token from then on has four hours to try again before the old one ends.
REFRESH_AFTER_S = 8 * 3600
_LEEWAY_S = 30
_ALGORITHM = "RS256"
# `d` is the private part of a JWK, `k` a key that signs and verifies alike.
_PRIVATE_PARTS = frozenset({"d", "k"})


@dataclass(frozen=True)
class Signer:
    """Issues the tokens of endpoints with `auth_mode: aml_token`.

    Args:
        file: the private key in PEM form; made on first use, readable by its owner alone.
        now: seconds since the epoch.
    """

    file: Path
    now: Callable[[], float] = time.time

    def accepted(self, endpoint: Address) -> Tokens:
        """What the proxy has to know to verify an endpoint's tokens.

        Raises:
            ProviderError: the key cannot be read.
        """
        return Tokens(self._issuer, str(endpoint), json.dumps({"keys": [{**self._public, "kid": self._key_id}]}))

    def issue(self, endpoint: Address) -> Mapping[str, str | int]:
        """Return a fresh token of an endpoint under Azure's names; times are seconds since the epoch.

        Raises:
            ProviderError: the key cannot be read.
        """
        import jwt  # noqa: PLC0415 - 40 ms that only tokens need

        now = int(self.now())
        claims = {
            "iss": self._issuer,
            "aud": str(endpoint),
            "jti": str(uuid.uuid4()),
            "iat": now,
            "nbf": now - _LEEWAY_S,
            "exp": now + LIFETIME_S,
        }
        return {
            "accessToken": jwt.encode(claims, self._key, _ALGORITHM, headers={"kid": self._key_id}),
            "expiryTimeUtc": now + LIFETIME_S,
            "refreshAfterTimeUtc": now + REFRESH_AFTER_S,
            "tokenType": "Bearer",
        }

    @property
    def _issuer(self) -> str:
        """Fixed by the key: no target takes the tokens of another."""
        return f"urn:mlops:{self._key_id}"

    @cached_property
    def _key_id(self) -> str:
        """The key's thumbprint as of RFC 7638."""
        canonical = {name: self._public[name] for name in ("e", "kty", "n")}
        text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
        return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")

    @cached_property
    def _public(self) -> Mapping[str, Any]:
        from jwt.algorithms import RSAAlgorithm  # noqa: PLC0415 - 40 ms that only tokens need

        return RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)

    @cached_property
    def _key(self) -> "RSAPrivateKey":
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

        if not self.file.exists():
            _make_key(self.file)
        try:
            key = load_pem_private_key(self.file.read_bytes(), password=None)
        except (OSError, ValueError) as error:
            raise ProviderError(f"the key that signs tokens cannot be read: {error}; remove {self.file}") from error
        if not isinstance(key, RSAPrivateKey):
            raise ProviderError(f"the key that signs tokens is no RSA key; remove {self.file}")
        return key


def accepted_of(issuer: Issuer) -> Tokens:
    """What the proxy has to know to verify the tokens of a target's own issuer.

    Raises:
        ProviderError: its keys lie in a file that cannot be read, or that holds none that can be used.
    """
    keys = _read_jwks(issuer.jwks_file) if issuer.jwks_file else ""
    return Tokens(issuer.issuer, issuer.audience, keys, issuer.jwks_uri)


def _read_jwks(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8")
        found = json.loads(text)["keys"]
        usable = [key for key in found if (key["kty"], key.get("crv", "P-256")) in {("RSA", "P-256"), ("EC", "P-256")}]
        private = any(_PRIVATE_PARTS & key.keys() for key in found)
    except OSError as error:
        raise _not_a_jwks(file, error.strerror or str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _not_a_jwks(file, 'it is no JSON Web Key Set, {"keys": [{"kty": …}]}') from error
    if private:
        raise _not_a_jwks(file, "it holds a private key; give the file that the issuer publishes")
    if not usable:
        raise _not_a_jwks(file, "it holds no key for RS256 or ES256")
    return text


def _not_a_jwks(file: Path, problem: str) -> ProviderError:
    return ProviderError(f"target option tokens: jwks_file: {file}: {problem}")


def _make_key(file: Path) -> None:
    """Make a key; where somebody else makes one at the same time, the first stays."""
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - only the first use needs it
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    descriptor, fresh = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            opened.flush()
            os.fsync(opened.fileno())
        file.hardlink_to(fresh)
    except FileExistsError:
        pass
    finally:
        Path(fresh).unlink(missing_ok=True)
