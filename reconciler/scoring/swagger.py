"""The description of the service at /swagger.json: the user's own file, or one made of the schemas of run()."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from reconciler.scoring import swagger_documents as documents
from reconciler.scoring.messages import JSON, RUN_NOT_FAILED, Answer, failed
from reconciler.scoring.schemas import Schemas
from reconciler.scoring.script import ScriptError
from reconciler.scoring.settings import Service

Document = Callable[[Service, Schemas], "dict[str, Any]"]
DEFAULT = "2"
# By version: the names it is asked for by, the user's files that stand in for it, and what makes it.
VERSIONS: Mapping[str, tuple[Sequence[str], Sequence[str], Document]] = {
    "2": (("2", "2.0"), ("swagger.json", "swagger2.json"), documents.swagger_2),
    "3": (("3", "3.0"), ("swagger3.json",), documents.openapi_3_0),
    "3.1": (("3.1",), ("swagger3.1.json",), documents.openapi_3_1),
}


class Swagger:
    """Every version that the script can be described in, made once.

    Args:
        schemas: of run().
        app_root: where the user's own files may be.
        service: what the service is called.

    Raises:
        ScriptError: a file of the user's is not JSON.
    """

    def __init__(self, schemas: Schemas, app_root: Path, service: Service) -> None:
        self._answers: dict[str, Answer] = {}
        supported: list[str] = []
        for version, (names, files, document) in VERSIONS.items():
            found = _users_own(app_root, files)
            if found is None and not set(names) & set(schemas.versions):
                continue
            body = json.dumps(document(service, schemas) if found is None else found).encode()
            self._answers.update(dict.fromkeys(names, Answer(200, body, JSON, (RUN_NOT_FAILED,))))
            supported.append(version)
        self._supported = ", ".join(sorted(supported))

    def answer(self, query: bytes) -> Answer:
        """Answer for the version in the query, which is 2 when there is none."""
        version = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("version", [DEFAULT])[0]
        answer = self._answers.get(version)
        if answer is not None:
            return answer
        if not any(version in names for names, _, _ in VERSIONS.values()):
            return failed(404, f"Swagger version [{version}] is not valid. Supported versions: [{self._supported}].")
        return failed(
            404,
            f"Swagger version [{version}] is not supported for the scoring script. "
            f"Supported swagger versions: [{self._supported}].",
        )


def _users_own(app_root: Path, files: Sequence[str]) -> Any:
    for name in files:
        path = app_root / name
        if path.is_file():
            try:
                return json.loads(path.read_bytes())
            except ValueError as error:
                raise ScriptError(f"{path} is not JSON: {error}") from None
    return None
