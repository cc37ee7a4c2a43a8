"""What was measured, kept: section by section in one file of JSON, and shown as tables and as a plot."""

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from measuring import Cost
from plot import plot
from table import Absent, Failed, Point, Row

FOLDER = Path(__file__).parent / "results"
Rows = Sequence[Row | Absent | Failed]
_KINDS = {kind.__name__: kind for kind in (Row, Absent, Failed)}
TITLE = "CPU of saying that nothing has to be done"
AXES = ("resources, all as they should be", "s CPU")


def keep(section: str, rows: Rows, folder: Path = FOLDER, *, quick: bool = False) -> None:
    """Put the rows of a section in the place of those that were kept of it, and show all anew."""
    folder.mkdir(exist_ok=True)
    file = folder / "results.json"
    held = json.loads(file.read_text()) if file.exists() else {}
    held[section] = {"facts": {**facts(), "runs": "few" if quick else "many"}, "rows": [_json(row) for row in rows]}
    file.write_text(f"{json.dumps(held, indent=1)}\n")
    show(held, folder)


def show(held: Mapping[str, Any], folder: Path = FOLDER) -> None:
    """Write the tables and the plot of what is kept."""
    kept = {section: [_row(each) for each in part["rows"]] for section, part in held.items()}
    told = {section: part["facts"] for section, part in held.items()}
    compared = [row for rows in kept.values() for row in rows if _is_compared(row)]
    if lines := by_size(compared):
        where = next(_where(told[section]) for section, rows in kept.items() if by_size(rows))
        (folder / "beside.svg").write_text(plot(TITLE, AXES, lines))
        (folder / "beside.md").write_text("\n".join([*comparison(compared), "", where, ""]))
    (folder / "README.md").write_text("\n".join([*_page(kept, told, compared), ""]))


def facts() -> dict[str, str]:
    """Where and of what it is measured."""
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{release.get('PRETTY_NAME', platform.system())}, {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "git": _said("git", "--version").removeprefix("git version "),
        "commit": _commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def by_size(rows: Rows) -> dict[str, dict[float, float]]:
    """The CPU seconds of each program by the number of resources."""
    lines: dict[str, dict[float, float]] = {}
    for row in rows:
        if isinstance(row, Row) and row.point:
            lines.setdefault(row.point.name, {})[row.point.size] = row.point.cost.cpu
    return lines


def comparison(rows: Rows) -> Iterator[str]:
    """The programs beside each other in Markdown: CPU, wall and memory by size, and why some of them are not there."""
    points = [row.point for row in rows if isinstance(row, Row) and row.point]
    absent = {(row.name, row.size): row.reason for row in rows if isinstance(row, Absent)}
    sizes = sorted({point.size for point in points} | {size for _, size in absent if size})
    yield f"| | {' | '.join(f'{size:,}' for size in sizes)} | one of its resources |"
    yield f"|---|{'---:|' * len(sizes)}---|"
    for name in dict.fromkeys([*(point.name for point in points), *(name for name, _ in absent)]):
        own = {point.size: point for point in points if point.name == name}
        if not own:
            reasons = [absent[name, 0]] if (name, 0) in absent else [absent[key] for key in absent if key[0] == name]
            yield f"| {name} |{' |' * len(sizes)} absent: {_cell(reasons[0])} |"
            continue
        cells = [_point(own[size]) if size in own else _cell(absent.get((name, size), "")) for size in sizes]
        last = [*own.values()][-1]
        yield f"| {name} {last.version} | {' | '.join(cells)} | {_cell(last.each)} |"


def _point(point: Point) -> str:
    cost = point.cost
    return f"**{_seconds(cost.cpu)}**, {_seconds(cost.wall)}, {cost.mb:.0f} MB"


def _seconds(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def _page(kept: Mapping[str, Rows], told: Mapping[str, Mapping[str, str]], compared: Rows) -> Iterator[str]:
    yield "# Results"
    yield ""
    yield "Written by `make bench`, and only by it; [how it is measured](../README.md)."
    if by_size(compared):
        yield from ("", "## Beside others", "", f"![{TITLE}](beside.svg)", "")
        yield "**CPU seconds** of the whole process, wall seconds, peak memory, for so many resources."
        yield from ("", *comparison(compared))
    for section, rows in kept.items():
        yield from ("", f"## {section}", "", _where(told[section]), "")
        yield from _table([row for row in rows if not _is_compared(row)])


def _where(told: Mapping[str, str]) -> str:
    return (
        f"{told['date']}, commit {told['commit']}, {told['runs']} runs; {told['processor']}, {told['cores']} cores, "
        f"{told['memory']}; {told['system']}; Python {told['python']}, git {told['git']}."
    )


def _table(rows: Rows) -> Iterator[str]:
    if not rows:
        return
    yield "| | goal | measured | met | beside, in the same run | ratio | and |"
    yield "|---|---:|---:|---|---|---:|---|"
    for row in rows:
        if isinstance(row, Row):
            goal = "" if row.goal is None else f"{'≥' if row.at_least else '≤'} {row.goal:g}"
            met = "" if row.goal is None else "yes" if row.is_met else "**no**"
            ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
            value = f"{row.value:.3f}" if row.value < 10 else f"{row.value:.0f}"
            cells = (row.what.strip(), goal, f"{value} {row.unit}", met, row.peer, ratio, row.note)
        else:
            what, why = (row.what, row.reason) if isinstance(row, Absent) else (row.section, f"failed: {row.error}")
            cells = (what.strip(), "", "absent", "", "", "", why)
        yield f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    """Text of others, in one cell."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _is_compared(row: Row | Absent | Failed) -> bool:
    return bool((isinstance(row, Row) and row.point) or (isinstance(row, Absent) and row.name))


def _json(row: Row | Absent | Failed) -> dict[str, Any]:
    return {"kind": type(row).__name__, **asdict(row)}


def _row(held: Mapping[str, Any]) -> Row | Absent | Failed:
    values = {name: value for name, value in held.items() if name != "kind"}
    if point := values.get("point"):
        values["point"] = Point(**{**point, "cost": Cost(**point["cost"])})
    return _KINDS[held["kind"]](**values)


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _commit() -> str:
    """What is measured; results that are new themselves make no other."""
    changed = _said("git", "status", "--porcelain", "--untracked-files=no", ":/", ":!results", ":!/README.md")
    return _said("git", "rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return done.stdout.strip()
