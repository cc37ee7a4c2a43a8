"""The kinds of resources, one file each; adding one is a file and a line here."""

from reconciler.kinds.deployment import DEPLOYMENT
from reconciler.kinds.endpoint import ENDPOINT
from reconciler.kinds.environment import ENVIRONMENT
from reconciler.kinds.kind import Kind
from reconciler.kinds.model import MODEL

KINDS = {kind.name: kind for kind in (ENDPOINT, DEPLOYMENT, MODEL, ENVIRONMENT)}

__all__ = ["KINDS", "Kind"]
