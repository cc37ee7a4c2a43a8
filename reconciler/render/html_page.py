"""The frame of an HTML report: one file that asks nobody for anything, with its head, its numbers and its foot."""

from collections.abc import Iterable, Mapping, Sequence

from reconciler.render.html_parts import code, cut, esc, icon, icons
from reconciler.render.html_style import STYLE

# A report is opened from a disk or as an artifact of a build, with foreign text in it: whatever got past the escaping
# still loads nothing, runs nothing and sends nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(title: str, parts: Iterable[str]) -> str:
    """A whole document; the title is foreign, the parts are HTML."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{esc(cut(title, 200))}</title><style>{STYLE}</style></head>\n"
        f"<body>{icons()}\n{chr(10).join(filter(None, parts))}\n</body></html>\n"
    )


def head(kind: str, title: str, lede: str, tiles: Sequence[str]) -> str:
    """The begin of a report: what it is, what comes of it, and the numbers; all of it HTML."""
    numbers = f'<ul class="tiles">{"".join(tiles)}</ul>'
    return (
        f'<header><p class="kind">mlops {kind}</p><h1>{title}</h1><p class="lede">{lede}</p>'
        f"{numbers if tiles else ''}</header>"
    )


def tile(name: str, count: int, said: str) -> str:
    """One number with its sign and its words."""
    return f'<li class="tile k-{name}">{icon(name)}<b>{count:,}</b> <span>{said}</span></li>'


def facts(pairs: Mapping[str, str]) -> str:
    """What a report was made from; empty facts are left out."""
    found = "".join(
        f"<div><dt>{name}</dt><dd>{code(cut(value, 300))}</dd></div>" for name, value in pairs.items() if value
    )
    return f'<footer aria-label="What this was made from"><dl>{found}</dl></footer>'
