"""A real pgbouncer before a server."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.engine.fixtures import lacking
from tests.ports import free_port
from tests.postgres.fixtures import sql
from tests.waiting import until


@contextmanager
def pooled(url: str, mode: str, *, size: int = 20, round_robin: bool = False) -> Iterator[str]:
    """The URL of a pool of this mode."""
    tool = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if tool is None:
        lacking("a pool is kept by Debian's pgbouncer, not installed here", "postgres")
    server, port = urlsplit(url), free_port()
    folder = Path(tempfile.mkdtemp(prefix="mlops-pgbouncer-", dir="/tmp"))
    (folder / "users").write_text(f'"{server.username}" "{server.password}"\n')
    (folder / "ini").write_text(
        f"[databases]\n{server.path[1:]} = host={server.hostname} port={server.port} user={server.username} "
        f"password={server.password}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = plain\nauth_file = {folder}/users\npool_mode = {mode}\ndefault_pool_size = {size}\n"
        f"server_round_robin = {int(round_robin)}\nquery_wait_timeout = 10\n"
    )
    root = os.geteuid() == 0
    if root:
        for path in (folder, folder / "ini", folder / "users"):
            shutil.chown(path, "postgres", "postgres")
    with (folder / "log").open("w") as log:
        argv = (tool, str(folder / "ini"))
        who = {"user": "postgres", "group": "postgres", "extra_groups": []} if root else {}
        process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **who)
        try:
            pool = url.replace(f":{server.port}/", f":{port}/")
            until(lambda: process.poll() is not None or _answers(pool))
            assert process.poll() is None, (folder / "log").read_text()
            yield pool
        finally:
            process.kill()
            process.wait()
            shutil.rmtree(folder)


def _answers(url: str) -> bool:
    from psycopg import OperationalError  # noqa: PLC0415 - most tests do without

    try:
        return sql(url, "SELECT 1") == [(1,)]
    except OperationalError:
        return False
