"""Scripts that were written for Azure's command line, run against a target of this machine."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from reconciler.providers.hosting.layout import Layout
from tests.ending import end_all

HERE = Path(__file__).parent
MODEL = HERE.parents[1] / "manifests" / "models" / "house-prices-v1" / "model.pkl"
PATIENCE_S = 560.0
_SHIM = '#!/bin/sh\n[ "$1" = ml ] || { echo "az $1: not here" >&2; exit 64; }\nshift\nexec mlops "$@"\n'


@dataclass(frozen=True)
class Printed:
    """What a script printed."""

    out: str
    err: str

    def told(self, what: str) -> str:
        """What stands behind `WHAT: ` in the one line that begins so."""
        [found] = self.each(what)
        return found

    def each(self, what: str) -> list[str]:
        return [line.removeprefix(f"{what}: ") for line in self.out.splitlines() if line.startswith(f"{what}: ")]


class Flow:
    """A folder with the files of the flows, and nothing that says where they are to run."""

    def __init__(self, folder: Path, environments: Path, provider: str = "local", **variables: str) -> None:
        self.folder, self.variables = folder, variables
        self.layout = Layout(folder / ".mlops" / provider / "local")
        shutil.copytree(HERE / "online", folder / "online")
        (folder / "online" / "houses" / "model").mkdir()
        shutil.copy(MODEL, folder / "online" / "houses" / "model")
        self.layout.folder.mkdir(parents=True, mode=0o700)
        self.layout.environments.symlink_to(environments)

    def replay(self, script: str, *, as_az: bool = False, **variables: str) -> Printed:
        """Run a script with every `az ml` in it changed to `mlops`; or as it is, where `az` is such a command."""
        text = (HERE / script).read_text(encoding="utf-8")
        path = [str(Path(sys.executable).parent), os.environ["PATH"]]
        if as_az:
            shim = self.folder / "bin" / "az"
            shim.parent.mkdir()
            shim.write_text(_SHIM, encoding="utf-8")
            shim.chmod(0o755)
            path.insert(0, str(shim.parent))
        else:
            text = text.replace("az ml", "mlops")
        (self.folder / script).write_text(text, encoding="utf-8")
        return self._run(["bash", script], {"PATH": os.pathsep.join(path), **variables})

    def mlops(self, *words: str) -> Printed:
        return self._run([str(Path(sys.executable).with_name("mlops")), *words], {})

    def end(self) -> None:
        """End whatever the target runs."""
        end_all(self.folder, self.layout)

    def _run(self, argv: list[str], variables: dict[str, str]) -> Printed:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")}
        done = subprocess.run(
            argv,
            check=False,
            cwd=self.folder,
            env={**kept, **self.variables, **variables},
            input="",
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, f"{argv} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return Printed(done.stdout, done.stderr)
