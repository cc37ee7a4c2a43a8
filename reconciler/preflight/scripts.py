"""A scoring script is read as a syntax tree for `init` and `run`; it is never imported."""

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache

from reconciler.core.manifest import Manifest, Script
from reconciler.core.problem import Problem
from reconciler.late import pattern

_WANTED = {"init": "init()", "run": "run(raw_data)"}
_PLACEHOLDER = pattern(r"<[A-Z_]+>")


def script_problems(manifest: Manifest) -> Iterator[Problem]:
    """What keeps a deployment's script from being served."""
    for path, script in manifest.scripts.items():
        if script.text is None:
            yield _absent(manifest, path, script)
            continue
        if _is_for_our_server(manifest, script.path):
            yield from (manifest.problem(path, code, f"{script.path}{said}") for code, said in _flaws(script.text))


def _is_for_our_server(manifest: Manifest, shown: str) -> bool:
    """Whether a Python server calls the script: a custom container runs what it likes, an R script for one."""
    environment = manifest.document.get("environment")
    custom = isinstance(environment, Mapping) and "inference_config" in environment
    return shown.endswith(".py") and not custom


@lru_cache(maxsize=256)
def _flaws(text: str) -> tuple[tuple[str, str], ...]:
    """Code and words of what is wrong with a script; one script serves many deployments, and is read once."""
    try:
        bound = _bound(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        what = getattr(error, "msg", None) or str(error) or type(error).__name__
        return (("E-SCRIPT-SYNTAX", f":{line}: {what}; Python cannot read the script"),)
    missing = [form for name, form in _WANTED.items() if name not in bound and "*" not in bound]
    return tuple(("E-SCRIPT-API", f" defines no {form}; the server calls it") for form in missing)


def _absent(manifest: Manifest, path: str, script: Script) -> Problem:
    """A name in angle brackets is a place left to fill in, as templates have it, not a file that was forgotten."""
    if _PLACEHOLDER.search(script.path):
        message = f"{script.path} is a placeholder; give the script's name with --set"
        return manifest.problem(path, "W-PLACEHOLDER", message)
    return manifest.problem(path, "E-SCRIPT", f"{script.path} {script.lacking}; correct scoring_script or add the file")


def _bound(tree: ast.Module) -> set[str]:
    """Every name that the module binds, wherever: in a branch, by an import, by an assignment; `*` for a star."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names
