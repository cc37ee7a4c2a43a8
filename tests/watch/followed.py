"""A team's bare repository, and a watcher that follows it in this process, round by round, with a clock of its own."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reconciler.load.repository.remote import remote_of
from reconciler.watch.folder import Folder
from reconciler.watch.kept import Memory
from reconciler.watch.settings import Settings
from reconciler.watch.sight import Sight
from reconciler.watch.watcher import Round, Watcher, World
from reconciler.wishes import Manner

SCHEMAS = "$schema: https://azuremlschemas.azureedge.net/latest"
MLOPS = "manifests: manifests\ntargets:\n  dev: {provider: memory, file: ../live.jsonl, default: true}\n"
ENDPOINT = f"{SCHEMAS}/managedOnlineEndpoint.schema.json\nname: credit\nauth_mode: key\n"
ENVIRONMENT = f"{SCHEMAS}/environment.schema.json\nname: sklearn\nversion: 1\nimage: mcr.microsoft.com/azureml/base:1\n"
NOON = 1_790_000_000.0
NOBODY = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


def git(folder: Path, *words: str, **variables: str) -> str:
    """Run git as somebody of no settings."""
    env = {**os.environ, **NOBODY, **variables}
    done = subprocess.run(["git", *words], cwd=folder, env=env, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


class Team:
    """A bare repository, and a checkout that pushes to it."""

    def __init__(self, folder: Path, settings: str = MLOPS) -> None:
        self.folder, self.remote, self.work = folder, folder / "remote.git", folder / "work"
        folder.mkdir(parents=True, exist_ok=True)
        git(folder, "init", "-q", "--bare", "-b", "main", str(self.remote))
        git(folder, "init", "-q", "-b", "main", str(self.work))
        git(self.work, "remote", "add", "origin", str(self.remote))
        self.write("mlops.yaml", settings)
        self.write("manifests/endpoint.yml", ENDPOINT)
        self.push("first")

    def write(self, name: str, text: str) -> None:
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def push(self, subject: str, *words: str) -> str:
        """Commit what is there, with further words of `git commit`, push it, and give its id."""
        git(self.work, "add", "--all")
        git(self.work, "commit", "-q", "--allow-empty", "-m", subject, *words)
        git(self.work, "push", "-q", "--force", "origin", "HEAD:main")
        return git(self.work, "rev-parse", "HEAD")

    def tag(self, value: str) -> str:
        """Push a commit that gives the endpoint another tag."""
        self.write("manifests/endpoint.yml", f"{ENDPOINT}tags: {{team: {value}}}\n")
        return self.push(f"tag {value}")

    def live(self) -> dict[str, Any]:
        """The specs of the target's objects by address, of which a run that was killed leaves several lines."""
        file = self.folder / "live.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        last = {line["address"]: line.get("spec") for line in lines}
        return {address: spec for address, spec in last.items() if spec is not None}

    @property
    def tags(self) -> Any:
        """The tags of the live endpoint; None where it is not there."""
        return self.live().get("endpoint/credit", {}).get("tags") if self.live() else None

    def behind_our_back(self, address: str, **fields: Any) -> None:
        """Change a live object as somebody with a console would."""
        file = self.folder / "live.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        for line in lines:
            if line["address"] == address:
                line["spec"] = {**line["spec"], **fields}
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))


class Following:
    """A watcher and what it said."""

    def __init__(self, watcher: Watcher, folder: Folder, clock: dict[str, float], said: list[tuple[str, str]]) -> None:
        self.watcher, self.folder, self.clock, self.said = watcher, folder, clock, said

    def round(self, *, asked: bool = False, later_s: float = 60.0) -> Round:
        """One round, a while after the last."""
        self.clock["now"] += later_s
        return self.watcher.round(asked=asked)

    def lines(self, kind: str) -> list[str]:
        return [line for said, line in self.said if said == kind]

    @property
    def memory(self) -> Memory:
        return self.folder.kept.read()


@contextmanager
def following(
    team: Team, *, folder: str = "clone", manner: Manner | None = None, branch: str = "main", **settings: Any
) -> Iterator[Following]:
    """A watcher that begins, or goes on, in a folder of the team's."""
    clock, said = {"now": NOON}, list[tuple[str, str]]()

    def tell(kind: str, line: str, _facts: Mapping[str, Any]) -> None:
        said.append((kind, line))

    chosen = Settings(**{"branch": branch, "interval_s": 60.0, **settings})
    place = Folder(team.folder / folder, remote_of(str(team.remote), branch), chosen)
    world = World(tell, now=lambda: clock["now"], manner=manner or Manner())
    watcher = Watcher(place, chosen, Sight(branch=branch, interval_s=chosen.interval_s), world)
    try:
        yield Following(watcher, place, clock, said)
    finally:
        watcher.close()
