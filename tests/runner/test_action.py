"""The action in a workflow of somebody's own: what it is given, what it gives, and what it does not obey."""

from pathlib import Path

from tests.runner.hub import clone, commit
from tests.runner.runs import Job, Service
from tests.runner.world import tool

SCHEMA = "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineEndpoint.schema.json\n"
FILES = {
    "mlops.yaml": "targets:\n  dev: {provider: memory, file: .mlops/live.jsonl}\n",
    "endpoint.yml": f"{SCHEMA}name: credit\n",
}
EVIL = "import pathlib\npathlib.Path({ran!r}).touch()\n"
HEAD = """name: own
on: push
permissions: {{contents: read}}
jobs:
  one:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    env: {{PYTHONPATH: ".", PYTHONSTARTUP: yaml.py}}
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
"""
STEP = """      - id: {name}
        if: ${{{{ !cancelled() }}}}
        uses: acme/mlops/.github/actions/mlops@{sha}
        with: {{{given}}}
      - if: ${{{{ !cancelled() }}}}
        run: 'echo "{name}: [$CODE][$CHANGES][${{#DIGEST}}]"; ls "$REPORTS"'
        env:
          CODE: ${{{{ steps.{name}.outputs.exit-code }}}}
          CHANGES: ${{{{ steps.{name}.outputs.changes }}}}
          DIGEST: ${{{{ steps.{name}.outputs.digest }}}}
          REPORTS: ${{{{ steps.{name}.outputs.reports }}}}
"""


def played(service: Service, folder: Path, **steps: str) -> Job:
    """A job whose steps are uses of the action; the repository is one that would rather run something of its own."""
    sha = tool(service, folder).sha()
    project = service.hub.create("team/models")
    working = clone(project, folder / "w")
    for name, text in FILES.items():
        (working / name).write_text(text)
    for name in ("yaml", "json", "sitecustomize", "hatchling"):
        (working / f"{name}.py").write_text(EVIL.format(ran=str(folder / "ran")))
    workflow = HEAD.format() + "".join(STEP.format(name=n, sha=sha, given=given) for n, given in steps.items())
    (working / ".github" / "workflows").mkdir(parents=True)
    (working / ".github" / "workflows" / "own.yml").write_text(workflow)
    commit(working, "one")
    job = service.play(project, service.hub.pushed(project))["own"].jobs["one"]
    assert not (folder / "ran").exists()
    return job


def test_it_gives_what_came_of_each_command(service: Service, tmp_path: Path):
    job = played(
        service,
        tmp_path,
        validate="command: validate",
        plan="command: plan, target: dev",
        apply="command: apply, digest: '${{ steps.plan.outputs.digest }}'",
        again='command: plan, args: "--only\\nendpoint/credit"',
        drift="command: drift",
        offline='command: plan, offline: true, paths: "endpoint.yml\\n.", summary: false',
    )
    assert job.result == "success", job.log
    said = dict(line.split(": ", 1) for line in job.log.splitlines() if line.endswith("]") and ": [" in line)
    assert said == {
        "validate": "[0][][0]", "plan": "[2][true][64]", "apply": "[0][][64]", "again": "[0][false][64]",
        "drift": "[0][false][0]", "offline": "[0][false][64]",
    }  # fmt: skip
    assert {"apply.html", "drift.sarif", "plan.markdown", "validate.junit"} <= set(job.log.splitlines())
    assert [job.summary.count(f"### mlops {name}") for name in ("validate", "plan", "apply", "drift")] == [1, 2, 1, 1]
    assert job.complaints == ()


def test_what_is_wrong_makes_it_red(service: Service, tmp_path: Path):
    job = played(
        service,
        tmp_path,
        target="command: plan, target: nowhere",
        digest="command: apply, digest: latest",
        option='command: plan, paths: "--out=x"',
        command='command: "plan; touch ran"',
    )
    assert job.result == "failure"
    said = ("no target", "is no digest of a plan", "--out=x is not there", "there is no plan; touch ran")
    assert [text for text in said if text not in job.log] == []
    assert [line for line in job.log.splitlines() if line.endswith("][][0]")] == [
        f"{name}: [{code}][][0]" for name, code in (("target", 1), ("digest", 1), ("option", 1), ("command", ""))
    ]


def test_without_uv_it_installs_by_pip(service: Service, tmp_path: Path):
    service.machine.with_uv = False
    assert played(service, tmp_path, validate="command: validate").result == "success"
