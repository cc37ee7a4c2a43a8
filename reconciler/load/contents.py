"""What path fields point at: digested once a run, however many manifests share it."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH113, PTH118

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from reconciler.core.manifest import Content, Script
from reconciler.kinds import KINDS
from reconciler.load.checking.flaw import Flaw
from reconciler.load.checking.paths import found_at, is_remote
from reconciler.load.checking.rules import field
from reconciler.load.disk.digest import content_files, content_known, links_of
from reconciler.load.disk.lfs import pointer_bytes
from reconciler.load.disk.listed import DESCRIPTION
from reconciler.load.disk.stat_index import StatIndex
from reconciler.load.looked import ABSENT, Looked, digest_of
from reconciler.load.mlflow import described_in
from reconciler.load.place import Bounds, inside, private_part
from reconciler.record.files import open_regular

CONDA = "conda_file"
_MLFLOW = "mlflow_model"
_FOLDERS = frozenset({"code", "build.path"})
_SCRIPT_BYTES = 4 << 20


class Contents:
    """The assets of one run, each looked at once."""

    def __init__(self, bounds: Bounds, looked: Looked | None = None, cache: Path | None = None) -> None:
        self._bounds, self.looked, self._index = bounds, looked or Looked(), StatIndex(cache)
        self._real: dict[str, str] = {}
        self._found: dict[tuple[str, str], tuple[str | Flaw, str]] = {}
        self._contents: dict[tuple[str, bool, bool], Content | tuple[str, str]] = {}
        self._scripts: dict[tuple[Path, str], tuple[str, Script, str]] = {}

    def of(self, document: Mapping[str, Any], kind: str, folder: str) -> tuple[dict[str, Content], list[Flaw]]:
        """The contents of a document whose file is in `folder`, and what is wrong with its paths."""
        contents: dict[str, Content] = {}
        flaws: list[Flaw] = []
        for path, asset in path_fields(kind):
            text = field(document, path)
            if not isinstance(text, str) or is_remote(text) or path.endswith(CONDA):
                continue
            content = self._content(text, folder, path, asset)
            if isinstance(content, Content) and is_mlflow(document, path) and not described_in(content.location):
                content = Flaw(path, "E-MODEL", f"{text}: an MLflow model needs a file {DESCRIPTION}; here is none")
            if isinstance(content, Flaw):
                if not (content.code == "E-PATH" and _names_datastore(document, path)):
                    flaws.append(content)
            else:
                contents[path] = content
        return contents, flaws

    def script(self, content: Content, name: str) -> Script:
        """A scoring script as found; what leads out of the code's folder is not there."""
        key = (content.location, name)
        if key not in self._scripts:
            path = os.path.normpath(os.path.join(content.location, name))
            self._scripts[key] = path, *_script(path, str(content.location), self._bounds)
        path, script, digest = self._scripts[key]
        self.looked.read(path, digest)
        return script

    def find(self, text: str, folder: str, path: str) -> str | Flaw:
        """Where a path leads; asked of the disk once."""
        key = (text, folder)
        if key not in self._found:
            self._found[key] = found_at(text, folder, self._bounds, path), self._place(text, folder)
        known, place = self._found[key]
        self.looked.at(place)
        return Flaw(path, known.code, known.message) if isinstance(known, Flaw) else known

    def _place(self, text: str, folder: str) -> str:
        """Where a path leads; a folder's own place is asked of the disk once."""
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder)
        return os.path.normpath(os.path.join(self._real[folder], text))

    def _content(self, text: str, folder: str, path: str, asset: str) -> Content | Flaw:
        found = self.find(text, folder, path)
        if isinstance(found, Flaw):
            return found
        key = (found, asset == "model", path.endswith(tuple(_FOLDERS)))
        if key not in self._contents:
            self._contents[key] = self._looked_at(found, is_model=key[1], folder_due=key[2])
        known = self._contents[key]
        self.looked.read(found, known.digest if isinstance(known, Content) else ABSENT)
        return Flaw(path, known[0], f"{text}{known[1]}") if isinstance(known, tuple) else known

    def _looked_at(self, found: str, *, is_model: bool, folder_due: bool) -> Content | tuple[str, str]:
        """The content, or the code and the words of what is wrong with it."""
        location = Path(found)
        is_folder = location.is_dir()
        if folder_due and not is_folder:
            return "E-PATH", " is a file; name its folder"
        if not is_folder and not location.is_file():
            return "E-PATH", " is neither a file nor a folder"
        try:
            wrong = self._link_out(location) if is_folder else None
            wrong = wrong or self._lacking(location, is_folder=is_folder, is_model=is_model)
            return wrong or Content(content_known(location, self._index), location.name, location, is_folder)
        except OSError as error:
            return "E-PATH", f" cannot be read: {error.strerror or error}"

    def _lacking(self, location: Path, *, is_folder: bool, is_model: bool) -> tuple[str, str] | None:
        """What of the content is not here: all of it, or what Git LFS has put a pointer in the place of."""
        files = list(content_files(location)) if is_folder else [(location.name, location)]
        if is_model and not files:
            return "E-MODEL", ": model folder holds no file"
        for name, file in files:
            if size := pointer_bytes(file):
                code, instead = ("E-MODEL-LFS", "") if is_model else ("E-LFS", ", or leave it out by .amlignore")
                pull = "run git lfs pull" if self._bounds.shown_root is None else "use a checkout after git lfs pull"
                return code, f": {name} is a Git LFS pointer ({size} bytes); {pull}{instead}"
        return None

    def _link_out(self, folder: Path) -> tuple[str, str] | None:
        for name, target in links_of(folder):
            if not _is_within(target, os.path.realpath(folder)) and not self._bounds.holds(target):
                where = "outside of it; have a copy there" if self._bounds.free else "outside the repository"
                return "E-LINK-OUT", f": {name} links to {target}, {where}"
        return None


def _is_within(path: str, folder: str) -> bool:
    """Whether a path, links resolved, is content of a folder."""
    return inside(path, folder) and not private_part(path, folder)


@cache
def path_fields(kind: str) -> tuple[tuple[str, str], ...]:
    """The path fields of a kind, those of its inline assets too, each with the kind of asset that it is of."""
    own = [(path, kind) for path in KINDS[kind].paths]
    references = KINDS[kind].references.items()
    return (*own, *((f"{reference}.{path}", asset) for reference, asset in references for path in KINDS[asset].paths))


def _names_datastore(document: Mapping[str, Any], path: str) -> bool:
    """Whether a path that is not here may be one of the datastore that stands beside it."""
    parent = path.rpartition(".")[0]
    return field(document, f"{parent}.datastore".removeprefix(".")) is not None


def is_mlflow(document: Mapping[str, Any], path: str) -> bool:
    """Whether a path is the one of a model that is of MLflow's type."""
    parent, _, name = path.rpartition(".")
    return name == "path" and field(document, f"{parent}.type".removeprefix(".")) == _MLFLOW


def _script(path: str, folder: str, bounds: Bounds) -> tuple[Script, str]:
    """A script as found, and the digest of what was read of it."""
    shown = bounds.shown(path)
    real = os.path.realpath(path)
    if not inside(path, folder):
        return Script(shown, None, "lies outside the code's folder, which alone is deployed"), ABSENT
    if not (_is_within(real, os.path.realpath(folder)) or bounds.holds(real)) or not os.path.isfile(real):
        return Script(shown, None), ABSENT
    try:
        with open_regular(real) as file:
            data = file.read(_SCRIPT_BYTES + 1)
    except OSError as error:
        return Script(shown, None, f"cannot be read: {error.strerror or error}"), ABSENT
    if len(data) > _SCRIPT_BYTES:
        return Script(shown, None, f"is larger than {_SCRIPT_BYTES} bytes"), ABSENT
    return Script(shown, data.decode("utf-8", "replace")), digest_of(data)
