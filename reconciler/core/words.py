"""Words that messages share."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant; empty when none is near."""
    import difflib  # noqa: PLC0415 - only for what is wrong

    names = sorted(known)
    lowered = {name.lower(): name for name in names}
    found = difflib.get_close_matches(word.lower(), lowered, n=1)
    return lowered[found[0]] if found else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message, ` (did you mean X?)`; empty when nothing is near."""
    near = nearest(word, known)
    return f" (did you mean {near}?)" if near else ""
