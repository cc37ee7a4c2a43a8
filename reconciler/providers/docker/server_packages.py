"""What our scoring server needs and an image lacks: chosen and fetched on this machine, as a layer for that image.

Fetched here, with this machine's own settings, nothing of them comes near the image; it needs neither pip nor a shell
nor a network. What the image has stays as it is: only what is missing is added, in versions that fit what is there.
"""

import io
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reconciler.core.secret import without_secrets
from reconciler.errors import ProviderError
from reconciler.providers.hosting.conda import names_of
from reconciler.providers.hosting.packages import OLDEST_PYTHON, besides, uv_binary

_TAIL = 15
_RELEASE = re.compile(r"^\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?$")


@dataclass(frozen=True)
class Interpreter:
    """A Python of an image.

    Args:
        executable: where it is in the image.
        version: its three numbers.
        machine: what it runs on, such as `x86_64`.
        libc: `glibc` and its version, such as `2.36`; empty where it is another.
        packages: what it finds, by name.
        purelib: where it finds what is installed.
        path: the folders of its modules.
    """

    executable: str
    version: tuple[int, ...]
    machine: str = ""
    libc: str = ""
    packages: Mapping[str, str] | None = None
    purelib: str = ""
    path: tuple[str, ...] = ()

    @property
    def is_usable(self) -> bool:
        """Whether our server runs on it."""
        return self.version >= OLDEST_PYTHON

    @property
    def platform(self) -> str:
        """Which wheels it takes, in uv's words."""
        if not self.libc:
            return f"{self.machine}-unknown-linux-musl"
        newer = tuple(map(int, self.libc.split(".")[:2])) >= (2, 28)
        return f"{self.machine}-manylinux_{'2_28' if newer else '2_17'}"

    def __str__(self) -> str:
        return ".".join(map(str, self.version))


@dataclass(frozen=True)
class ServerPackages:
    """Fetches them.

    Args:
        env: the process environment: index and proxy settings are the machine's own.
        requirements: what the server needs.
    """

    env: Mapping[str, str]
    requirements: Sequence[str]

    @property
    def lines(self) -> tuple[str, ...]:
        """The requirements in the versions that this process has."""
        return tuple(besides((), self.requirements))

    def layer(self, python: Interpreter) -> bytes:
        """A tar archive, from the root, of what the image lacks; empty where it lacks nothing.

        Raises:
            ProviderError: there is nothing that fits, or it cannot be fetched.
        """
        present = {_normal(name): version for name, version in (python.packages or {}).items()}
        if all(_is_met(requirement, present) for requirement in self.requirements):
            return b""
        # What the image has already it keeps, as long as it will do.
        named = [name for requirement in self.requirements for name in names_of([requirement]) if name in present]
        lines = (
            *besides(named, self.requirements),
            *(each for each in self.requirements if names_of([each]) & {*named}),
        )
        with tempfile.TemporaryDirectory(prefix="mlops-") as folder:
            work = Path(folder)
            missing = [
                line for line in self._chosen(work, lines, present, python) if not names_of([line]) & present.keys()
            ]
            if not missing:
                return b""
            self._fetch(work, missing, python)
            return _archive(work / "packages", PurePosixPath(python.purelib))

    def _chosen(
        self, work: Path, lines: Sequence[str], present: Mapping[str, str], python: Interpreter
    ) -> Iterator[str]:
        (work / "wanted.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        kept = (f"{name}=={version}\n" for name, version in present.items() if _RELEASE.match(version))
        (work / "present.txt").write_text("".join(kept), encoding="utf-8")
        quiet = ("--no-header", "--no-annotate", "--constraints", "present.txt")
        printed = self._uv(work, python, "pip", "compile", *quiet, "wanted.txt")
        return (line for line in printed.splitlines() if names_of([line]))

    def _fetch(self, work: Path, lines: Sequence[str], python: Interpreter) -> None:
        (work / "missing.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        self._uv(work, python, "pip", "install", "--target", "packages", "--no-deps", "-r", "missing.txt")

    def _uv(self, work: Path, python: Interpreter, *argv: str) -> str:
        own = ("--no-progress", "--color", "never", "--no-python-downloads", "--only-binary", ":all:")
        command = [uv_binary(), *argv, *own, "--python-version", str(python), "--python-platform", python.platform]
        # A session of its own: Ctrl-C in the terminal is for us, and lets a running step come to its end.
        done = subprocess.run(
            command,
            cwd=work,
            env=_alone(without_secrets(self.env)),
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        if done.returncode:
            message = f"the scoring server cannot be added to an image with Python {python} ({python.platform})"
            hint = "give the image uvicorn>=0.30 and httptools>=0.6 yourself, or an inference_config"
            raise ProviderError(f"{message}; {hint}", log_tail=done.stderr.splitlines()[-_TAIL:])
        return done.stdout


def _alone(env: Mapping[str, str]) -> dict[str, str]:
    """The environment without the virtual environment that it may speak of."""
    return {name: value for name, value in env.items() if name not in ("VIRTUAL_ENV", "CONDA_PREFIX")}


def _is_met(requirement: str, present: Mapping[str, str]) -> bool:
    """Whether a requirement of the form NAME>=VERSION is met, told without asking an index."""
    name, _, least = requirement.partition(">=")
    return _numbers(present.get(_normal(name), "")) >= _numbers(least)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _archive(folder: Path, below: PurePosixPath) -> bytes:
    """The packages in a folder as they are to lie below another in the image; their commands are not needed."""

    def for_all(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mode = 0o755 if entry.isdir() else 0o644
        return entry

    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for path in sorted(folder.iterdir()):
            if path.name not in ("bin", ".lock", "__pycache__"):
                archive.add(path, str(below.relative_to("/") / path.name), filter=for_all)
    return target.getvalue()
