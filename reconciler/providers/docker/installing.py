"""A conda file is installed into an image, by whatever the image has for it."""

import io
import shlex
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.core.secret import masked
from reconciler.errors import ProviderError
from reconciler.providers.docker import recipes
from reconciler.providers.docker.building import Builder, Facts, NoProgramError, Tell
from reconciler.providers.docker.package_settings import package_settings
from reconciler.providers.docker.uv_binaries import uv_for

_SHELL = "/bin/sh"
_MUSL = "musl"
# Prints what of the installers the image has, each on a line, and which C library it has where that is not the usual.
_LOOK = f"""for each in {" ".join(recipes.INSTALLERS)}; do command -v $each > /dev/null 2>&1 && echo $each; done
ls /lib/ld-musl-* > /dev/null 2>&1 && echo {_MUSL}
:"""


@dataclass(frozen=True)
class Installer:
    """Installs conda files.

    Args:
        builder: of images.
        env: the process environment; its settings of pip, uv, conda and the network are for the installation alone.
    """

    builder: Builder
    env: Mapping[str, str]

    def install(self, conda: Mapping[str, Any], image: Facts, reference: str, digest: str, tell: Tell) -> None:
        """Make an image with the packages of a conda file.

        Args:
            conda: the file's content.
            image: into which they are installed.
            reference: what the new image is called.
            digest: of all that decides its content.
            tell: told every line that the installation prints.

        Raises:
            ProviderError: they cannot be installed; carries the last lines.
        """
        has = self._look(image, digest)
        installer = next((each for each in recipes.INSTALLERS if each in has), "")
        recipe = recipes.recipe(conda, installer)
        for note in recipe.notes:
            tell(note)
        tell(f"installing the conda file with {installer or 'uv, which is brought along'}")
        uv = b"" if installer else uv_for(str(image["Architecture"]), self.env, musl=_MUSL in has)
        # The host's network: an index or a proxy may be reached from this machine alone.
        with self.builder.bench(
            image, (_SHELL, recipes.SCRIPT), digest, network="host", scratch=recipes.SCRATCH
        ) as bench:
            bench.put(recipes.SCRATCH, _archive(recipe.files, self._settings(), uv))
            status, tail = bench.run(tell)
            tail = [masked(line) for line in tail]
            if status:
                message = f"the conda file cannot be installed with {installer or 'uv'} (status {status})"
                raise ProviderError(message, log_tail=tail)
            found = recipes.activated(bench.read(recipes.ACTIVATED))
            if found is None:
                raise ProviderError(
                    f"{installer or 'uv'} does not say where it installed the conda file", log_tail=tail
                )
            variables = recipes.environment_with(image["Config"].get("Env") or (), found)
            labels = recipes.labels(digest, python=f"{found.folder}/python", folder=found.folder)
            bench.commit(reference, {"Env": variables}, labels, "mlops: the packages of the conda file")

    def _look(self, image: Facts, digest: str) -> frozenset[str]:
        """What the image has of the installers, and whether its C library is musl."""
        try:
            _, printed = self.builder.output(image, (_SHELL, "-c", _LOOK), digest)
        except NoProgramError as error:
            raise ProviderError(
                f"the image has no {_SHELL}, which installing a conda file needs; take an image with a shell"
            ) from error
        return frozenset(printed.split())

    def _settings(self) -> dict[str, bytes]:
        """The files that hold this machine's settings, by their paths in the container."""
        try:
            settings = package_settings(self.env, Path.home())
        except OSError as error:
            raise ProviderError(f"the settings of pip, uv or conda cannot be read: {error}") from error
        variables = {**settings.below(recipes.HOME), **_KEPT_OUT}
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
        files = {f"{recipes.HOME}/{name}": content for name, content in settings.files.items()}
        return {recipes.SETTINGS: exports.encode(), **files}


# What an installation keeps besides the packages lies in the scratch folder; and nobody is there to be asked.
_KEPT_OUT = {
    "UV_CACHE_DIR": f"{recipes.WORK}/cache/uv",
    "UV_LINK_MODE": "copy",
    "UV_NO_PROGRESS": "1",
    "UV_PYTHON_INSTALL_DIR": "/opt/uv-python",
    "PIP_CACHE_DIR": f"{recipes.WORK}/cache/pip",
    "PIP_NO_INPUT": "1",
    "PIP_PROGRESS_BAR": "off",
    "CONDA_PKGS_DIRS": f"{recipes.WORK}/cache/conda",
    "CONDA_ALWAYS_YES": "true",
    "MAMBA_ALWAYS_YES": "true",
    "NO_COLOR": "1",
}


def _archive(texts: Mapping[str, str], settings: Mapping[str, bytes], uv: bytes) -> bytes:
    """The scratch folder's files, which root alone reads."""
    files = {
        **{name: text.encode() for name, text in texts.items()},
        **settings,
        **({recipes.OWN_UV: uv} if uv else {}),
    }
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(str(Path(name).relative_to(recipes.SCRATCH)))
            entry.size, entry.mode = len(content), 0o500 if name == recipes.OWN_UV else 0o400
            archive.addfile(entry, io.BytesIO(content))
    return target.getvalue()
