"""A repository with a memory target, planned with what is remembered and without any of it."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from reconciler import pipeline, wanted
from reconciler.cli.forms import PLAN
from reconciler.core.address import Address
from reconciler.core.state import Entry
from reconciler.errors import MlopsError
from reconciler.providers.memory import MemoryProvider
from reconciler.wishes import Planned, Wish
from reconciler.workspace import open_workspace

FORMS = ("text", "json", "markdown", "html")
SETTINGS = "manifests: manifests\ntargets:\n  dev: {provider: memory, file: live.jsonl, default: true}\n"
SCORE = "def init():\n    pass\n\n\ndef run(raw_data):\n    return raw_data\n"
ENDPOINT = "$schema: managedOnlineEndpoint.schema.json\nname: NAME\ntraffic: {blue: 100}\n"
DEPLOYMENT = """$schema: managedOnlineDeployment.schema.json
name: BLUE
endpoint_name: NAME
model: azureml:risk@latest
environment: azureml:plain:1
code_configuration: {code: ../src, scoring_script: score.py}
instance_type: Standard_DS3_v2
instance_count: 1
"""
MODEL = "$schema: model.schema.json\nname: risk\nversion: 1\npath: weights\n"
ENVIRONMENT = "$schema: environment.schema.json\nname: plain\nversion: 1\nimage: img:1\nconda_file: conda.yml\n"
CONDA = "channels: [conda-forge]\ndependencies: [python=3.11]\n"


def put(name: str, text: str) -> Path:
    """A file, as if it had lain there for long: of what is young nobody can tell by its times whether it changed."""
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def endpoint(name: str, *deployments: str) -> None:
    """The files of an endpoint with its deployments, of which `blue` answers."""
    put(f"manifests/{name}/endpoint.yml", ENDPOINT.replace("NAME", name))
    for each in ("blue", *deployments):
        put(f"manifests/{name}/{each}.yml", DEPLOYMENT.replace("NAME", name).replace("BLUE", each))


def write_repository() -> None:
    """Two endpoints which share code, a model and an environment."""
    put("mlops.yaml", SETTINGS)
    put("manifests/src/score.py", SCORE)
    put("manifests/model.yml", MODEL)
    put("manifests/weights/w.txt", "1 2 3\n")
    put("manifests/environment.yml", ENVIRONMENT)
    put("manifests/conda.yml", CONDA)
    endpoint("credit")
    endpoint("wine", "green")


def apply() -> None:
    """Bring the target to what the files say."""
    with open_workspace(None, cached=False) as workspace:
        applied = pipeline.apply(workspace, Wish(blame=False, cached=False))
    assert applied.succeeded


def edit(address: Address | str, **fields: object) -> None:
    """Give a live object other values, behind everybody's back."""
    with closing(MemoryProvider(Path("live.jsonl"))) as provider:
        provider.edit(Address.parse(str(address)), **fields)


def note(address: Address | str, **fields: object) -> None:
    """Write down other values of a resource, which need not be recorded yet."""
    place = Address.parse(str(address))
    with open_workspace(None) as workspace, workspace.store.lock({}, timeout_s=0):
        entry = workspace.store.read().entries.get(place, Entry({}))
        workspace.store.note(place, replace(entry, spec={**entry.spec, **fields}))


def plan(*, cached: bool = True, wish: Mapping[str, Any] | None = None) -> Planned:
    """A plan of the target."""
    with open_workspace(None, cached=cached) as workspace:
        return pipeline.plan(workspace, Wish(cached=cached, **(wish or {})))


def told(planned: Planned) -> dict[str, str]:
    """A plan in every form, byte by byte."""
    return {form: PLAN.of(form, planned, 1 << 30) for form in FORMS}


def come_of(*, cached: bool, wish: Mapping[str, Any] | None = None) -> object:
    """All that comes of a plan: its forms and its value, or the error."""
    try:
        planned = plan(cached=cached, wish=wish)
    except MlopsError as error:
        return type(error), str(error)
    return planned, told(planned)


@contextmanager
def counted() -> Iterator[list[int]]:
    """How many files each load reads, one number a load."""
    loads: list[int] = []
    real = wanted.load_all

    def load(*args: Any, **options: Any) -> Any:
        loaded = real(*args, **options)
        loads.append(len({manifest.file for manifest in loaded.manifests}))
        return loaded

    with mock.patch.object(wanted, "load_all", load):
        yield loads


def forget() -> None:
    """Delete everything that is known from earlier runs."""
    shutil.rmtree(".mlops/cache", ignore_errors=True)
