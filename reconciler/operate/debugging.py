"""What a deployment needs to be debugged, laid down: of the files as they lie there, or as it is recorded."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.address import Address
from reconciler.errors import MlopsError
from reconciler.operate.debug_finding import Found, in_files, in_record
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
from reconciler.workspace import PRIVATE, Workspace, assets_of, folder_of

_LOCAL = "local"
_SAMPLES = ("sample-request*.json", "sample_request*.json", "request*.json")

Report = Callable[[str], None]


@dataclass(frozen=True)
class Subject:
    """A deployment that can be debugged.

    Args:
        launch: how an instance of it is started.
        mappings: where an editor has the code, and where it runs from, if that is elsewhere.
        sample: a request to try it with; None where none lies beside it.
        notes: what is to be known of it.
    """

    address: Address
    launch: Launch
    mappings: tuple[tuple[Path, Path], ...] = ()
    sample: Path | None = None
    notes: tuple[str, ...] = ()


def subject_of(
    workspace: Workspace, wish: Wish, address: Address | None, report: Report, *, recorded: bool = False
) -> Subject:
    """Find a deployment and lay down what it needs, as a local target would; what the files point at is taken there.

    Args:
        workspace: the target.
        wish: which files count.
        address: of the deployment; None for the only one that the files define.
        report: told what is going on, a line at a time.
        recorded: whether it is debugged as it is recorded, whatever the files say.

    Raises:
        ManifestError: something is wrong in the files that speak of it.
        MlopsError: it is neither defined nor recorded.
        ProviderError: something is not there and cannot be made.
    """
    state = workspace.store.read()
    defined, problems = in_files(workspace, wish, address, state)
    warnings = () if recorded else accepted(problems)
    address = address or (defined.address if defined else None)
    if address is None:
        raise MlopsError("which deployment? the files define none, or several; write ENDPOINT/NAME")
    stored = assets_of(workspace.config, workspace.contents, workspace.target.assets)
    notes = tuple(_notes(workspace))
    if defined and not recorded:
        launch = _launch(workspace, defined, _InPlace(defined.contents, stored), report)
        return Subject(address, launch, (), _sample(defined, launch), (*map(str, warnings), *notes))
    held = in_record(workspace, address, state)
    launch = _launch(workspace, held, stored, report)
    mappings, differs = _mapped(defined, held, launch)
    as_recorded = ("it runs as it is recorded, not as files say", *differs)
    return Subject(address, launch, mappings, _sample(defined or held, launch), (*as_recorded, *notes))


def _mapped(
    defined: Found | None, held: Found, launch: Launch
) -> tuple[tuple[tuple[Path, Path], ...], tuple[str, ...]]:
    """Where the checkout has the code that runs, and what is to be known of that."""
    code = defined.code if defined else None
    if code is None or launch.code is None:
        return (), ()
    same = code.digest == held.spec["code_configuration"]["code"]["digest"]
    note = "the code of the working tree is not what is recorded, so lines may be elsewhere"
    return ((code.location, launch.code),), () if same else (note,)


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


def _launch(workspace: Workspace, found: Found, assets: Assets, report: Report) -> Launch:
    """Lay down what an instance needs, apart from the target's own; but environments a local target shares."""
    target, root = workspace.target, workspace.config.root
    own = folder_of(workspace.config, target).absolute()
    layout = Layout((root / PRIVATE / "debug" / target.name).absolute())
    layout.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    is_local = target.provider == _LOCAL
    options = read_options(target.options, root) if is_local else LocalOptions()
    shared = Layout(own) if is_local else layout
    environments = Environments(shared.environments, exact=options.exact_python)
    given = revealed(found.spec.get("environment_variables") or {}, {})
    supplies = Supplies(layout, Sources(Objects(own), assets, _LOCAL), environments)
    return supplies.launch(found.address, found.spec, given, report)


def _notes(workspace: Workspace) -> Iterator[str]:
    target = workspace.target
    if target.provider != _LOCAL:
        yield (
            f"target {target.name} is of provider {target.provider}; this is a process of this machine, with the "
            "packages of the conda file and without the image"
        )
    elif target.options.get("server") == "azureml":
        yield "the target has server: azureml; to be debugged it runs by our own"


def _sample(found: Found, launch: Launch) -> Path | None:
    """A request that lies beside the manifest or the code."""
    folders = [Path(manifest.file).parent for manifest in found.manifests[:1]]
    folders += [launch.app_root] if launch.code else []
    there = (path for folder in folders for pattern in _SAMPLES for path in sorted(folder.glob(pattern)))
    return next((path for path in there if path.is_file()), None)
