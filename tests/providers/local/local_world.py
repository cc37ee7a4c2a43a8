"""A local target in a temporary folder, whose Python environments all tests share."""

from pathlib import Path
from typing import Any

from reconciler.providers.local import LocalProvider
from tests.hosted_world import DEPLOYMENT, ENDPOINT, PATIENCE_S, Contents, HostedWorld, answering, post

__all__ = ["DEPLOYMENT", "ENDPOINT", "PATIENCE_S", "Contents", "World", "answering", "post"]


class World(HostedWorld):
    opens = LocalProvider

    def __init__(self, folder: Path, environments: Path, **options: Any) -> None:
        super().__init__(folder, **options)
        self.layout.environments.symlink_to(environments)
