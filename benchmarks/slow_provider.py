"""The provider `slow`: a memory target whose platform takes its time, and every so often has too much to do.

    targets: {dev: {provider: slow, latency_ms: 50, busy_every: 200, retry_after_ms: 500, at_once: 16, tally: t.json}}

By it one sees what `--parallel` makes of a platform's latency, and what it cannot. `plugged(folder)` gives the
variables of an environment in which the command finds it, by an entry point as any plug-in's.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from reconciler.core.plan import Operation, Step
from reconciler.errors import ProviderError, TransientError
from reconciler.providers.memory import MemoryProvider
from reconciler.providers.provider import Assets, Setting

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Temper:
    """How a platform is with its callers.

    Args:
        latency_s: how long each call takes that has an effect.
        busy_every: of the calls each so manieth is refused at once; none for 0.
        retry_after_s: when such a one may come again.
        at_once: the most calls that may be under way; one more is an error.
    """

    latency_s: float = 0.05
    busy_every: int = 0
    retry_after_s: float = 1.0
    at_once: int = 64


class SlowProvider(MemoryProvider):
    """Objects in memory, or in a file, behind a platform that is slow.

    `calls`, `refused` and `most`, the most calls that were under way at once, are written to the file `tally`.
    """

    name: ClassVar[str] = "slow"

    def __init__(
        self,
        file: Path | None = None,
        temper: Temper | None = None,
        *,
        assets: Assets | None = None,
        tally: Path | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        super().__init__(file, assets=assets)
        self._temper, self._tally, self._sleep = temper or Temper(), tally, sleep
        self._guard = threading.Lock()
        self.calls = self.refused = self.under_way = self.most = 0

    @classmethod
    def open(cls, setting: Setting) -> Self:
        """What the target says of its platform."""
        told: Mapping[str, Any] = setting.options
        temper = Temper(
            told.get("latency_ms", 50) / 1000,
            told.get("busy_every", 0),
            told.get("retry_after_ms", 1000) / 1000,
            told.get("at_once", 64),
        )
        file, tally = (setting.root / str(told[name]) if name in told else None for name in ("file", "tally"))
        return cls(file, temper, assets=setting.assets, tally=tally)

    def delete(self, step: Step, operation: Operation) -> None:
        """Remove the object, in its time."""
        with self._called():
            super().delete(step, operation)

    def close(self) -> None:
        """Leave what was counted."""
        super().close()
        if self._tally and self.calls:
            counted = {"calls": self.calls, "refused": self.refused, "most": self.most}
            self._tally.write_text(json.dumps(counted))

    def _put(self, step: Step, operation: Operation) -> None:
        with self._called():
            super()._put(step, operation)

    @contextmanager
    def _called(self) -> Iterator[None]:
        """A call under way; it takes its time before it has an effect."""
        with self._guard:
            self.calls, self.under_way = self.calls + 1, self.under_way + 1
            self.most = max(self.most, self.under_way)
            is_busy = self._temper.busy_every and self.calls % self._temper.busy_every == 0
            self.refused += bool(is_busy)
        try:
            if self.most > self._temper.at_once:
                raise ProviderError(f"{self.most} calls at once, {self._temper.at_once} are allowed")
            if is_busy:
                raise TransientError("429 Too Many Requests", retry_after_s=self._temper.retry_after_s)
            self._sleep(self._temper.latency_s)
            yield
        finally:
            with self._guard:
                self.under_way -= 1


def plugged(folder: Path) -> dict[str, str]:
    """The variables of an environment in which the plug-in is installed."""
    facts = folder / "mlops_slow-1.dist-info"
    facts.mkdir(parents=True, exist_ok=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: mlops-slow\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[mlops.providers]\nslow = benchmarks.slow_provider:SlowProvider\n")
    return {"PYTHONPATH": os.pathsep.join((str(folder), str(ROOT)))}
