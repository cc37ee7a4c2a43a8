"""One run, several renderings: on standard output in one form, and in files in as many as are asked for."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from reconciler.cli.declaring import misread
from reconciler.cli.form import COMMENT, SUMMARY, Forms
from reconciler.cli.saying import ReaderGoneError, fall_silent, put, put_commands, say, warn
from reconciler.errors import ManifestError, MlopsError, RefusedError
from reconciler.record.files import beside, lay_down

if TYPE_CHECKING:
    from reconciler.core.failure import Failure
    from reconciler.core.plan import Plan

T = TypeVar("T")

_APPENDED = "summary"
_MERGED = "prometheus"


class Reports(Generic[T]):
    """The reports that a run is asked for.

    What cannot be written is refused before the run begins. A report that cannot be written once it has ended keeps no
    other from being written, and makes an error of a run that is none otherwise.

    Args:
        words: `FORM=FILE` each.
        command: such as `plan`.
        forms: those that the command's answer has.
    """

    def __init__(self, words: Sequence[str] | None, command: str, forms: Forms[T]) -> None:
        self.target = ""
        self._command, self._forms, self._told = command, forms, False
        self._asked = [_asked(word, forms.names()) for word in words or ()]
        self._lacking: list[str] = []
        if len({file.absolute() for _, file in self._asked}) < len(self._asked):
            raise misread("two reports cannot be in one file", "--report")

    @contextmanager
    def of(self, target: str | None, form: str = "") -> Iterator[None]:
        """Report of a block that it came to nothing, unless it told of itself; `self.target` may be set once known.

        People, who are told in the form `text`, see the plan that is refused.
        """
        self.target = target or ""
        try:
            yield
        except MlopsError as error:
            if form == "text" and isinstance(error, RefusedError) and error.plan is not None and not self._told:
                _show_refused(error.plan)
            if not self._told:
                from reconciler.cli.finding_forms import FAILED  # noqa: PLC0415 - most runs come to something

                failure = _failure(error, self._command, self.target or _default_target())
                self._write(lambda form, room: FAILED.of(form, failure, room))
            raise
        if self._lacking:
            raise MlopsError(f"all is done, and these reports are not written: {', '.join(self._lacking)}")

    def write(self, told: T) -> None:
        """Write into the files what the run has to tell."""
        self._told = True
        self._write(lambda form, room: self._forms.of(form, told, room))

    def print(self, told: T, form: str) -> None:
        """Print it in one form; where nobody reads it, the exit code still tells."""
        said = self._forms.of(form, told, COMMENT)
        try:
            if form == "text":
                say(said, colours=True)
            else:
                (put_commands if form == "github" else put)(said)
        except ReaderGoneError:
            fall_silent()

    def _write(self, render: Callable[[str, int], str]) -> None:
        for form, file in self._asked:
            try:
                if form == _APPENDED:
                    _append(file, partial(render, form))
                elif form == _MERGED:
                    from reconciler.cli.textfile import add_metrics  # noqa: PLC0415 - only who asks for metrics needs it

                    add_metrics(file, render(form, COMMENT))
                else:
                    _replace(file, render(form, COMMENT))
            except OSError as error:
                warn(f"mlops: the report {file} cannot be written: {error.strerror}")
                self._lacking.append(str(file))


def _show_refused(plan: "Plan") -> None:
    from reconciler.render.text import plan_text  # noqa: PLC0415 - only a refusal needs it

    say(plan_text(plan, refused=True), colours=True)


def _asked(word: str, known: Sequence[str]) -> tuple[str, Path]:
    form, equals, file = word.partition("=")
    if not equals or not file:
        raise misread(f"write FORM=FILE, not {word!r}", "--report")
    if form not in known:
        raise misread(f"no report has the form {form!r}; there are: {', '.join(known)}", "--report")
    path = Path(file)
    try:
        _prove_writable(path, appended=form == _APPENDED)
    except OSError as error:
        raise misread(f"{file} cannot be written: {error.strerror}", "--report") from error
    return form, path


def _prove_writable(file: Path, *, appended: bool) -> None:
    """Try it, since modes alone do not tell: the file system may be full, or there to be read alone.

    A link is not followed, which a repository may have laid, and a device is not replaced.
    """
    if file.is_symlink() or (file.exists() and not file.is_file()):
        raise OSError(0, "it is no regular file", str(file))
    if appended and file.exists():
        os.close(_opened(file))
    else:
        tried = beside(file)
        os.close(_opened(tried))
        tried.unlink()


def _replace(file: Path, text: str) -> None:
    lay_down(file, lambda temporary: _fill(temporary, text), over=True, mode=0o666)


def _fill(file: Path, text: str) -> None:
    file.write_text(f"{text}\n", encoding="utf-8")


def _append(file: Path, render: Callable[[int], str]) -> None:
    """Add to what others have written, as far as all of it has room."""
    descriptor = _opened(file)
    with os.fdopen(descriptor, "ab") as opened:
        there = os.fstat(descriptor).st_size
        said = render(SUMMARY - there - len("\n\n"))
        # Whoever wrote before may have left the last line open.
        opened.write(f"{chr(10) if there else ''}{said}\n".encode() if said else b"")


def _opened(file: Path) -> int:
    return os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _default_target() -> str:
    """The one that is meant where none is named, so that a failure takes the place of the report before it."""
    from reconciler.load.settings.config import read_config  # noqa: PLC0415 - needs YAML, which --help does without

    try:
        return read_config(Path.cwd()).target(None).name
    except MlopsError:
        return ""


def _failure(error: MlopsError, command: str, target: str) -> "Failure":
    from reconciler.core.failure import Failure  # noqa: PLC0415 - as above

    problems = error.problems if isinstance(error, ManifestError | RefusedError) else ()
    plan = error.plan if isinstance(error, RefusedError) else None
    return Failure(command, target, error.exit_code, str(error), problems, plan)
