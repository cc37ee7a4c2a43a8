"""A folder, a file or a git revision becomes manifests, and everything that is wrong with them in one answer."""

from typing import TYPE_CHECKING

from reconciler.late import offered
from reconciler.load.options import Loaded, Options, Override

if TYPE_CHECKING:
    from reconciler.load.manifests import load, load_all
    from reconciler.load.other import at_revision
    from reconciler.load.overrides import parse_set
    from reconciler.load.references import with_secrets

__all__ = ["Loaded", "Options", "Override", "at_revision", "load", "load_all", "parse_set", "with_secrets"]

# What reads manifests is loaded by whoever reads some: settings are read here too, by every command.
__getattr__ = offered(
    __name__,
    {
        "at_revision": "other",
        "load": "manifests",
        "load_all": "manifests",
        "parse_set": "overrides",
        "with_secrets": "references",
    },
)
