"""Registered versions of models and environments: put away, brought back, changed in what is not content."""

from reconciler import pipeline
from reconciler.core.amendment import Amendment
from reconciler.imperative.asset_versions import Named, meant
from reconciler.kinds.marks import ARCHIVED
from reconciler.wishes import Applied, Manner, Wish
from reconciler.workspace import Workspace


def archive(workspace: Workspace, named: Named, manner: Manner, *, archived: bool) -> Applied:
    """Put versions away, or bring them back: one, the latest, or all that there are of a name."""
    addresses = meant(workspace.store, workspace.target.name, named)
    marks = {ARCHIVED: True if archived else None}
    amendments = tuple(Amendment(address, marks=marks) for address in addresses)
    return pipeline.apply(workspace, Wish(amendments=amendments, kind=named.kind, blame=False), manner)


def update(workspace: Workspace, amendment: Amendment, manner: Manner) -> Applied:
    """Change what may change of a version: its description, tags, properties and stage."""
    wish = Wish(amendments=(amendment,), kind=amendment.address.kind, blame=False)
    return pipeline.apply(workspace, wish, manner)
