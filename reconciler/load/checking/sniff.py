"""What a document is: by the basename of its `$schema`, else by its keys; its platform by its keys, as in Azure."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from reconciler.core.words import nearest
from reconciler.frozen import dataclass
from reconciler.kinds import KINDS, Kind
from reconciler.late import pattern
from reconciler.load.schema import SCHEMAS, fields_of

_BY_SCHEMA = {schema: kind for kind in KINDS.values() for schema in kind.schemas}
_NAMES = {name.lower(): name for name in SCHEMAS}
# The documentation's own samples name these without a platform.
_BY_SCHEMA |= {"onlineendpoint": KINDS["endpoint"], "onlinedeployment": KINDS["deployment"]}

# Kinds of Azure ML that this tool does not keep: in a folder they lie beside ours and are passed over.
_OTHERS = pattern(
    r".*(?:job|component|datastore|connection|schedule|compute|computeinstance|package|workspace|hub|project|featureset)"
    r"|batchendpoint|batchdeployment|modelbatchdeployment|pipelinecomponentbatchdeployment|serverlessendpoint"
    r"|data|mltable|registry|virtualmachine|synapsespark|featurestore|featurestoreentity|deploymenttemplate|index"
)

_TELLING = "|".join(
    sorted({field for kind in KINDS.values() for known in kind.known_by for field in known if "_" in field})
)
_OURS = pattern(
    rf"^[ \t\"']*(?:(?:{_TELLING}|traffic)[\"']?\s*:|\$schema[\"']?\s*:.*(?:{'|'.join(_BY_SCHEMA)}))",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Sniffed:
    """What a document is.

    Args:
        kind: its kind; None when it is not ours.
        platform: `managed`, `kubernetes` or empty.
        foreign: whether it is surely something else that Azure ML knows.
        schema: its `$schema` when that is Azure ML's and unknown.
        wanted: the kind that a command takes, where the document is plainly of another.
    """

    kind: Kind | None = None
    platform: str = ""
    foreign: bool = False
    schema: str = ""
    wanted: Kind | None = None

    def message(self) -> tuple[str, str]:
        """Code and words for a document that was to be ours and is not."""
        if not self.schema:
            return "E-KIND", "cannot tell what this is; add $schema: .../managedOnlineDeployment.schema.json"
        near = nearest(basename(self.schema), _BY_SCHEMA)
        hint = f"; did you mean {_NAMES[near]}?" if near in _NAMES else ""
        return "E-SCHEMA", f"unknown schema '{self.schema}'; known: {', '.join(_NAMES.values())}{hint}"


def sniffed(document: Any) -> Sniffed:
    """What a document is."""
    if not isinstance(document, Mapping):
        return Sniffed()
    schema = document.get("$schema")
    kind = _BY_SCHEMA.get(basename(schema)) if isinstance(schema, str) else None
    if kind is None and isinstance(schema, str) and "azureml" in schema.lower():
        return Sniffed(schema=schema, foreign=bool(_OTHERS.fullmatch(basename(schema))))
    kind = _decided(document, kind) or kind or _by_keys(document)
    return Sniffed(kind, platform_of(kind, document)) if kind else Sniffed()


def looks_ours(text: str) -> bool:
    """Whether a text that cannot be read as YAML was probably meant to be ours."""
    return _OURS.search(text) is not None


@lru_cache(maxsize=256)
def basename(schema: str) -> str:
    """What a `$schema` names, lower case: `managedonlineendpoint`."""
    last = re.split(r"[?#]", schema.strip())[0].rstrip("/").rpartition("/")[2].lower()
    return last.removesuffix(".json").removesuffix(".schema")


def platform_of(kind: Kind, document: Mapping[str, Any]) -> str:
    """The platform that a document's keys choose; empty for assets."""
    field, value = kind.kubernetes_by
    if not field:
        return ""
    chosen = field in document and (not value or str(document[field]).lower() == value)
    return "kubernetes" if chosen else "managed"


def _decided(document: Mapping[str, Any], named: Kind | None) -> Kind | None:
    """The kind whose own field is there, unless `$schema` names an asset: Azure reads keys and never `$schema`."""
    if named is not None and not named.decided_by:
        return None
    found = [kind for kind in KINDS.values() if kind.decided_by and kind.decided_by in document]
    known = len(found) == 1 and (named is not None or _fits(found[0], document))
    return found[0] if known else None


def _by_keys(document: Mapping[str, Any]) -> Kind | None:
    return next((kind for kind in KINDS.values() if _fits(kind, document)), None)


def _fits(kind: Kind, document: Mapping[str, Any]) -> bool:
    if not any(fields <= document.keys() for fields in kind.known_by):
        return False
    return not kind.whole or document.keys() <= fields_of(kind.name, "")
