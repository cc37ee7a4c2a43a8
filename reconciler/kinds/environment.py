"""A registered environment: an image or a build context, with a conda file, under a name and a version."""

from reconciler.kinds.kind import Kind
from reconciler.kinds.marks import OF_VERSIONS

ENVIRONMENT = Kind(
    name="environment",
    command="environment",
    schemas={"environment": ""},
    paths=("build.path", "conda_file"),
    credentials=("conda_file",),
    defaults={"": {"description": "", "tags": {}, "properties": {}, "os_type": "linux"}},
    integers=frozenset(
        f"inference_config.{route}.port" for route in ("liveness_route", "readiness_route", "scoring_route")
    ),
    lowered=frozenset({"os_type"}),
    immutable=frozenset({"image", "build", "conda_file", "inference_config", "os_type"}),
    ignored=frozenset({"id", "creation_context", "latest_version", "intellectual_property"}),
    marks=OF_VERSIONS,
    versioned=True,
    known_by=(frozenset({"name", "image"}), frozenset({"name", "build"}), frozenset({"name", "conda_file"})),
    whole=True,
)
