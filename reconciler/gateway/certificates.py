"""A certificate's files as they are now: whether they belong together, and the number by which it is known."""

from reconciler.errors import ProviderError
from reconciler.gateway.values import Tls


def serial_number(tls: Tls) -> str:
    """Return the serial number of a certificate, in the proxy's way of writing it.

    Raises:
        ProviderError: a file cannot be read, is not PEM, or the key is not the certificate's.
    """
    from cryptography import x509  # noqa: PLC0415 - takes as long to import as the rest of the gateway
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    try:
        found = x509.load_pem_x509_certificate(tls.cert_file.read_bytes())
        key = serialization.load_pem_private_key(tls.key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise ProviderError(f"the certificate of the gateway, {tls.cert_file} with {tls.key_file}: {error}") from error
    if key.public_key() != found.public_key():
        raise ProviderError(f"the certificate of the gateway: {tls.key_file} is not the key of {tls.cert_file}")
    return f"{found.serial_number:x}"
