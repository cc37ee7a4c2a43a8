"""A program of its own that compiles expressions and evaluates them: whatever they cost, they cost it.

It reads one JSON document from standard input, and writes one to standard output, a file, after eight bytes that say
which policy is at work. It is given a limit of time and of memory, and knows nothing of the house.
"""

# ruff: noqa: D103 - a program, read from top to bottom

import gc
import importlib.util
import json
import os
import re
import sys
from importlib.machinery import PathFinder
from typing import Any

_KNOWN = frozenset(
    {"all", "exists", "exists_one", "existsOne", "filter", "map", "has", "size", "contains", "startsWith", "endsWith"}
    | {"matches", "string", "int", "uint", "double", "bytes", "type", "dyn", "timestamp", "duration"}
    | {"getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"}
    | {"getHours", "getMinutes", "getSeconds", "getMilliseconds"}
)
# Of a message more than anybody is shown; a policy may make one of many millions of letters.
_LONGEST = 4000
_TYPES = frozenset({"int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type"})
_BOUND = re.compile(r"\.\s*(?:all|exists|exists_one|existsOne|filter|map)\s*\(\s*([A-Za-z_]\w*)\s*,")
_SEEN = {int: "a number", float: "a number", str: "text", dict: "a mapping", list: "a list", type(None): "nothing"}


def library() -> Any:
    """The library's core alone: its package loads a command line of its own, which takes half a second."""
    package = importlib.util.find_spec("cel")
    spec = PathFinder.find_spec("cel.cel", package.submodule_search_locations) if package else None
    if spec is None or spec.loader is None:
        raise ImportError("common-expression-language is not installed")
    core = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(core)
    return core


def main() -> None:
    limited(int(sys.argv[1]), int(sys.argv[2]))
    gc.disable()  # it is short, and makes no cycles
    asked = json.loads(sys.stdin.buffer.read())
    cel = library()
    programs, flaws = {}, []
    for index, bylaw in enumerate(asked["bylaws"]):
        at_work(index)
        tests = {key: compiled(cel, bylaw[key], bylaw["variables"]) for key in ("test", "message") if bylaw[key]}
        wrong = [[index, key, flaw] for key, (_, flaw) in tests.items() if flaw]
        flaws += wrong
        if not wrong:
            programs[index] = {key: program for key, (program, _) in tests.items()}
    answer = json.dumps({"flaws": flaws, "findings": findings(cel, asked, programs)})
    os.lseek(1, 8, os.SEEK_SET)
    with os.fdopen(1, "w", closefd=False) as out:
        out.write(answer)


def limited(cpu_s: int, memory: int) -> None:
    if os.name == "posix":
        import resource  # noqa: PLC0415 - Windows has none; there the caller's patience is the only limit

        for what, most in ((resource.RLIMIT_CPU, cpu_s), (resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, 0)):
            resource.setrlimit(what, (most, most))


def at_work(index: int) -> None:
    if hasattr(os, "pwrite"):
        os.pwrite(1, b"%8d" % index, 0)


def compiled(cel: Any, text: str, variables: list[str]) -> tuple[Any, str]:
    """The program of an expression, and what is wrong with it."""
    try:
        program = cel.compile(text)
    except BaseException as error:  # noqa: BLE001 - the library's panics are no exceptions of Python's
        return None, first_error(str(error))
    bound = set(_BOUND.findall(text))
    for name in program.variables():
        if name not in variables and name not in bound and name not in _TYPES:
            return None, f"unknown variable {name}; here are {', '.join(variables)}"
    for name in program.functions():
        if name.isidentifier() and name not in _KNOWN:
            return None, f"unknown function {name}; there are {', '.join(sorted(_KNOWN))}"
    return program, ""


def first_error(said: str) -> str:
    """What a parser says first: `ERROR: <input>:1:4: Syntax error: …`, and a picture of it."""
    found = re.search(r"ERROR: <input>:(\d+:\d+): (.*)", said)
    return f"at {found[1]} of the expression: {found[2]}" if found else said.partition("\n")[0]


def findings(cel: Any, asked: dict[str, Any], programs: dict[int, dict[str, Any]]) -> list[list[Any]]:
    """Of each subject and policy that has something to say: both, what kind of thing it is, and the words."""
    found = []
    for number, subject in enumerate(asked["subjects"]):
        context = cel.Context({**asked["shared"], **subject["variables"]})
        for index in sorted(programs.keys() & subject["bylaws"]):
            at_work(index)
            kind, words = said(programs[index], context, always=asked["always"])
            if kind:
                found.append([number, index, kind, words])
    return found


def said(tests: dict[str, Any], context: Any, *, always: bool) -> tuple[str, str]:
    """What a policy says of a subject: nothing, a finding, a failure, or a value of another kind than is due."""
    try:
        value = tests["test"].execute(context)
        if not isinstance(value, bool):
            return "wrong test", f"gives {_SEEN.get(type(value), 'another value')}, not true or false"
        if not (value or always):
            return "", ""
        message = tests["message"].execute(context) if "message" in tests else ""
        if not isinstance(message, str):
            return "wrong message", f"gives {_SEEN.get(type(message), 'another value')}, not text"
    except KeyError as error:
        return "failed", f"there is no {error.args[0] if error.args else 'such field'}; ask with has(…) first"
    except BaseException as error:  # noqa: BLE001 - as above; a policy that fails is a finding, too
        return "failed", f"{type(error).__name__}: {error}".partition("\n")[0][:_LONGEST]
    return ("found", message[:_LONGEST]) if value else ("", "")


if __name__ == "__main__":
    main()
