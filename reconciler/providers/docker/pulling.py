"""Images come from their registry: with a line on how far it is now and then, and again where the way breaks."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.errors import ProviderError
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.failures import one_line

_TRIES = 3
_WAIT_S = 2.0
_EVERY_S = 2.0
_MB = 1_000_000
# What another try does not change.
_FINAL = ("not found", "denied", "unauthorized", "manifest unknown", "no matching manifest", "invalid reference")

Tell = Callable[[str], None]


@dataclass
class Progress:
    """How far a pull is, by what the engine says of each layer."""

    layers: dict[str, bool] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def take(self, event: Mapping[str, Any]) -> None:
        """Note one event of the engine's."""
        layer, status = str(event.get("id", "")), str(event.get("status", ""))
        if status == "Pulling fs layer":
            self.layers[layer] = False
        elif status in ("Pull complete", "Already exists"):
            self.layers[layer] = True
        elif status == "Downloading" and (detail := event.get("progressDetail")):
            self.sizes[layer] = (int(detail.get("current", 0)), int(detail.get("total", 0)))
        elif status in ("Download complete", "Verifying Checksum") and layer in self.sizes:
            self.sizes[layer] = (self.sizes[layer][1],) * 2

    def __str__(self) -> str:
        done, total = (sum(sizes) / _MB for sizes in zip((0, 0), *self.sizes.values(), strict=True))
        return f"{sum(self.layers.values())} of {len(self.layers)} layers, {done:.0f} of {total:.0f} MB"


@dataclass(frozen=True)
class Puller:
    """Fetches images.

    Args:
        engine: that has them afterwards.
        sleep: waits between tries, in seconds.
        now: a clock in seconds.
    """

    engine: Engine
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic

    def pull(self, reference: str, tell: Tell) -> None:
        """Fetch an image, a few times where the way to its registry breaks.

        Raises:
            ProviderError: there is no such image, it is not for us, or its registry cannot be reached.
        """
        for left in reversed(range(_TRIES)):
            tell(f"pulling {reference}")
            problem = self._problem(reference, tell)
            if not problem:
                tell(f"pulled {reference}")
                return
            if not left or any(words in problem.lower() for words in _FINAL):
                raise ProviderError(f"image {reference} cannot be pulled: {problem}; {_advice(problem, reference)}")
            tell(f"pulling {reference} broke off: {problem}; trying again")
            self.sleep(_WAIT_S)

    def _problem(self, reference: str, tell: Tell) -> str:
        """Pull once, and return what kept the image from being there; empty where nothing did."""
        from docker.errors import APIError  # noqa: PLC0415 - 300 ms

        with self.engine.doing(f"image {reference} cannot be pulled"):
            try:
                return self._followed(reference, self.engine.api.pull(reference, stream=True, decode=True), tell)
            except APIError as error:
                return one_line(str(error.explanation or error))

    def _followed(self, reference: str, events: Iterable[Mapping[str, Any]], tell: Tell) -> str:
        progress, told_at = Progress(), self.now()
        for event in events:
            if "error" in event:
                return one_line(str(event["error"]))
            progress.take(event)
            if self.now() - told_at >= _EVERY_S:
                tell(f"pulling {reference}: {progress}")
                told_at = self.now()
        return ""


def _advice(problem: str, reference: str) -> str:
    lowered = problem.lower()
    if "denied" in lowered or "unauthorized" in lowered or "authentication" in lowered:
        first = reference.partition("/")[0]
        registry = first if first != reference and ("." in first or ":" in first) else ""
        return f"check the name, and log in with: docker login {registry}".rstrip()
    if any(words in lowered for words in _FINAL):
        return "check the name and tag"
    return "check the connection to its registry and apply again, or put the image on the engine with docker load"
