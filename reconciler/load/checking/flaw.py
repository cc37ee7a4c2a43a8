"""One thing that is wrong with a document."""

from reconciler.frozen import dataclass


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong with a document: the field's dotted path, the code, and the words."""

    path: str
    code: str
    message: str
