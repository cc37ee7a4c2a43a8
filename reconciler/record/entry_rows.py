"""The entries of a record known by the digests of their rows, and a few of them read alone."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any

from reconciler.core.address import Address
from reconciler.core.state import Entry
from reconciler.record.root import Root
from reconciler.record.tables import AT_ONCE, DamagedError, Ledger, Texts, entries_of_rows, whole


def root_of(ledger: Ledger) -> Root:
    """What the target's row tells of the others."""
    return Root(
        ledger.lineage, ledger.serial, ledger.entries, ledger.entries_sum, open=ledger.open, open_digest=ledger.open_sum
    )


def entry_digests(rows: Texts, ledger: Ledger) -> dict[Address, str]:
    """The digest of every entry's row, by address; no row is looked into.

    Raises:
        DamagedError: they are not those that the target's row stands for.
    """
    query = "SELECT address, digest FROM entries WHERE target = ? ORDER BY address"
    found = rows.execute(query, (ledger.target,)).fetchall()
    try:
        if root_of(ledger).is_of(digest for _, digest in found):
            return {Address.parse(address): digest for address, digest in found}
    except ValueError as error:
        raise DamagedError(f"of an entry: {error}") from error
    raise DamagedError("entries are missing or not those that were written")


def check_entries(rows: Texts, ledger: Ledger) -> None:
    """See that every entry's row is as it was written; none is looked into.

    Raises:
        DamagedError: one is not, or they are not those that the target's row stands for.
    """
    found = iter(rows.execute("SELECT * FROM entries WHERE target = ?", (ledger.target,)))
    if not root_of(ledger).is_of(_checked(rows, row) for row in found):
        raise DamagedError("entries are missing or not those that were written")


def _checked(rows: Texts, row: Sequence[Any]) -> str:
    """The digest of a row that fits it."""
    whole(rows, row, "an entry")
    return str(row[-1])


def some_entries(rows: Texts, ledger: Ledger, addresses: Collection[Address]) -> dict[Address, Entry]:
    """The entries of these addresses, as far as there are any.

    Raises:
        DamagedError: a row does not fit its digest.
    """
    wanted, found = iter(sorted(addresses)), dict[Address, Entry]()
    while texts := [str(address) for address in islice(wanted, AT_ONCE)]:
        places = ", ".join("?" * len(texts))
        query = f"SELECT * FROM entries WHERE target = ? AND address IN ({places})"  # noqa: S608 - nothing but `?`
        found |= entries_of_rows(rows, ledger, rows.execute(query, (ledger.target, *texts)).fetchall())
    return found
