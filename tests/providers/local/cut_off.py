"""Rolls a deployment out in a process that kills itself at a chosen moment, as a crash would.

Usage: cut_off.py TARGET CONTENTS SPEC MOMENT. SPEC is JSON. MOMENT is a reported line, or `stop`, the moment at which
instances that left the gateway are to be stopped.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from local_world import Contents

from reconciler.core.address import Address
from reconciler.core.plan import Action, Operation, Step
from reconciler.providers.local import LocalProvider
from reconciler.providers.local.instances import Instances
from reconciler.providers.provider import Setting


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(target: str, contents: str, spec: str, moment: str) -> None:
    if moment == "stop":
        Instances.stop = die  # type: ignore[method-assign]  # the process ends here, whatever is asked for
    provider = LocalProvider.open(Setting("dev", Path(target), Contents(Path(contents)), {}))
    operation = Operation("cut", "lineage", 2, lambda line: die() if line == moment else None)
    address = Address.parse("deployment/credit/blue")
    provider.roll_out(Step(1, Action.ROLL_OUT, address, "a reason", (), None, json.loads(spec)), operation)


if __name__ == "__main__":
    main(*sys.argv[1:])
