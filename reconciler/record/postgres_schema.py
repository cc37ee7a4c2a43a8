"""The schema of a record in PostgreSQL: one numbered function a version, each applied whole or not at all."""

from collections.abc import Callable, Sequence

from reconciler.errors import StateError
from reconciler.record.postgres_session import Session

Migration = Callable[[Session], None]


def _001_as_in_a_file(session: Session) -> None:
    """The tables of a file, and besides: the mark of the last write, who holds which lock, and copies."""
    session.execute('CREATE TABLE meta (name TEXT COLLATE "C" PRIMARY KEY, value TEXT NOT NULL)')
    session.execute(
        'CREATE TABLE targets (target TEXT COLLATE "C" PRIMARY KEY, lineage TEXT NOT NULL, serial BIGINT NOT NULL, '
        "fence BIGINT NOT NULL, entries BIGINT NOT NULL, entries_sum TEXT NOT NULL, open BIGINT NOT NULL, "
        "open_sum TEXT NOT NULL, digest TEXT NOT NULL)"
    )
    session.execute(
        'CREATE TABLE entries (target TEXT COLLATE "C" NOT NULL, address TEXT COLLATE "C" NOT NULL, '
        "spec TEXT NOT NULL, generation BIGINT NOT NULL, operation TEXT NOT NULL, created TEXT NOT NULL, "
        "digest TEXT NOT NULL, PRIMARY KEY (target, address))"
    )
    session.execute(
        "CREATE TABLE runs (position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
        'id TEXT COLLATE "C" NOT NULL UNIQUE, target TEXT COLLATE "C" NOT NULL, body TEXT NOT NULL, '
        "digest TEXT NOT NULL)"
    )
    session.execute(
        "CREATE TABLE journal (position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
        'operation TEXT COLLATE "C" NOT NULL UNIQUE, target TEXT COLLATE "C" NOT NULL, run TEXT COLLATE "C" NOT NULL, '
        'address TEXT COLLATE "C" NOT NULL, generation BIGINT NOT NULL, body TEXT NOT NULL, outcome TEXT NOT NULL, '
        "message TEXT NOT NULL, finished TEXT NOT NULL, digest TEXT NOT NULL)"
    )
    session.execute("CREATE INDEX journal_by_run ON journal (target, run)")
    session.execute("CREATE INDEX journal_by_address ON journal (target, address, generation)")
    session.execute("CREATE INDEX journal_open ON journal (target) WHERE finished = ''")
    session.execute('CREATE TABLE writes (target TEXT COLLATE "C" PRIMARY KEY, mark TEXT NOT NULL)')
    session.execute(
        'CREATE TABLE locks (target TEXT COLLATE "C" PRIMARY KEY, backend INTEGER NOT NULL, holder TEXT NOT NULL)'
    )
    session.execute(
        "CREATE TABLE copies (position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
        'target TEXT COLLATE "C" NOT NULL, '
        "taken TIMESTAMPTZ NOT NULL DEFAULT now(), document TEXT NOT NULL)"
    )


def _002_inverses(session: Session) -> None:
    """As in a file."""
    session.execute(
        'CREATE TABLE inverses (run TEXT COLLATE "C" PRIMARY KEY, target TEXT COLLATE "C" NOT NULL, '
        "body TEXT NOT NULL, digest TEXT NOT NULL)"
    )


MIGRATIONS: tuple[Migration, ...] = (_001_as_in_a_file, _002_inverses)


def version(session: Session) -> int:
    """The schema's version; 0 where there is none yet."""
    if session.one("SELECT to_regclass(?)", (f"{session.place.schema}.meta",)) is None:
        return 0
    return int(session.one("SELECT value FROM meta WHERE name = 'schema'") or 0)


def check_version(session: Session, *, known: int = len(MIGRATIONS)) -> None:
    """Refuse a newer schema than this one knows."""
    if (found := version(session)) > known:
        raise StateError(
            f"{session.place.shown}: E-STATE-NEWER: state schema {found}, this tool knows {known}; upgrade mlops"
        )


def migrate(session: Session, born: Callable[[], None], migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the schema to the newest version in one transaction; a schema that is new is given what it is born with."""
    if version(session) >= len(migrations):
        return
    schema = session.place.schema
    session.begin()
    try:
        # Two that create one schema at once would get in each other's way.
        session.execute("SELECT pg_advisory_xact_lock(hashtext(?))", (f"mlops schema {schema}",))
        if session.one("SELECT to_regnamespace(?)", (schema,)) is None:
            session.execute(f"CREATE SCHEMA {schema}")
        found = version(session)
        for migration in migrations[found:]:
            migration(session)
        session.execute(
            "INSERT INTO meta VALUES ('schema', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (str(max(found, len(migrations))),),
        )
        if not found:
            born()
        session.commit()
    except BaseException:
        if not session.is_lost:
            session.rollback()
        raise
