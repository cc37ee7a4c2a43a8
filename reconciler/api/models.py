"""Registering a model, in Python: the last task of whatever has trained it."""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from reconciler.api.asking import PathLike, folder_of, manner_of, opened
from reconciler.core.address import Address
from reconciler.executing import raise_unless_done
from reconciler.imperative import assets
from reconciler.load.checking.paths import is_remote

_COMMAND = "model create"


def create_model(
    name: str,
    path: PathLike,
    *,
    version: str = "",
    type: Literal["custom_model", "mlflow_model", "triton_model"] = "custom_model",  # noqa: A002 - Azure's own word
    description: str = "",
    tags: Mapping[str, str] | None = None,
    stage: str = "",
    target: str | None = None,
    lock_timeout: float = 120,
    cwd: PathLike | None = None,
) -> Address:
    """Register a model, as `mlops model create` does; what it is then is `azureml:NAME:VERSION` in files.

        >>> created = reconciler.create_model("risk", "manifests/src", tags={"run": "42"}, target="dev")
        >>> print(created, created.version)
        model/risk:1 1
        >>> model = {"deployment/credit/blue.model": f"azureml:risk:{created.version}"}
        >>> reconciler.apply(target="dev", overrides=model).succeeded
        True

    Args:
        name: of the model.
        path: a file or a folder, which is copied into the target's store, or the URL of one.
        version: of the model, which never changes; by default one more than there are, or the latest one where that has
            this content already.
        type: what it is; an `mlflow_model` needs no scoring script.
        description: for people.
        tags: by name.
        stage: a stage of your own, `Production` for example.
        target: its name in mlops.yaml; by default the default one.
        lock_timeout: how long to wait for another run of the target to end, in seconds.
        cwd: a folder of the repository, from which a path counts; by default the current one.

    Raises:
        ManifestError: what is given is wrong, or the version has other content.
        LockHeldError: another run holds the target.
        StepFailedError: the target refused it.
        MlopsError: any other, such as of the record.
    """
    start, place = folder_of(cwd), os.fspath(path)
    said = {
        "path": place if is_remote(place) else str(start / place),
        "type": type,
        "version": version,
        "description": description,
        "stage": stage,
        "tags": dict(tags or {}),
    }
    given = assets.Given("model", name, fields={field: value for field, value in said.items() if value})
    manner = replace(manner_of(lock_timeout=lock_timeout), command=_COMMAND)
    with opened(target, start) as workspace:
        done, address = assets.create(workspace, given, manner)
    raise_unless_done(done, stopped=False, again=_COMMAND)
    return address
