"""Who sees and hears whom: one table for each ordered pair of places and each kind.

The rules, in the order in which they decide:

1. nobody receives themself;
2. a place in the waiting room, or gone from the room, neither sends nor receives;
3. an observer (receive only) never sends;
4. what a place has muted itself is denied to everyone;
5. people on the same channel receive each other; people on different channels do not;
6. on the floor, the sound of who interprets into a language goes to whoever chose that language, and to nobody
   else; it is of the kind `interpretation` then. Whoever chose a language hears the floor as well;
7. the recorder is a listener like any other: it hears the floor and every interpretation of it while it is
   armed, and nothing else. A consultation has no listener but those who are in it.

The table is computed by a pure function, enforced in the forwarder, mirrored by the page and printed
in the record. A pair that is not in the table is denied.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

RECORDER = "recorder"


class Kind(StrEnum):
    """What one may be given of another. Sound is `audio` or, spoken into a language's channel, `interpretation`."""

    AUDIO = "audio"
    CAMERA = "camera"
    DOCUMENT = "document"
    INTERPRETATION = "interpretation"

    @property
    def carrier(self) -> "Kind":
        """The kind of the stream that it travels on: interpretation is the same microphone."""
        return Kind.AUDIO if self is Kind.INTERPRETATION else self


class Channel(StrEnum):
    """Where a place is: in exactly one of these at any moment."""

    WAITING = "waiting"
    FLOOR = "floor"
    CONSULTATION = "consultation"


class Seat(BaseModel):
    """What the table needs to know of one place; roles stay with the caller.

    `interprets`: the language (BCP 47) into which it speaks now, `hears`: the language that it listens to; None is
    the floor. Neither counts anywhere else than on the floor.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: str
    channel: Channel
    receive_only: bool = False
    muted: frozenset[Kind] = frozenset()
    interprets: str | None = None
    hears: str | None = None

    @property
    def sound(self) -> Kind:
        """As what its microphone goes out."""
        speaks_aside = self.interprets is not None and self.channel is Channel.FLOOR
        return Kind.INTERPRETATION if speaks_aside else Kind.AUDIO


class Row(NamedTuple):
    """`listener` may receive `kind` of `source`."""

    source: str
    listener: str
    kind: Kind


def table(seats: Iterable[Seat], *, recorder: bool) -> frozenset[Row]:
    """All rows that are allowed; whatever is missing is denied.

    Raises: ValueError if two seats have the same place, or one takes the recorder's name.
    """
    seated = list(seats)
    names = [seat.place for seat in seated]
    if len(set(names)) != len(names) or RECORDER in names:
        raise ValueError("every seat needs a place of its own, and none is the recorder's")
    rows = {
        Row(source.place, listener.place, kind)
        for source in seated
        for listener in seated
        for kind in Kind
        if _passes(source, listener, kind)
    }
    if recorder:
        rows |= {
            Row(source.place, RECORDER, kind)
            for source in seated
            for kind in Kind
            if source.channel is Channel.FLOOR and _sends(source, kind)
        }
    return frozenset(rows)


def _passes(source: Seat, listener: Seat, kind: Kind) -> bool:
    return (
        source.place != listener.place
        and source.channel is not Channel.WAITING
        and source.channel is listener.channel
        and (kind is not Kind.INTERPRETATION or listener.hears == source.interprets)
        and _sends(source, kind)
    )


def _sends(source: Seat, kind: Kind) -> bool:
    speaks = kind.carrier is not Kind.AUDIO or kind is source.sound
    return not source.receive_only and speaks and kind.carrier not in source.muted
