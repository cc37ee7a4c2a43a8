"""How the texts of a record's rows are kept: in the clear, or sealed, with digests that fit."""

from collections.abc import Iterable, Sequence
from typing import Any

from reconciler.errors import StateError
from reconciler.record.codec import row_digest
from reconciler.record.sealing import VARIABLE, Bond, SealError, SealKey, SealKeys, missing_key
from reconciler.record.tables import Connection, DamagedError, Ledger, Rows, find_meta

MARK = "encryption"
"""The fact of the whole record that tells the id of the key that it is sealed under."""


class Kept:
    """A connection that knows how the texts of its rows are kept.

    A sealed text begins with the serial that it was written under, which it is bound to. Digests of rows are made with
    the key, too: the ledger binds the set of them to its own serial, so that a row of the past does not fit either.
    """

    def __init__(self, connection: Connection, key: SealKey | None) -> None:
        self._connection, self.key = connection, key

    def execute(self, query: str, values: Sequence[Any] = (), /) -> Rows:
        """Run one statement."""
        return self._connection.execute(query, values)

    def written(self, text: str, ledger: Ledger, place: str) -> str:
        """The text as it is to be kept."""
        if self.key is None:
            return text
        return f"{ledger.serial}:{self.key.seal(text, Bond(ledger.lineage, ledger.serial, place))}"

    def read(self, text: str, ledger: Ledger, place: str) -> str:
        """The text that was kept.

        Raises:
            DamagedError: it is not the one of this place, record and serial.
        """
        if self.key is None:
            return text
        serial, _, sealed = text.partition(":")
        try:
            return self.key.open(sealed, Bond(ledger.lineage, int(serial), place))
        except (SealError, ValueError) as error:
            raise DamagedError(f"the sealed text of {place} was changed, or is an older one") from error

    def digest(self, values: Iterable[Any]) -> str:
        """A digest over the values of a row."""
        return row_digest(values, key=self.key.for_digests if self.key else b"")


def kept(connection: Connection, keys: SealKeys) -> Kept:
    """The connection with the key that the record says.

    Raises:
        StateError: that key is not given.
    """
    mark = find_meta(connection, MARK)
    if not mark:
        return Kept(connection, None)
    key = keys.known(mark)
    if key is None:
        raise StateError(missing_key("the state", mark, keys))
    return Kept(connection, key)


def refuse_clear(rows: Kept, keys: SealKeys) -> None:
    """Refuse to write in the clear where a key is given.

    Raises:
        StateError: the record is not sealed.
    """
    if keys.current and rows.key is None:
        raise StateError(f"the state is not encrypted, but {VARIABLE} is set; `mlops state encrypt` seals it")
