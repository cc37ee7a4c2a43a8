"""A path of a manifest: local or not, of a form that works everywhere, inside the repository, and there."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH110, PTH118

import os
import re

from reconciler.late import pattern
from reconciler.load.checking.flaw import Flaw
from reconciler.load.place import Bounds, private_part

_REMOTE = pattern(r"(?:azureml|runs|models|mlflow-model|git\+[a-z]+|[a-zA-Z][a-zA-Z0-9+.-]+(?=://)):")
_DRIVE = pattern(r"[a-zA-Z]:[\\/]?")


def is_remote(text: str) -> bool:
    """Whether a path names something that Azure or MLflow fetches."""
    return _REMOTE.match(text) is not None and not text.startswith("file:")


def found_at(text: str, folder: str, bounds: Bounds, field: str) -> str | Flaw:
    """Where a path leads for a file in `folder`, absolute and as it is spelt; or what is wrong with it."""
    if wrong := "" if bounds.free else _form(text):
        return Flaw(field, "E-PATH-FORM", f"{text}: {wrong}; write a path relative to this file")
    path = os.path.normpath(os.path.join(os.path.realpath(folder), text))
    if private := private_part(path, bounds.root or bounds.base):
        return Flaw(field, "E-PATH-OUT", f"{text}: what lies in {private} is no content of the repository")
    if bounds.root and not bounds.holds(path):
        return Flaw(field, "E-PATH-OUT", f"{text}: path leaves the repository root")
    if not os.path.exists(path):
        hint = "; write / between folders" if "\\" in text else ""
        return Flaw(field, "E-PATH", f"{text} is not there (looked in {bounds.shown(os.path.realpath(folder))}){hint}")
    real = os.path.realpath(path)
    if real != path and not bounds.free and not bounds.holds(real):
        return Flaw(field, "E-LINK-OUT", f"{text} links to {real}, outside the repository")
    return path


def _form(text: str) -> str:
    """Why a path would not work on another machine; empty when it does."""
    if "\0" in text:
        return "path holds a NUL"
    if text.startswith("file:"):
        return "file: is for environments"
    if text.startswith("~"):
        return "~ is another folder for everyone"
    if _DRIVE.match(text):
        return "path begins with a drive"
    if text.startswith(("/", "\\")):
        return "path is absolute"
    return "path holds %-escapes" if re.search(r"%2e|%2f|%5c", text, re.IGNORECASE) else ""
