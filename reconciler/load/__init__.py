"""A folder, a file or a git revision becomes manifests, and everything that is wrong with them in one answer."""

from reconciler.load.manifests import load, load_all
from reconciler.load.options import Loaded, Options, Override
from reconciler.load.other import at_revision
from reconciler.load.overrides import parse_set
from reconciler.load.references import with_secrets

__all__ = ["Loaded", "Options", "Override", "at_revision", "load", "load_all", "parse_set", "with_secrets"]
