"""A workspace is one target opened: its settings, its record, its content and its provider."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from reconciler.core.manifest import Content, Manifest
from reconciler.core.offline import OFFLINE, is_offline
from reconciler.errors import ProviderError, RefusedError
from reconciler.load.disk.digest import content_digest, content_files
from reconciler.load.repository.private import refuse_tracked
from reconciler.load.settings.config import CACHE, Config, Target, read_config
from reconciler.providers.provider import Assets, Provider, Setting
from reconciler.providers.registry import provider_named
from reconciler.record.assets import AssetStore
from reconciler.record.opening import kept_copy, open_offline, open_store, refuse_elsewhere
from reconciler.record.sealing import seal_keys
from reconciler.record.stamps import random_id, utc_now
from reconciler.record.store import Record, Store

if TYPE_CHECKING:
    from reconciler.load.place import Bounds
    from reconciler.record.depot import Depot
    from reconciler.record.root import Root
    from reconciler.record.tickets import Line

PRIVATE = ".mlops"


@dataclass(frozen=True)
class SeenManifests:
    """What a look saw of manifests.

    Args:
        files: the id of their set.
        count: how many are ours.
        bounds: what they may reach.
        places: by place to which they lead, what was there; empty for nothing.
        record: the root of the record then.
        live: that of the live side.
    """

    files: str
    count: int
    bounds: "Bounds"
    places: Mapping[str, str]
    record: "Root"
    live: str


@dataclass(eq=False, repr=False)  # nobody compares or shows one
class Workspace:
    """One target, open.

    Args:
        contents: what the manifests point at, by digest; filled by whoever loads them, read when content is laid down.
        files: where the manifests were read; filled likewise.
        manifests: those; filled likewise.
        plain: git's ids of what files hold, as `load.Loaded` has them; filled likewise.
        seen: what a look saw that is remembered, and found nothing to do; None where there was no such look.
        start: the folder where the user stands, if that is not the current one.
        offline: whether nothing is asked; in place of the provider stands one that holds nothing.
        turn: the name of the ticket with which this process waits in the target's line; empty without one.
        now: the time that is written down, ISO 8601 in UTC.
        new_id: the ids of runs and operations.
    """

    config: Config
    target: Target
    store: Store
    provider: Provider
    contents: dict[str, Content] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    manifests: list[Manifest] = field(default_factory=list)
    plain: dict[str, str] = field(default_factory=dict)
    seen: "SeenManifests | None" = None
    start: str = ""
    offline: bool = False
    turn: str = ""
    now: Callable[[], str] = utc_now
    new_id: Callable[[], str] = random_id

    @property
    def assets(self) -> Assets:
        """Where content lies; what is elsewhere alone is fetched when it is asked for."""
        return assets_of(self.config, self.contents, self.target.assets)

    @property
    def line(self) -> "Line":
        """The tickets of operations that nobody waits for."""
        return line_of(self.config, self.target)

    @property
    def cache(self) -> Path | None:
        """Where parsed manifests are kept; safe to delete at any time. Offline nothing is trusted that lies about."""
        return None if self.offline else self.config.root / CACHE

    def stored(self, digest: str) -> Path | None:
        """Where the content of a digest lies, as it is stored; None where it is not."""
        return self.assets.path(digest) if self.assets.holds(digest) else None


@contextmanager
def open_workspace(
    target: str | None,
    *,
    start: Path | None = None,
    config: Config | None = None,
    offline: bool = False,
    blank: bool = False,
    cached: bool = True,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[Workspace]:
    """Open a target of the repository that the current folder is in; None opens the default one.

    Args:
        target: its name.
        start: another folder.
        config: settings that were read already; `start` is of no account then.
        offline: whether no connection is opened; a record that is no file is refused.
        blank: whether even the record is left alone, wherever it is, for an empty one that nothing outlives.
        cached: whether what the settings said to an earlier run may be used; offline it never is.
        environ: may forbid what is not offline.

    Raises:
        ManifestError: `mlops.yaml` is wrong, or has no such target.
        RefusedError: the record came with the repository; or the environment forbids what is not offline.
        StateError: the record cannot be opened.
        ProviderError: the provider is unknown or cannot be reached.
    """
    config = config or read_config(start or Path.cwd(), cached=cached and not offline)
    chosen = config.target(target)
    refuse_tracked(str(config.root))
    if offline:
        from reconciler.providers.memory import MemoryProvider  # noqa: PLC0415 - only then

        location = "memory:" if blank else chosen.state
        with closing(open_offline(location, root=config.root, target=chosen.name)) as kept:
            yield Workspace(config, chosen, kept, MemoryProvider(), start=str(start or ""), offline=True)
        return
    if is_offline(environ):
        raise RefusedError(f"{OFFLINE} is set, and this asks a platform; `plan` and `validate` can do without")
    provider_class = provider_named(chosen.provider)
    store = open_store(chosen.state, root=config.root, target=chosen.name)
    try:
        workspace = replace(_opened(config, chosen, store, provider_class), start=str(start or ""))
        try:
            yield workspace
        finally:
            workspace.provider.close()
    finally:
        store.close()


@contextmanager
def open_record(
    target: str | None,
    *,
    start: Path | None = None,
    config: Config | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[tuple[str, Store]]:
    """Open the record of a target alone, for what needs no platform and must work without one; with the target's name.

    Raises:
        ManifestError: `mlops.yaml` is wrong, or has no such target.
        RefusedError: the environment forbids connections, and it takes one.
        StateError: the record cannot be opened.
    """
    config, chosen = _reachable(target, config or read_config(start or Path.cwd()), environ)
    store = open_store(chosen.state, root=config.root, target=chosen.name)
    try:
        yield chosen.name, store
    finally:
        store.close()


def open_copy(
    target: str | None, number: int, *, start: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Record:
    """What was recorded of a target before one of its last runs; 1 is the last. The record itself may be damaged.

    Raises:
        ManifestError: `mlops.yaml` is wrong, or has no such target.
        RefusedError: the environment forbids connections, and it takes one.
        StateError: there is no such copy.
    """
    config, chosen = _reachable(target, read_config(start or Path.cwd()), environ)
    return kept_copy(chosen.state, root=config.root, target=chosen.name, number=number)


def _reachable(target: str | None, config: Config, environ: Mapping[str, str]) -> tuple[Config, Target]:
    """A target whose record may be opened."""
    chosen = config.target(target)
    if is_offline(environ):
        refuse_elsewhere(chosen.state, root=config.root, target=chosen.name)
    return config, chosen


def holder(command: str, started: str) -> Mapping[str, str | int]:
    """Who holds a lock, told to whoever has to wait for it, with an id by which it can be broken."""
    lock_id = os.urandom(4).hex()
    return {"id": lock_id, "user": user(), "host": host(), "pid": os.getpid(), "command": command, "started": started}


def host() -> str:
    """The name of this machine."""
    import socket  # noqa: PLC0415 - only a run that writes tells it

    return socket.gethostname()


def user() -> str:
    """The name of whoever runs this; the user id where the system knows no name for it."""
    import getpass  # noqa: PLC0415 - only a run that writes tells it

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def folder_of(config: Config, target: Target) -> Path:
    """The private folder of a target's provider."""
    return config.root / PRIVATE / target.provider / target.name


def line_of(config: Config, target: Target) -> "Line":
    """The tickets of a target."""
    from reconciler.record.tickets import Line  # noqa: PLC0415 - only who does not wait takes one

    folder = config.root / PRIVATE / "operations" / quote(target.name, safe="")
    return Line(folder, seal_keys(os.environ))


def assets_of(config: Config, contents: Mapping[str, Content], elsewhere: str = "") -> AssetStore:
    """The store of content; what is not in it yet is taken from where the manifests found it.

    Args:
        elsewhere: the URL of where it is kept besides, and taken from as well; empty for the folder alone.
    """
    folder = config.root / PRIVATE / "assets"
    depot = _depot(elsewhere) if elsewhere else None
    return AssetStore(folder, contents, digest_of=content_digest, files_of=content_files, depot=depot)


def _depot(url: str) -> "Depot":
    from reconciler.record.depot import Depot  # noqa: PLC0415 - most content has one folder
    from reconciler.record.remote_files import RemoteFiles  # noqa: PLC0415 - as above

    return Depot(RemoteFiles(url))


def _opened(config: Config, target: Target, store: Store, provider_class: type[Provider]) -> Workspace:
    contents: dict[str, Content] = {}
    folder = folder_of(config, target)
    assets = assets_of(config, contents, target.assets)
    setting = Setting(target.name, folder, assets, target.options, config.root)
    try:
        provider = provider_class.open(setting)
    except OSError as error:
        raise ProviderError(f"target {target.name}: {target.provider} cannot be opened: {error}") from error
    return Workspace(config, target, store, provider, contents)
