"""Asks the evaluator, within limits: a policy may be endless, exponential, or more than the library can take."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from reconciler.core.bylaw import Bylaw

_CPU_S = 10
_WALL_S = 120.0
_MEMORY = 2 << 30
_HEADER = 8

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """What policies are asked of.

    Args:
        variables: what expressions see of it, JSON values.
        bylaws: which are to be asked, by their index.
    """

    variables: Json
    bylaws: tuple[int, ...]


@dataclass(frozen=True)
class Said:
    """What a policy says of a subject; `kind` is `found`, `failed`, `wrong test` or `wrong message`."""

    subject: int
    bylaw: int
    kind: str
    words: str


@dataclass(frozen=True)
class Answer:
    """What came of asking.

    Args:
        flaws: of expressions that are none: the policy's index, `test` or `message`, and why.
        said: what the policies say; none where there are flaws.
        broken: the index of the policy that was at work when the evaluator ended before its time.
        why: how it ended.
    """

    flaws: tuple[tuple[int, str, str], ...] = ()
    said: tuple[Said, ...] = ()
    broken: int | None = None
    why: str = ""


def asked(
    bylaws: Sequence[Bylaw],
    subjects: Sequence[Subject],
    shared: Json,
    variables: Mapping[str, Sequence[str]],
    *,
    always: bool = False,
    cpu_s: int = _CPU_S,
) -> Answer:
    """Compile the policies and ask each of its subjects.

    Args:
        shared: variables of every subject.
        variables: by what a policy is over, the names that it may use.
        always: whether messages are asked for whatever the test gives, to see whether they are any.
        cpu_s: how much time all of it may take.
    """
    question = {
        "bylaws": [
            {"test": each.test, "message": each.message_expression, "variables": list(variables[each.over])}
            for each in bylaws
        ],
        "subjects": [{"variables": each.variables, "bylaws": each.bylaws} for each in subjects],
        "shared": shared,
        "always": always,
    }
    with tempfile.TemporaryFile() as out:
        why = _run(json.dumps(question).encode(), out, cpu_s)
        out.seek(0)
        header, text = out.read(_HEADER), out.read()
    if why:
        return Answer(broken=int(header or b"0"), why=why)
    told = json.loads(text)
    return Answer(tuple(map(tuple, told["flaws"])), tuple(Said(*each) for each in told["findings"]))


def _run(question: bytes, out: IO[bytes], cpu_s: int) -> str:
    """Run the evaluator, apart from the environment and the folder, and say how it broke off; empty if it did not."""
    program = str(Path(__file__).with_name("evaluator.py"))
    kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}  # Windows starts nothing without
    try:
        code = subprocess.run(
            [sys.executable, "-I", program, str(cpu_s), str(_MEMORY)],
            check=False,
            input=question,
            stdout=out,
            stderr=subprocess.DEVNULL,
            env=kept,
            timeout=_WALL_S,
        ).returncode
    except subprocess.TimeoutExpired:
        return f"it took more than {_WALL_S:.0f} seconds"
    if code in (-signal.SIGKILL, -signal.SIGXCPU):
        return f"policies may take {cpu_s} seconds of computing together, and this one was not done by then"
    return f"the evaluator ended with {code}, as when it has no memory left" if code else ""
