"""PostgreSQL: how its URL is read, what its errors mean, and how its processes hear of each other's commits.

The only file that knows pg8000, which is synchronous and speaks the protocol itself.
"""

import contextlib
import getpass
import logging
import select
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Any

from pg8000 import Connection as Driven
from pg8000.exceptions import Error, InterfaceError
from sqlalchemy.engine import URL

DRIVER = "postgresql+pg8000"
NAMES = frozenset({"postgres", "postgresql", DRIVER})
ANSWER_SECONDS = 60  # a server that says nothing for so long has gone
LOCK_SECONDS = 15

# A server's connection whose other end has vanished is given up after 25 s, and with it the rows that it had locked.
_SESSION = {
    "lock_timeout": f"{LOCK_SECONDS}s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "timezone": "UTC",
}
_OPTIONS = frozenset({"host", "sslmode", "sslrootcert", "application_name"})

# SQLSTATE, appendix A of PostgreSQL's manual
_AWAY = ("08", "28", "3D", "57P")  # connection, authorization, no such database, shut down or starting
_BUSY = (
    "25006",
    "40",
    "53",
    "55P03",
    "57014",
    "58",
)  # standby, deadlock, disk or memory full, lock, cancelled
_NOT_TEXT = "22021"

log = logging.getLogger(__name__)


def is_ours(url: URL) -> bool:
    return url.drivername in NAMES


def arguments(url: URL) -> dict[str, Any]:
    """What pg8000 is called with. Of libpq's options (PostgreSQL's manual, 34.1.2) these are known: `host` (a folder
    names the Unix socket in it), `sslmode` and `sslrootcert`, which mean what they mean there, and `application_name`.

    Raises: ValueError for another one.
    """
    unknown = set(url.query) - _OPTIONS
    if unknown:
        raise ValueError(f"the database's URL has an option that is not known: {', '.join(sorted(unknown))}")
    query = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    host, port = query.get("host") or url.host or "localhost", url.port or 5432
    user = url.username or getpass.getuser()
    given: dict[str, Any] = {
        "user": user,
        "password": url.password,
        "database": url.database or user,
        "application_name": query.get("application_name", "vivavoce"),
        "timeout": ANSWER_SECONDS,
        "startup_params": _SESSION,
    }
    if host.startswith("/"):
        return {**given, "unix_sock": f"{host}/.s.PGSQL.{port}", "ssl_context": False}
    return {**given, "host": host, "port": port, "ssl_context": _tls(query)}


def _tls(query: Mapping[str, str]) -> ssl.SSLContext | bool | None:
    """None: TLS if the server has it, as libpq's `prefer`."""
    mode = query.get("sslmode", "prefer")
    match mode:
        case "disable":
            return False
        case "allow" | "prefer":
            return None
        case "require":
            return True
        case "verify-ca" | "verify-full":
            context = ssl.create_default_context(cafile=query.get("sslrootcert"))
            context.check_hostname = mode == "verify-full"
            return context
    raise ValueError(f"sslmode={mode} is not known")


def state_of(error: BaseException | None) -> str:
    """The SQLSTATE that the server gave, "" for an error of another kind."""
    told = error.args[0] if error is not None and error.args else None
    return str(told.get("C", "")) if isinstance(told, dict) else ""


def is_away(error: BaseException | None) -> bool:
    """Whether this connection, or the server, is gone."""
    state = state_of(error)
    return state.startswith(_AWAY) if state else isinstance(error, InterfaceError | OSError)


def is_busy(error: BaseException | None) -> bool:
    """Whether the same may succeed later."""
    return state_of(error).startswith(_BUSY)


def is_not_text(error: BaseException | None) -> bool:
    """Whether characters were given that PostgreSQL keeps nowhere (U+0000)."""
    return state_of(error) == _NOT_TEXT


class Connection(Driven):  # type: ignore[misc]  # the driver has no types
    """One of the driver's, whose every failure is an error of the driver's. We say BEGIN ourselves."""

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except OSError as error:
            raise InterfaceError("network error") from error
        self.autocommit = True

    def handle_messages(self, context: Any) -> None:
        try:
            super().handle_messages(context)
        except OSError as error:
            raise InterfaceError("network error") from error

    def close(self) -> None:
        with contextlib.suppress(InterfaceError):  # it is closed
            super().close()


# --- what other processes are told

CHANNEL = "vivavoce"
NOTIFY = "SELECT pg_notify(:channel, :told)"
LOOK_SECONDS = 0.4  # pg8000 may have read on beyond what it was asked, unseen by `select`
RETRY_SECONDS = 0.5
CLOSING_SECONDS = 2

Heard = Callable[[str | None], None]


class Ear(threading.Thread):
    """Hears what other processes told with their commits, on a connection of its own, which is made again for ever.

    `heard(word)` is called in this thread; with None when some may have been missed, because the connection was
    away. What was told by `own`, this process, is left out.
    """

    def __init__(self, given: Mapping[str, Any], own: str, heard: Heard) -> None:
        super().__init__(name="ear", daemon=True)
        self._given = dict(given)
        self._own = own
        self._heard = heard
        self._ended, self._end = socket.socketpair()
        self._over = False
        self._listening = threading.Event()

    def wait(self, seconds: float) -> bool:
        """Until it listens; whether it does."""
        return self._listening.wait(seconds)

    def run(self) -> None:
        missed = False
        while not self._over:
            try:
                self._listen(missed=missed)
            except (Error, OSError) as error:
                if self._listening.is_set():
                    log.warning("what other processes write is not heard for a while: %s", error)
                self._listening.clear()
                missed = True
                select.select([self._ended], [], [], RETRY_SECONDS)  # or until it is closed

    def close(self) -> None:
        self._over = True
        self._end.close()
        self.join(timeout=CLOSING_SECONDS)
        self._ended.close()

    def _listen(self, *, missed: bool) -> None:
        with _socket(self._given) as sock:
            given = {name: value for name, value in self._given.items() if name != "unix_sock"}
            connection = Connection(**given, sock=sock)
            cursor = connection.cursor()
            cursor.execute(f"LISTEN {CHANNEL}")
            self._listening.set()
            if missed:
                self._tell(None)
            while not self._over:
                select.select([sock, self._ended], [], [], LOOK_SECONDS)
                if not self._over:
                    cursor.execute("SELECT 1")
                    self._take(connection)
            connection.close()

    def _take(self, connection: Connection) -> None:
        if len(connection.notifications) == connection.notifications.maxlen:
            connection.notifications.clear()
            self._tell(None)
        while connection.notifications:
            _, _, payload = connection.notifications.popleft()
            own, _, word = payload.partition(" ")
            if own != self._own:
                self._tell(word)

    def _tell(self, word: str | None) -> None:
        try:
            self._heard(word)
        except Exception:  # or nothing more would be heard
            log.exception("what another process told could not be passed on")


def told(own: str, word: str) -> str:
    """The payload that says this word in our name."""
    return f"{own} {word}"


def _socket(given: Mapping[str, Any]) -> socket.socket:
    if "unix_sock" in given:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(given["timeout"])
        sock.connect(given["unix_sock"])
        return sock
    sock = socket.create_connection((given["host"], given["port"]), given["timeout"])
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return sock
