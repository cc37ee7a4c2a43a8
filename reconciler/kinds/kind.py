"""A kind is facts about one sort of resource; the stages read them and hold none of their own."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from reconciler.core.plan import Action
from reconciler.frozen import dataclass


@dataclass(frozen=True)
class Kind:
    """What the stages must know of one sort of resource.

    Args:
        name: as it stands in addresses.
        command: what its commands are called, as in `az ml`.
        schemas: basenames of `$schema`, lower case and without `.schema.json`, to the platform that each means.
        parent: the kind whose name a resource of this kind carries.
        references: fields that name an asset (`azureml:…`) or hold one inline, to the asset's kind.
        paths: dotted fields that name files or folders of the repository.
        scripts: dotted fields that name a script, to the field of the folder that it lies in.
        defaults: what a field that the manifest leaves out is, by platform.
        integers: dotted fields that are whole numbers, also when written in quotes; `*` is any key.
        booleans: dotted fields that are true or false, also when written in quotes.
        lowered: fields whose letters' case means nothing.
        secrets: mappings whose values are never shown.
        credentials: dotted fields in which a text may hold what opens an address, and is then a secret.
        reserved: names in those mappings that the server sets by itself.
        scale: fields that change how many instances there are.
        route: fields that change which deployment answers.
        replace: fields that no platform changes in place.
        immutable: fields that a registered version keeps for ever.
        ignored: fields that the Azure tools print and take back, without a meaning of their own.
        left_alone: fields that belong to whoever sets them when the manifest says nothing of them.
        symptoms: fields that no manifest has and a provider reports when something is amiss, with the words for it.
        marks: fields that no file has and a command sets, which stay until a command takes them away.
        derived: fields that content tells where the manifest does not; a recorded version keeps what it has of them.
        versioned: whether the name carries a version.
        update: the action that makes all other fields true.
        known_by: sets of fields, any of which tells this kind where no `$schema` does.
        whole: whether `known_by` tells it only where every other field is one of this kind too.
        decided_by: a field that only this kind has; it outweighs a `$schema` of another kind, as in Azure.
        kubernetes_by: the field that makes it a Kubernetes one, and the value that does so; any value when empty.
    """

    name: str
    command: str
    schemas: Mapping[str, str]
    parent: str = ""
    references: Mapping[str, str] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    scripts: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    integers: frozenset[str] = frozenset()
    booleans: frozenset[str] = frozenset()
    lowered: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    credentials: tuple[str, ...] = ()
    reserved: frozenset[str] = frozenset()
    scale: frozenset[str] = frozenset()
    route: frozenset[str] = frozenset()
    replace: frozenset[str] = frozenset()
    immutable: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    left_alone: frozenset[str] = frozenset()
    symptoms: Mapping[str, str] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    derived: frozenset[str] = frozenset()
    versioned: bool = False
    update: Action = Action.UPDATE
    known_by: tuple[frozenset[str], ...] = ()
    whole: bool = False
    decided_by: str = ""
    kubernetes_by: tuple[str, str] = ("", "")
