"""A folder, a file or a git revision becomes manifests, and everything that is wrong with them in one answer."""

from reconciler.late import offered

TYPE_CHECKING = False  # `typing` would take as long to load as all else of a plan that is known at a glance

if TYPE_CHECKING:
    from reconciler.load.checking.references import with_secrets
    from reconciler.load.manifests import load, load_all
    from reconciler.load.options import Loaded, Options, Override
    from reconciler.load.other import at_revision
    from reconciler.load.overrides import parse_set

__all__ = ["Loaded", "Options", "Override", "at_revision", "load", "load_all", "parse_set", "with_secrets"]

# What reads manifests is loaded by whoever reads some: settings are read here too, by every command, and most plans
# look no further than whether anything has changed.
__getattr__ = offered(
    __name__,
    {
        "Loaded": "options",
        "Options": "options",
        "Override": "options",
        "at_revision": "other",
        "load": "manifests",
        "load_all": "manifests",
        "parse_set": "overrides",
        "with_secrets": "checking.references",
    },
)
