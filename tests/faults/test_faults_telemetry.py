"""F39: traces go where OTEL_* says, tell no values, and hold up no command for more than two seconds."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.cli.command_line import Repository, environ
from tests.faults.collector import Collector, closed, collector, facts, mute, nameless, trickling, unroutable
from tests.faults.plugin import plugged, settings

APPLY = ("apply", "--auto-approve")
# Two seconds are allowed; the rest is for a busy machine. Without a bound the exporter goes on for ten.
BOUND_S = 6.0
ADDRESS = "OTEL_EXPORTER_OTLP_ENDPOINT"
CANARY = "hunter2-is-the-canary"
Place = Callable[[], AbstractContextManager[str]]


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repo")


@pytest.fixture
def traces() -> Iterator[Collector]:
    with collector() as made:
        yield made


def test_f39_a_collector_gets_the_spans_of_an_apply_with_their_parents(repo: Repository, traces: Collector):
    repo.mlops(*APPLY, **{ADDRESS: traces.url})
    assert traces.tree() == {
        "mlops apply": "",
        "recover": "mlops apply",
        "plan": "mlops apply",
        "compare": "plan",
        "load": "plan",
        "observe": "plan",
        "blame": "mlops apply",
        "execute": "mlops apply",
        "create environment": "execute",
        "create model": "execute",
        "create endpoint": "execute",
        "create deployment": "execute",
        "route endpoint": "execute",
    }
    by_name = {span.name: facts(span) for span in traces.spans}
    assert by_name["mlops apply"] == {"mlops.exit_code": 0}
    assert by_name["plan"] == {"mlops.target": "dev", "mlops.provider": "memory"}
    assert by_name["create deployment"] == {
        "mlops.action": "create",
        "mlops.address": "deployment/credit/blue",
        "mlops.result": "succeeded",
    }
    assert len({span.trace_id for span in traces.spans}) == 1


def test_f39_a_step_that_failed_is_marked_and_its_message_is_not_told(tmp_path: Path, traces: Collector):
    plugin = plugged(tmp_path / "site")
    repo = Repository(tmp_path / "repo", settings({"create deployment/credit/blue": ["quota"]}))
    repo.mlops(*APPLY, code=5, **{ADDRESS: traces.url}, **plugin)
    ended = {span.name: (facts(span).get("mlops.result"), span.status.code) for span in traces.spans}
    error = 2
    assert ended["create deployment"] == ("failed", error)
    assert ended["route endpoint"] == ("skipped", 0)
    assert ended["mlops apply"] == (None, error)
    assert b"4 cores asked" not in traces.body


def test_f39_no_value_of_any_field_and_no_word_of_the_command_line_is_in_a_trace(repo: Repository, traces: Collector):
    repo.edit("manifests/blue.yml", "name: blue\n", f"name: blue\nenvironment_variables:\n  PASSWORD: {CANARY}\n")
    repo.edit("manifests/endpoint.yml", "name: credit\n", "name: credit\ndescription: {{WORDS}}\n")
    variables = ("--var", f"WORDS={CANARY}")
    everything = {ADDRESS: traces.url, "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "*"}
    repo.mlops(*APPLY, *variables, **everything)
    repo.mlops("plan", "--var", "WORDS=", "--set", f"endpoint/credit.traffic={CANARY}", code=1, **everything)
    assert [span.name for span in traces.spans if not span.parent_span_id] == ["mlops apply", "mlops plan"]
    assert CANARY.encode() not in traces.body


def test_f39_a_trace_is_a_part_of_the_one_that_called_and_has_the_name_that_was_given(
    repo: Repository, traces: Collector
):
    outer = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    repo.mlops("plan", TRACEPARENT=outer, OTEL_SERVICE_NAME="delivery", **{ADDRESS: traces.url})
    (command,) = (span for span in traces.spans if span.name == "mlops plan")
    assert (command.trace_id.hex(), command.parent_span_id.hex()) == tuple(outer.split("-")[1:3])
    assert traces.resource()["service.name"] == "delivery"


def test_f39_without_a_name_the_service_is_mlops(repo: Repository, traces: Collector):
    repo.mlops("plan", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{traces.url}/v1/traces")
    assert traces.resource()["service.name"] == "mlops"


@pytest.mark.parametrize("forbidding", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}, {ADDRESS: ""}])
def test_f39_no_trace_is_sent_where_nobody_asks_or_somebody_forbids(
    repo: Repository, traces: Collector, forbidding: dict[str, str]
):
    repo.mlops("plan", **{ADDRESS: traces.url, **forbidding})
    assert traces.requests == []


def test_f39_where_nobody_asks_nothing_of_it_is_loaded(repo: Repository):
    script = (
        "import os, sys; os._exit, sys.argv = sys.exit, ['mlops', 'plan']\n"
        "from reconciler.cli.main import main\n"
        "try: main()\n"
        "finally: print([m for m in sys.modules if m.startswith(('opentelemetry', 'requests', 'google'))])\n"
    )
    python = sys.executable
    done = subprocess.run([python, "-c", script], check=True, cwd=repo.folder, env=environ(), capture_output=True)
    assert done.stdout.decode().splitlines()[-1] == "[]"


@pytest.fixture(params=[closed, mute, trickling, unroutable, nameless], ids=lambda place: place.__name__)
def dead(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where traces are lost."""
    with request.param() as address:
        yield address


def test_f39_a_dead_collector_holds_up_no_exit(repo: Repository, dead: str):
    with repo.started("plan", **{ADDRESS: dead}) as process:
        assert process.stdout is not None
        assert any(line.startswith("Plan: ") for line in process.stdout)
        assert process.wait(timeout=BOUND_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == "mlops: nobody took the trace in time; see OTEL_EXPORTER_OTLP_ENDPOINT\n"


def test_f39_a_dead_collector_holds_up_no_error(repo: Repository):
    repo.edit("manifests/endpoint.yml", "blue: 100", "blue: 90")
    with mute() as address, repo.started("plan", **{ADDRESS: address}) as process:
        assert process.stderr is not None
        assert any(line.startswith("mlops: 1 problem in the files") for line in process.stderr)
        assert process.wait(timeout=BOUND_S) == 1


def test_f39_a_dead_collector_holds_up_no_interruption(tmp_path: Path):
    plugin = plugged(tmp_path / "site")
    repo = Repository(tmp_path / "repo", settings({"create deployment/credit/blue": ["429 for long"]}))
    with mute() as address, repo.started(*APPLY, **{ADDRESS: address}, **plugin) as process:
        assert process.stdout is not None
        assert any("retrying in 100 s" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert any(line.startswith("mlops: interrupted; what was done is recorded") for line in process.stderr)
        assert process.wait(timeout=BOUND_S) == 130
    repo.write("mlops.yaml", settings({}))
    repo.mlops(*APPLY, **plugin)
    assert repo.mlops("plan", **plugin).out.startswith("No changes.")


def test_f39_what_was_applied_is_recorded_whatever_becomes_of_the_trace(repo: Repository):
    with mute() as address:
        repo.mlops(*APPLY, **{ADDRESS: address})
    assert repo.mlops("plan", "--detailed-exitcode").out.startswith("No changes.")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({ADDRESS: "::: no address"}, "nobody took the trace"),
        ({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "many"}, "no trace is made"),
        ({"OTEL_EXPORTER_OTLP_COMPRESSION": "rar"}, ""),
        ({"TRACEPARENT": "of nobody"}, ""),
    ],
)
def test_f39_settings_that_are_wrong_keep_no_command_from_its_work(
    repo: Repository, traces: Collector, wrong: dict[str, str], told: str
):
    ran = repo.mlops("plan", **{ADDRESS: traces.url, **wrong})
    assert ran.out.splitlines()[-1].startswith("Plan: ")
    assert told in ran.err
