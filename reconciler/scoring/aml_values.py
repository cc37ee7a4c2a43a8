"""The collections of a raw request: headers, arguments and uploaded files, with the methods that flask gives them."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO


class MultiDict(dict[str, Any]):
    """A dict of the first value of each name, which knows the other values too."""

    def __init__(self, pairs: Iterable[tuple[str, Any]] = ()) -> None:
        self._lists: dict[str, list[Any]] = {}
        for name, value in pairs:
            self._lists.setdefault(name, []).append(value)
        super().__init__((name, values[0]) for name, values in self._lists.items())

    def get(self, key: str, default: Any = None, type: Callable[[Any], Any] | None = None) -> Any:  # noqa: A002 - flask's name
        """Return the first value, converted if a type is given; without one that converts, the default."""
        if key not in self:
            return default
        try:
            return self[key] if type is None else type(self[key])
        except (ValueError, TypeError):
            return default

    def getlist(self, key: str) -> list[Any]:
        """Return all values of a name."""
        return list(self._lists.get(key, ()))

    def lists(self) -> Iterator[tuple[str, list[Any]]]:
        """Yield every name with all its values."""
        return ((name, list(values)) for name, values in self._lists.items())

    def to_dict(self, *, flat: bool = True) -> dict[str, Any]:
        """Return a plain dict, of first values or of lists."""
        return dict(self) if flat else dict(self.lists())


class HeaderMap:
    """Headers in the order of their sending, found in any case; going through it gives pairs, as in flask."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = [(name, _header_value(value)) for name, value in pairs]

    def __getitem__(self, name: str) -> str:
        found = self.getlist(name)
        if not found:
            raise KeyError(name)
        return found[0]

    def __setitem__(self, name: str, value: Any) -> None:
        at = next((index for index, pair in enumerate(self._pairs) if pair[0].lower() == name.lower()), None)
        self.remove(name)
        self._pairs.insert(len(self._pairs) if at is None else at, (name, _header_value(value)))

    def __delitem__(self, name: str) -> None:
        self.remove(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.getlist(name))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __repr__(self) -> str:
        return f"HeaderMap({self._pairs!r})"

    def get(self, name: str, default: Any = None) -> Any:
        """Return the first value of a header."""
        return next(iter(self.getlist(name)), default)

    def getlist(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for own, value in self._pairs if own.lower() == name.lower()]

    def add(self, name: str, value: Any) -> None:
        """Add a header beside those of its name."""
        self._pairs.append((name, _header_value(value)))

    add_header = add

    def set(self, name: str, value: Any) -> None:
        """Put a header in the place of those of its name."""
        self[name] = value

    def remove(self, name: str) -> None:
        """Take all headers of a name away."""
        self._pairs = [pair for pair in self._pairs if pair[0].lower() != name.lower()]

    def update(self, other: Any) -> None:
        """Set every header of a mapping or of pairs."""
        for name, value in other.items() if hasattr(other, "items") else other:
            self[name] = value

    def keys(self) -> list[str]:
        """Return the names."""
        return [name for name, _ in self._pairs]

    def values(self) -> list[str]:
        """Return the values."""
        return [value for _, value in self._pairs]

    def items(self) -> list[tuple[str, str]]:
        """Return the pairs."""
        return list(self._pairs)


class UploadedFile:
    """A file of a form: it can be read, and says what the client called it."""

    def __init__(self, name: str, filename: str, content_type: str, content: bytes) -> None:
        self.name = name
        self.filename = filename
        self.content_type = content_type
        self.mimetype = content_type.partition(";")[0].strip().lower()
        self.content_length = len(content)
        self.stream: BinaryIO = io.BytesIO(content)

    def __getattr__(self, name: str) -> Any:
        # read, seek, tell and whatever else a library wants of a file.
        return getattr(self.stream, name)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.stream)

    def __repr__(self) -> str:
        return f"<UploadedFile: {self.filename!r} ({self.content_type!r})>"

    def save(self, dst: str | Path | BinaryIO, buffer_size: int = 16384) -> None:
        """Write what has not been read yet into a file, given by its path or opened."""
        if isinstance(dst, (str, Path)):
            with Path(dst).open("wb") as opened:
                shutil.copyfileobj(self.stream, opened, buffer_size)
        else:
            shutil.copyfileobj(self.stream, dst, buffer_size)


def _header_value(value: Any) -> str:
    text = str(value)
    if "\r" in text or "\n" in text:
        raise ValueError("a header must not hold a line break")
    return text
