"""Which images a Dockerfile builds on, as far as its text tells: an image that has moved makes it build anew."""

import re
from collections.abc import Iterator, Mapping

_CONTINUED = re.compile(r"\\[ \t]*\n(?:[ \t]*#.*\n)*")
_INSTRUCTION = re.compile(r"^\s*(FROM|ARG|COPY)\s+(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
_FROM = re.compile(r"^(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?$", re.IGNORECASE)
_COPIED = re.compile(r"(?:^|\s)--from=(\S+)")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})")


def bases(dockerfile: str) -> tuple[str, ...]:
    """The images that it names, each once, in its order.

    Not those that only an argument without a default would tell: of these the engine itself finds out.
    """
    return tuple(dict.fromkeys(_bases(_CONTINUED.sub(" ", dockerfile))))


def _bases(text: str) -> Iterator[str]:
    defaults: dict[str, str] = {}
    stages: list[str] = []
    for match in _INSTRUCTION.finditer(text):
        name, rest = match[1].upper(), match[2]
        if name == "ARG" and not stages:
            # Only an argument before the first stage is known in the line that begins one.
            key, _, value = rest.partition("=")
            defaults[key.strip()] = value.strip().strip("\"'")
        elif name == "FROM" and (begun := _FROM.match(rest)):
            yield from _image(begun["image"], defaults, stages)
            stages.append((begun["stage"] or "").lower())
        elif name == "COPY":
            for copied in _COPIED.findall(rest):
                yield from _image(copied, {}, stages)


def _image(written: str, defaults: Mapping[str, str], stages: list[str]) -> Iterator[str]:
    image = _VARIABLE.sub(lambda found: defaults.get(found[1] or found[2]) or found[3] or found[0], written)
    if "$" not in image and not image.isdigit() and image.lower() not in (*stages, "scratch"):
        yield image
