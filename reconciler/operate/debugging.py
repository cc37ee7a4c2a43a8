"""What a deployment needs to be debugged, laid down: of the files as they lie there, or as it is recorded."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from reconciler.core.address import Address
from reconciler.core.state import State
from reconciler.core.words import nearest
from reconciler.errors import ManifestError, MlopsError
from reconciler.operate.debug_container import Boxed, boxed
from reconciler.operate.debug_finding import Files, Found, in_files, in_process_objections, in_record
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.objects import Objects
from reconciler.providers.hosting.replacing import revealed
from reconciler.providers.hosting.sources import Sources
from reconciler.providers.local.environments import Environments
from reconciler.providers.local.launch import Launch
from reconciler.providers.local.options import LocalOptions, read_options
from reconciler.providers.local.supplies import Supplies
from reconciler.providers.provider import Assets
from reconciler.wanted import accepted
from reconciler.wishes import Wish
from reconciler.workspace import PRIVATE, Workspace, folder_of

_LOCAL = "local"
_SAMPLES = ("sample-request*.json", "sample_request*.json", "request*.json")

Report = Callable[[str], None]
Lay = Callable[[Workspace, Found, Assets, Report], tuple[Launch | Boxed, PurePath]]


@dataclass(frozen=True)
class Subject:
    """A deployment that can be debugged.

    Args:
        launch: how an instance of it is started, as a process or in a container.
        code: the folder or file that is the user's own, as Python has it.
        mappings: where an editor has that, if it is elsewhere, and where it runs from.
        sample: a request to try it with; None where none lies beside it.
        notes: what is to be known of it.
        watched: the folder of its code, as Python has it, where that may be edited.
    """

    address: Address
    launch: Launch | Boxed
    code: PurePath
    mappings: tuple[tuple[Path, PurePath], ...] = ()
    sample: Path | None = None
    notes: tuple[str, ...] = ()
    watched: PurePath | None = None


def subject_of(
    workspace: Workspace,
    wish: Wish,
    address: Address | None,
    report: Report,
    *,
    recorded: bool = False,
    container: bool = False,
    outer: Mapping[str, str] = os.environ,
) -> Subject:
    """Find a deployment and lay down what it needs, as a local target would; what the files point at is taken there.

    Args:
        workspace: the target.
        wish: which files count.
        address: of the deployment; None for the only one that the files define.
        report: told what is going on, a line at a time.
        recorded: whether it is debugged as it is recorded, whatever the files say.
        container: whether it is debugged in a container of its image, as a docker target would run it.
        outer: the environment of whoever debugs, which tells by which way they came here.

    Raises:
        ManifestError: something is wrong in the files that speak of it.
        MlopsError: it is neither defined nor recorded.
        ProviderError: something is not there and cannot be made.
    """
    state = workspace.store.read()
    objections = workspace.provider.objections if container else in_process_objections(state)
    try:
        files = in_files(workspace, wish, address, state, objections)
    except ManifestError:
        if not recorded:
            raise
        files = Files(None, (), ())  # nothing could be read, and only the way from there is lost
    warnings = () if recorded else accepted(files.problems)
    lay = _boxed if container else _launched
    if files.found and not recorded:
        found = _of_files(workspace, files.found, lay, report, outer)
    else:
        meant = address or (files.found.address if files.found else None)
        if meant is None or meant not in state.entries:
            raise MlopsError(_missing(meant, files, state))
        found = _of_record(workspace, in_record(workspace, meant, state), files.found, lay, report, outer)
    notes = () if container else tuple(_notes(workspace))
    return replace(found, notes=(*map(str, warnings), *found.notes, *notes))


def _of_files(workspace: Workspace, found: Found, lay: Lay, report: Report, outer: Mapping[str, str]) -> Subject:
    launch, code = lay(workspace, found, _InPlace(found.contents, workspace.assets), report)
    watched = code if found.spec.get("code_configuration") else None
    return Subject(found.address, launch, code, _mapped(found, code, outer), _sample(found), watched=watched)


def _of_record(
    workspace: Workspace,
    held: Found,
    defined: Found | None,
    lay: Lay,
    report: Report,
    outer: Mapping[str, str],
) -> Subject:
    launch, code = lay(workspace, held, workspace.assets, report)
    mappings = _mapped(defined, code, outer) if defined else ()
    notes = ("it runs as it is recorded, not as files say", *(_differing(defined, held) if defined else ()))
    return Subject(held.address, launch, code, mappings, _sample(defined or held), notes)


def _mapped(defined: Found, code: PurePath, outer: Mapping[str, str]) -> tuple[tuple[Path, PurePath], ...]:
    """Where an editor has what runs from elsewhere."""
    location = defined.location
    seen = _seen(location, Path.cwd(), outer) if location else code
    return () if location is None or seen == code else ((Path(seen), code),)


def _differing(defined: Found, held: Found) -> Iterator[str]:
    if defined.code.get("digest") != held.code.get("digest"):
        yield "what the working tree has is not what is recorded, so lines may be elsewhere"


def _seen(path: Path, here: Path, outer: Mapping[str, str]) -> Path:
    """A path as an editor has it that was opened where the shell is, which may have come there by a link."""
    came = Path(outer.get("PWD", ""))
    if not came.is_absolute() or not came.exists() or not came.samefile(here):
        return path
    while came.name == here.name and came != here:
        came, here = came.parent, here.parent
    return came / path.relative_to(here) if path.is_relative_to(here) else path


@dataclass(frozen=True)
class _InPlace:
    """Content where the files have it, so that what runs is what an editor shows; other content from the store."""

    contents: Mapping[str, Path]
    stored: Assets

    def path(self, digest: str) -> Path:
        """Where the content lies."""
        return self.contents[digest] if digest in self.contents else self.stored.path(digest)

    def distrust(self, digest: str) -> None:
        """Look at what is stored anew; what lies in the files is as it is."""
        self.stored.distrust(digest)

    def holds(self, digest: str) -> bool:
        """Whether it is anywhere."""
        return digest in self.contents or self.stored.holds(digest)


def _launched(workspace: Workspace, found: Found, assets: Assets, report: Report) -> tuple[Launch, PurePath]:
    """Lay down what a process needs, apart from the target's own; but environments a local target shares."""
    target = workspace.target
    own, layout = folder_of(workspace.config, target).absolute(), _layout(workspace)
    is_local = target.provider == _LOCAL
    options = read_options(target.options, workspace.config.root) if is_local else LocalOptions()
    shared = Layout(own) if is_local else layout
    environments = Environments(shared.environments, exact=options.exact_python)
    given = revealed(found.spec.get("environment_variables") or {}, {})
    in_place = assets is not workspace.assets
    supplies = Supplies(layout, Sources(Objects(own), assets, _LOCAL), environments, in_place=in_place)
    launch = supplies.launch(found.address, found.spec, given, report)
    return launch, launch.code or (launch.model or launch.runtime) / found.code["name"]


def _boxed(workspace: Workspace, found: Found, assets: Assets, report: Report) -> tuple[Boxed, PurePath]:
    """Have ready what a container needs."""
    box = boxed(workspace, found, assets, _layout(workspace), report)
    return box, box.code


def _layout(workspace: Workspace) -> Layout:
    """Where lies what is laid down to be debugged."""
    layout = Layout((workspace.config.root / PRIVATE / "debug" / workspace.target.name).absolute())
    layout.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return layout


def _notes(workspace: Workspace) -> Iterator[str]:
    target = workspace.target
    if target.provider != _LOCAL:
        yield (
            f"target {target.name} is of provider {target.provider}; this is a process of this machine, with the "
            "packages of the conda file and without the image, which --container has"
        )
    elif target.options.get("server") == "azureml":
        yield "the target has server: azureml; to be debugged it runs by our own"


def _missing(address: Address | None, files: Files, state: State) -> str:
    """Why there is nothing to debug, and what there is."""
    known = sorted({str(each) for each in (*files.deployments, *state.entries) if each.kind == "deployment"})
    there = f"there are: {', '.join(known[:5])}" if known else "no file defines one"
    if address is None:
        return f"which deployment? {there}"
    if str(address) in known:
        return f"{address} is not recorded; without --recorded it runs as the files say"
    near = nearest(str(address), known)
    return f"{address} is neither defined nor recorded; {f'did you mean {near}?' if near else there}"


def _sample(found: Found) -> Path | None:
    """A request that lies beside the manifest or the code."""
    folders = [Path(manifest.file).parent for manifest in found.manifests[:1]]
    folders += [found.location] if found.location else []
    there = (path for folder in folders for pattern in _SAMPLES for path in sorted(folder.glob(pattern)))
    return next((path for path in there if path.is_file()), None)
