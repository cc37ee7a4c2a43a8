"""The docker target: deployments as containers of a Docker engine, behind a real proxy."""

from reconciler.providers.docker.provider import DockerProvider

__all__ = ["DockerProvider"]
