"""A client of an endpoint of a target, in Python."""

from collections.abc import Mapping

from reconciler.api.asking import PathLike, folder_of, opened
from reconciler.core.address import Address
from reconciler.errors import MlopsError
from reconciler.operate.access import credential_source, live_object
from reconciler.operate.client import TIMEOUT_S, Caller, Key, key_of
from reconciler.operate.http_line import Access
from reconciler.operate.invoke import access_of


class Endpoint(Caller):
    """A client of an endpoint of a target; where it is and what opens it is looked up.

        >>> credit = reconciler.Endpoint("credit", target="dev")
        >>> answer = credit.invoke({"data": [[1, 2], [3, 4]]})
        >>> named = credit.invoke({"data": [[1, 2]]}, deployment="blue")
        >>> answer.status, answer.json(), named.json()
        (200, [3, 7], [3])

    What the model fails on is an error, which has the answer; whoever is done closes it, as the end of a `with` does:

        >>> try:
        ...     credit.invoke({"data": ["one"]})
        ... except reconciler.ModelError as error:
        ...     print(error.status, error.answer.model_status)
        424 500
        >>> credit.close()

    That is looked up at the first request, and again where nothing answers there any more, a key was rotated or a token
    is over; the target may be applied meanwhile. All else is as `reconciler.Client` has it, which is for whoever has no
    target at hand.

    Args:
        name: of the endpoint.
        target: its name in mlops.yaml; by default the default one.
        token: a token, or a function that gives one, for an endpoint that others' tokens open (`aad_token`). By default
            what MLOPS_TOKEN holds, else a key or a fresh token of the target's.
        timeout: how long to wait for the endpoint to say something, in seconds.
        retries: how often a request is sent again at the most, where no model has seen it.
        cwd: a folder of the repository; by default the current one.

    Raises:
        MlopsError: the name is empty.
        TypeError: the token is neither text nor a function.
    """

    def __init__(
        self,
        name: str,
        *,
        target: str | None = None,
        token: Key | None = None,
        timeout: float = TIMEOUT_S,
        retries: int = 2,
        cwd: PathLike | None = None,
    ) -> None:
        if not name.removeprefix("endpoint/"):
            raise MlopsError("which endpoint? Its name is empty")
        self._target, self._start = target, folder_of(cwd)
        self._address = Address("endpoint", name.removeprefix("endpoint/").lower())
        given = key_of(token)

        def look() -> Access:
            with opened(target, self._start) as workspace:
                return access_of(workspace, self._address, token=given if isinstance(given, str) else given())

        super().__init__(str(self._address), look, timeout=timeout, retries=retries)

    @property
    def scoring_uri(self) -> str:
        """Where its clients ask.

        Raises:
            MlopsError: it is not there, or serves nothing.
        """
        with opened(self._target, self._start) as workspace:
            return str(live_object(workspace, self._address).detail.get("scoring_uri", ""))

    def credentials(self) -> Mapping[str, str]:
        """What opens it: `primaryKey` and `secondaryKey`, or `accessToken` with its times. They are secrets.

            >>> sorted(reconciler.Endpoint("credit", target="dev").credentials())
            ['primaryKey', 'secondaryKey']

        Raises:
            MlopsError: it is not there.
            ProviderError: the provider hands out none.
        """
        with opened(self._target, self._start) as workspace:
            address = live_object(workspace, self._address).address
            return {name: str(value) for name, value in credential_source(workspace).credentials(address).items()}
