"""An image gets what our scoring server needs: the packages that it lacks, and bytecode for a quick start."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.errors import ProviderError
from reconciler.providers.docker import recipes
from reconciler.providers.docker.building import Builder, Facts, NoProgramError, Tell
from reconciler.providers.docker.server_packages import Interpreter, ServerPackages

# Where Azure's images say that the Python of their inference server is.
_AZURES = "AZUREML_INFERENCE_PYTHON_PATH="
# Runs on any Python, and tells the old from the usable.
_LOOK = """
import json, sys
facts = {"executable": sys.executable, "version": list(sys.version_info[:3])}
if sys.version_info >= (3, 9):
    import importlib.metadata, os, platform, sysconfig
    libc, version = platform.libc_ver()
    facts.update(
        machine=platform.machine(),
        libc=version if libc == "glibc" else "",
        packages={each.metadata["Name"] or "": each.version or "" for each in importlib.metadata.distributions()},
        purelib=os.path.realpath(sysconfig.get_path("purelib")),
        path=[each for each in sys.path if os.path.isdir(each)],
    )
print(json.dumps(facts))
"""
# What is never imported in service, and much of it is not even meant to compile.
_NOT_COMPILED = "/(tests?|testing|idlelib|lib2to3|ensurepip|tkinter|turtledemo)/"


@dataclass(frozen=True)
class ServingImages:
    """Makes images that run our scoring server.

    Args:
        builder: of images.
        packages: what the server needs.
    """

    builder: Builder
    packages: ServerPackages

    def make(self, image: Facts, reference: str, digest: str, tell: Tell) -> None:
        """Make an image whose Python has all that our server needs.

        Args:
            image: to which it is added.
            reference: what the new image is called.
            digest: of all that decides its content.
            tell: told what is going on, a line at a time.

        Raises:
            ProviderError: the image has no Python that would do, or what is missing cannot be had.
        """
        python = self._python(image, digest)
        layer = self.packages.layer(python)
        what = "the scoring server's packages are added to" if layer else "the scoring server's packages are in"
        tell(f"{what} the image's Python {python} ({python.executable})")
        # Its own bytecode is written at once: instances cannot write any, and reading source takes seconds a start.
        compiling = ("-m", "compileall", "-qq", "-j", "0", "-x", _NOT_COMPILED, *python.path)
        with self.builder.bench(image, (python.executable, *compiling), digest) as bench:
            if layer:
                bench.put("/", layer)
            status, tail = bench.run(tell)
            # 1 says that some file does not compile. It may be a template; if it is imported, it fails there and then.
            if status not in (0, 1):
                raise ProviderError(f"the image's Python cannot compile its modules (status {status})", log_tail=tail)
            # The server is the program, and no script of the image comes before it.
            changed = {name: list[str]() for name in ("Entrypoint", "Cmd")}
            labels = recipes.labels(digest, python=python.executable)
            bench.commit(reference, changed, labels, "mlops: the packages of the scoring server, compiled")

    def _python(self, image: Facts, digest: str) -> Interpreter:
        """The image's interpreter that is to run the server."""
        found: list[Interpreter] = []
        for candidate in _candidates(image):
            try:
                status, printed = self.builder.output(image, (candidate, "-c", _LOOK), digest)
            except NoProgramError:
                continue
            if status == 0:
                found.append(_interpreter(printed))
                if found[-1].is_usable:
                    return found[-1]
        there = f"its Python is {found[0]}" if found else "it has no Python"
        raise ProviderError(
            f"the image cannot run a scoring script: {there}, and 3.9 or newer is needed; take another image, "
            "add a conda file with python, or give inference_config for an image with a server of its own"
        )


def _candidates(image: Facts) -> Iterator[str]:
    """Where an image's Python may be, the surest first."""
    config = image["Config"]
    if labelled := (config.get("Labels") or {}).get(recipes.PYTHON):
        yield labelled
        return
    azures = [entry.removeprefix(_AZURES) for entry in config.get("Env") or () if entry.startswith(_AZURES)]
    yield from (f"{folder}/python" for folder in azures)
    yield from ("python3", "python")


def _interpreter(printed: str) -> Interpreter:
    """Read what a look printed; an image may have its Python print more before that."""
    facts = json.loads(printed.strip().splitlines()[-1])
    return Interpreter(**{**facts, "version": tuple(facts["version"]), "path": tuple(facts.get("path", ()))})
