"""Text at rest is sealed by AES-256-GCM under a key of the environment, bound to whose, which and where it is.

The associated data of a sealed text are its lineage, its serial and its place. So a text that was written under another
serial, or that belongs to another row, record or plan, does not open: it is refused, not believed.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.errors import StateError
from reconciler.frozen import dataclass

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VARIABLE = "MLOPS_ENCRYPTION_KEY"
FALLBACK = "MLOPS_ENCRYPTION_KEY_FALLBACK"
ADVICE = "`openssl rand -hex 32` makes one"
_FILE = "_FILE"
_NONCE_BYTES = 12
_METHOD = "aes-256-gcm"


class SealError(Exception):
    """A sealed text does not open: it was changed, moved, or is older than what it stands for."""


@dataclass(frozen=True)
class Bond:
    """What a sealed text is bound to.

    Args:
        lineage: the identity of the record.
        serial: how often the record had changed when the text was written.
        place: what it is the text of, such as `entries deployment/credit/blue`.
    """

    lineage: str
    serial: int
    place: str

    def associated_data(self) -> bytes:
        """The bond as bytes of which no two are alike."""
        return "\0".join((self.lineage, str(self.serial), self.place)).encode()


@dataclass(frozen=True)
class SealKey:
    """One key of 32 bytes, from which those for sealing and for digests are derived (NIST SP 800-108, HMAC)."""

    secret: bytes = field(repr=False)

    @cached_property
    def id(self) -> str:
        """How the key is known; it tells nothing of the key itself."""
        return self._derived(b"id").hex()[:16]

    @cached_property
    def for_digests(self) -> bytes:
        """The key of digests that nobody without it can make."""
        return self._derived(b"digests")

    def seal(self, text: str, bond: Bond) -> str:
        """The text under this key."""
        from base64 import b64encode  # noqa: PLC0415 - only where there is a key

        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), bond.associated_data())
        return b64encode(nonce + sealed).decode("ascii")

    def open(self, sealed: str, bond: Bond) -> str:
        """The text that was sealed.

        Raises:
            SealError: it is not what was sealed under this key with this bond.
        """
        from base64 import b64decode  # noqa: PLC0415 - only where there is a key

        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above

        try:
            held = b64decode(sealed, validate=True)
            nonce, body = held[:_NONCE_BYTES], held[_NONCE_BYTES:]
            return self._cipher.decrypt(nonce, body, bond.associated_data()).decode()
        except (InvalidTag, ValueError) as error:
            raise SealError(f"{bond.place} does not open under serial {bond.serial}") from error

    @cached_property
    def _cipher(self) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - only where there is a key

        return AESGCM(self._derived(b"seal"))

    def _derived(self, use: bytes) -> bytes:
        return hmac.new(self.secret, b"mlops encryption: " + use, hashlib.sha256).digest()


@dataclass(frozen=True)
class SealKeys:
    """The keys that are given: what is written is sealed under `current`; `fallback` opens what was written before."""

    current: SealKey | None = None
    fallback: SealKey | None = None

    def known(self, key_id: str) -> SealKey | None:
        """The key of this id, if it is given."""
        return next((key for key in (self.current, self.fallback) if key and key.id == key_id), None)


def seal_keys(environ: Mapping[str, str]) -> SealKeys:
    """The keys of the environment, each in a variable or in a file that a variable names.

    Raises:
        StateError: a key is no key, its file cannot be read, or a fallback is given without a key.
    """
    keys = SealKeys(_given(VARIABLE, environ), _given(FALLBACK, environ))
    if keys.fallback and not keys.current:
        raise StateError(f"{FALLBACK} is given without {VARIABLE}; the first opens, the second seals")
    return keys


def sealed_document(text: str, keys: SealKeys, bond: Bond) -> dict[str, Any] | None:
    """A text as a document of its own that says which key and serial it is under; None when no key is given."""
    key = keys.current
    if key is None:
        return None
    told = {"encryption": _METHOD, "key": key.id, "lineage": bond.lineage, "serial": bond.serial}
    return told | {"sealed": key.seal(text, bond)}


def opened_document(held: Mapping[str, Any], keys: SealKeys, *, place: str, name: str) -> str | None:
    """The text of a sealed document; None when the document is not sealed and no key is given.

    Args:
        held: the document.
        keys: those that are given.
        place: what it is the text of.
        name: how messages call it, such as its file.

    Raises:
        StateError: it does not open, its key is not given, or it is in the clear although a key is given.
    """
    if "sealed" not in held:
        if keys.current:
            raise StateError(f"{name}: it is not encrypted, but {VARIABLE} is set; make it anew")
        return None
    if held.get("encryption") != _METHOD:
        raise StateError(f"{name}: encryption {held.get('encryption')!r} is not known; upgrade mlops")
    key = keys.known(str(held["key"]))
    if key is None:
        raise StateError(missing_key(name, str(held["key"]), keys))
    try:
        return key.open(str(held["sealed"]), Bond(str(held["lineage"]), int(held["serial"]), place))
    except SealError as error:
        raise StateError(f"{name}: it was changed, or is older than it says: {error}") from error


def missing_key(name: str, key_id: str, keys: SealKeys) -> str:
    """What to say where the key that something was sealed under is not given."""
    if keys.current is None:
        return f"{name}: it is encrypted under key {key_id}; give that in {VARIABLE} or {VARIABLE}{_FILE}"
    return (
        f"{name}: it is encrypted under key {key_id}, and {VARIABLE} is {keys.current.id}; "
        f"give the former key in {FALLBACK} or {FALLBACK}{_FILE}"
    )


def _given(variable: str, environ: Mapping[str, str]) -> SealKey | None:
    """The key of a variable or of its file; an empty variable is none, as CI sets it for a secret that is not there."""
    text, origin = environ.get(variable, ""), f"${variable}"
    file = environ.get(variable + _FILE, "")
    if text and file:
        raise StateError(f"{variable} and {variable}{_FILE} are both set; give one of them")
    if file:
        text, origin = _read(Path(file).expanduser(), variable + _FILE), file
    if not text.strip():
        if file:
            raise StateError(f"{origin}: the key file is empty; {ADVICE}")
        return None
    if not re.fullmatch("[0-9a-fA-F]{64}", text.strip()):
        raise StateError(f"{origin}: this is no key of 64 hexadecimal digits; {ADVICE}")
    return SealKey(bytes.fromhex(text.strip()))


def _read(file: Path, variable: str) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(f"{file}: the key that {variable} names cannot be read: {error}") from error
