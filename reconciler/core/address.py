"""An address names a resource: `endpoint/credit`, `deployment/credit/blue`, `model/risk:3`."""

from functools import cached_property
from typing import Self

from reconciler.frozen import dataclass


@dataclass(frozen=True)
class Address:
    """The name of one resource; deployments carry their endpoint, assets their version.

    Addresses sort as their text does, so that listings are stable.
    """

    kind: str
    name: str
    endpoint: str = ""
    version: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form.

        Raises:
            ValueError: the text is none of the four forms.
        """
        found = cls._of(text)
        found.__dict__["_text"] = text  # it is at hand, and making it costs as much as all the rest
        return found

    @classmethod
    def _of(cls, text: str) -> Self:
        kind, _, rest = text.partition("/")
        if kind == "deployment":
            parent, _, name = rest.partition("/")
            if parent and name and "/" not in name:
                return cls(kind, name, endpoint=parent)
        elif kind == "endpoint":
            if rest and "/" not in rest and ":" not in rest:
                return cls(kind, rest)
        elif kind in ("model", "environment"):
            asset, _, version = rest.partition(":")
            if asset and version:
                return cls(kind, asset, version=version)
        raise ValueError(
            f"{text!r} is not an address; write endpoint/NAME, deployment/ENDPOINT/NAME, model/NAME:VERSION "
            "or environment/NAME:VERSION"
        )

    @cached_property
    def _text(self) -> str:
        if self.endpoint:
            return f"{self.kind}/{self.endpoint}/{self.name}"
        return f"{self.kind}/{self.name}:{self.version}" if self.version else f"{self.kind}/{self.name}"

    def __str__(self) -> str:
        return self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __lt__(self, other: "Address") -> bool:
        return self._text < other._text

    @property
    def family(self) -> str:
        """The endpoint that this address belongs to; empty for assets, which belong to none."""
        return self.endpoint or (self.name if self.kind == "endpoint" else "")

    @property
    def parent(self) -> "Address | None":
        """The address of a deployment's endpoint; None for everything else."""
        return Address("endpoint", self.endpoint) if self.endpoint else None
