"""What a script prints and logs can be told apart by request, whoever else prints at the same time."""

from __future__ import annotations

import io
import sys

import pytest

from reconciler.scoring.logs import RequestStream, capture_streams, request_id


def test_info_logs_appear_with_time_level_and_logger_after_the_requests_id(start):
    server = start("import logging\ndef run(data): logging.getLogger('mine').info('hello')\n").until_healthy()
    server.ask(x_request_id="some-id")
    line = server.until(lambda: [line for line in server.errors.splitlines() if "hello" in line])[0]
    assert line.startswith("[some-id] 20")
    assert line.split("Z ", 1)[1] == "INFO mine: hello"


def test_an_async_run_logs_with_its_request_id(start):
    server = start("import logging\nasync def run(data): logging.info('hello')\n").until_healthy()
    server.ask(x_request_id="some-id")
    assert server.errors.splitlines()[-1].startswith("[some-id] ")


def test_print_appears_at_once(start):
    server = start("def run(data):\n    print('printed', data)\n    wait_for('go')\n").until_healthy()
    (reply,) = server.ask_in_background(body=b"now", x_request_id="a")
    server.until(lambda: server.output == "[a] printed now\n")
    server.touch("go")
    assert reply.result().status == 200


def test_every_line_of_a_request_has_its_id_and_no_other(start):
    script = (
        "import sys, threading, contextvars\nprint('imported')\n"
        "def run(data):\n"
        "    print('one\\ntwo')\n"
        "    sys.stderr.write('wr'); sys.stderr.write('itten\\n')\n"
        "    thread = threading.Thread(target=contextvars.copy_context().run, args=[print, 'thread'])\n"
        "    thread.start(); thread.join()\n"
        "    print('unended', end='')\n"
    )
    server = start(script).until_healthy()
    server.ask(x_request_id="a")
    server.ask(x_request_id="b")
    printed = "[{0}] one\n[{0}] two\n[{0}] thread\n[{0}] unended\n"
    assert server.output == "imported\n" + printed.format("a") + printed.format("b")
    assert "[a] written\n[b] written\n" in server.errors


def test_lines_of_requests_that_run_at_a_time_are_whole(start):
    script = "def run(data):\n    for n in range(200): print(data, end=' '); print(n, end=' '); print('end')\n"
    server = start(script, MLOPS_MAX_CONCURRENT_REQUESTS="4").until_healthy()
    replies = [server.ask_in_background(body=name.encode(), x_request_id=name)[0] for name in "abcd"]
    assert {reply.result().status for reply in replies} == {200}
    assert sorted(server.output.splitlines()) == sorted(f"[{x}] {x} {n} end" for x in "abcd" for n in range(200))


def test_a_process_that_run_starts_writes_to_the_same_files(start):
    script = "import subprocess\ndef run(data): subprocess.run(['echo', 'from echo'], check=True)\n"
    server = start(script).until_healthy()
    server.ask()
    assert server.output == "from echo\n"


def test_bytes_and_the_files_themselves_can_be_had(start):
    script = (
        "import sys\ndef run(data):\n    sys.stdout.buffer.write(b'bytes\\n'); sys.stdout.buffer.flush()\n"
        "    return [sys.stdout.fileno(), sys.stderr.fileno(), sys.stdout.isatty(), sys.stdout.encoding]\n"
    )
    server = start(script).until_healthy()
    assert server.ask().json == [1, 2, False, "utf-8"]
    assert server.output == "bytes\n"


def test_the_last_words_are_written_when_the_server_ends(start):
    server = start("print('no end', end='')\ndef run(data): pass\n", MLOPS_DRAIN_GRACE_SECONDS="0").until_healthy()
    server.process.terminate()
    assert server.exit_code() == 0
    assert server.output == "no end"
    assert "Exception ignored" not in server.errors


@pytest.fixture
def written():
    """A stream, and what has been written to its file."""
    file = io.BytesIO()
    before = io.TextIOWrapper(file, encoding="utf-8")
    stream = RequestStream(before)
    yield stream, lambda: file.getvalue().decode()
    before.detach()


def say(stream, owner, text, *, flush=False):
    token = request_id.set(owner)
    print(text, end="", file=stream, flush=flush)
    request_id.reset(token)


def test_a_line_that_is_flushed_in_part_has_one_id(written):
    stream, text = written
    say(stream, "a", "10 %", flush=True)
    assert text() == "[a] 10 %"
    say(stream, "a", ", 20 %\n")
    assert text() == "[a] 10 %, 20 %\n"


def test_a_line_that_is_flushed_in_part_is_not_gone_on_with_by_another(written):
    stream, text = written
    say(stream, "a", "10 %", flush=True)
    say(stream, "b", "other\n")
    say(stream, "a", ", 20 %\n")
    assert text() == "[a] 10 %\n[b] other\n[a] , 20 %\n"


def test_a_flush_writes_the_line_of_its_own_request_only(written):
    stream, text = written
    say(stream, "a", "begun")
    say(stream, "b", "", flush=True)
    assert text() == ""
    stream.flush()
    assert text() == "[a] begun"


def test_outside_of_a_request_lines_stay_as_they_are(written):
    stream, text = written
    say(stream, "", "one\n\ntwo\n")
    assert text() == "one\n\ntwo\n"


def test_streams_that_are_no_files_are_left_alone(monkeypatch):
    replaced = io.StringIO()
    monkeypatch.setattr(sys, "stdout", replaced)
    monkeypatch.setattr(sys, "stderr", None)
    capture_streams()
    assert (sys.stdout, sys.stderr) == (replaced, None)
