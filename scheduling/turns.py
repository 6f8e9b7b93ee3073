"""Several people in one sitting, each with a time of their own, and what becomes of these times when it runs late.

Times are minutes from the sitting's beginning, so that all of them move with it. Whoever is late makes those who
follow later only by as much as is needed: a pause between two turns is used up first.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field

LONGEST = 600  # minutes


class Turn(BaseModel):
    """`who` comes `after` so many minutes, for so many `minutes`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str
    after: int = Field(ge=0, le=LONGEST)
    minutes: int = Field(ge=5, le=LONGEST)

    @property
    def end(self) -> int:
        return self.after + self.minutes


def in_order(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    return tuple(sorted(turns, key=lambda turn: (turn.after, turn.who)))


def overlapping(turns: Iterable[Turn]) -> tuple[Turn, Turn] | None:
    """The first two of which one begins before the other is over."""
    ordered = in_order(turns)
    for one, other in pairwise(ordered):
        if other.after < one.end:
            return one, other
    return None


def expected(turns: Iterable[Turn], *, late: int, first: str | None = None) -> tuple[Turn, ...]:
    """The turns as they will be if `first` (or whoever comes first) begins `late` minutes later than planned, in their order."""
    ordered = in_order(turns)
    begin = _place(ordered, first)
    told = list(ordered[:begin])
    end = 0
    for n, turn in enumerate(ordered[begin:]):
        after = turn.after + late if n == 0 else max(turn.after, end)
        told.append(turn.model_copy(update={"after": after}))
        end = after + turn.minutes
    return tuple(told)


def _place(ordered: Sequence[Turn], first: str | None) -> int:
    return next((n for n, turn in enumerate(ordered) if turn.who == first), 0)
