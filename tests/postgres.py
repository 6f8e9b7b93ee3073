"""A PostgreSQL cluster of Debian's package, for one run of the tests: on a Unix socket in a folder of its own, as an
unprivileged user, for the server refuses to run as root; what it writes is not forced to disk.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pg8000.dbapi

OWNER = "vivavoce"


class Cluster:
    """Started when made. `stop` and `start` again keep what is in it; `remove` ends it for good."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vivavoce-postgres-"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        made = [
            "--username",
            OWNER,
            "--auth",
            "trust",
            "--no-sync",
            "--encoding",
            "UTF8",
            "--locale",
            "C.UTF-8",
        ]
        self._run("initdb", "--pgdata", self.folder / "data", *made)
        self.start()

    def start(self) -> None:
        options = [
            "-k",
            self.folder,
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
            "-c",
            "max_connections=120",
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_owner(), _program("postgres"), "-D", self.folder / "data", *options],
                stdout=log,
                stderr=log,
                cwd="/",
            )
        until = time.monotonic() + 20
        while not self._answers():
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """At once (fast shutdown): whoever is connected is cut off."""
        self._run("pg_ctl", "stop", "--mode", "fast", "--pgdata", self.folder / "data")
        self._process.wait(timeout=20)

    def remove(self) -> None:
        if self._process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://{OWNER}@/{database}?host={self.folder}"

    def create(self, database: str) -> str:
        """The URL of a new one, with nothing in it."""
        self.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def execute(self, statement: str, database: str = "postgres") -> None:
        with contextlib.closing(self._connect(database)) as connection:
            connection.autocommit = True
            connection.cursor().execute(statement)

    def dump(self, database: str) -> bytes:
        return self._run("pg_dump", "--host", self.folder, "--username", OWNER, database).encode()

    def _connect(self, database: str) -> pg8000.dbapi.Connection:
        return pg8000.dbapi.connect(
            OWNER, database=database, unix_sock=str(self.folder / ".s.PGSQL.5432"), ssl_context=False
        )

    def _answers(self) -> bool:
        with contextlib.suppress(pg8000.dbapi.Error):
            self._connect("postgres").close()
            return True
        return False

    def _run(self, program: str, *arguments: object) -> str:
        done = subprocess.run(
            [*_as_owner(), _program(program), *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def _program(name: str) -> str:
    """Debian has them on no path: several versions may stand beside each other."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else name


def _as_owner() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
