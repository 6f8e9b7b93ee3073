"""Which picture of whom a listener is given, of what their downlink bears: a pure rule.

Everybody low before anybody high; among equals the order of the wishes, which is the listener's own: whom they look
at comes first, so the person heard is the last whose picture goes. To climb needs a tenth more than it costs;
what is there stays until it does not fit any more.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

SPARE = 1.1


class Quality(IntEnum):
    """Of one picture that a listener is given; SHED: none, for the downlink bears no more."""

    SHED = 0
    LOW = 1
    HIGH = 2


class Wish(NamedTuple):
    """A picture and what it costs in bit/s; `high` is None where there is, or is wanted, no better one."""

    ssrc: int
    low: float
    high: float | None


class Allotment(NamedTuple):
    """`given` by SSRC, which costs `spent` bit/s. `short`: with how much the next better picture could be had; None
    if there is none.
    """

    given: dict[int, Quality]
    spent: float
    short: float | None


def allotted(
    bears: float, wishes: Sequence[Wish], before: Mapping[int, Quality], *, climbs: bool
) -> Allotment:
    """`bears`: bit/s for all pictures together. What was wished `before` becomes no better unless it `climbs`."""
    given = {wish.ssrc: Quality.SHED for wish in wishes}
    spent = 0.0
    short: float | None = None
    for quality in (Quality.LOW, Quality.HIGH):
        for wish in wishes:
            cost = _cost(wish, quality)
            if cost is None or given[wish.ssrc] < quality - 1:
                continue
            more = cost - (_cost(wish, given[wish.ssrc]) or 0.0)
            had = before.get(wish.ssrc, Quality.SHED) >= quality
            may = had or climbs or (wish.ssrc not in before and quality is Quality.LOW)
            if may and spent + more <= bears / (1.0 if had else SPARE):
                given[wish.ssrc] = quality
                spent += more
            elif short is None:
                short = SPARE * (spent + more)
    return Allotment(given, spent, short)


def _cost(wish: Wish, quality: Quality) -> float | None:
    return {Quality.SHED: 0.0, Quality.LOW: wish.low, Quality.HIGH: wish.high}[quality]
