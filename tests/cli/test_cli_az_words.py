"""The words of `az ml` as scripts write them, read by our commands without running any."""

import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer._click import Context
from typer._click.exceptions import UsageError

from reconciler.cli.answering import print_answer
from reconciler.cli.az_options import AzOutput
from reconciler.cli.program import app
from reconciler.cli.table import COMMANDS

_SCOPE = "--resource-group -g --workspace-name -w --subscription"
_GLOBAL = "--query --output -o --only-show-errors --verbose --help -h"
# What each command takes in Azure, beside what all take.
GROUPS = ("online-endpoint", "online-deployment", "model", "environment")
AZ = {
    "online-endpoint create": "--name -n --file -f --auth-mode --local --no-wait --set --web",
    "online-endpoint show": "--name -n --local --web",
    "online-endpoint list": "--local",
    "online-endpoint update": "--name -n --file -f --traffic --mirror-traffic --set --add --remove --force-string "
    "--local --no-wait --web",
    "online-endpoint delete": "--name -n --yes -y --local --no-wait",
    "online-endpoint invoke": "--name -n --request-file -r --deployment-name -d --local",
    "online-endpoint get-credentials": "--name -n",
    "online-endpoint regenerate-keys": "--name -n --key-type --no-wait",
    "online-deployment create": "--name -n --endpoint-name -e --file -f --all-traffic --set --local --no-wait --web "
    "--skip-script-validation --package-model --local-enable-gpu --vscode-debug",
    "online-deployment show": "--name -n --endpoint-name -e --local --web",
    "online-deployment list": "--endpoint-name -e --local",
    "online-deployment update": "--name -n --endpoint-name -e --file -f --set --add --remove --force-string --local "
    "--no-wait --web --skip-script-validation --local-enable-gpu --vscode-debug",
    "online-deployment delete": "--name -n --endpoint-name -e --yes -y --local --no-wait",
    "online-deployment get-logs": "--name -n --endpoint-name -e --lines -l --container -c --local",
    "model create": "--name -n --version -v --path -p --type -t --file -f --description -d --tags --set --stage -s "
    "--datastore --registry-name --no-wait",
    "model show": "--name -n --version -v --label -l --registry-name",
    "model list": "--name -n --max-results -r --include-archived --archived-only --stage -s --registry-name",
    "model update": "--name -n --version -v --label -l --set --add --remove --force-string --registry-name",
    "model archive": "--name -n --version -v --label -l --registry-name",
    "model restore": "--name -n --version -v --label -l --registry-name",
    "model download": "--name -n --version -v --download-path -p --registry-name",
    "environment create": "--name -n --version -v --file -f --image -i --conda-file -c --build-context -b "
    "--dockerfile-path -d --description --tags --os-type --datastore --set --registry-name --no-wait",
    "environment show": "--name -n --version -v --label -l --registry-name",
    "environment list": "--name -n --max-results -r --include-archived --archived-only --registry-name",
    "environment update": "--name -n --version -v --label -l --set --add --remove --force-string --registry-name",
    "environment archive": "--name -n --version -v --label -l --registry-name",
    "environment restore": "--name -n --version -v --label -l --registry-name",
}
# What is asked for by name and stands in no reference of Azure's.
MORE = {"online-endpoint list-deployments"}
# Commands of those groups that we do not have, and why; of the others every option is taken.
NOT_THERE = {
    "model share": "copies into a registry of Azure",
    "environment share": "copies into a registry of Azure",
    "model package": "builds an image in Azure",
}


@pytest.mark.parametrize("command", AZ)
def test_a_command_takes_every_option_that_az_takes(command: str):
    assert set(f"{AZ[command]} {_SCOPE} {_GLOBAL}".split()) - taken_by(command) == set()


def test_what_is_not_there_is_named_here():
    assert not NOT_THERE.keys() & COMMANDS.keys()
    assert {name for name in COMMANDS if name.split()[0] in GROUPS} - AZ.keys() == MORE


LINES = {
    # The beginning of an option is enough, as long as no other begins so.
    "online-endpoint create --nam x --auth key": {"name": "x", "auth_mode": "key"},
    "online-endpoint show --name x --quer scoring_uri --out tsv": {"query": "scoring_uri", "output": "tsv"},
    "online-endpoint show --name x --resource-g rg --workspace ws --sub s": {"name": "x"},
    # A value may stand behind `=`, also of a short option, or behind its letter.
    "online-endpoint show -n=x": {"name": "x"},
    "online-endpoint show -nx -otsv": {"name": "x", "output": "tsv"},
    "online-endpoint show --name=x --output=table": {"name": "x", "output": "table"},
    "online-endpoint show -n x -o TSV": {"output": "tsv"},
    "online-endpoint show -n x --query '{a: name, b: auth_mode}'": {"query": "{a: name, b: auth_mode}"},
    """online-endpoint show -n x --query "[?name=='a'].b | [0]" """: {"query": "[?name=='a'].b | [0]"},
    # An option that is given twice is what it was given last.
    "online-endpoint show -n x --name y": {"name": "y"},
    # Several values end at the next option, and may come in several goes.
    "online-endpoint create -n x --set tags.a=1 tags.b=2 --local": {
        "overrides": ["tags.a=1", "tags.b=2"],
        "local": True,
    },
    "online-endpoint create -n x --set a=1 --set b=2 c=3 -g rg": {"overrides": ["a=1", "b=2", "c=3"]},
    "online-endpoint create -n x --set=a=1": {"overrides": ["a=1"]},
    "online-endpoint create -n x --set 'description=two words' b=": {"overrides": ["description=two words", "b="]},
    "online-endpoint create -n x --set tags.url=http://h/?a=b": {"overrides": ["tags.url=http://h/?a=b"]},
    # Of some flags it may be said whether they are.
    "online-endpoint create --local true -n x": {"name": "x", "local": True},
    "online-endpoint create -n x --local=False": {"local": False},
    "online-deployment create -f d.yml --local --local false --local-enable-gpu TRUE": {
        "local": False,
        "local_enable_gpu": True,
    },
    # A number below zero, a lone dash, and what holds a space are values.
    "online-endpoint create -n x --set -5 - '-two words'": {"overrides": ["-5", "-", "-two words"]},
    "online-endpoint create -n x -f -": {"file": "-"},
    # Models and environments, with their letters.
    "model create -n risk -v 3 -p outputs/model -t mlflow_model -d 'the one of May' --tags run=7 by=ana": {
        "name": "risk",
        "version": "3",
        "path": "outputs/model",
        "kind": "mlflow_model",
        "description": "the one of May",
        "tags": ["run=7", "by=ana"],
    },
    "model create --file model.yml --set version=17 path=outputs": {"overrides": ["version=17", "path=outputs"]},
    "model list --name risk --include-archived --max-results 5 -o table": {
        "include_archived": True,
        "max_results": 5,
        "output": "table",
    },
    "model archive -n risk --vers 3": {"version": "3"},
    "model download --name risk --version 1 --download-path ./here/": {"folder": "./here/"},
    "environment create -n env -v 1 -i img:1 -c conda.yml": {"image": "img:1", "conda_file": "conda.yml"},
    "environment create --file env.yml --vers 2 -w ws": {"version": "2"},
    "environment show --name env --label latest": {"label": "latest"},
    # Deployments, with what their scripts say most.
    "online-deployment create --name blue --endpoint x -f blue.yml --all-traffic --set instance_count=2": {
        "name": "blue",
        "endpoint_name": "x",
        "file": "blue.yml",
        "all_traffic": True,
        "overrides": ["instance_count=2"],
    },
    "online-deployment create -f d.yml --set model=azureml:m:7 --set endpoint_name=x --all --skip-script": {
        "overrides": ["model=azureml:m:7", "endpoint_name=x"],
        "all_traffic": True,
        "skip_script_validation": True,
    },
    "online-deployment update -n blue -e x --set environment_variables.URL='a=b c' tags.t=": {
        "overrides": ["environment_variables.URL=a=b c", "tags.t="]
    },
    "online-deployment show --name blue --endpoint x --query 'provisioning_state' -o tsv --local": {
        "endpoint_name": "x",
        "local": True,
    },
    "online-deployment get-logs -n blue -e x -l 100 -c storage-initializer": {
        "lines": 100,
        "container": "storage-initializer",
    },
    "online-deployment delete --name blue --endpoint x --yes --no-wait": {"yes": True, "no_wait": True},
    # Shares in one word or in several.
    'online-endpoint update -n x --traffic "blue=90 green=10"': {"traffic": ["blue=90 green=10"]},
    "online-endpoint update -n x --traffic blue=90 green=10 --mirror green=5": {
        "traffic": ["blue=90", "green=10"],
        "mirror_traffic": ["green=5"],
    },
    "online-endpoint update -n x -r blue=100": {"traffic": ["blue=100"]},
    "online-endpoint invoke -n x -r request.json -d green": {
        "request_file": "request.json",
        "deployment_name": "green",
    },
    "online-endpoint invoke --name x --request-file=request.json --deployment green": {
        "request_file": "request.json",
        "deployment_name": "green",
    },
    "online-endpoint invoke -n x --request-file /dev/stdin": {"request_file": "/dev/stdin"},
    "online-endpoint get-credentials -n x -o tsv --query primaryKey": {"query": "primaryKey", "output": "tsv"},
    "online-endpoint regenerate-keys -n x --key Secondary --no-wait": {"key_type": "secondary"},
    # What is added or removed stays together, as the first word says what the others are for.
    "online-endpoint update -n x --remove tags.a --remove identity.user_assigned_identities 0": {
        "removals": ["tags.a", "identity.user_assigned_identities 0"]
    },
    "online-endpoint update -n x --add identity.user_assigned_identities resource_id='a b'": {
        "additions": ["identity.user_assigned_identities 'resource_id=a b'"]
    },
    # Flags stand together behind one dash.
    "online-endpoint delete -yn x": {"yes": True, "name": "x"},
    "online-endpoint delete -y -n x --no-w --only-show": {"no_wait": True, "only_errors": True},
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_a_script_is_read_as_az_reads_it(line: str):
    read = values(line)
    wanted = LINES[line]
    assert {name: plain(read[name]) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("online-endpoint create --n x", "ambiguous option: --n could match --name, --no-wait"),
        ("online-endpoint show -n", "argument --name/-n: expected one argument"),
        ("online-endpoint show -n --local", "argument --name/-n: expected one argument"),
        ("online-endpoint create -n x --set --local", "argument --set: expected at least one argument"),
        ("online-endpoint create -n x --set=a=1 b=2", "Got unexpected extra argument(s) (b=2)"),
        ("online-endpoint delete -n x --yes true", "Got unexpected extra argument(s) (true)"),
        ("online-endpoint delete -n x --yes=true", "argument --yes/-y: ignored explicit argument 'true'"),
        ("online-endpoint create -n x --local maybe", "argument --local: invalid choice: 'maybe'"),
        ("online-endpoint create -n x --no-wait true", "Got unexpected extra argument(s) (true)"),
        ("online-endpoint show --name x --endpiont y", "No such option: --endpiont"),
        ("online-endpoint show", "Missing option '--name' / '-n'."),
        ("online-endpoint show -n x -o xml", "Invalid value for '--output' / '-o'"),
    ],
)
def test_what_az_refuses_is_refused(line: str, why: str):
    with pytest.raises(UsageError) as refused:
        values(line)
    assert refused.value.format_message().startswith(why)


def values(line: str) -> dict[str, Any]:
    """What a command would be called with."""
    first, second, *words = shlex.split(line)
    command = command_of(f"{first} {second}")
    return dict(command.make_context(f"mlops {first} {second}", words, **app.info.context_settings).params)


def taken_by(command: str) -> set[str]:
    return {"--help", "-h"} | {name for option in command_of(command).params for name in option.opts}


@cache
def command_of(name: str) -> Any:
    group: Any = typer.main.get_command(app)
    return group.get_command(Context(group), name)


def plain(value: Any) -> Any:
    """A path as its text, a tuple as a list."""
    return str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("output", AzOutput)
def test_of_what_is_null_nothing_is_printed_so_that_a_script_finds_it_empty(output: AzOutput, capsys: Any):
    print_answer({"scoring_uri": None}, "scoring_uri", output)
    assert capsys.readouterr().out == ""


def test_of_an_empty_list_a_script_that_counts_lines_gets_none(capsys: Any):
    print_answer([{"name": "blue"}], "[?name=='green'].name", AzOutput.TSV)
    assert capsys.readouterr().out == ""
