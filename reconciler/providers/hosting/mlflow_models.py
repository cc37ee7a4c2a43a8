"""An MLflow model's own description: where its MLmodel file is, and the environment that it asks for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.errors import ProviderError

TYPE = "mlflow_model"
DESCRIPTION = "MLmodel"
FLAVOR = "python_function"


def model_folder(content: Path) -> Path:
    """The folder of the MLmodel file: the content itself, or the one folder in it that has the file.

    Raises:
        ProviderError: there is none, or there are several.
    """
    if (content / DESCRIPTION).is_file():
        return content
    found = sorted(path.parent for path in content.glob(f"*/{DESCRIPTION}"))
    if len(found) != 1:
        there = f"{len(found)} folders with one" if found else "none"
        raise ProviderError(f"an MLflow model is a folder with an {DESCRIPTION} file; {content.name} has {there}")
    return found[0]


def flavor_of(folder: Path) -> Mapping[str, Any]:
    """What the MLmodel file says of how Python loads the model.

    Raises:
        ProviderError: the file cannot be read, or says nothing of it.
    """
    flavors = _mapping(folder / DESCRIPTION).get("flavors")
    flavor = flavors.get(FLAVOR) if isinstance(flavors, Mapping) else None
    if not isinstance(flavor, Mapping):
        raise ProviderError(
            f"{DESCRIPTION} of {folder.name} has no {FLAVOR} flavor; log the model with one, or add a scoring script"
        )
    return flavor


def environment_of(folder: Path) -> Mapping[str, Any]:
    """The environment that a model was logged with, as a spec with a `conda_file`.

    The conda file counts where there is one, else the virtual environment's description, else `requirements.txt`.

    Raises:
        ProviderError: the model's files cannot be read, or say nothing of an environment.
    """
    flavor = flavor_of(folder)
    named = flavor.get("env")
    named = named if isinstance(named, Mapping) else {"conda": named}
    if named.get("conda"):
        return {"conda_file": _mapping(folder / str(named["conda"]))}
    if named.get("virtualenv"):
        return {"conda_file": _as_conda(_mapping(folder / str(named["virtualenv"])), folder)}
    if (folder / "requirements.txt").is_file():
        wanted = {"python": flavor.get("python_version"), "dependencies": ["-r requirements.txt"]}
        return {"conda_file": _as_conda(wanted, folder)}
    raise ProviderError(
        f"the MLflow model {folder.name} names no environment (conda.yaml, python_env.yaml or requirements.txt); "
        "give the deployment one"
    )


def _as_conda(virtual: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The description of a virtual environment in the words of a conda file."""
    python = virtual.get("python")
    lines = [line for entry in virtual.get("dependencies") or () for line in _lines(str(entry), folder)]
    return {"dependencies": [*([f"python={python}"] if python else []), {"pip": lines}]}


def _lines(entry: str, folder: Path) -> list[str]:
    """A requirement, or those of the file beside the model that `-r` names."""
    flag, _, name = entry.strip().partition(" ")
    if flag not in ("-r", "--requirement"):
        return [entry]
    return [line.strip() for line in _text(folder / name.strip()).splitlines() if line.strip(" \t").strip("\r")]


def _mapping(path: Path) -> Mapping[str, Any]:
    import yaml  # noqa: PLC0415 - only MLflow models need the parser here

    try:
        value = yaml.load(_text(path), Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ProviderError(f"{path.name} of the MLflow model is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(value, Mapping):
        raise ProviderError(f"{path.name} of the MLflow model is no mapping")
    return value


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProviderError(f"{path.name} of the MLflow model cannot be read: {error}") from error
