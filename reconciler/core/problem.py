"""A problem is something that is wrong in a file: where, which code, what, and what to do."""

from reconciler.frozen import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One line of the form `FILE:LINE:COL: CODE: what is wrong; what to do`.

    Args:
        file: path as the user would write it from the current folder; empty where no file says it, but a record.
        line: counted from 1; 0 when the problem is of the whole file.
        column: counted from 1.
        code: `E-…` refuses, `W-…` warns; every code has an entry in `mlops explain`.
        message: what is wrong and what to do.
    """

    file: str
    line: int
    column: int
    code: str
    message: str

    @property
    def is_error(self) -> bool:
        """Whether the run is refused because of this."""
        return self.code.startswith("E-")

    def __str__(self) -> str:
        # Names of files and fields are foreign text, which begins no line of its own.
        place = f"{self.file}:{self.line}:{self.column}: " if self.file else ""
        return f"{place}{self.code}: {self.message}".replace("\n", "\\n")
