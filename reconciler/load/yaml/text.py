"""Bytes become text: size, encoding, merge markers, and characters that YAML does not allow."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH116

import codecs
import os
import re

from reconciler.core.problem import Problem
from reconciler.late import pattern
from reconciler.load.place import Here

MAX_BYTES = 1_048_576

_WIDE = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_CONTROLS = pattern("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# Compiled for the first text that is not ASCII alone: it takes as long as reading a small file.
_UNPRINTABLE = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\ufeff]"
_CONFLICT = pattern(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)
_NAME = pattern(r"\s*(?:-\s*)?[\"']?\w*name[\"']?\s*:")


def decoded(data: bytes, here: Here) -> str | Problem:
    """The text of a file, or the first thing that keeps it from being text."""
    if len(data) > MAX_BYTES:
        size = max(len(data), os.stat(here.path).st_size)
        return here.problem(1, 1, "E-YAML-SIZE", f"file is {size} bytes; the limit is {MAX_BYTES}")
    if wide := _wide(data):
        return here.problem(1, 1, "E-YAML-ENC", f"file is {wide}; save as UTF-8")
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line, column = _place(error.object[: error.start].decode("utf-8", "replace"))
        byte = error.object[error.start]
        return here.problem(line, column, "E-YAML-ENC", f"byte {byte:#04x} is not UTF-8; save as UTF-8")
    return _conflict(text, here) or _unprintable(text, here) or text


def _wide(data: bytes) -> str:
    for mark, name in _WIDE:
        if data.startswith(mark):
            return name
    head = data[:4]
    return "UTF-16" if len(head) == 4 and head.count(0) == 2 and head[0] != head[1] and 0 in head[:2] else ""


def _place(before: str) -> tuple[int, int]:
    """Line and column of the character after `before`."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _conflict(text: str, here: Here) -> Problem | None:
    if ("<<<<<<<" in text or ">>>>>>>" in text) and (found := _CONFLICT.search(text)):
        return here.problem(*_place(text[: found.start()]), "E-GIT", "conflict marker; resolve the merge")
    return None


def _unprintable(text: str, here: Here) -> Problem | None:
    found = _CONTROLS.search(text) if text.isascii() else re.search(_UNPRINTABLE, text)
    if not found:
        return None
    line, column = _place(text[: found.start()])
    where = " in a name" if _NAME.match(text.split("\n")[line - 1]) else ""
    message = f"character U+{ord(found[0]):04X} is not allowed{where}; remove it"
    return here.problem(line, column, "E-NAME-CHAR", message)
