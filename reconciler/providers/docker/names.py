"""What we call things on an engine, and the labels by which they are known again."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.address import Address
from reconciler.core.plan import Operation

PROJECT = "mlops.project"
KIND = "mlops.kind"
ADDRESS = "mlops.address"
LINEAGE = "mlops.lineage"
GENERATION = "mlops.generation"
OPERATION = "mlops.operation"
# Of a record: as what the target's instances run.
MODE = "mlops.mode"
# Of an instance: which version of its deployment's spec it runs.
DIGEST = "mlops.digest"
INSTANCE = "mlops.instance"
# Of an instance: where it answers on this machine, as `launch.routes_text` writes it.
ROUTES = "mlops.routes"
# Of an instance: whose server it runs, `ours` or the `image`'s own.
SERVER = "mlops.server"
# Of an instance: how it is probed there, as `probes.probes_text` writes it.
PROBES = "mlops.probes"


@dataclass(frozen=True)
class Names:
    """The names of one project on an engine; a project is a target of a repository."""

    project: str

    def instance(self, deployment: Address, instance: str) -> str:
        """The name of an instance's container."""
        return f"mlops-{self.project}-{deployment.endpoint}-{deployment.name}-{instance}"

    def of(self, kind: str, rest: str) -> str:
        """The name of anything else, such as a volume of content."""
        return f"mlops-{self.project}-{kind}-{rest}"

    def labels(self, kind: str, **more: str) -> dict[str, str]:
        """What marks a thing as this project's; `kind` says what it is, such as `instance`, `content`, `record`."""
        return {PROJECT: self.project, KIND: kind, **more}

    def filter(self, kind: str) -> dict[str, list[str]]:
        """The filter of the engine's lists that finds this project's things of a kind."""
        return {"label": [f"{PROJECT}={self.project}", f"{KIND}={kind}"]}


def made_by(address: Address, operation: Operation) -> dict[str, str]:
    """The labels that tell on whose behalf a thing was made."""
    return {
        ADDRESS: str(address),
        LINEAGE: operation.lineage,
        GENERATION: str(operation.generation),
        OPERATION: operation.id,
    }


def generation_of(labels: Mapping[str, str]) -> int:
    """The generation that a thing was made in; 0 where its labels do not say."""
    text = labels.get(GENERATION, "")
    return int(text) if text.isdigit() else 0


def project_name(root_name: str, target: str) -> str:
    """The project that a repository's target is unless it says otherwise, in the letters that engines take."""
    plain = re.sub(r"[^a-z0-9]+", "-", f"{root_name}-{target}".lower()).strip("-")
    return plain if len(plain) <= 40 else f"{plain[:31]}-{hashlib.sha256(plain.encode()).hexdigest()[:8]}"
