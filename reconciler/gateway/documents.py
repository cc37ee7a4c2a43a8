"""Resources as the text of a watched file, known by a digest of what they say."""

import hashlib
import json
from pathlib import Path
from typing import Any

from reconciler.gateway.replies import Json


def document(resources: list[Json]) -> bytes:
    """Return the text of a file with these resources."""
    return text({"version_info": version(resources), "resources": resources})


def version(resources: list[Json]) -> str:
    """Return what the proxy reports of a file's content once it has taken it."""
    return hashlib.sha256(text(resources)).hexdigest()[:16]


def text(value: Any) -> bytes:
    """Return a value as JSON, without an indent, which would cost ten times as much: there may be megabytes."""
    return json.dumps(value).encode() + b"\n"


def read_resources(path: Path) -> list[Json]:
    """Return the resources of a file; none if it is not there."""
    if not path.exists():
        return []
    found: list[Json] = json.loads(path.read_bytes())["resources"]
    return found
