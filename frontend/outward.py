"""Asks others over HTTP, for `hearings`: within a time, no more than was asked for, and no redirection is followed."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from hearings.errors import Unreachable
from hearings.sentences import say
from hearings.web import MOST, Answer, Coming

CONNECT, READ = 5.0, 20.0  # seconds; reading: between two pieces
WHOLE = 60.0  # seconds for an answer that is not streamed
IDLE = 3.0  # seconds; services like this one close a connection after five, and a request on its way would be lost
_PIECE = 256 * 1024


class Outward:
    """`hearings.web.Web` on httpx; good for many threads at once. `read`, `whole`: seconds that are waited."""

    def __init__(self, *, read: float = READ, whole: float = WHOLE) -> None:
        limits = httpx.Limits(max_keepalive_connections=4, max_connections=32, keepalive_expiry=IDLE)
        timeout = httpx.Timeout(read, connect=min(read, CONNECT), pool=CONNECT)
        self._client = httpx.Client(timeout=timeout, limits=limits, follow_redirects=False, trust_env=False)
        self._whole_seconds = whole

    def close(self) -> None:
        self._client.close()

    def get(self, address: str, *, headers: Mapping[str, str] | None = None, most: int = MOST) -> Answer:
        return self._whole(self._request("GET", address, headers), most)

    def post(
        self,
        address: str,
        data: bytes,
        *,
        kind: str = "application/octet-stream",
        headers: Mapping[str, str] | None = None,
        most: int = MOST,
    ) -> Answer:
        named = {**(headers or {}), "content-type": kind}
        return self._whole(self._request("POST", address, named, data), most)

    @contextmanager
    def stream(
        self, address: str, *, since: int = 0, headers: Mapping[str, str] | None = None
    ) -> Iterator[Coming]:
        named = {
            **(headers or {}),
            "accept-encoding": "identity",
            **({"range": f"bytes={since}-"} if since else {}),
        }
        with self._answering(self._request("GET", address, named)) as answer:
            partial = answer.status_code == httpx.codes.PARTIAL_CONTENT
            start = (
                since
                if partial and answer.headers.get("content-range", "").startswith(f"bytes {since}-")
                else 0
            )
            length = answer.headers.get("content-length", "")
            size = start + int(length) if length.isdecimal() else None
            yield Coming(answer.status_code, size, start, answer.iter_raw(_PIECE))

    def _request(
        self, method: str, address: str, headers: Mapping[str, str] | None, data: bytes | None = None
    ) -> httpx.Request:
        try:
            return self._client.build_request(method, address, headers=dict(headers or {}), content=data)
        except httpx.InvalidURL as error:
            raise _silent(address) from error

    def _whole(self, request: httpx.Request, most: int) -> Answer:
        until = time.monotonic() + self._whole_seconds
        request.headers["accept-encoding"] = "identity"
        with self._answering(request) as answer:
            data = bytearray()
            for piece in answer.iter_raw():  # as it comes, so that the time is looked at
                data += piece
                if len(data) > most or time.monotonic() > until:
                    raise _silent(request.url.host)
            return Answer(answer.status_code, bytes(data))

    @contextmanager
    def _answering(self, request: httpx.Request) -> Iterator[httpx.Response]:
        try:
            answer = self._client.send(request, stream=True)
            try:
                yield answer
            finally:
                answer.close()
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise _silent(request.url.host) from error


def _silent(host: str) -> Unreachable:
    return Unreachable(say("{host} does not answer as it should.", host=host))
