"""Writes the generated parts of README.md, or with --check says whether they are up to date.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import typer.main

from reconciler import errors
from reconciler.cli.program import app
from reconciler.kinds import KINDS
from reconciler.load.schema import fields_of
from reconciler.providers.provider import CredentialSource, LogSource, TableSource
from reconciler.providers.registry import BUILT_IN, provider_named

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.ids import not_covered

README = Path(__file__).parent.parent / "README.md"
PART = re.compile(r"(<!-- generated: (?P<name>[a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def commands() -> Iterator[str]:
    """One row a command: its words, and the first sentence of its help."""
    yield "| command | what it does |"
    yield "|---|---|"
    group = typer.main.get_command(app)
    for name, command in group.commands.items():
        takes = " ".join(
            p.make_metavar(None) for p in command.params if p.param_type_name == "argument" and not p.hidden
        )
        said = command.help.split("\n\n")[0].replace("\n", " ").rstrip(".")
        yield f"| `mlops {f'{name} {takes}'.strip()}` | {said} |"


def exit_codes() -> Iterator[str]:
    """The table of the command's own help."""
    yield "```"
    help_text = typer.main.get_command(app).help
    yield from (line.strip() for line in help_text.split("Exit codes:")[1].strip().splitlines())
    yield "```"


def kinds() -> Iterator[str]:
    """What each kind is known by, and which of its fields do what."""
    yield "| kind | `$schema` | scale | route | replace |"
    yield "|---|---|---|---|---|"
    for kind in KINDS.values():
        names = ", ".join(f"`{name}`" for name in kind.schemas)
        written = frozenset().union(*(fields_of(kind.name, platform) for platform in kind.schemas.values()))
        classes = (kind.scale, kind.route, kind.replace)
        cells = (", ".join(f"`{field}`" for field in sorted(fields & written)) for fields in classes)
        yield f"| {kind.name} | {names} | {' | '.join(cells)} |"


def providers() -> Iterator[str]:
    """What each provider is, and which small abilities it has."""
    yield "| provider | what it is | logs | metrics | credentials |"
    yield "|---|---|---|---|---|"
    for name in BUILT_IN:
        found = provider_named(name)
        said = (found.__doc__ or "").splitlines()[0].rstrip(".")
        abilities = (
            "yes" if issubclass(found, ability) else "" for ability in (LogSource, TableSource, CredentialSource)
        )
        yield f"| `{name}` | {said} | {' | '.join(abilities)} |"


def errors_tree() -> Iterator[str]:
    """The tree that `errors.py` draws."""
    yield "```"
    yield from (errors.__doc__ or "").split("\n\n", 1)[1].splitlines()
    yield "```"


def beside_others() -> Iterator[str]:
    """What `make bench` has measured last, of plans beside other programs."""
    yield from (README.parent / "benchmarks" / "results" / "beside.md").read_text().splitlines()


PARTS = {
    "commands": commands,
    "exit codes": exit_codes,
    "kinds": kinds,
    "providers": providers,
    "errors": errors_tree,
    "not covered": not_covered,
    "beside others": beside_others,
}


def generated(text: str) -> str:
    """The text with its generated parts made anew."""
    return PART.sub(lambda part: f"{part[1]}{chr(10).join(PARTS[part['name']]())}\n{part[3]}", text)


def main() -> int:
    """Write, or check."""
    text = README.read_text()
    fresh = generated(text)
    if "--check" in sys.argv:
        if fresh != text:
            print("README.md: its generated parts are out of date; run `make format`")  # noqa: T201
        return int(fresh != text)
    README.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main())
