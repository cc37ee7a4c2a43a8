"""What images of environments are made from, and what they are called by it: pure functions of their content."""

import hashlib
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from reconciler.providers.docker.names import KIND, PROJECT
from reconciler.providers.hosting.conda import Requirements, translate
from reconciler.providers.hosting.packages import index_strategy

# To be raised when an image of the same content is made otherwise than before.
RECIPE = 1
# What we build is called so, and its tag is the digest of its content.
REPOSITORY = "mlops/env"
# Labels of what we build, and of the containers in which it is built: the digest of its content, its interpreter, and
# the folder that comes first in PATH.
DIGEST = "mlops.image.digest"
PYTHON = "mlops.image.python"
FOLDER = "mlops.image.path"

# What conda calls the environment in Azure's own images.
ENVIRONMENT = "inf-conda-env"
_UV_PREFIX = f"/opt/{ENVIRONMENT}"
# Over this folder lies a volume while packages are installed: nothing in it becomes part of the image.
SCRATCH = "/tmp"  # noqa: S108 - inside a container
WORK = f"{SCRATCH}/mlops"
HOME = f"{WORK}/home"
SCRIPT, SETTINGS, ACTIVATED = f"{WORK}/install.sh", f"{WORK}/settings.sh", f"{WORK}/activated"
_CONDA_FILE, _REQUIREMENTS, OWN_UV = f"{WORK}/conda.yml", f"{WORK}/requirements.txt", f"{WORK}/uv"
# Of conda's kind, the first that an image has is taken: Azure's own comes first.
CONDAS = ("conda", "micromamba", "mamba")
INSTALLERS = (*CONDAS, "uv")


@dataclass(frozen=True)
class Recipe:
    """How a conda file is installed into an image.

    Args:
        files: of the scratch folder, by their paths in the container.
        notes: what was translated or left out, a line each.
    """

    files: Mapping[str, str]
    notes: tuple[str, ...] = ()


def digest_of(*content: object) -> str:
    """The digest of all that decides an image's content; each part is plain JSON."""
    return hashlib.sha256(json.dumps([RECIPE, *content], sort_keys=True).encode()).hexdigest()[:32]


def labels(digest: str, *, python: str = "", folder: str = "") -> dict[str, str]:
    """The labels of an image that we build.

    An image belongs to no project: it is its content, and every project that wants the same takes it. The label of
    one is there but empty, or the engine would put that of the container in which it was made.
    """
    known = {DIGEST: digest, PYTHON: python, FOLDER: folder}
    return {KIND: "image", PROJECT: "", **{name: value for name, value in known.items() if value}}


def recipe(conda: Mapping[str, Any], installer: str) -> Recipe:
    """How a conda file is installed by what the image has, or by the uv that we bring along where it has nothing.

    Args:
        conda: the file's content.
        installer: one of `INSTALLERS`; empty for our own uv.

    Raises:
        ProviderError: uv is to install it, and an entry cannot be said to pip.
    """
    if installer in CONDAS:
        text = yaml.safe_dump(dict(conda), sort_keys=False, allow_unicode=True)
        return Recipe({_CONDA_FILE: text, SCRIPT: _script(_by_conda(installer))})
    wanted = translate(conda)
    files = {
        _REQUIREMENTS: "".join(f"{line}\n" for line in wanted.lines),
        SCRIPT: _script(_by_uv(installer or OWN_UV, wanted)),
    }
    return Recipe(files, wanted.notes)


def _script(commands: Iterable[str]) -> str:
    # What is installed is for every user to read, whatever the image's own mask.
    return "\n".join(("set -eu", "umask 022", f". {SETTINGS}", *commands, ""))


def _by_conda(tool: str) -> Iterator[str]:
    """Create the environment as Azure does, then write down what activating it would set.

    It is activated in an empty environment, so that nothing of the settings of this machine is written down.
    """
    create = ("create", "--file") if tool == "micromamba" else ("env", "create", "--file")
    run = ("run",) if tool == "micromamba" else ("run", "--no-capture-output")
    yield 'export MAMBA_ROOT_PREFIX="${MAMBA_ROOT_PREFIX:-/opt/micromamba}"'
    yield shlex.join((tool, *create, _CONDA_FILE, "-n", ENVIRONMENT))
    activated = shlex.join((tool, *run, "-n", ENVIRONMENT, "env", "-0"))
    clean = f'env -i PATH="$PATH" HOME={HOME} MAMBA_ROOT_PREFIX="$MAMBA_ROOT_PREFIX"'
    yield f"{clean} {activated} > {ACTIVATED}"


def _by_uv(uv: str, wanted: Requirements) -> Iterator[str]:
    python = ("--python", ",".join(wanted.python)) if wanted.python else ()
    yield shlex.join((uv, "venv", "--no-project", *python, _UV_PREFIX))
    into = ("--python", f"{_UV_PREFIX}/bin/python", "--compile-bytecode")
    yield shlex.join((uv, "pip", "install", *into, *index_strategy(wanted.lines), "-r", _REQUIREMENTS))
    yield f"printf 'VIRTUAL_ENV=%s\\0' {_UV_PREFIX} > {ACTIVATED}"


# What a shell sets by itself, and what is not to outlive the installation.
_PASSING = frozenset({"HOME", "PWD", "OLDPWD", "SHLVL", "_", "PATH", "LINES", "COLUMNS"})


@dataclass(frozen=True)
class Activated:
    """An environment of packages as its activation describes it.

    Args:
        prefix: its folder.
        variables: what it sets, without PATH.
    """

    prefix: str
    variables: Mapping[str, str]

    @property
    def folder(self) -> str:
        """Where its programs are."""
        return f"{self.prefix}/bin"


def activated(content: bytes) -> Activated | None:
    """Read what a script wrote down; None where it does not say where the environment is."""
    pairs = (entry.partition("=") for entry in content.decode(errors="replace").split("\0"))
    found = {name: value for name, _, value in pairs if name and name not in _PASSING}
    prefix = found.get("CONDA_PREFIX") or found.get("VIRTUAL_ENV", "")
    return Activated(prefix, found) if prefix.startswith("/") else None


def environment_with(below: Sequence[str], found: Activated) -> list[str]:
    """The variables of an image in which an environment of packages comes first."""
    variables = dict(entry.split("=", 1) for entry in below if "=" in entry)
    path = variables.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    variables |= {**found.variables, "PATH": f"{found.folder}:{path}"}
    return [f"{name}={value}" for name, value in variables.items()]
