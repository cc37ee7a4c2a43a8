"""Secrets that are known when they are seen again, in whatever form."""

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

import psutil

# With characters that JSON, an address and a shell write otherwise.
BY_REFERENCE = 'canary/by+reference "é" 7f3a'
BY_VARIABLE = "canary-by-variable&=%?9c21"
BY_SET = "canary-by-set-5d80"
INDEX = "canary-index-42be"
CHANNEL = "canary-channel-e6a1"
STATE_KEY = "canary-state-key-0b9f"
REST_KEY = "a1b2c3d4" * 8
TOKEN = "canary-token-77aa"
ALL = (BY_REFERENCE, BY_VARIABLE, BY_SET, INDEX, CHANNEL, STATE_KEY, REST_KEY, TOKEN)


def forms(secret: str) -> set[bytes]:
    """A secret as it may stand in a sink: raw, as JSON and an address have it, in base64 wherever it begins."""
    texts = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    texts |= {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    raw = secret.encode()
    for shift in range(3):
        # Without the characters that what stands before and after has a part in.
        coded = base64.b64encode(b"\0" * shift + raw).decode()
        inner = coded[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]
        texts |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {text.encode() for text in texts}


def found_in(data: bytes, secrets: Iterable[str] = ALL) -> list[str]:
    """The secrets that a sink shows."""
    return [secret for secret in secrets if any(form in data for form in forms(secret))]


def files_showing(folder: Path, secrets: Iterable[str] = ALL) -> dict[str, list[str]]:
    """By name below a folder, the files that show secrets, and which."""
    secrets = tuple(secrets)
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and not file.is_symlink())
    shown = {str(file.relative_to(folder)): found_in(file.read_bytes(), secrets) for file in files}
    return {name: found for name, found in shown.items() if found}


def command_lines_showing(folder: Path, secrets: Iterable[str] = ALL) -> list[str]:
    """The command lines that show secrets, of the processes that work in a folder or name something in it."""
    secrets, lines = tuple(secrets), []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
            if str(folder) in f"{process.cwd()} {line}":
                lines.append(line)
        except psutil.Error:
            continue
    assert lines, "nothing runs there"
    return [line for line in lines if found_in(line.encode(errors="replace"), secrets)]


def variables_showing(process: psutil.Process, secrets: Iterable[str] = ALL) -> list[str]:
    """The names of a process's variables that show secrets."""
    environ: Mapping[str, str] = process.environ()
    return sorted(name for name, value in environ.items() if found_in(value.encode(errors="replace"), secrets))
