"""A provider that says in a few bytes whether its side is as it was, so that nobody reads what did not change."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, runtime_checkable

from reconciler.core.address import Address
from reconciler.core.state import Live


@runtime_checkable
class Rooted(Protocol):
    """A provider whose answers hang on nothing but what it holds itself, and that can tell that apart by digests.

    Digests say the same in every process. Others may be at work meanwhile: whoever remembers what came of a look asks
    for the root before and after it, and remembers nothing where the two differ.
    """

    def root(self) -> str:
        """Equal where `list` and `fences` answer the same, and `objections` and `lacking` for equal resources.

        A provider whose instances are asked what they serve has `served` in it as well.
        """
        ...

    def digests(self) -> Mapping[Address, str]:
        """By address, for every object that `list` tells: equal where it tells the same of it."""
        ...

    def some(self, addresses: Collection[Address]) -> Sequence[Live]:
        """Of these addresses what is there, as `list` tells it; what is wrong with others need not be found."""
        ...
