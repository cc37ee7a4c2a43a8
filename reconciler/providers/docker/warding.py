"""Has the target's keeper keep a warden up."""

from reconciler.providers.docker.options import DockerOptions
from reconciler.providers.docker.residents import keep_running, resident
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.processes import Processes

NAME = "warden"
_MODULE = "reconciler.providers.docker.warden"


def see_to_warden(processes: Processes, layout: Layout, options: DockerOptions) -> None:
    """Have a warden look after a target's instances.

    Raises:
        ProviderError: the keeper does not answer.
    """
    words = ["--project", options.project, *(["--host", options.host] if options.host else [])]
    keep_running(processes, resident(NAME, _MODULE, words, layout))
