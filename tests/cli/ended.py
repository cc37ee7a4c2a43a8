"""The end of what a repository's local target runs."""

from command_line import Repository

from reconciler.providers.hosting.layout import Layout
from tests.ending import end_all


def end(repository: Repository) -> None:
    """End whatever a local target runs; what does not obey is killed."""
    end_all(repository.folder, layout_of(repository))


def layout_of(repository: Repository) -> Layout:
    return Layout(repository.folder / ".mlops" / "local" / "dev")
