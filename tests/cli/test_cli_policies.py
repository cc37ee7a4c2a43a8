"""Policies at work: traffic that moves step by step and deployments that scale, behind the real proxy, under load."""

import signal
import urllib.request

import psutil
import pytest
from command_line import LOCAL, Repository

from tests.constant_load import Load
from tests.ending import processes_of
from tests.ports import free_port
from tests.waiting import until

FAILING = "def init(): pass\n\n\ndef run(raw_data): raise ValueError('no')\n"
ANSWERING = "def init(): pass\n\n\ndef run(raw_data): return 'green'\n"
SLOW = "import time\n\n\ndef init(): pass\n\n\ndef run(raw_data):\n    time.sleep(0.1)\n    return 'green'\n"
# For as long as it is asked now and then it takes what it gets of a core, however slowly clients ask.
BUSY = """import threading
import time

asked = 0.0


def burn():
    while True:
        if time.monotonic() - asked > 2:
            time.sleep(0.05)


def init():
    threading.Thread(target=burn, daemon=True).start()


def run(raw_data):
    global asked
    asked = time.monotonic()
    time.sleep(0.02)
    return "blue"
"""
PRIVATE = ".mlops/local/dev"


def rollout(steps: str = "[10, 50, 100]", pause: str = "300ms", gates: str = "{}") -> str:
    return f"{LOCAL}policies:\n  endpoint/credit:\n    rollout: {{steps: {steps}, pause: {pause}, gates: {gates}}}\n"


@pytest.fixture
def two(local: Repository) -> Repository:
    """Deployments blue and green, blue with all of the traffic; nothing is applied."""
    local.write("manifests/green.yml", local.read("manifests/blue.yml").replace("blue", "green"))
    local.edit("manifests/green.yml", "code: src", "code: green")
    local.write("manifests/green/score.py", ANSWERING)
    return local


def moved(repository: Repository, policy: str, *, green: str = ANSWERING) -> Repository:
    """Applied with a policy, then with all of the traffic wanted at green."""
    repository.write("mlops.yaml", policy)
    repository.write("manifests/green/score.py", green)
    repository.apply()
    repository.edit("manifests/endpoint.yml", "blue: 100", "green: 100")
    repository.apply()
    return repository


def load(repository: Repository, clients: int = 1) -> Load:
    """Clients that ask endpoint `credit` over one connection each."""
    uri = repository.mlops("show", "endpoint/credit").json["scoring_uri"]
    return Load(uri, repository.mlops("credentials", "credit").json["primaryKey"], kept=clients, fresh=0)


def traffic(repository: Repository) -> dict[str, int]:
    found: dict[str, int] = repository.mlops("show", "endpoint/credit").json["traffic"]
    return found


def decisions(repository: Repository) -> str:
    log = repository.folder / PRIVATE / "attendant.log"
    return log.read_text() if log.exists() else ""


def attendants(repository: Repository) -> list[psutil.Process]:
    return [each for each in processes_of(repository.folder) if _is_attendant(each)]


def _is_attendant(process: psutil.Process) -> bool:
    try:
        return "reconciler.operate" in process.cmdline()
    except psutil.Error:
        return False


def test_traffic_moves_step_by_step_to_the_end_and_the_attendant_goes(two: Repository):
    moved(two, rollout(gates="{error_rate: 0.5, min_requests: 1}"))
    with load(two) as asked:
        until(lambda: traffic(two) == {"green": 100})
    assert asked.lost == []
    until(lambda: "endpoint/credit: roll-out at 50 %" in decisions(two))
    until(lambda: "endpoint/credit: roll-out done" in decisions(two))
    assert "No drift" in two.mlops("drift", "--detailed-exitcode").out
    until(lambda: not attendants(two))


def test_a_rollout_is_planned_shown_and_expected_while_it_is_under_way(two: Repository):
    two.write("mlops.yaml", rollout(pause="1h"))
    two.apply()
    two.edit("manifests/endpoint.yml", "blue: 100", "green: 100")
    planned = two.mlops("plan")
    assert "route endpoint/credit (traffic changed; by rollout 10, 50, 100 % with 1h between)" in planned.out
    two.apply()
    assert traffic(two) == {"blue": 90, "green": 10}
    assert two.steps() == []
    drifted = two.mlops("drift", "--detailed-exitcode").out
    assert "= endpoint/credit: expected (roll-out at 10 % since" in drifted
    assert "roll-out at 10 % since" in two.mlops("show", "endpoint/credit").json["note"]
    assert "roll-out at 10 % since" in two.mlops("status").out


def test_failing_requests_lead_the_traffic_back_and_the_next_plan_moves_it_again(two: Repository):
    moved(two, rollout("[50, 100]", "1h", "{error_rate: 0.1, min_requests: 5}"), green=FAILING)
    with load(two):
        until(lambda: traffic(two) == {"blue": 100})
    drifted = two.mlops("drift", "--detailed-exitcode", code=2).out
    assert "~ endpoint/credit: changed (roll-out returned: at 50 %, error_rate above 0.1:" in drifted
    assert two.steps() == ["route endpoint/credit"]


def test_slow_answers_lead_the_traffic_back(two: Repository):
    moved(two, rollout("[50, 100]", "1h", "{p95_ms: 90, min_requests: 3}"), green=SLOW)
    with load(two):
        until(lambda: traffic(two) == {"blue": 100})
    until(lambda: "p95_ms above 90" in decisions(two))


def test_without_requests_a_rollout_holds(two: Repository):
    moved(two, rollout(gates="{error_rate: 0.1, min_requests: 1}"))
    until(lambda: "held: fewer than 1 requests to judge by" in decisions(two))
    assert traffic(two) == {"blue": 90, "green": 10}
    assert "held: fewer than 1 requests" in two.mlops("status").out


def test_an_attendant_that_was_killed_goes_on_where_it_was(two: Repository):
    moved(two, rollout(gates="{error_rate: 0.5, min_requests: 1}"))
    (killed,) = until(lambda: attendants(two))
    killed.send_signal(signal.SIGKILL)
    (again,) = until(lambda: [each for each in attendants(two) if each.pid != killed.pid])
    assert traffic(two) == {"blue": 90, "green": 10}
    with load(two):
        until(lambda: traffic(two) == {"green": 100})
    assert again.pid != killed.pid


def test_an_apply_during_a_rollout_replaces_it(two: Repository):
    moved(two, rollout("[10, 100]", "1h"))
    two.edit("manifests/endpoint.yml", "green: 100", "blue: 40\n  green: 60")
    two.apply()
    assert traffic(two) == {"blue": 85, "green": 15}
    two.edit("manifests/endpoint.yml", "blue: 40\n  green: 60", "blue: 90\n  green: 10")
    two.apply()
    assert traffic(two) == {"blue": 90, "green": 10}
    assert "No drift" in two.mlops("drift", "--detailed-exitcode").out


def test_what_still_has_traffic_is_not_deleted(two: Repository):
    moved(two, rollout("[10, 100]", "1h"))
    two.remove("manifests/blue.yml")
    refused = two.mlops("plan", code=4)
    assert "E-DELETE-TRAFFIC: blue still has 90 % of traffic" in refused.err


def test_a_target_that_is_destroyed_has_no_attendant(two: Repository):
    moved(two, rollout("[10, 100]", "1h"))
    until(lambda: attendants(two))
    two.mlops("destroy", "--auto-approve")
    assert processes_of(two.folder) == []


def instances(repository: Repository) -> int:
    found: int = repository.mlops("show", "deployment/credit/blue").json["instance_count"]
    return found


def autoscale(*rules: str) -> str:
    lines = "".join(f"        - {{{rule}}}\n" for rule in rules)
    head = "policies:\n  deployment/credit/blue:\n    autoscale:\n      minimum: 1\n      maximum: 2\n"
    return f"{LOCAL}{head}      interval: 200ms\n      rules:\n{lines}"


@pytest.mark.parametrize(
    "rules",
    [
        (
            "metric: CpuUtilizationPercentage, above: 15, for: 1s, change: 1, cooldown: 1s",
            "metric: CpuUtilizationPercentage, below: 8, for: 1s, change: -1, cooldown: 1s",
        ),
        (
            "metric: RequestLatency_P95, above: 15, for: 1s, change: 1, cooldown: 1s",
            "metric: RequestsPerMinute, below: 10, for: 1s, change: -1, cooldown: 1s",
        ),
    ],
    ids=["cpu", "latency"],
)
def test_a_deployment_scales_with_its_load(local: Repository, rules: tuple[str, str]):
    local.write("mlops.yaml", autoscale(*rules))
    local.write("manifests/src/score.py", BUSY)
    local.apply()
    with load(local) as asked:
        until(lambda: instances(local) == 2)
        assert "= deployment/credit/blue: expected" in local.mlops("drift", "--detailed-exitcode").out
        assert local.steps() == []
    until(lambda: instances(local) == 1)
    assert asked.lost == []
    until(lambda: "deployment/credit/blue: 1 -> 2 instances" in decisions(local))


def test_traffic_goes_back_although_a_new_instance_is_not_ready_for_long(two: Repository):
    waiting, failing = two.folder / "waiting", two.folder / "failing"
    slow = f"while os.path.exists({str(waiting)!r}): time.sleep(0.05)"
    two.write(
        "manifests/src/score.py", f"import os, time\n\n\ndef init():\n    {slow}\n\n\ndef run(raw_data): return 1\n"
    )
    broken = f"def run(raw_data):\n    if os.path.exists({str(failing)!r}): raise ValueError('no')\n"
    policy = rollout("[50, 100]", "1h", "{error_rate: 0.1, min_requests: 5}").partition("policies:\n")[2]
    scaled = autoscale("metric: RequestsPerMinute, above: 1, for: 1s, change: 1, cooldown: 1h")
    moved(two, scaled + policy, green=f"import os\n\n\ndef init(): pass\n\n\n{broken}")
    waiting.touch()
    with load(two):
        until(lambda: state(two) == "Scaling")
        failing.touch()
        until(lambda: traffic(two) == {"blue": 100})
        assert state(two) == "Scaling"
        waiting.unlink()
        until(lambda: instances(two) == 2)


def state(repository: Repository) -> str:
    found: str = repository.mlops("show", "deployment/credit/blue").json["provisioning_state"]
    return found


def test_scale_settings_scale_with_the_requests_under_way(local: Repository):
    settings = "{type: target_utilization, min_instances: 1, max_instances: 2, polling_interval: 1}"
    local.write("manifests/blue.yml", local.read("manifests/blue.yml") + f"scale_settings: {settings}\n")
    local.write("manifests/src/score.py", SLOW)
    local.apply()
    with load(local, clients=2):
        until(lambda: instances(local) == 2)
        until(lambda: "requests at once, target 70 %" in decisions(local))


def test_the_attendant_goes_on_as_before_while_mlops_yaml_is_wrong(two: Repository):
    moved(two, rollout("[10, 100]", "3s"))
    until(lambda: "looks after target dev" in decisions(two))
    valid = two.read("mlops.yaml")
    two.write("mlops.yaml", "targets: [\n")
    until(lambda: "goes on as before" in decisions(two))
    until(lambda: "roll-out done" in decisions(two))
    two.write("mlops.yaml", valid)
    assert traffic(two) == {"green": 100}


def test_prometheus_reads_the_metrics_of_a_target(local: Repository):
    port = free_port()
    local.write("mlops.yaml", LOCAL.replace("default: true", f"default: true, metrics: {{port: {port}}}"))
    local.apply()
    with load(local) as asked:
        until(lambda: 'mlops_requests_total{endpoint="credit",deployment="blue",code="200"}' in _scraped(port))
    assert asked.lost == []
    text = _scraped(port)
    assert "# TYPE RequestLatency_P95 gauge" in text
    assert "CpuUtilizationPercentage{" in text
    local.mlops("destroy", "--auto-approve")
    assert processes_of(local.folder) == []


def _scraped(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def test_the_attendant_opens_an_encrypted_record_by_the_file_of_its_key_and_by_nothing_else(two: Repository):
    two.write("key", "1" * 64)
    two.write("mlops.yaml", rollout())
    two.mlops("apply", "--auto-approve", MLOPS_ENCRYPTION_KEY_FILE="key")
    two.edit("manifests/endpoint.yml", "blue: 100", "green: 100")
    said = two.mlops("apply", "--auto-approve", code=1, MLOPS_ENCRYPTION_KEY="1" * 64).err
    assert "nobody follows its policies" in said
    assert "give MLOPS_ENCRYPTION_KEY_FILE in its place" in said
    assert not attendants(two)
    two.mlops("apply", "--auto-approve", MLOPS_ENCRYPTION_KEY_FILE="key")
    until(lambda: "endpoint/credit: roll-out done" in decisions(two))
