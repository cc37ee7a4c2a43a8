"""A conda file becomes requirements that pip's index can answer: a pure translation, with notes on what it cost."""

import fnmatch
import re
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.core.secret import masked
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass

# Packages that PyPI knows under another name. Names that differ only in case, `-`, `_` or `.` need no entry.
RENAMED = {
    "brotli-python": "brotli",
    "dask-core": "dask",
    "faiss": "faiss-cpu",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "numpy-base": "numpy",
    "opencv": "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "pyqt": "pyqt5",
    "pytables": "tables",
    "python-flatbuffers": "flatbuffers",
    "python-graphviz": "graphviz",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "tensorflow-base": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "typing-extensions": "typing_extensions",
}

# What conda installs besides Python packages: compilers, C libraries, drivers' companions, and conda's own markers.
# Wheels bring what they need of these along. pip itself is left out too: uv installs without it.
SYSTEM = (
    *("_*", "pip", "python_abi", "conda", "mamba", "cpuonly", "nomkl", "compilers", "*_linux-64", "gcc", "gxx"),
    *("libgcc*", "libstdcxx*", "libgomp*", "libgfortran*", "libblas*", "liblapack*", "libcblas*", "libopenblas*"),
    *("openblas*", "blas*", "mkl", "mkl-service", "intel-openmp", "llvm-openmp", "libuv", "libgl", "libglib"),
    *("cudatoolkit*", "cudnn*", "cuda-*", "nccl", "pytorch-cuda", "pytorch-mutex"),
    *("openssl", "ca-certificates", "zlib", "xz", "bzip2", "readline", "tk", "sqlite", "ncurses", "libffi", "expat"),
    *("hdf5", "arrow-cpp", "ffmpeg", "git", "git-lfs", "make", "nodejs", "openjdk", "tzdata"),
)
_SYSTEM = re.compile("|".join(map(fnmatch.translate, SYSTEM)))

_ENTRY = re.compile(r"^(?:[^:\s]+::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9_.\-]*)\s*(?P<versions>[^\s\[].*)?$")
_CLAUSE = re.compile(r"^(?P<sign>===?|[<>!~]=|[<>=])?\s*v?(?P<version>\d[A-Za-z0-9.+!_]*?)(?P<any>\.?\*)?$")
_LOCAL_LINE = re.compile(r"^(-r|--requirement|-c|--constraint|-e|--editable|\.{1,2}(/|$))")
_NAMED_LINE = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:$|[\[(<>=!~;@#,])")


@dataclass(frozen=True)
class Requirements:
    """What a conda file asks for.

    Args:
        lines: of a requirements file.
        python: the clauses on Python's version, such as `==3.12.*`; empty when it does not matter.
        notes: what was translated or left out, a line each.
    """

    lines: tuple[str, ...] = ()
    python: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def may_have(self, *packages: str) -> bool:
        """Whether one of the packages is asked for by name, or a line names a place and so may bring it."""
        return any("://" in line for line in self.lines) or not names_of(self.lines).isdisjoint(packages)


def names_of(lines: Iterable[str]) -> frozenset[str]:
    """The packages that requirements name, in small letters and with dashes."""
    found = (match[1] for line in lines if (match := _NAMED_LINE.match(line)))
    return frozenset(re.sub(r"[-_.]+", "-", name).lower() for name in found)


def flaws(conda: Mapping[str, Any]) -> Iterable[str]:
    """What keeps a conda file from being translated, a line an entry; nothing where `translate` takes it."""
    for entry in conda.get("dependencies") or ():
        try:
            translate({"dependencies": [entry]})
        except ProviderError as error:
            yield str(error)


def translate(conda: Mapping[str, Any]) -> Requirements:
    """Translate a conda file.

    Raises:
        ProviderError: an entry cannot be said to pip, or names a file, which is not at hand where it is built.
    """
    entries = list(conda.get("dependencies") or ())
    packages = [_package(entry) for entry in entries if isinstance(entry, str)]
    pip = [line for entry in entries if isinstance(entry, Mapping) for line in _pip_lines(entry)]
    wanted = [one for one in packages if one.name != "python" and not one.is_system]
    return Requirements(
        lines=(*(one.requirement for one in wanted), *pip),
        python=tuple(clause for one in packages if one.name == "python" for clause in one.clauses),
        notes=tuple(_notes(wanted, [one for one in packages if one.is_system and one.name != "pip"])),
    )


@dataclass(frozen=True)
class _Package:
    """One conda package: as written, its name, and its version clauses in pip's words."""

    text: str
    name: str
    clauses: tuple[str, ...]

    @property
    def is_system(self) -> bool:
        return _SYSTEM.match(self.name) is not None

    @property
    def requirement(self) -> str:
        return RENAMED.get(self.name, self.name) + ",".join(self.clauses)

    @property
    def note(self) -> str:
        renamed = RENAMED.get(self.name)
        return f"{self.text} (as {renamed})" if renamed else self.text


def _package(entry: str) -> _Package:
    match = _ENTRY.match(entry.strip())
    if not match:
        raise _unsaid(entry)
    name = match["name"].lower()
    versions = (match["versions"] or "").strip()
    clauses = () if _is_anything(name, versions) else tuple(_clauses(entry, versions))
    return _Package(entry.strip().rpartition("::")[2], name, clauses)


def _is_anything(name: str, versions: str) -> bool:
    """Whether the version does not matter: none given, any allowed, or of a package that is left out."""
    return versions in ("", "*", "=*") or _SYSTEM.match(name) is not None


def _clauses(entry: str, versions: str) -> Iterable[str]:
    """Translate `=1.2`, `=1.2.3=py_0`, `1.2.3 py_0`, `>=1,<2`: a build string means nothing to pip."""
    for text in re.sub(r"\s*,\s*", ",", versions).split(","):
        bare, sign = text.lstrip("=<>!~ "), text[: len(text) - len(text.lstrip("=<>!~ "))]
        version = re.split(r"[=\s]", bare, maxsplit=1)[0]
        match = _CLAUSE.match(sign.strip() + version)
        if not match:
            raise _unsaid(entry)
        yield _clause(match["sign"] or "==", match["version"], fuzzy=bool(match["any"]))


def _clause(sign: str, version: str, *, fuzzy: bool) -> str:
    """One clause. Conda's single `=` takes a prefix: two parts mean any patch, three are the release itself."""
    if sign == "=":
        sign, fuzzy = "==", fuzzy or version.count(".") < 2
    return f"{sign}{version}.*" if fuzzy and sign in ("==", "!=") else f"{sign}{version}"


def _pip_lines(entry: Mapping[str, Any]) -> Iterable[str]:
    if set(entry) != {"pip"}:
        raise _unsaid(str(dict(entry)))
    lines = entry["pip"] or ()
    for line in [lines] if isinstance(lines, str) else lines:
        if _LOCAL_LINE.match(str(line).strip()):
            raise ProviderError(
                f"conda file: pip line {masked(str(line))!r} names a file, and only the conda file itself is recorded; "
                "write the requirements out in it"
            )
        yield str(line)


def _notes(taken: list[_Package], left_out: list[_Package]) -> Iterable[str]:
    if taken:
        yield f"{_counted(taken)} taken from PyPI: {', '.join(one.note for one in taken)}"
    if left_out:
        yield f"{_counted(left_out)} left out, PyPI has no such thing: {', '.join(one.text for one in left_out)}"


def _counted(packages: list[_Package]) -> str:
    return "conda package is" if len(packages) == 1 else f"{len(packages)} conda packages are"


def _unsaid(entry: str) -> ProviderError:
    return ProviderError(
        f"conda file: {masked(entry)!r} cannot be installed with pip; write it as NAME=VERSION, or move it to the "
        "`pip:` list"
    )
