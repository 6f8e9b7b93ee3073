"""The messages between a participant's page and the service, over one WebSocket.

Each message is one JSON object with a `type`. The page tells (`FromPage`), the service answers
(`ToPage`). A member of staff's page has the same messages, without those of sound and picture.
A message that is not understood is answered with `refused`; the socket stays open.
The page mirrors what it is told and decides nothing.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from media.channels import Kind
from media.score import Grade

VERSION = 1
LARGEST = 256 * 1024  # bytes of one message


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# --- from the page -----------------------------------------------------------------------------


class Hello(Message):
    """First message of a socket: which version of these messages the page speaks."""

    type: Literal["hello"] = "hello"
    version: int


class Offer(Message):
    """A new media connection for this place; the newest one wins."""

    type: Literal["offer"] = "offer"
    connection: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9-]+$")
    sdp: str = Field(min_length=1, max_length=128 * 1024)


class Mute(Message):
    """The person has muted, or opened, their own microphone, camera or document."""

    type: Literal["mute"] = "mute"
    kind: Literal["audio", "camera", "document"]
    muted: bool


class Watch(Message):
    """The places whose pictures the page shows large, the most important first; the others it shows small.

    Whole, each time it changes, and again on a new connection or a new socket: it is answered with `lines` and
    `pictures`, which the page may have missed.
    """

    type: Literal["watch"] = "watch"
    places: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(max_length=32)


class Equipment(Message):
    """With what somebody takes part in a technical test, as their browser names it; whole, each time it changes. Shown
    to whoever holds the test, and kept nowhere.

    `camera`, `microphone`, `loudspeaker`: names of devices, empty for none; `width`, `height`: of the picture, 0 for
    none; `way`: straight, by a relay, or not known yet; `trip`: to the service and back in ms, once it is known.
    """

    type: Literal["equipment"] = "equipment"
    camera: str = Field(max_length=200)
    microphone: str = Field(max_length=200)
    loudspeaker: str = Field(max_length=200)
    width: int = Field(ge=0, le=16384)
    height: int = Field(ge=0, le=16384)
    way: Literal["", "straight", "relayed"]
    trip: int | None = Field(default=None, ge=0, le=60_000)


class Ping(Message):
    """Heartbeat, every five seconds; answered with `pong` of the same number."""

    type: Literal["ping"] = "ping"
    n: int = Field(ge=0, lt=2**53)


FromPage = Annotated[Hello | Offer | Mute | Watch | Equipment | Ping, Field(discriminator="type")]

# --- to the page -------------------------------------------------------------------------------


class IceServer(BaseModel):
    """A STUN or TURN server, in the form of the browser's `RTCIceServer`; STUN has no credentials."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    urls: list[str]
    username: str = ""
    credential: str = ""


class Ice(Message):
    """By which servers this place may connect, whole: first thing on its socket, and before credentials end."""

    type: Literal["ice"] = "ice"
    servers: list[IceServer]


class State(Message):
    """The hearing as this place may see it, whole, each time anything changed.

    `n` rises with every message on this socket. `view` is the same object that the HTTP door
    `GET /places/{place}/hearing` gives.
    """

    type: Literal["state"] = "state"
    n: int
    view: dict[str, Any]


class Answer(Message):
    """The service's side of the offered connection (ICE-lite, passive)."""

    type: Literal["answer"] = "answer"
    connection: str
    sdp: str


class Line(Message):
    """Line `line` now carries sound and picture of `place`; `document` rides on the last line."""

    line: int
    place: str


class Lines(Message):
    """Who is on which line of this connection, whole, each time it changed."""

    type: Literal["lines"] = "lines"
    connection: str
    lines: list[Line]
    document: str | None = None


class Missing(Message):
    """A picture that is not sent to this page for the moment."""

    place: str
    kind: Kind


class Pictures(Message):
    """Which layers of its own camera the page is to send, None if it sends one alone; and whose pictures it is not
    given, because the way to it bears no more: of these, sound alone comes, until the way is better. Whole, each time.
    """

    type: Literal["pictures"] = "pictures"
    connection: str
    taken: list[str] | None
    without: list[Missing]


class Levels(Message):
    """Who speaks: places to their loudest audio level in −dBov (127 is silence) in the last quarter of a second.

    Of the places that this page hears, and its own; a place of which no sound came is missing. Messages of
    this kind are left out while the page is behind.
    """

    type: Literal["levels"] = "levels"
    audio: dict[str, int]


class Coming(Message):
    """How one of a place's tracks came, or (`heard`) how the others' sound reached it: `loss` in per cent, `trip` to the
    place and back in ms, `frames` a second, of pictures. Nothing that tells who speaks: rates do.
    """

    kind: str
    loss: float
    trip: float | None
    frames: float | None
    grade: Grade


class Figures(Message):
    """Of each place, for the last two seconds; for whoever oversees the hearing.

    Messages of this kind are left out while the page is behind.
    """

    type: Literal["figures"] = "figures"
    places: dict[str, list[Coming]]


class Refused(Message):
    """What could not be done, in a sentence for the person; `about` is the type of the message refused.

    Of an offer, `connection` says which; it may be refused after its answer, if it did not come up.
    """

    type: Literal["refused"] = "refused"
    about: str
    connection: str = ""
    sentence: str


class Pong(Message):
    type: Literal["pong"] = "pong"
    n: int


class Superseded(Message):
    """The same place was opened elsewhere; this page is no longer connected, and the socket closes."""

    type: Literal["superseded"] = "superseded"
    sentence: str


class Closed(Message):
    """The link was withdrawn, or the sitting is over: nothing more comes, and the socket closes."""

    type: Literal["closed"] = "closed"
    sentence: str


ToPage = Annotated[
    Ice | State | Answer | Lines | Pictures | Levels | Figures | Refused | Pong | Superseded | Closed,
    Field(discriminator="type"),
]

from_page: TypeAdapter[FromPage] = TypeAdapter(FromPage)
to_page: TypeAdapter[ToPage] = TypeAdapter(ToPage)
