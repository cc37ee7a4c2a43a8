"""Names that mean something else tomorrow: labels of models and environments, images without a version."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from reconciler.core.manifest import Manifest
from reconciler.core.problem import Problem
from reconciler.kinds import KINDS
from reconciler.kinds.environment import ENVIRONMENT
from reconciler.late import pattern

_LABEL = pattern(r"azureml:(?P<name>[^/:@]+)@(?P<label>[^@:]+)|azureml://.*/labels/(?P<registered>[^/]+)")
_PLACEHOLDER = pattern(r"[<{]")


def moving_names(manifest: Manifest, *, pinned: bool) -> Iterator[Problem]:
    """What is not reproducible about a manifest: an error where the target is pinned, else a warning."""
    for path in KINDS[manifest.kind].references:
        if said := _label(manifest.document.get(path)):
            yield manifest.problem(path, "E-UNPINNED" if pinned else "W-UNPINNED", said)
    for path, image in _images(manifest):
        if said := _image(image):
            yield manifest.problem(path, "E-UNPINNED" if pinned else "W-IMAGE", said)


def _label(reference: Any) -> str:
    return _said_of(reference) if isinstance(reference, str) else ""


@lru_cache(maxsize=4096)
def _said_of(reference: str) -> str:
    """What is said of a label; the references of a large folder are few."""
    found = _LABEL.fullmatch(reference)
    if found is None:
        return ""
    instead = f"azureml:{found['name']}:VERSION" if found["name"] else "…/versions/VERSION"
    return f"{reference}: @{found['label'] or found['registered']} is not reproducible; write {instead}"


def _images(manifest: Manifest) -> Iterator[tuple[str, Any]]:
    """The images of an environment, or of the ones that a deployment holds inline."""
    if manifest.kind == ENVIRONMENT.name:
        yield "image", manifest.document.get("image")
    for path, asset in KINDS[manifest.kind].references.items():
        inline = manifest.document.get(path)
        if asset == ENVIRONMENT.name and isinstance(inline, dict):
            yield f"{path}.image", inline.get("image")


def _image(image: Any) -> str:
    """What is said of an image that another push would change; a port's colon is none of a tag's."""
    if not isinstance(image, str) or "@" in image or _PLACEHOLDER.search(image):
        return ""
    tag = image.rpartition("/")[2].partition(":")[2]
    if tag and tag != "latest":
        return ""
    what = f"tag {tag} moves" if tag else "nor a tag"
    return (
        f"image has no digest, {what}: {image}; write {image.removesuffix(':latest')}@sha256:DIGEST, or a version's tag"
    )
