"""A repository in which each question is put twice: to whoever knows earlier answers, and to whoever knows none."""

import difflib
import io
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from unittest import mock

import typer

from reconciler import pipeline
from reconciler.cli.handler import run
from reconciler.cli.program import app
from reconciler.load.disk.stat_index import StatIndex
from reconciler.load.sets.manifest_set import manifest_set
from reconciler.remembering.glance import glance
from reconciler.wishes import Wish
from reconciler.workspace import open_workspace

SAFE_NS = 20_000_000
"""How long a file has to have lain there to be believed: the disks that tests run on tell times finely."""

COMMAND = typer.main.get_command(app)
SECRET = "MLOPS_SECRET_TOKEN"
_DEPLOYMENT = """$schema: managedOnlineDeployment.schema.json
name: NAME
endpoint_name: credit
model: azureml:risk@latest
environment: azureml:plain:1
code_configuration: {code: ../src, scoring_script: score.py}
environment_variables: {TOKEN: '${{secret:token}}'}
instance_type: Standard_DS3_v2
instance_count: 1
"""
BLUE, GREEN = (_DEPLOYMENT.replace("NAME", name) for name in ("blue", "green"))
ENDPOINT = "$schema: managedOnlineEndpoint.schema.json\nname: credit\ndescription: a\ntraffic: {blue: 100}\n"
OTHER = "$schema: managedOnlineEndpoint.schema.json\nname: wine\n"
MODEL = "$schema: model.schema.json\nname: risk\nversion: 1\npath: weights\n"
PLAIN = "$schema: environment.schema.json\nname: plain\nversion: 1\nimage: img:1\nconda_file: conda.yml\n"
SCORE = "def init():\n    pass\n\n\ndef run(raw):\n    return 1\n"
CONDA = "channels: [conda-forge]\ndependencies: [python=3.11]\n"
SETTINGS = "manifests: manifests\ntargets:\n  dev: {provider: memory, file: live.jsonl, default: true}\n"
_BROKEN = "$schema: [\n"

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "manifests/credit/endpoint.yml": (ENDPOINT, ENDPOINT.replace("a\n", "b\n"), ENDPOINT + "# c\n", _BROKEN),
    "manifests/credit/blue.yml": (
        BLUE,
        BLUE.replace("count: 1", "count: 2"),
        BLUE.replace("count: 1", "count: 4"),
        "# c\n" + BLUE,
        GREEN,
    ),
    "manifests/credit/green.yml": (GREEN, GREEN.replace("count: 1", "count: 3"), GREEN.replace("../src", "../other")),
    "manifests/model.yml": (MODEL, MODEL.replace("version: 1", "version: 2"), MODEL.replace("weights", "we\t")),
    "manifests/plain.yml": (PLAIN, PLAIN.replace("img:1", "img:2"), PLAIN + "tags: {a: b}\n"),
    "manifests/conda.yml": (CONDA, CONDA.replace("3.11", "3.12"), CONDA + "# c\n"),
    "manifests/weights/w.txt": ("1 2 3\n", "4 5 6\n", ""),
    "manifests/src/score.py": (SCORE, SCORE.replace("return 1", "return 2"), SCORE.replace("def run", "def ran")),
    "manifests/src/more.py": ("A = 1\n", "A = 2\n"),
    "manifests/other/score.py": (SCORE, SCORE.replace("return 1", "return 3")),
    "manifests/values.yml": ("a: 1\n", "a: 2\n", OTHER),
    "manifests/wine.yml": (OTHER, OTHER + "description: a\n", OTHER + "description: b\n"),
    "manifests/src/.amlignore": ("*.md\n", "more.py\n", ""),
    ".gitignore": (".mlops\nlive.jsonl\n", ".mlops\nlive.jsonl\nwine.yml\n", ".mlops\nlive.jsonl\n*.yml\nmore.py\n"),
    ".gitattributes": ("", "*.yml text eol=crlf\n", "*.py -text\n"),
    "mlops.yaml": (
        SETTINGS,
        SETTINGS.replace("}", ", overrides: {deployment/credit/blue: {instance_count: 2}}}"),
        SETTINGS.replace("}", ", protect: [endpoint/credit]}"),
        SETTINGS.replace("manifests: manifests", "manifests: manifests/credit"),
        SETTINGS + "policies: {endpoint/credit: {rollout: {}}}\n",
        SETTINGS + "nothing: 1\n",
        SETTINGS + "# c\n",
    ),
    "policies/p.yaml": ("policies: {x: {over: plan, warn_if: 'true'}}\n", "nothing: 1\n", ""),
}
"""What may stand in each file; the first of each is what is there at the beginning."""

FIRST = [name for name in VARIANTS if name not in (".gitattributes", "policies/p.yaml") and "wine" not in name]


class DifferError(AssertionError):
    """Who knows earlier answers answers otherwise than who knows none."""


@dataclass(frozen=True)
class Answer:
    """All that a command tells: its code, both streams, and its report as JSON."""

    code: int
    out: str
    err: str
    report: str


@dataclass
class Clock:
    """The clock by which the index of files goes; it may be set."""

    ahead_ns: int = 0

    def __call__(self) -> int:
        return time.time_ns() + self.ahead_ns


@dataclass
class Twin:
    """A repository, standing in the current folder.

    Args:
        folder: where it is.
        reports: a folder beside it.
        clock: by which the index goes.
        shelf: caches that were put by.
        glances: how often a plan was known at a glance.
    """

    folder: Path
    reports: Path
    clock: Clock = field(default_factory=Clock)
    shelf: list[Path] = field(default_factory=list)
    glances: int = 0

    @property
    def cache(self) -> Path:
        """The folder of the cache."""
        return self.folder / ".mlops" / "cache"

    def put(self, name: str, text: str) -> None:
        """Write a file, over what is there."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def is_file(self, name: str) -> bool:
        """Whether there is a file of that name, which a link may be."""
        return (self.folder / name).is_file()

    def ask(self, *words: str) -> Answer:
        """Put a question to the command line."""
        report = self.reports / "report.json"
        report.unlink(missing_ok=True)
        answer = self.ask_plainly(*words, "--report", f"json={report}")
        return replace(answer, report=report.read_text() if report.exists() else "")

    def ask_plainly(self, *argv: str) -> Answer:
        """The same without a report, as people do, of whom alone a glance knows what they ask."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(lambda: COMMAND.main(list(argv), prog_name="mlops", standalone_mode=False), debug=False)
        assert "internal error" not in err.getvalue(), err.getvalue()
        return Answer(code, out.getvalue(), err.getvalue(), "")

    def compare(self, *words: str) -> None:
        """Put a question twice; and once more, if nothing is to be done, as that is what is remembered.

        What is known of it at a glance, before and afterwards, is the same as well.
        """
        question = ("plan", "--detailed-exitcode", "--verbose", *words)
        known = glance(words, now=self.clock)
        cached = self.ask(*question)
        uncached = self.ask(*question, "--no-cache")
        _refuse_other(cached, uncached)
        if known:
            _refuse_other(_told(known), _plainly(uncached))
        if not cached.code:
            _refuse_other(self.ask(*question), uncached)
            _refuse_other(self.ask_plainly("plan", *words), _plainly(uncached))
            if known := glance(words, now=self.clock):
                self.glances += 1
                _refuse_other(_told(known), _plainly(uncached))

    def compare_drift(self, *words: str) -> None:
        """Ask three times what drifted: with the cache, without, and with what was learnt."""
        question = ("drift", "--detailed-exitcode", *words)
        cached, uncached = self.ask(*question), self.ask(*question, "--no-cache")
        _refuse_other(cached, uncached)
        _refuse_other(self.ask(*question), uncached)

    def compare_validation(self) -> None:
        """Have the files checked by what is known, and by what is not, as for `compare`."""
        cached, uncached = self.ask("validate"), self.ask("validate", "--no-cache")
        _refuse_other(cached, uncached)
        _refuse_other(self.ask("validate"), uncached)

    def moment(self) -> None:
        """Let as much time pass as a file needs to be believed."""
        until = time.time_ns() + SAFE_NS
        while time.time_ns() <= until:
            time.sleep(SAFE_NS / 4e9)

    def git(self, *words: str) -> None:
        """Have git do something; what it refuses is not done."""
        settings = ("-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null")
        who = {f"GIT_{role}_{what}": "a@b.example" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        subprocess.run(("git", *settings, *words), check=False, capture_output=True, env={**os.environ, **who})


def _plainly(answer: Answer) -> Answer:
    """What is answered to whoever asks for no more than a plan."""
    err = "".join(line for line in answer.err.splitlines(keepends=True) if not line.startswith("passed over: "))
    return replace(answer, err=err, report="")


def _told(known: tuple[str, str]) -> Answer:
    """What the command says that knows it at a glance."""
    said, aside = known
    return Answer(0, f"{said}\n", f"{aside}\n" if aside else "", "")


def _refuse_other(cached: Answer, uncached: Answer) -> None:
    for name, said in vars(cached).items():
        if said != (truth := getattr(uncached, name)):
            lines = difflib.unified_diff(str(truth).splitlines(), str(said).splitlines(), "--no-cache", "cached")
            raise DifferError("\n".join((f"another {name}", *lines)))


def apply(*, cached: bool = True) -> None:
    """Bring the target to what the files say, if they may."""
    with open_workspace(None) as workspace:
        pipeline.apply(workspace, Wish(blame=False, allow_empty=True, max_delete=1000, cached=cached))


def write_first(folder: Path, *, in_git: bool) -> None:
    """A repository at its beginning: all is applied, and committed where git has it."""
    twin = Twin(folder, folder)
    for name in FIRST:
        twin.put(name, VARIANTS[name][0])
    with within(folder):
        apply(cached=False)
        if in_git:
            for words in ("init", "add ."), ("commit -m one", "branch side"):
                for word in words:
                    twin.git(*word.split())
            shutil.rmtree(folder / ".git/hooks", ignore_errors=True)


@contextmanager
def within(folder: Path) -> Iterator[None]:
    """Stand in a folder, with no settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")}
    here = Path.cwd()
    with mock.patch.dict(os.environ, {**kept, SECRET: "one"}, clear=True):
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)


@contextmanager
def opened(first: Path, folder: Path, *, ask_git: bool) -> Iterator[Twin]:
    """A copy of a repository, of which everything is known that may be.

    Args:
        first: the repository.
        folder: where the copy is to be, and what belongs to it.
        ask_git: whether git is asked what has changed, as it is in a large checkout.
    """
    twin = Twin(folder / "repository", folder)
    shutil.copytree(first, twin.folder, symlinks=True)
    asking = partial(manifest_set, worth_bytes=0 if ask_git else 1 << 30)
    with (
        within(twin.folder),
        mock.patch("reconciler.load.disk.stat_index.SAFE_NS", SAFE_NS),
        mock.patch("reconciler.remembering.glance.SAFE_NS", SAFE_NS),
        mock.patch("reconciler.load.sets.by_git.SAFE_NS", SAFE_NS),
        mock.patch("reconciler.remembering.inputs.manifest_set", asking),
        mock.patch("reconciler.remembering.look.StatIndex", lambda cache: StatIndex(cache, twin.clock)),
        mock.patch("reconciler.load.contents.StatIndex", lambda cache: StatIndex(cache, twin.clock)),
    ):
        if ask_git:
            twin.git("add", ".")
        twin.moment()
        twin.compare()
        yield twin
