"""The rows of inverses: one a run, which listing the runs never reads."""

import json

from reconciler.core.inverse import Inverse, inverse_from, inverse_json
from reconciler.record.tables import Ledger, Texts, whole

INVERSES = "SELECT run, target, body, digest FROM inverses"
"""Inverses, the columns in the order of their digest."""


def put_inverse(connection: Texts, ledger: Ledger, run_id: str, inverse: Inverse) -> None:
    """Write the inverse of a run that begins."""
    body = connection.written(json.dumps(inverse_json(inverse)), ledger, inverse_place(run_id))
    values = (run_id, ledger.target, body)
    query = "INSERT INTO inverses (run, target, body, digest) VALUES (?, ?, ?, ?)"
    connection.execute(query, (*values, connection.digest(values)))


def find_inverse(connection: Texts, ledger: Ledger, run_id: str) -> Inverse | None:
    """The inverse of a run; None where none was written."""
    row = connection.execute(f"{INVERSES} WHERE target = ? AND run = ?", (ledger.target, run_id)).fetchone()
    if row is None:
        return None
    _, _, body = whole(connection, row, f"the inverse of run {run_id}")
    return inverse_from(json.loads(connection.read(body, ledger, inverse_place(run_id))))


def inverse_place(run_id: str) -> str:
    """What the text of an inverse is bound to."""
    return f"inverse {run_id}"
