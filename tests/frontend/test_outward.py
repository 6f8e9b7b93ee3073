"""What this service asks of others over HTTP: within a time, no more than was asked for, and of nobody else."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from frontend.outward import Outward
from frontend.rehearse import free_port
from hearings.errors import Unreachable

Answers = Callable[["Server"], None]
FILE = bytes(range(256)) * 64


class Server(BaseHTTPRequestHandler):
    """A real server on this machine, whose answers a test gives; `asked`: what came."""

    protocol_version = "HTTP/1.1"
    answers: dict[str, Answers]
    asked: list[tuple[str, str, dict[str, str], bytes]]
    over: threading.Event

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        told = {name.lower(): value for name, value in self.headers.items()}
        self.asked.append((self.command, self.path, told, body))
        with contextlib.suppress(OSError):  # who asked is gone
            self.answers[self.path](self)

    def give(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content_length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def dribble(server: Server) -> None:
    """A byte now and then, without end."""
    server.send_response(200)
    server.send_header("transfer-encoding", "chunked")
    server.end_headers()
    while not server.over.wait(0.05):
        server.wfile.write(b"1\r\nx\r\n")
        server.wfile.flush()


def silence(server: Server) -> None:
    server.over.wait(20)


def endless(server: Server) -> None:
    server.send_response(200)
    server.send_header("transfer-encoding", "chunked")
    server.end_headers()
    for _ in range(1000):
        server.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")


def cut(server: Server) -> None:
    server.send_response(200)
    server.send_header("content-length", "1000")
    server.end_headers()
    server.wfile.write(b"x" * 10)
    server.wfile.flush()
    server.connection.close()


def ranged(server: Server) -> None:
    since = int(server.headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
    if since:
        where = f"bytes {since}-{len(FILE) - 1}/{len(FILE)}"
        server.give(206, FILE[since:], content_range=where)
    else:
        server.give(200, FILE)


ANSWERS: dict[str, Answers] = {
    "/good": lambda server: server.give(200, b"good", set_cookie="tracked=1"),
    "/refused": lambda server: server.give(409, b"20\n", content_type="text/x.tlog.size"),
    "/elsewhere": lambda server: server.give(302, b"", location="/good"),
    "/packed": lambda server: server.give(200, b"\x1f\x8b not really", content_encoding="gzip"),
    "/large": lambda server: server.give(200, bytes(5000)),
    "/endless": endless,
    "/dribble": dribble,
    "/silence": silence,
    "/cut": cut,
    "/file": ranged,
    "/unranged": lambda server: server.give(200, FILE),
}


@pytest.fixture
def server() -> Iterator[type[Server]]:
    handler = type("Handler", (Server,), {"answers": ANSWERS, "asked": [], "over": threading.Event()})
    served = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    served.daemon_threads = True
    thread = threading.Thread(target=lambda: served.serve_forever(poll_interval=0.02))
    thread.start()
    handler.origin = f"http://127.0.0.1:{served.server_port}"
    yield handler
    handler.over.set()
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture
def web() -> Iterator[Outward]:
    """With little patience."""
    web = Outward(read=0.4, whole=0.6)
    yield web
    web.close()


def test_an_answer_comes_whole_whatever_its_status(server, web) -> None:
    assert web.get(f"{server.origin}/good") == (200, b"good")
    assert web.post(f"{server.origin}/refused", b"old 3\n", kind="text/plain") == (409, b"20\n")
    method, path, headers, body = server.asked[-1]
    assert (method, path, body, headers["content-type"]) == ("POST", "/refused", b"old 3\n", "text/plain")


def test_no_redirection_is_followed(server, web) -> None:
    assert web.post(f"{server.origin}/elsewhere", b"secret").status == 302
    assert [path for _, path, _, _ in server.asked] == ["/elsewhere"]


def test_nothing_of_the_surroundings_is_used(server, monkeypatch) -> None:
    """No proxy, no password of the environment."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    web = Outward()
    assert web.get(f"{server.origin}/good").status == 200
    assert "authorization" not in server.asked[-1][2]
    web.close()


def test_no_more_is_taken_than_was_asked_for(server, web) -> None:
    assert web.get(f"{server.origin}/large", most=5000).data == bytes(5000)
    for path in ("large", "endless"):
        with pytest.raises(Unreachable):
            web.get(f"{server.origin}/{path}", most=4999)


def test_nothing_is_unpacked(server, web) -> None:
    """A small answer cannot become a large one."""
    assert web.get(f"{server.origin}/packed").data == b"\x1f\x8b not really"
    assert server.asked[-1][2]["accept-encoding"] == "identity"


@pytest.mark.parametrize("path", ["silence", "dribble", "cut"])
def test_what_does_not_come_in_time_or_not_whole_is_no_answer(server, web, path: str) -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 does not answer as it should"):
        web.post(f"{server.origin}/{path}", b"")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:{port}/", "http://[", "nothing", "ftp://127.0.0.1/", ""]
)
def test_where_nobody_answers_is_a_refusal_and_no_fault(web, address: str) -> None:
    with pytest.raises(Unreachable):
        web.get(address.format(port=free_port()))


def test_a_file_is_gone_on_with_where_it_broke_off(server, web) -> None:
    with web.stream(f"{server.origin}/file", since=1000) as coming:
        assert (coming.status, coming.since, coming.size) == (206, 1000, len(FILE))
        assert b"".join(coming.pieces) == FILE[1000:]
    with web.stream(f"{server.origin}/unranged", since=1000) as coming:
        assert (coming.status, coming.since, coming.size) == (200, 0, len(FILE)), "it begins anew"
        assert b"".join(coming.pieces) == FILE
    with pytest.raises(Unreachable), web.stream(f"{server.origin}/cut") as coming:
        assert b"".join(coming.pieces)


def test_many_ask_at_once(server, web) -> None:
    got = []
    threads = [
        threading.Thread(target=lambda: got.append(web.get(f"{server.origin}/good").status))
        for _ in range(12)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert got == [200] * 12


def test_after_it_is_closed_nobody_is_asked(server, web) -> None:
    web.close()
    with pytest.raises((Unreachable, RuntimeError)):
        web.get(f"{server.origin}/good")
    assert server.asked == []
