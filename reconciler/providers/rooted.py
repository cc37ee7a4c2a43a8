"""What a provider may be able to do so that nobody reads what did not change, or what a plan does not touch."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, runtime_checkable

from reconciler.core.address import Address
from reconciler.core.state import Live


@runtime_checkable
class Selective(Protocol):
    """A provider that can look at some of its objects at once, at the cost of these alone."""

    def some(self, addresses: Collection[Address]) -> Sequence[Live]:
        """Of these addresses what is there, as `list` tells it; what is wrong with others need not be found."""
        ...


@runtime_checkable
class Rooted(Selective, Protocol):
    """A provider whose answers hang on nothing but what it holds itself, and that can tell that apart by digests.

    One that looks at what runs, or asks it, is none. Digests say the same in every process. Others may be at work
    meanwhile: whoever remembers what came of a look asks for the root before and after it, and remembers nothing where
    the two differ.
    """

    def root(self) -> str:
        """Equal where `list` and `fences` answer the same, and `objections` and `lacking` for equal resources.

        A provider whose instances are asked what they serve has `served` in it as well.
        """
        ...

    def digests(self) -> Mapping[Address, str]:
        """By address, for every object that `list` tells: equal where it tells the same of it."""
        ...

    def known(self, digests: Mapping[Address, str]) -> Sequence[Live]:
        """The same as `some`, or as it was when these objects had these digests, whichever is found sooner."""
        ...
