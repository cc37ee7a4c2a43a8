"""The commands of the pull side: watch, watch suspend, watch resume."""

import gc
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli import options as o
from reconciler.cli.saying import put, say, warn_at_once
from reconciler.cli.wishes import variables_of
from reconciler.errors import RefusedError

if TYPE_CHECKING:
    from reconciler.core.plan import Plan
    from reconciler.watch.kept import Kept
    from reconciler.watch.settings import Settings
    from reconciler.watch.watcher import Round, Watcher, World

# How soon a word of `mlops watch suspend` is heard.
_LISTEN_S = 1.0

Folder = Annotated[
    Path, typer.Option("--folder", metavar="DIR", help="The watcher's own clone; made on the first run.")
]


class Events(StrEnum):
    """How events are printed; JSON is a line for each."""

    TEXT = "text"
    JSON = "json"


def watch(
    remote: Annotated[str, typer.Argument(metavar="REMOTE", help="A path, USER@HOST:PATH, ssh://… or https://…")],
    branch: Annotated[str | None, typer.Option("--branch", help="The branch to follow; by default main.")] = None,
    target: o.Target = None,
    folder: Folder = Path(),
    settings: Annotated[
        Path | None, typer.Option("--settings", metavar="FILE", help="The guards, in a file of the operator's.")
    ] = None,
    interval: Annotated[
        str | None, typer.Option("--interval", metavar="SPAN", help="How often to look; by default 60s.")
    ] = None,
    self_heal: Annotated[
        bool | None, typer.Option("--self-heal/--no-self-heal", help="Bring back what was changed behind git's back.")
    ] = None,
    max_delete: o.MaxDelete = None,
    variables: o.Variables = None,
    policies: o.Policies = "",
    listen: Annotated[
        str | None, typer.Option("--listen", metavar="[HOST:]PORT", help="Serve /healthz, /readyz and /metrics here.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="One round, with an exit code.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try a held commit again, as SIGHUP does.")] = False,
    report: Annotated[Events, typer.Option("--format", help="How to print what happens.")] = Events.TEXT,
) -> int:
    """Follow a branch: fetch, plan, apply, under guards that nobody who pushes can lift.

    Works in a clone of its own. A commit gets one try; SIGHUP looks at once and tries what is held again. SIGTERM
    finishes the steps that run. Of several watchers on one record one leads, the others wait.

    \b
    Examples:
      mlops watch git@git.example:shop/models.git --folder /var/lib/mlops/shop --settings watch.yaml
      mlops watch ../models.git --folder clone --interval 10s --self-heal --listen 9180
      mlops watch https://git.example/models.git --folder clone --once
    """
    from reconciler.core.offline import OFFLINE, is_offline  # noqa: PLC0415 - --help loads none of it
    from reconciler.load.repository.git import OF_A_REPOSITORY  # noqa: PLC0415
    from reconciler.load.repository.remote import remote_of  # noqa: PLC0415
    from reconciler.watch.folder import Folder as Place  # noqa: PLC0415
    from reconciler.watch.serving import Served  # noqa: PLC0415
    from reconciler.watch.sight import Sight  # noqa: PLC0415
    from reconciler.watch.watcher import Watcher  # noqa: PLC0415

    if is_offline(os.environ):
        raise RefusedError(f"{OFFLINE} is set, and to watch is to ask a remote")
    for name in OF_A_REPOSITORY:  # whoever runs this in a hook means the watcher's clone all the same
        os.environ.pop(name, None)
    gc.enable()  # unlike other commands it does not end soon
    flags = {
        "branch": branch,
        "target": target,
        "interval_s": _span(interval),
        "max_delete": max_delete,
        "variables": variables_of(variables) or None,
        "policies": (str(Path(policies).absolute()) if Path(policies).exists() else policies) if policies else None,
    }
    chosen = _settings(settings, flags, self_heal=self_heal, listen=listen)
    place = Place(folder.absolute(), remote_of(remote, chosen.branch), chosen)
    sight = Sight(remote=remote, branch=chosen.branch, interval_s=chosen.interval_s)
    with _signals() as signals:
        world = _world(signals, report)
        watcher = Watcher(place, chosen, sight, world)
        watcher.alive()
        served = Served(chosen.listen, lambda: watcher.sight, world.now) if chosen.listen else None
        if served:
            world.tell("listens", f"health and metrics at port {served.port}", {"port": served.port})
        code = 0
        try:
            code = _rounds(watcher, place, signals, once=once, asked=retry)
        except KeyboardInterrupt:
            code = 130 if once else 0
        finally:
            if served:
                served.close()
            watcher.close()
        if not once:
            world.tell("ends", "ends: told to", {})
        return code


def suspend(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; whoever looks is told.")] = "",
    folder: Folder = Path(),
) -> None:
    """Have a watcher change nothing until `mlops watch resume`, also after a restart.

    It goes on to fetch and to answer. An apply that runs is finished. Each watcher of a record is told for itself.

    \b
    Examples:
      mlops watch suspend --folder /var/lib/mlops/shop --reason "moving the database"
    """
    from reconciler.apply import utc_now  # noqa: PLC0415 - --help loads none of it
    from reconciler.watch.kept import Suspension  # noqa: PLC0415
    from reconciler.workspace import host, user  # noqa: PLC0415

    kept = _kept(folder)
    kept.suspend(Suspension(f"{user()}@{host()}", utc_now(), reason))
    say("Suspended: nothing is changed from the next round on, until `mlops watch resume`.")


def resume(folder: Folder = Path()) -> None:
    """Have a suspended watcher go on.

    \b
    Examples:
      mlops watch resume --folder /var/lib/mlops/shop
    """
    kept = _kept(folder)
    suspension = kept.suspension()
    kept.resume()
    say(f"Resumed; it was suspended {suspension}." if suspension else "It was not suspended.")


def _kept(folder: Path) -> "Kept":
    """What a watcher keeps in its folder."""
    from reconciler.watch.kept import Kept  # noqa: PLC0415 - --help loads none of it

    kept = Kept(folder.absolute())
    if not kept.clone():
        raise RefusedError(f"{folder} is no folder of a watcher; name it with --folder")
    return kept


def _settings(file: Path | None, flags: Mapping[str, Any], *, self_heal: bool | None, listen: str | None) -> "Settings":
    """Those of the file under those of the command line."""
    from reconciler.watch.settings import SelfHeal, Settings, listen_of, read_settings  # noqa: PLC0415

    found = {**(read_settings(file) if file else {}), **{k: v for k, v in flags.items() if v is not None}}
    if self_heal is not None:
        found["self_heal"] = SelfHeal(self_heal)
    if listen is not None:
        found["listen"] = listen_of(listen)
        if found["listen"] is None:
            raise typer.BadParameter(f"write PORT or HOST:PORT, not {listen!r}", param_hint="--listen")
    return Settings(**found)


def _span(text: str | None) -> float | None:
    from reconciler.operate.times import span_of  # noqa: PLC0415 - --help loads none of it

    return None if text is None else span_of(text, "--interval")


class _Heard:
    """What signals said.

    Args:
        stop: set once an apply is to end with the steps that run.
        in_steps: whether steps of an apply run.
    """

    def __init__(self) -> None:
        self.stop, self.in_steps = threading.Event(), False
        # To set an event would wait for ever if the signal came while it is waited for in this very thread.
        self._asked: queue.SimpleQueue[None] = queue.SimpleQueue()

    def end(self, _number: int, _frame: object) -> None:
        """Finish the steps that run, and at once where none does; the second time in any case."""
        if not self.in_steps:
            raise KeyboardInterrupt
        if self.stop.is_set():
            warn_at_once("Interrupted again: stopped. The next round settles what was under way.")
            os._exit(130)
        self.stop.set()
        warn_at_once("Interrupted: finishing the steps that run; once more stops at once.")

    def ask(self, _number: int, _frame: object) -> None:
        """Look at once."""
        self._asked.put(None)

    def is_asked(self, within_s: float = 0.0) -> bool:
        """Whether the next round is to begin at once, and to try held commits again; of each time it is told once."""
        try:
            self._asked.get(timeout=within_s)
        except queue.Empty:
            return False
        while not self._asked.empty():
            self._asked.get()
        return True


@contextmanager
def _signals() -> Iterator[_Heard]:
    heard = _Heard()
    wanted = {signal.SIGINT: heard.end, signal.SIGTERM: heard.end}
    if hasattr(signal, "SIGHUP"):
        wanted[signal.SIGHUP] = heard.ask
    former = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield heard
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _world(heard: _Heard, report: Events) -> "World":
    import random  # noqa: PLC0415 - --help loads none of it

    from reconciler.apply import Watcher as Told  # noqa: PLC0415
    from reconciler.cli.progress import plain_lines  # noqa: PLC0415
    from reconciler.watch.watcher import World  # noqa: PLC0415
    from reconciler.wishes import Manner  # noqa: PLC0415

    def begin(_made: "Plan") -> Told:
        heard.in_steps = True
        return Told() if report is Events.JSON else plain_lines()

    return World(_teller(report), dice=random.random, manner=Manner(stop=heard.stop, watch=begin))


def _teller(report: Events) -> Any:
    def as_text(_kind: str, line: str, _facts: Mapping[str, Any]) -> None:
        say(f"{time.strftime('%H:%M:%S')} {line}")

    def as_json(kind: str, line: str, facts: Mapping[str, Any]) -> None:
        import json  # noqa: PLC0415 - only for this form

        from reconciler.apply import utc_now  # noqa: PLC0415

        put(json.dumps({"time": utc_now(), "event": kind, "message": line, **facts}))
        sys.stdout.flush()

    return as_json if report is Events.JSON else as_text


def _rounds(watcher: "Watcher", place: Any, heard: _Heard, *, once: bool, asked: bool) -> int:
    """Round behind round, until the end is asked for; one alone where one is asked for."""
    while True:
        began, suspended = time.monotonic(), place.kept.suspension()
        found = watcher.round(asked=heard.is_asked() or asked)
        heard.in_steps = False
        if once or heard.stop.is_set():
            return _code(found, once=once)
        until = began + watcher.pause(found)
        watcher.alive(max(0.0, until - time.monotonic()))
        asked = _is_asked(place, heard, until, suspended)


def _is_asked(place: Any, heard: _Heard, until: float, suspended: object) -> bool:
    """Wait for the next round, a signal, or a word of `suspend` or `resume`; whether it was a signal."""
    while (left := until - time.monotonic()) > 0 and place.kept.suspension() == suspended:
        if heard.is_asked(min(left, _LISTEN_S)):
            return True
    return False


def _code(found: "Round", *, once: bool) -> int:
    from reconciler.watch.deciding import Hold  # noqa: PLC0415 - --help loads none of it

    if found.interrupted:
        return 130
    if not once:
        return 0
    if found.outage:
        return 1
    codes = {None: 0, Hold.DRIFT: 0, Hold.BROKEN: 1, Hold.BUSY: 3, Hold.STANDBY: 3, Hold.FAILED: 5}
    return codes.get(found.hold, 4)
