"""What happens before the server is ready, and when it cannot be."""

from __future__ import annotations

import asyncio
import http.client
import re
import socket
import stat
from pathlib import Path

import pytest

import reconciler
from reconciler.scoring import settings
from reconciler.scoring.settings import WITHOUT_EFFECT, SettingsError, read_settings
from reconciler.scoring.sockets import bound_tcp

SETTINGS = Path(settings.__file__)
ECHO = "def run(data): return data\n"


def test_nothing_is_accepted_until_init_has_ended(start):
    server = start("def init():\n    touch('began')\n    wait_for('go')\n" + ECHO)
    server.until("began")
    assert server.health() == 0
    server.touch("go")
    server.until_healthy()


def test_init_is_called_once(start):
    server = start("calls = []\ndef init(): calls.append(1)\ndef run(data): return len(calls)\n").until_healthy()
    assert [server.ask().json, server.ask().json] == [1, 1]


@pytest.mark.parametrize("script", ["def init():\n    open('absent')\n" + ECHO, "open('absent')\n"])
def test_a_failing_script_ends_with_its_own_traceback(start, script):
    server = start(script)
    assert server.exit_code() == 3
    assert re.search(r'Traceback .*\n  File ".*/score.py", line', server.errors)
    assert "FileNotFoundError: [Errno 2] No such file or directory: 'absent'" in server.errors
    assert "reconciler/scoring" not in server.errors


def test_a_syntax_error_shows_its_line(start):
    server = start("def run(data:\n")
    assert server.exit_code() == 3
    assert "score.py" in server.errors
    assert "SyntaxError" in server.errors


def test_a_script_that_exits_is_a_failing_script(start):
    server = start("raise SystemExit(0)\n")
    assert server.exit_code() == 3


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (None, "there is no scoring script"),
        ("", "has no function run()"),
        ("del init\n" + ECHO, "has no function init()"),
        ("def run(): pass\n", "run() needs an argument for the input data"),
        ("def run(*data): pass\n", "run() cannot accept positional-only arguments"),
        ("async def init(): pass\n" + ECHO, "init() must not be async"),
    ],
)
def test_a_script_without_what_is_needed_is_refused_in_one_line(start, script, message):
    server = start(script)
    assert server.exit_code() == 3
    assert message in server.errors
    assert len(server.errors.splitlines()) == 1


def test_an_init_that_takes_too_long_is_given_up(start):
    server = start("def init(): wait_for('never')\n" + ECHO, WORKER_TIMEOUT="5")
    assert server.exit_code() == 3
    assert "init() has not ended after 5 s (WORKER_TIMEOUT)" in server.errors
    assert "score.py" in server.errors


def test_told_to_stop_during_init_it_stops(start):
    server = start("def init():\n    touch('began')\n    wait_for('never')\n" + ECHO)
    server.until("began")
    server.process.terminate()
    assert server.exit_code() == 0
    assert not server.exists("s")


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    "end",
    [
        "try: wait()\n    except: pass",
        "try: wait()\n    except BaseException as error: raise RuntimeError('cannot load') from error",
        "class Gone:\n        def __del__(self): wait()\n    Gone()",
    ],
    ids=["caught", "turned-into-another", "in-a-finalizer"],
)
def test_told_to_stop_during_init_it_stops_although_the_script_goes_on(start, end, workers):
    init = f"def wait():\n    touch('began')\n    wait_for('go')\ndef init():\n    {end}\n{ECHO}"
    server = start(init, WORKER_COUNT=workers)
    server.until("began")
    server.process.terminate()
    assert server.exit_code() == 0
    assert "ready on" not in server.errors
    assert "init() failed" not in server.errors


def test_a_script_in_a_subfolder_imports_from_the_root_which_is_the_working_directory(start):
    server = start(
        "wait_for('helper.py')\nimport helper\n"
        "def run(data): return [helper.__file__, os.getenv('AZUREML_MODEL_DIR')]\n",
        AZUREML_ENTRY_SCRIPT="online/score.py",
        AZUREML_MODEL_DIR="/models",
    )
    server.touch("helper.py")
    assert server.until_healthy().ask().json == [f"{server.folder}/helper.py", "/models"]


def test_wrong_settings_are_all_named_in_one_line(start):
    server = start(ECHO, WORKER_COUNT="none", SCORING_TIMEOUT_MS="0", AZUREML_LOG_LEVEL="LOUD")
    assert server.exit_code() == 2
    assert server.errors == (
        "reconciler.scoring: WORKER_COUNT: 'none' is not a whole number of at least 1; "
        "SCORING_TIMEOUT_MS: '0' is not a whole number of at least 1; "
        "AZUREML_LOG_LEVEL: 'LOUD' is not one of DEBUG, INFO, WARNING, ERROR, CRITICAL\n"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"AML_APP_ROOT": "/nowhere"},
        {"AZUREML_ENTRY_SCRIPT": ""},
        {"WORKER_TIMEOUT": "0"},
        {"MLOPS_MAX_CONCURRENT_REQUESTS": "0"},
        {"MLOPS_MAX_BODY_BYTES": "-1"},
        {"MLOPS_MAX_QUEUED_REQUESTS": "-1"},
        {"MLOPS_MAX_REQUESTS_PER_WORKER": "x"},
        {"AML_CORS_ORIGINS": "https://[.example"},
        {"MLOPS_DRAIN_SECONDS": "-1"},
        {"MLOPS_DRAIN_GRACE_SECONDS": "nan"},
    ],
)
def test_a_wrong_setting_is_named(wrong):
    with pytest.raises(SettingsError, match=f"^{next(iter(wrong))}: [^;]*$"):
        read_settings({"AZUREML_ENTRY_SCRIPT": "score.py", **wrong})


def test_the_slots_of_an_instance_are_shared_out_among_its_workers():
    environment = {"AZUREML_ENTRY_SCRIPT": "score.py", "MLOPS_MAX_CONCURRENT_REQUESTS": "5", "WORKER_COUNT": "2"}
    assert read_settings(environment).slots == 3


def test_the_socket_is_its_owners_and_goes_with_the_server(start):
    server = start(ECHO).until_healthy()
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o600
    server.process.terminate()
    assert server.exit_code() == 0
    assert not server.exists("s")


def test_a_stale_socket_is_replaced(start):
    server = start("wait_for('never')\n" + ECHO)
    server.until("s")
    server.process.kill()
    server.exit_code()
    assert server.exists("s")
    (server.folder / "score.py").write_text("def init(): pass\n" + ECHO)
    successor = start(None, "--uds", str(server.socket), AML_APP_ROOT=str(server.folder))
    server.until(lambda: server.health() == 200)
    assert successor.process.poll() is None


def test_a_file_in_the_place_of_the_socket_is_kept(start):
    server = start(ECHO, "--uds", "/dev/null")
    assert server.exit_code() == 2
    assert server.errors == "reconciler.scoring: cannot listen on /dev/null: a file that is no socket is there\n"


def test_it_listens_on_tcp(start):
    server = start(ECHO, "--port", "0")
    port = server.until(lambda: re.search(r"ready on 127\.0\.0\.1:(\d+)", server.errors))[1]
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"Healthy"
    connection.close()


def test_the_parts_of_an_answer_over_tcp_do_not_wait_for_each_other():
    async def nodelay_of_a_connection(sock):
        accepted = asyncio.get_running_loop().create_future()
        server = await asyncio.start_server(lambda _reader, writer: accepted.set_result(writer), sock=sock)
        _, client = await asyncio.open_connection(*sock.getsockname())
        writer = await accepted
        found = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        for one in (client, writer, server):
            one.close()
        return found

    with bound_tcp("127.0.0.1", 0) as sock:
        assert asyncio.run(nodelay_of_a_connection(sock)) != 0


def test_a_taken_port_is_named_before_the_script_is_loaded(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = start("touch('loaded')\n", "--port", str(port))
        assert server.exit_code() == 2
    assert f"cannot listen on 127.0.0.1:{port}: " in server.errors
    assert not server.exists("loaded")


def test_help_names_every_variable(start):
    server = start(None, "--help")
    assert server.exit_code() == 0
    read = set(
        re.findall(r'"((?:AML|AZUREML|MLOPS|SERVICE|SERVER|WORKER|SCORING|HTTP)_[A-Z_]+)"', SETTINGS.read_text())
    )
    assert len(read) > 20
    assert {name for name in read - set(WITHOUT_EFFECT) if name not in server.output} == set()


def test_what_has_no_effect_here_is_told(start):
    asked = {"AML_APP_INSIGHTS_ENABLED": "true", "AML_APP_INSIGHTS_KEY": "k", "AML_MODEL_DC_STORAGE_ENABLED": "false"}
    server = start(ECHO, **asked).until_healthy()
    assert (
        "WARNING mlops.scoring: without effect here: AML_APP_INSIGHTS_ENABLED, AML_APP_INSIGHTS_KEY\n" in server.errors
    )


def test_a_driver_module_is_called_past(start):
    """Azure's older tools put one before the script, whose run() hands arguments on wrongly."""
    script = "import types\ndriver_module = types.ModuleType('d')\ndriver_module.run = lambda data: 'the script'\n"
    server = start(script + "def run(*data): return 'the driver'\n").until_healthy()
    assert server.ask().json == "the script"


def test_the_source_directory_is_a_place_of_imports(start):
    script = "wait_for('sources/helper.py')\nimport helper\ndef run(data): return helper.NAME\n"
    server = start(script, AZUREML_SOURCE_DIRECTORY="sources")
    (server.folder / "sources").mkdir()
    (server.folder / "new").write_text("NAME = 'helped'\n")
    (server.folder / "new").rename(server.folder / "sources/helper.py")
    assert server.until_healthy().ask().json == "helped"


def test_without_a_debugger_its_port_is_refused(start, tmp_path):
    # As in an environment that lacks it: the one that runs the tests may have it.
    (tmp_path / "debugpy.py").write_text("raise ModuleNotFoundError(\"No module named 'debugpy'\")\n")
    (tmp_path / "reconciler").symlink_to(Path(reconciler.__file__).parent)
    server = start(ECHO, AZUREML_DEBUG_PORT="5678", PYTHONPATH=str(tmp_path))
    assert server.exit_code() == 3
    assert "AZUREML_DEBUG_PORT is set, but No module named 'debugpy'; add debugpy" in server.errors


@pytest.mark.parametrize("given", ["5678", "{", '{"port": 5678}', '{"prot": 5678}'])
def test_a_debugger_that_is_not_described_in_full_is_refused(given):
    with pytest.raises(SettingsError, match=r"MLOPS_DEBUGGER: .*; it is written by `mlops debug`"):
        read_settings({"AZUREML_ENTRY_SCRIPT": "score.py", "MLOPS_DEBUGGER": given})


def test_a_debugger_is_let_in_before_the_script_is_loaded(start, tmp_path):
    (tmp_path / "reconciler").symlink_to(Path(reconciler.__file__).parent)
    (tmp_path / "debugpy.py").write_text(
        "calls = []\nconnect = calls.append\ndef wait_for_client(): calls.append('in')\n"
    )
    script = "import debugpy\nfound = list(debugpy.calls)\ndef run(data): return found\n"
    server = start(script, AZUREML_DEBUG_PORT="5678", PYTHONPATH=str(tmp_path))
    assert server.until_healthy().ask().json == [5678, "in"]
