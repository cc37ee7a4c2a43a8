"""The key of a record's secrets: a private file beside the record, or a variable of the environment."""

import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from pathlib import Path

from reconciler.errors import StateError
from reconciler.record.files import lay_down

VARIABLE = "MLOPS_STATE_KEY"
_WRITTEN = "[0-9a-f]{64}"


def fingerprint(key: bytes) -> str:
    """What a record keeps of its key, to know it again."""
    return hmac.new(key, b"mlops state key", hashlib.sha256).hexdigest()


def load_key(path: Path, environ: Mapping[str, str], *, advice: str = "") -> bytes:
    """The key of a record that exists; the variable holds any text, or what a file of a key holds.

    Raises:
        StateError: it is lost; the advice says what to do where it is not found beside the record.
    """
    advice = advice or _advice(path)
    if text := environ.get(VARIABLE):
        return bytes.fromhex(text) if re.fullmatch(_WRITTEN, text) else hashlib.sha256(text.encode()).digest()
    try:
        written = path.read_bytes().decode("ascii").strip()
    except FileNotFoundError:
        raise StateError(f"{path}: E-STATE-KEY: the key of the state's secrets is lost; {advice}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(
            f"{path}: E-STATE-KEY: the key of the state's secrets cannot be read: {error}; {advice}"
        ) from error
    if not re.fullmatch(_WRITTEN, written):
        raise StateError(f"{path}: E-STATE-KEY: this is no key of 64 hexadecimal digits; {advice}")
    return bytes.fromhex(written)


def checked_key(path: Path, environ: Mapping[str, str], known: str, *, advice: str = "") -> bytes:
    """The key whose fingerprint the record knows.

    Raises:
        StateError: it is lost, or it is another.
    """
    advice = advice or _advice(path)
    key = load_key(path, environ, advice=advice)
    if not hmac.compare_digest(fingerprint(key), known):
        origin = f"${VARIABLE}" if environ.get(VARIABLE) else str(path)
        raise StateError(f"{origin}: E-STATE-KEY: this is not the key that the state was made with; {advice}")
    return key


def make_key(path: Path, environ: Mapping[str, str]) -> bytes:
    """The key for a record that is being born; one that outlived its record is used again."""
    if not environ.get(VARIABLE):
        lay_down(path, lambda file: _write(file, os.urandom(32).hex()))
    return load_key(path, environ)


def _write(file: Path, text: str) -> None:
    file.write_text(text + "\n", encoding="ascii")


def _advice(path: Path) -> str:
    return (
        f"restore {path.name} from a backup or set {VARIABLE}. Without it no recorded secret can be compared; "
        f"if it is gone for good, move {path.with_suffix('.db').name} away to begin a new record"
    )
