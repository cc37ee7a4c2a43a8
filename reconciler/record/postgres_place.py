"""Where a record in PostgreSQL is: what libpq is told of it, and what people are shown, which holds no password."""

import re
from dataclasses import dataclass, field

from psycopg import Error
from psycopg.conninfo import conninfo_to_dict

from reconciler.errors import StateError

SCHEMA = "mlops"
LEASE = "60"

# What the URL says wins. Together they tell a lost network from a slow one within about ten seconds.
_DEFAULTS: dict[str, str | int] = {
    "application_name": "mlops",
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


@dataclass(frozen=True)
class Place:
    """One schema of one database.

    Args:
        parameters: how libpq gets there; a password that is not among them it takes from PGPASSWORD or PGPASSFILE.
        schema: the schema that holds the tables.
        lease_s: for how long a holder of the run lock may give no sign of life before the server ends its session.
        shown: the same for people.
    """

    parameters: dict[str, str | int] = field(repr=False)
    schema: str
    lease_s: int
    shown: str

    def without_password(self, text: str) -> str:
        """A text in which the password of the URL is not to be read, should it be in there."""
        password = str(self.parameters.get("password") or "")
        return text.replace(password, "***") if password else text


def place_of(url: str, target: str) -> Place:
    """The place that a URL means: libpq's own form, with `schema=NAME` and `lease=SECONDS` among its options.

    Raises:
        StateError: it is no such URL. No part of it is shown, as one that is not understood may show a password.
    """
    address, _, query = url.rpartition("?") if "?" in url else (url, "", "")
    words = [word.partition("=") for word in query.split("&") if word]
    ours = {name: value for name, _, value in words if name in ("schema", "lease")}
    rest = "&".join(f"{name}{equals}{value}" for name, equals, value in words if name not in ours)
    schema, lease = ours.get("schema", SCHEMA), ours.get("lease", LEASE)
    try:
        given = {name: value for name, value in conninfo_to_dict(f"{address}?{rest}").items() if value}
    except Error:
        given = {"host": "@"}
    named = {name: str(given.get(name) or "") for name in ("host", "port", "dbname", "user")}
    # A password with a sign that URLs use is cut there, and a part of it is taken for a host, port or database.
    if "@" in "".join(named.values()) or not re.fullmatch("[0-9,]*", named["port"]):
        raise StateError(
            f"target {target}: its state is no URL as postgresql://USER@HOST:PORT/DATABASE; write signs such as "
            "@ / ? # of a user or password as %40 %2F %3F %23, or leave the password to PGPASSWORD or PGPASSFILE"
        )
    if not re.fullmatch("[a-z_][a-z0-9_]{0,62}", schema):
        raise StateError(f"target {target}: ?schema= of its state is a name of small letters, digits and _")
    if not re.fullmatch("[1-9][0-9]{0,4}", lease):
        raise StateError(f"target {target}: ?lease= of its state is a number of seconds from 1 on")
    return Place({**_DEFAULTS, **given}, schema, int(lease), _shown(named, schema))


def _shown(named: dict[str, str], schema: str) -> str:
    user = f"{named['user']}@" if named["user"] else ""
    port = f":{named['port']}" if named["port"] else ""
    option = f"?schema={schema}" if schema != SCHEMA else ""
    return f"postgresql://{user}{named['host']}{port}/{named['dbname']}{option}"
