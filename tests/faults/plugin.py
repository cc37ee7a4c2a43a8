"""The provider `scheduled` for the real command line: a memory target with the faults that its target names.

    targets: {dev: {provider: scheduled, file: live.jsonl, faults: {"create endpoint/credit": [hang]}}}

`plugged(folder)` gives the environment in which the command finds it, by an entry point as any plug-in's. Faults count
from the start of each process.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from reconciler.providers.memory import MemoryProvider
from reconciler.providers.provider import Setting
from tests.faults.scheduled import Effect, Fail, FakeClock, Fault, Hang, Late, Refuse, Scheduled
from tests.waiting import until


@dataclass(frozen=True)
class Gate:
    """Makes a file `begun` in the current folder when the call has come; its effect comes once there is a file `go`."""

    def befall(self, effect: Effect, _clock: FakeClock) -> Any:
        Path("begun").touch()
        until(Path("go").exists, patience_s=600)
        return effect()


FAULTS: Mapping[str, Fault | Gate] = {
    "hang": Hang(),
    "503": Refuse(retry_after_s=0),
    "429": Refuse("429 Too Many Requests", retry_after_s=0),
    "429 for long": Refuse("429 Too Many Requests", retry_after_s=100),
    "late": Late(),
    "gate": Gate(),
    "quota": Fail("quota exceeded: 4 cores asked, 0 free"),
}
_ROOT = Path(__file__).parents[2]


class ScheduledProvider(Scheduled):
    """A memory target with faults."""

    name: ClassVar[str] = "scheduled"

    @classmethod
    def open(cls, setting: Setting) -> "ScheduledProvider":
        options = dict(setting.options)
        faults: Mapping[str, Any] = options.pop("faults", {})
        schedule = {words: [FAULTS[name] for name in names] for words, names in faults.items()}
        return cls(MemoryProvider.open(replace(setting, options=options)), schedule)


def plugged(folder: Path) -> dict[str, str]:
    """The variables of an environment in which the plug-in is installed."""
    facts = folder / "mlops_scheduled-1.dist-info"
    facts.mkdir(parents=True, exist_ok=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: mlops-scheduled\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[mlops.providers]\nscheduled = tests.faults.plugin:ScheduledProvider\n")
    return {"PYTHONPATH": os.pathsep.join((str(folder), str(_ROOT)))}


def settings(faults: Mapping[str, list[str]]) -> str:
    """The text of an `mlops.yaml` whose target has these faults."""
    told = ", ".join(f'"{words}": [{", ".join(map(repr, names))}]' for words, names in faults.items())
    target = f"{{provider: scheduled, file: live.jsonl, default: true, faults: {{{told}}}}}"
    return f"manifests: manifests\ntargets:\n  dev: {target}\n"
