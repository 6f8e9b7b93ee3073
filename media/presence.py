"""Whether a place is there: joined once, lost after three seconds of silence, back with the next packet.

    absent ──Joined──▶ present ──Lost──▶ lost ──Returned──▶ present
       ▲                  │               │
       └──────Left────────┴───────────────┘

A place that stays lost for sixty seconds has left. A new connection of a place that is present changes
nothing; of one that is lost, it is its return.
"""

from enum import Enum

from media.control import Joined, Left, Lost, Returned

LOST_MILLIS = 3_000
DROPPED_MILLIS = 60_000


class State(Enum):
    ABSENT = "absent"
    PRESENT = "present"
    LOST = "lost"


class Presence:
    """Of one place; each verb gives the fact that it makes true, or None. Times in milliseconds."""

    def __init__(self, place: str) -> None:
        self.state = State.ABSENT
        self.ever = False
        self._place = place
        self._since = 0

    def up(self, connection: str, at: int) -> Joined | Returned | None:
        """A connection of the place is up."""
        before, self.state = self.state, State.PRESENT
        self.ever = True
        if before is State.ABSENT:
            return Joined(place=self._place, connection=connection, at=at)
        if before is State.LOST:
            return Returned(place=self._place, since=self._since, at=at)
        return None

    def heard(self, at: int) -> Returned | None:
        if self.state is not State.LOST:
            return None
        self.state = State.PRESENT
        return Returned(place=self._place, since=self._since, at=at)

    def silent(self, *, since: int, at: int) -> Lost | None:
        """Nothing has come since `since`; a fact only from three seconds on."""
        if self.state is not State.PRESENT or at - since < LOST_MILLIS:
            return None
        self.state = State.LOST
        self._since = since
        return Lost(place=self._place, since=since, at=at)

    def given_up(self, at: int) -> bool:
        return self.state is State.LOST and at - self._since >= DROPPED_MILLIS

    def left(self, at: int) -> Left | None:
        if self.state is State.ABSENT:
            return None
        self.state = State.ABSENT
        return Left(place=self._place, at=at)
