"""What the text of a variable means: each function gives its value, or raises ValueError that says what is wrong."""

from __future__ import annotations

import logging
import os
from pathlib import Path

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def folder(text: str) -> Path:
    """An existing folder, as an absolute path."""
    path = Path(text).absolute()
    if not path.is_dir():
        raise ValueError(f"{text!r} is not a folder")
    return path


def _integer(text: str, *, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise ValueError(f"{text!r} is not a whole number of at least {least}")
    return int(text)


def at_least_one(text: str) -> int:
    """A whole number from 1 on."""
    return _integer(text, least=1)


def at_least_zero(text: str) -> int:
    """A whole number from 0 on."""
    return _integer(text, least=0)


def bound(text: str) -> int | None:
    """A whole number from 0 on; None for an empty text."""
    return at_least_zero(text) if text else None


def workers(text: str) -> int:
    """A number of processes that this platform can fork."""
    count = _integer(text, least=1)
    if count > 1 and not hasattr(os, "fork"):
        raise ValueError("this platform can run only 1 worker, because it has no fork")
    return count


def seconds(text: str) -> float:
    """A number of seconds, with a fraction or without."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ValueError(f"{text!r} is not a number of seconds")
    return number


def positive(text: str) -> float:
    """A number of seconds that is more than 0."""
    number = seconds(text)
    if number == 0:
        raise ValueError("must be more than 0 seconds")
    return number


def level(text: str) -> int:
    """A log level's number, by its name in any case."""
    if text.upper() not in LEVELS:
        raise ValueError(f"{text!r} is not one of {', '.join(LEVELS)}")
    return int(getattr(logging, text.upper()))
