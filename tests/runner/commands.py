"""What GitHub's runner takes for a command in the output of a step, and what comes of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# `set-env` and `add-path` are refused by runners of today, and here count as obeyed, so that a test sees them.
KNOWN = frozenset(
    {"set-env", "set-output", "save-state", "add-path", "add-mask", "add-matcher", "remove-matcher", "debug"}
    | {"warning", "error", "notice", "echo", "group", "endgroup", "internal-set-repo-path", "stop-commands"}
)
# A line ends at each of these, as .NET reads them.
LINES = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Command:
    """A command that was obeyed."""

    name: str
    properties: dict[str, str]
    data: str


@dataclass
class Listener:
    """Reads the output of the steps of a job.

    Args:
        masks: texts that no log shows.
        obeyed: the commands so far.
    """

    masks: list[str] = field(default_factory=list)
    obeyed: list[Command] = field(default_factory=list)

    def heard(self, output: str) -> Iterator[str]:
        """The lines of a step as its log shows them, obeying what is a command; a stop ends with its step."""
        resume = ""
        for line in LINES.split(output):
            command = parsed(line, KNOWN | {resume} if resume else KNOWN)
            if resume:
                resume = "" if command and command.name == resume else resume
            elif command and command.name == "stop-commands":
                resume = command.data
            elif command:
                self._obey(command)
            yield self.masked(line)

    def masked(self, text: str) -> str:
        """The text as a log has it."""
        for mask in sorted(self.masks, key=len, reverse=True):
            text = text.replace(mask, "***")
        return text

    def mask(self, secret: str) -> None:
        """Show a secret no more, nor any of its lines."""
        self.masks += [part for part in {secret, *LINES.split(secret)} if part.strip()]

    def _obey(self, command: Command) -> None:
        self.obeyed.append(command)
        if command.name == "add-mask":
            self.mask(command.data)


def parsed(line: str, known: frozenset[str]) -> Command | None:
    """`::name key=value::data` where a line begins, blanks aside; `##[name key=value]data` anywhere in it."""
    trimmed = line.lstrip()
    if trimmed.startswith("::"):
        inner, colons, data = trimmed[2:].partition("::")
        command = _command(inner, data, separator=",") if colons else None
        if command and command.name in known:
            return command
    _, mark, rest = line.partition("##[")
    inner, bracket, data = rest.partition("]")
    command = _command(inner, data, separator=";") if mark and bracket else None
    return command if command and command.name in known else None


def _command(inner: str, data: str, *, separator: str) -> Command:
    name, _, properties = inner.strip().partition(" ")
    pairs = (pair.partition("=") for pair in properties.split(separator) if "=" in pair)
    return Command(name, {key.strip(): _unescaped(value) for key, _, value in pairs}, _unescaped(data))


def _unescaped(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text
