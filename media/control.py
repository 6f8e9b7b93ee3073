"""The control link between the conductor (web process) and one media worker.

A unix socket; each message is a four-byte big-endian length and that many bytes of JSON: one of
`ToWorker` or `FromWorker`. The conductor sends the *desired state* of a room (`Conduct`, idempotent,
numbered); the worker makes it so. Facts come back as numbered `Report`s, spooled and fsynced by the
worker until they are acknowledged, which the conductor does after it has committed them; a report may
therefore arrive twice, never not at all. `Answered`, `Declined`, `Lined`, `Pictured`, `Measured`, `Levels` and
`Load` are of the moment and are not spooled.

All times here are milliseconds since 1970-01-01T00:00:00Z, of the clock of the machine.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from media.channels import Kind
from media.score import Grade

LARGEST = 4 * 1024 * 1024  # bytes of one message
BEHIND = 1024 * 1024  # bytes that wait in a link before levels and load are left out
LOOK_SECONDS, TOLD_SECONDS = 2.0, 10.0  # how often a worker looks how tracks come, and tells of it

Millis = Annotated[int, Field(ge=0, lt=2**53)]
TrackName = Annotated[str, Field(pattern=r"^[a-z2-7]{8}-[a-z]+$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# --- what the conductor wants ------------------------------------------------------------------


class PeerPlan(Message):
    """A place that may connect; its tracks are named `<handle>-<kind>`. Of a `demanding` one, an interpreter's, the
    connection is judged more strictly. `returns`: it was connected in this sitting before, and is let in again
    however busy the worker is.
    """

    place: str
    handle: str = Field(pattern=r"^[a-z2-7]{8}$")
    demanding: bool = False
    returns: bool = False


class RecordPlan(Message):
    """One stretch on the record. Nothing received before `since` or from `until` on is kept. `key`: the public half
    of the pair that it is locked for (`media.locked`), in base64.
    """

    stretch: int = Field(ge=1)
    since: Millis
    until: Millis | None = None
    tracks: list[TrackName]
    key: str = Field(pattern=r"^[A-Za-z0-9+/]+=*$")


class RoomPlan(Message):
    """The desired state of one room. `allowed` is the table of `media.channels`: what is missing is denied.

    `armed`: the recorder proves that it can write (probe bytes, fsynced) and meters sound, and keeps nothing.
    `folder`: where the originals of this hearing go (absolute path on the worker's machine). `ends`: when the hearing
    is planned to end.
    """

    hearing: str
    version: int
    folder: str
    ends: Millis | None = None
    peers: list[PeerPlan]
    allowed: list[tuple[str, str, Kind]]
    armed: bool = False
    record: RecordPlan | None = None


class Conduct(Message):
    type: Literal["conduct"] = "conduct"
    room: RoomPlan


class Dismiss(Message):
    """The sitting is over: close every connection of the room and forget it."""

    type: Literal["dismiss"] = "dismiss"
    hearing: str


class Offered(Message):
    """An offer of a page; answered by `Answered` or `Declined` with the same connection.

    `Declined` after `Answered`: the connection did not come up.
    """

    type: Literal["offered"] = "offered"
    hearing: str
    place: str
    connection: str
    sdp: str


class Watched(Message):
    """The places that this page shows large, the most important first; the others are wanted small."""

    type: Literal["watched"] = "watched"
    hearing: str
    place: str
    places: list[str]


class Acknowledged(Message):
    """Every report up to `n` is committed and may be forgotten. Said first on a link, before anything is conducted."""

    type: Literal["acknowledged"] = "acknowledged"
    n: int


ToWorker = Annotated[Conduct | Dismiss | Offered | Watched | Acknowledged, Field(discriminator="type")]

# --- what the worker reports (spooled) ---------------------------------------------------------


class Joined(Message):
    """The place's connection is up: DTLS done. `connection` is the one offered."""

    fact: Literal["joined"] = "joined"
    place: str
    connection: str
    at: Millis


class Lost(Message):
    """Nothing has come from the place for three seconds; `since` is its last packet."""

    fact: Literal["lost"] = "lost"
    place: str
    since: Millis
    at: Millis


class Returned(Message):
    """Packets come again after `Lost`, on the same connection or a new one."""

    fact: Literal["returned"] = "returned"
    place: str
    since: Millis
    at: Millis


class Left(Message):
    """The place's connection was closed by itself or because the plan no longer has it."""

    fact: Literal["left"] = "left"
    place: str
    at: Millis


class Armed(Message):
    """The recorder has written and fsynced its probe and may be relied on."""

    fact: Literal["armed"] = "armed"
    at: Millis


class RecorderFailed(Message):
    """The recorder cannot write: nothing after `at` is kept."""

    fact: Literal["failed"] = "failed"
    reason: str
    at: Millis


class RoomShort(Message):
    """The disk has room for so many minutes of recording at what comes now; the hearing is planned for more."""

    fact: Literal["short"] = "short"
    minutes: int
    planned: int
    at: Millis


class RoomFound(Message):
    """After `RoomShort`: there is room for the rest of the hearing again."""

    fact: Literal["room"] = "room"
    minutes: int
    planned: int
    at: Millis


class Silent(Message):
    """Of a place that is to be heard no sound has been found for ten seconds, the last at `since` (`media.living`)."""

    fact: Literal["silent"] = "silent"
    place: str
    since: Millis
    at: Millis


class Audible(Message):
    """After `Silent`: there is sound again, after none since `since`."""

    fact: Literal["audible"] = "audible"
    place: str
    since: Millis
    at: Millis


class SegmentKept(Message):
    """A segment of an original is on disk, fsynced.

    `off`, `len`: bytes in the file; `since`, `until`: half open; `sha256` of the segment,
    `prefix` of the file from its first byte to the end of this segment.
    """

    fact: Literal["segment"] = "segment"
    track: TrackName
    stretch: int
    seg: int
    off: int
    len: int
    since: Millis
    until: Millis
    sha256: Sha256
    prefix: Sha256


class GapFound(Message):
    """Nothing of the track was received, or kept, in this time.

    Reasons: `not-joined`, `connection-lost`, `left`, `not-sent`, `recorder-restarted`, `recorder-failed`.
    """

    fact: Literal["gap"] = "gap"
    track: TrackName
    stretch: int
    since: Millis
    until: Millis
    reason: str


class FileSealed(Message):
    """A file of a stretch is complete: `name` below the hearing's folder, digest of all its bytes."""

    fact: Literal["sealed"] = "sealed"
    stretch: int
    name: str
    sha256: Sha256
    size: int


class StretchKept(Message):
    """Everything of the stretch is reported: each track's segments and gaps tile it."""

    fact: Literal["stretch"] = "stretch"
    stretch: int
    at: Millis


class TrackFigures(Message):
    """How one track came in some seconds, or (`<handle>-heard`) how the others' sound reached this place.

    `loss`: per cent of packets that never came; `jitter`, `trip` (there and back): ms; `rate`: bit/s; `frames`: a
    second, of pictures; `stops`, `stopped`: standstills of a picture or interruptions of a sound, and ms of them;
    `score`, `grade`: see `media.score`.
    """

    track: TrackName
    loss: float
    jitter: float
    trip: float | None
    rate: int
    frames: float | None
    stops: int
    stopped: int
    score: float
    grade: Grade


class Figures(Message):
    """Of the last ten seconds on the record, every track that anybody is given."""

    fact: Literal["figures"] = "figures"
    at: Millis
    millis: int
    tracks: list[TrackFigures]


Fact = Annotated[
    Joined
    | Lost
    | Returned
    | Left
    | Armed
    | RecorderFailed
    | RoomShort
    | RoomFound
    | Silent
    | Audible
    | SegmentKept
    | GapFound
    | FileSealed
    | StretchKept
    | Figures,
    Field(discriminator="fact"),
]


class Report(Message):
    """One fact of one room; `spool` names the worker's spool, `n` rises by one in it."""

    type: Literal["report"] = "report"
    spool: str
    n: int
    hearing: str
    fact: Fact


# --- of the moment (not spooled) ---------------------------------------------------------------


class Ready(Message):
    """First message of a link: the worker stands, and has the rooms of these hearings."""

    type: Literal["ready"] = "ready"
    spool: str
    pid: int
    rooms: list[str]


class Answered(Message):
    type: Literal["answered"] = "answered"
    hearing: str
    place: str
    connection: str
    sdp: str


class Declined(Message):
    """The offer or plan could not be taken, in a sentence for a person."""

    type: Literal["declined"] = "declined"
    hearing: str
    place: str
    connection: str
    sentence: str


class Lined(Message):
    """Who is on which line of this connection, whole: pairs of line number and place."""

    type: Literal["lined"] = "lined"
    hearing: str
    place: str
    connection: str
    lines: list[tuple[int, str]]
    document: str | None = None


class Pictured(Message):
    """Which layers of this connection's camera anybody takes, whole: the others need not be sent; None if it is sent
    in one alone. And whose pictures it is not given, because its downlink bears no more: sound alone comes.
    """

    type: Literal["pictured"] = "pictured"
    hearing: str
    place: str
    connection: str
    taken: list[str] | None
    without: list[tuple[str, Kind]]


class Measured(Message):
    """Every two seconds, of each place: how its tracks came and how it heard the others in this time."""

    type: Literal["measured"] = "measured"
    hearing: str
    places: dict[str, list[TrackFigures]]


class Levels(Message):
    """Four times a second, for the time since the last one: who speaks (place, loudest audio level in −dBov, 127
    is silence), and bytes received by the recorder of each track. Left out while the link is behind.
    """

    type: Literal["levels"] = "levels"
    hearing: str
    audio: dict[str, int]
    recorded: dict[str, int]


class Load(Message):
    """Once a second: how busy the worker is, 0 to 1 (`media.load`). Left out while the link is behind."""

    type: Literal["load"] = "load"
    busy: float = Field(ge=0, le=1)


OfTheMoment = Declined | Lined | Pictured | Measured | Levels
"""What is told of a room as it happens; one of them may be lost, and the next one tells it anew."""

FromWorker = Annotated[
    Ready | Report | Answered | Declined | Lined | Pictured | Measured | Levels | Load,
    Field(discriminator="type"),
]

_to_worker: TypeAdapter[ToWorker] = TypeAdapter(ToWorker)
_from_worker: TypeAdapter[FromWorker] = TypeAdapter(FromWorker)
_LENGTH = struct.Struct("!I")
Kinds = TypeVar("Kinds")


class LinkBroken(Exception):
    """The control link ended, or its other side sent what is no message."""


class Link:
    """One end of a control link. Any task may send; one task receives."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, message: ToWorker | FromWorker) -> None:
        """Queues the message; ordering is kept. A broken link is noticed by the receiver."""
        if isinstance(message, Levels | Load) and self._writer.transport.get_write_buffer_size() > BEHIND:
            return
        body = message.model_dump_json().encode()
        self._writer.write(_LENGTH.pack(len(body)) + body)

    async def at_worker(self) -> AsyncIterator[ToWorker]:
        """The conductor's messages, until the link ends (LinkBroken if it ends badly)."""
        async for body in self._bodies():
            yield _parsed(_to_worker, body)

    async def at_conductor(self) -> AsyncIterator[FromWorker]:
        """The worker's messages, until the link ends (LinkBroken if it ends badly)."""
        async for body in self._bodies():
            yield _parsed(_from_worker, body)

    def close(self) -> None:
        self._writer.close()

    async def _bodies(self) -> AsyncIterator[bytes]:
        between = True
        try:
            while True:
                (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
                if length > LARGEST:
                    raise LinkBroken(f"a message of {length} bytes, {LARGEST} at most")
                between = False
                yield await self._reader.readexactly(length)
                between = True
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            if between and isinstance(error, asyncio.IncompleteReadError) and not error.partial:
                return
            raise LinkBroken("the control link broke off within a message") from error


def _parsed(adapter: TypeAdapter[Kinds], body: bytes) -> Kinds:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        raise LinkBroken(f"not a control message: {error}") from error
