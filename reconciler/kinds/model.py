"""A registered model: immutable content under a name and a version."""

from reconciler.kinds.kind import Kind
from reconciler.kinds.marks import OF_VERSIONS

MODEL = Kind(
    name="model",
    command="model",
    schemas={"model": ""},
    paths=("path",),
    defaults={"": {"description": "", "tags": {}, "properties": {}, "type": "custom_model"}},
    immutable=frozenset({"path", "type", "flavors"}),
    ignored=frozenset(
        {"id", "creation_context", "latest_version", "intellectual_property", "job_name", "utc_time_created"}
    ),
    marks=OF_VERSIONS,
    derived=frozenset({"flavors"}),
    versioned=True,
    known_by=(frozenset({"name", "path"}),),
    whole=True,
)
