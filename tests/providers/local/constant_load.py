"""Clients that ask endpoint `credit` of a local target without a break while something is done to it."""

from pathlib import Path

from local_world import World

from reconciler.core.address import Address
from tests import constant_load


class Load(constant_load.Load):
    """Asks endpoint `credit`, by default over two connections that are kept and one that is new for each request.

    Args:
        key: which of the endpoint's keys the clients have.
        ca: the certificates that the clients trust, for an endpoint of https.
    """

    def __init__(
        self, world: World, *, kept: int = 2, fresh: int = 1, key: str = "primaryKey", ca: Path | None = None
    ) -> None:
        endpoint = Address("endpoint", "credit")
        live = world.provider.observe(endpoint)
        assert live is not None
        secret = str(world.provider.credentials(endpoint)[key])
        super().__init__(live.detail["scoring_uri"], secret, kept=kept, fresh=fresh, ca=ca)
