"""The gateway's certificate: the user's own, or a self-signed one that is made on first use and renewed in time."""

import ipaddress
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.gateway.files import write_private
from reconciler.gateway.values import Tls
from reconciler.providers.hosting.options import Certificate

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

LIFETIME = timedelta(days=365)
RENEWED_BEFORE = timedelta(days=30)
# By which names a client on this machine may know the gateway, the usual one first.
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Identity:
    """How the gateway shows who it is.

    Args:
        file: the certificate in PEM form, for clients to trust.
        host: the name or address by which clients of this machine reach the gateway, one that the certificate has.
        self_signed: whether nobody but `file` vouches for it.
        renew_at: seconds since the epoch from which on another certificate is due.
    """

    tls: Tls
    file: Path
    host: str
    self_signed: bool
    renew_at: float


def identity(chosen: Certificate, own: Path, *, now: Callable[[], float] = time.time) -> Identity:
    """Return the certificate to serve with; the self-signed one is made at `own` where there is none that lasts.

    Raises:
        ProviderError: a file of the user's cannot be read, has expired, or does not fit the other.
    """
    if chosen.cert_file and chosen.key_file:
        return _of_user(chosen.cert_file, chosen.key_file, now())
    return _self_signed(own, now())


def _of_user(cert_file: Path, key_file: Path, now: float) -> Identity:
    from cryptography import x509  # noqa: PLC0415 - only a gateway with TLS needs it

    try:
        shown = x509.load_pem_x509_certificate(_read(cert_file, "cert_file"))
    except ValueError as error:
        raise _refused("cert_file", cert_file, "it holds no certificate in PEM form") from error
    expires = shown.not_valid_after_utc
    if expires.timestamp() <= now:
        raise _refused("cert_file", cert_file, f"it expired on {expires:%Y-%m-%d}; put a new one in its place")
    if _public(_private_key(key_file).public_key()) != _public(shown.public_key()):
        raise _refused("key_file", key_file, f"it is not the key of {cert_file}")
    names = list(_names(shown))
    host = next((name for name in (*LOOPBACK, *names) if name in names), LOOPBACK[0])
    return Identity(Tls(cert_file, key_file), cert_file, host, self_signed=False, renew_at=expires.timestamp())


def _self_signed(file: Path, now: float) -> Identity:
    # One file for both, so that one rename replaces certificate and key together.
    both = file.with_name("certificate-and-key.pem")
    made = _made_earlier(both)
    if made is None or _renew_at(made) <= now:
        made = _make(file, both, made, now)
    return Identity(Tls(both, both), file, LOOPBACK[0], self_signed=True, renew_at=_renew_at(made))


def _made_earlier(both: Path) -> "x509.Certificate | None":
    from cryptography import x509  # noqa: PLC0415 - as above

    try:
        return x509.load_pem_x509_certificate(both.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _renew_at(made: "x509.Certificate") -> float:
    return (made.not_valid_after_utc - RENEWED_BEFORE).timestamp()


def _make(file: Path, both: Path, former: "x509.Certificate | None", now: float) -> "x509.Certificate":
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    made = _signed(key, datetime.fromtimestamp(now, UTC))
    own = made.public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Clients trust the new one before the gateway shows it, and the former until it no longer does.
    write_private(file, own + (former.public_bytes(Encoding.PEM) if former else b""))
    write_private(both, own + private)
    return made


def _signed(key: "ec.EllipticCurvePrivateKey", at: datetime) -> "x509.Certificate":
    """A certificate that signs itself and nothing else."""
    from cryptography import x509  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: PLC0415

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mlops local gateway")])
    names = x509.SubjectAlternativeName([_general_name(each) for each in LOOPBACK])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A clock of a client that is a little behind would refuse one that begins right now.
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + LIFETIME)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _general_name(name: str) -> "x509.GeneralName":
    from cryptography import x509  # noqa: PLC0415 - as above

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(shown: "x509.Certificate") -> Iterator[str]:
    """The names and addresses that a certificate is for; those with a `*` name no host."""
    from cryptography import x509  # noqa: PLC0415 - as above

    try:
        found = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    yield from (name for name in found.get_values_for_type(x509.DNSName) if "*" not in name)
    yield from map(str, found.get_values_for_type(x509.IPAddress))


def _private_key(file: Path) -> "PrivateKeyTypes":
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as above

    try:
        return load_pem_private_key(_read(file, "key_file"), password=None)
    except TypeError as error:
        raise _refused("key_file", file, "it is protected by a passphrase; give one without") from error
    except ValueError as error:
        raise _refused("key_file", file, "it holds no private key in PEM form") from error


def _public(key: "PublicKeyTypes") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415 - as above

    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _read(file: Path, option: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _refused(option, file, error.strerror or str(error)) from error


def _refused(option: str, file: Path, problem: str) -> ProviderError:
    return ProviderError(f"target option gateway: tls: {option}: {file}: {problem}")
