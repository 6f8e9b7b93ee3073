"""What this service asks of others over HTTP: an authority of timestamps, a cosigner, the service of another State.

Here is only what is asked; `frontend/outward.py` asks it.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

MOST = 1024 * 1024  # bytes of an answer, unless more is asked for


class Answer(NamedTuple):
    """`status`: of HTTP (RFC 9110, section 15)."""

    status: int
    data: bytes


class Coming(NamedTuple):
    """An answer that is read as it comes. `size`: of all of it in bytes, where that is told; `since`: its first byte."""

    status: int
    size: int | None
    since: int
    pieces: Iterator[bytes]


class Web(Protocol):
    """Follows no redirection, and takes no answer that is longer than was asked for."""

    def get(self, address: str, *, headers: Mapping[str, str] | None = None, most: int = MOST) -> Answer:
        """Raises: Unreachable if no whole answer came in time."""

    def post(
        self,
        address: str,
        data: bytes,
        *,
        kind: str = "application/octet-stream",
        headers: Mapping[str, str] | None = None,
        most: int = MOST,
    ) -> Answer:
        """`kind` is the media type of `data`. Raises: Unreachable if no whole answer came in time."""

    def stream(
        self, address: str, *, since: int = 0, headers: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Coming]:
        """From byte `since` on, if the other side can (RFC 9110, section 14); else from the first.

        Raises: Unreachable, when asked for or while it comes.
        """
