"""What an endpoint answered to a request, as a value."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MODEL_STATUS = "ms-azureml-model-error-statuscode"


class Headers(Mapping[str, str]):
    """Headers by their names, in which upper and lower case are one; of one that came several times all, by commas."""

    def __init__(self, pairs: tuple[tuple[str, str], ...] = ()) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            known = self._values.get(name.lower())
            self._values[name.lower()] = value if known is None else f"{known}, {value}"

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({self._values})"


@dataclass(frozen=True)
class Answer:
    """What an endpoint answered.

    Args:
        status: of HTTP, such as 200.
        reason: the words that came with it, such as `OK`; foreign text.
        headers: by name, in which upper and lower case are one.
        body: as it came.
    """

    status: int
    reason: str = ""
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether the model has answered: a status of 200 to 299."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text; what is no UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    @property
    def model_status(self) -> int | None:
        """The status that the model itself gave, where the gateway says 424 or 502 for it; None where it does not."""
        told = self.headers.get(MODEL_STATUS, "")
        return int(told) if told.isdecimal() else None

    def json(self) -> Any:
        """The body as what its JSON says.

        Raises:
            ValueError: it is no JSON.
        """
        return json.loads(self.body)
