"""An address names a resource: `endpoint/credit`, `deployment/credit/blue`, `model/risk:3`."""

from functools import lru_cache
from typing import NamedTuple, Self


class Address(NamedTuple):
    """The name of one resource; deployments carry their endpoint, assets their version.

    Addresses sort as their text does, so that listings are stable. No dataclass: a plan looks each of its resources up
    some thirty times.
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

    def __str__(self) -> str:
        kind, name, endpoint, version = self
        return f"{kind}/{endpoint}/{name}" if endpoint else f"{kind}/{name}:{version}" if version else f"{kind}/{name}"

    def __lt__(self, other: tuple[str, ...]) -> bool:
        return str(self) < str(other)

    def __le__(self, other: tuple[str, ...]) -> bool:
        return str(self) <= str(other)

    def __gt__(self, other: tuple[str, ...]) -> bool:
        return str(self) > str(other)

    def __ge__(self, other: tuple[str, ...]) -> bool:
        return str(self) >= str(other)

    @property
    def family(self) -> str:
        """The endpoint that this address belongs to; empty for assets, which belong to none."""
        return self.endpoint or (self.name if self.kind == "endpoint" else "")

    @property
    def parent(self) -> "Address | None":
        """The address of a deployment's endpoint; None for everything else."""
        return _endpoint(self.endpoint) if self.endpoint else None


@lru_cache(maxsize=4096)
def _endpoint(name: str) -> Address:
    """An endpoint's address: each of its deployments asks for it several times."""
    return Address("endpoint", name)
