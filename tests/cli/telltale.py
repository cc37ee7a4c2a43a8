"""The provider `telltale` for the real command line: a memory target that says aloud every secret that it is given.

    targets: {dev: {provider: telltale, file: live.jsonl, tells: error}}

With `tells: error` steps of deployments fail with it, with `report` they only report it, with `hang` they then hang.
"""

import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from reconciler.core.plan import Operation, Step
from reconciler.core.secret import secrets_of
from reconciler.errors import ProviderError
from reconciler.providers.memory import MemoryProvider
from reconciler.providers.provider import Setting

_ROOT = Path(__file__).parents[2]


class TelltaleProvider(MemoryProvider):
    """A memory target that cannot keep a secret."""

    name: ClassVar[str] = "telltale"
    tells: str = ""

    @classmethod
    def open(cls, setting: Setting) -> "TelltaleProvider":
        options = dict(setting.options)
        tells = str(options.pop("tells", ""))
        made = super().open(replace(setting, options=options))
        made.tells = tells
        return made

    def create(self, step: Step, operation: Operation) -> None:
        self._tell(step, operation)
        super().create(step, operation)

    def roll_out(self, step: Step, operation: Operation) -> None:
        self._tell(step, operation)
        super().roll_out(step, operation)

    def _tell(self, step: Step, operation: Operation) -> None:
        said = [secret.reveal() for secret in secrets_of(step.after)]
        if not said or not self.tells:
            return
        coded = [form(text) for text in said for form in (str, json.dumps, repr, quote)]
        operation.report(f"told {coded}")
        if self.tells == "hang":
            threading.Event().wait(600)
        if self.tells == "error":
            cause = ValueError(f"the platform said {coded}")
            raise ProviderError(f"{step.address}: {said}", log_tail=[f"line of {text}" for text in coded]) from cause


def plugged(folder: Path) -> dict[str, str]:
    """The variables of an environment in which the plug-in is installed."""
    facts = folder / "mlops_telltale-1.dist-info"
    facts.mkdir(parents=True, exist_ok=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: mlops-telltale\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[mlops.providers]\ntelltale = tests.cli.telltale:TelltaleProvider\n")
    return {"PYTHONPATH": os.pathsep.join((str(folder), str(_ROOT)))}
