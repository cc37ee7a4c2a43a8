"""The entries of a record known by the digests of their rows, and a few of them read alone."""

from collections.abc import Collection
from itertools import islice

from reconciler.core.address import Address
from reconciler.core.state import Entry
from reconciler.record.root import Root
from reconciler.record.tables import AT_ONCE, DamagedError, Ledger, Texts, check_set, entries_of_rows, whole


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
        check_set([digest for _, digest in found], ledger.entries, ledger.entries_sum, "entries")
        return {Address.parse(address): digest for address, digest in found}
    except ValueError as error:
        raise DamagedError(f"of an entry: {error}") from error


def check_entries(rows: Texts, ledger: Ledger) -> None:
    """See that every entry's row is as it was written; none is looked into.

    Raises:
        DamagedError: one is not, or they are not those that the target's row stands for.
    """
    digests = []
    for row in iter(rows.execute("SELECT * FROM entries WHERE target = ?", (ledger.target,))):
        whole(rows, row, "an entry")
        digests.append(row[-1])
    check_set(digests, ledger.entries, ledger.entries_sum, "entries")


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
