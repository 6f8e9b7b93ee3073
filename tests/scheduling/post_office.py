"""A real mail server (aiosmtpd) on the loopback, which answers as it is told; and one that never does."""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST = "127.0.0.1"


class PostOffice:
    """`answers`: what is said instead of yes, by command; `watch`: called at MAIL, RCPT and DATA with the command's
    name; `taken`: the letters; `talks`: how many connections there were. With `user`, whoever sends
    signs in first, over STARTTLS.
    """

    def __init__(self, *, tls: str = "", user: tuple[str, str] | None = None, **answers: str) -> None:
        self.answers = answers
        self.taken: list[Envelope] = []
        self.talks = 0
        self.watch: Callable[[str], None] = lambda command: None
        self._tls = tls
        self._user = user
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        wrapped = certificate().server() if self._tls == "tls" else None
        self._server = self._loop.run_until_complete(
            self._loop.create_server(self._talk, HOST, 0, ssl=wrapped)
        )
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    @property
    def numbers(self) -> list[str]:
        """The Message-ID of each letter that was taken, in order."""
        return [number_of(letter.content or b"") for letter in self.taken]

    def _talk(self) -> SMTP:
        self.talks += 1
        return SMTP(
            self,
            hostname="mail.exampleton.invalid",
            loop=self._loop,
            tls_context=certificate().server() if self._tls == "starttls" else None,
            require_starttls=self._tls == "starttls",
            authenticator=self._knows,
            auth_required=self._user is not None,
            auth_require_tls=True,
        )

    def _knows(
        self, _server: object, _session: object, _envelope: object, _way: str, told: Any
    ) -> AuthResult:
        given = (told.login.decode(), told.password.decode())
        return AuthResult(success=given == self._user, handled=False)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _s: SMTP, _n: Session, envelope: Envelope, address: str, _o: list[str]
    ) -> str:
        envelope.mail_from = address
        return self._say("MAIL")

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _s: SMTP, _n: Session, envelope: Envelope, address: str, _o: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self._say("RCPT")

    async def handle_DATA(self, _s: SMTP, _n: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        said = self._say("DATA")
        if said.startswith("250"):
            self.taken.append(envelope)
        return said

    async def handle_QUIT(self, server: SMTP, _n: Session, _e: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if "QUIT" in self.answers:
            server.transport.abort()
        return "221 bye"

    def _say(self, command: str) -> str:
        self.watch(command)
        return self.answers.get(command, "250 fine")


def number_of(letter: bytes) -> str:
    head = letter.partition(b"\r\n\r\n")[0]
    return next(
        line.partition(b": ")[2].decode() for line in head.split(b"\r\n") if line.startswith(b"Message-ID")
    )


@contextmanager
def silent(say: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does with each connection what it is told and nothing else; its port."""
    with socket.socket() as door:
        door.bind((HOST, 0))
        door.listen()
        threading.Thread(target=_open, args=(door, say), daemon=True).start()
        yield door.getsockname()[1]
        door.shutdown(socket.SHUT_RDWR)


def _open(door: socket.socket, say: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            talk, _ = door.accept()
        except OSError:
            return
        with talk:
            try:
                say(talk)
            except OSError:
                continue


class Certificate:
    """Its own authority, for this machine."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.exampleton.invalid")])
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self._pem = made.public_bytes(serialization.Encoding.PEM)
        self._key = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with TemporaryDirectory() as folder:
            file = Path(folder) / "both.pem"
            file.write_bytes(self._key + self._pem)
            context.load_cert_chain(file)
        return context

    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self._pem.decode())


@cache
def certificate() -> Certificate:
    return Certificate()
