"""The modules that scripts import AMLRequest, AMLResponse and rawhttp from, where their packages are not installed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from reconciler.scoring.aml_request import AMLRequest
from reconciler.scoring.aml_response import AMLResponse

SERVER = "azureml_inference_server_http.api"
CONTRIB = "azureml.contrib.services"
# The name that the real modules use too, so that one question finds out about both.
REQUESTED = "_rawHttpRequested"


def _request_module(module: ModuleType) -> None:
    def rawhttp(function: Callable[..., Any]) -> Callable[..., Any]:
        """Ask for run() to be given the raw HTTP request."""
        setattr(module, REQUESTED, True)
        return function

    vars(module).update({REQUESTED: False, "AMLRequest": AMLRequest, "rawhttp": rawhttp})


def _response_module(module: ModuleType) -> None:
    vars(module)["AMLResponse"] = AMLResponse


def _names_of(source: str, *names: str) -> Callable[[ModuleType], None]:
    """Take names from another module, which is the real one if there is one."""

    def fill(module: ModuleType) -> None:
        found = importlib.import_module(source)
        vars(module).update({name: getattr(found, name) for name in names})

    return fill


# What fills a module; None makes a package that holds nothing itself.
MODULES: Mapping[str, Callable[[ModuleType], None] | None] = {
    "azureml_inference_server_http": None,
    SERVER: None,
    f"{SERVER}.aml_request": _request_module,
    f"{SERVER}.aml_response": _response_module,
    "azureml": None,
    "azureml.contrib": None,
    CONTRIB: _names_of(f"{CONTRIB}.aml_request", "rawhttp"),
    f"{CONTRIB}.aml_request": _names_of(f"{SERVER}.aml_request", "AMLRequest", "rawhttp"),
    f"{CONTRIB}.aml_response": _names_of(f"{SERVER}.aml_response", "AMLResponse"),
}
PACKAGES = frozenset(name.rpartition(".")[0] for name in MODULES)


class _Loader(Loader):
    def exec_module(self, module: ModuleType) -> None:
        fill = MODULES[module.__name__]
        if fill is not None:
            fill(module)


class Finder(MetaPathFinder):
    """Offers the modules. It stands last, so it is asked only for what nobody else has, and shadows nothing."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the form of importlib
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Offer a module that is not installed."""
        if fullname not in MODULES:
            return None
        return ModuleSpec(fullname, _Loader(), origin="reconciler.scoring", is_package=fullname in PACKAGES)


def offer_imports() -> None:
    """Make the modules importable."""
    sys.meta_path.append(Finder())


def is_raw_requested() -> bool:
    """Tell whether the script has used @rawhttp, ours or the real one."""
    modules = (sys.modules.get(f"{package}.aml_request") for package in (SERVER, CONTRIB))
    return any(getattr(module, REQUESTED, False) for module in modules)
