"""The plan of a hearing: the sittings that both sides agreed to, and when in them each place comes.

The read side of `schedule`; everything here is computed from the rows of `sitting`.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from hearings.errors import NotValid
from hearings.roles import Role
from hearings.said import Wall, refused
from hearings.states import OPENED
from hearings.tables import Appointment, Hearing, Participant, Sitting
from hearings.tree import stamp
from scheduling import turns, zones
from scheduling.turns import Turn


@dataclass(frozen=True)
class Time:
    """When a place comes, for how long; `planned`: when it was to come before the sitting ran late; `own`: it has a time of
    its own within the sitting.
    """

    start: datetime
    minutes: int
    planned: datetime
    own: bool = False

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.minutes)


def sittings(tx: Session, hearing: UUID) -> list[Sitting]:
    """Those of one hearing, in the order of their time."""
    return sittings_of(tx, [hearing])[hearing]


def sittings_of(tx: Session, hearings: Collection[UUID]) -> dict[UUID, list[Sitting]]:
    found = defaultdict[UUID, list[Sitting]](list)
    for row in tx.exec(
        select(Sitting)
        .where(col(Sitting.hearing_id).in_(hearings))
        .order_by(col(Sitting.start), col(Sitting.n))
    ):
        found[row.hearing_id].append(row)
    return {hearing: found[hearing] for hearing in hearings}


def to_come(planned: Sequence[Sitting]) -> list[Sitting]:
    """Those whose room was not opened yet."""
    return [row for row in planned if row.opened is None]


def under_way(planned: Sequence[Sitting]) -> Sitting | None:
    """The one whose room was opened last."""
    held = [row for row in planned if row.opened is not None]
    return max(held, key=lambda row: row.opened or row.start, default=None)


def instant_of(said: Wall, *, field: str = "wall") -> datetime:
    """The instant (UTC) of a time that somebody said. Raises: NotValid, about the field where it was said."""
    try:
        return said.instant().astimezone(UTC)
    except zones.UnknownZone as error:
        raise NotValid(refused(error), field="zone") from error
    except zones.TimeRefused as error:
        raise NotValid(refused(error), field=field) from error


def moved(row: Sitting | Appointment) -> datetime | None:
    """Where the clocks on the wall show what was agreed now that a State changed its rules; None if they still do.

    Raises: zones.TimeRefused where they no longer do, or do so twice.
    """
    fold: zones.Fold | None = "later" if row.fold == "later" else "earlier" if row.fold else None
    start = zones.moved(datetime.fromisoformat(row.wall), row.zone, fold, row.start)
    return start.astimezone(UTC) if start is not None else None


def turns_of(sitting: Sitting) -> tuple[Turn, ...]:
    return turns.in_order(Turn.model_validate(one) for one in sitting.turns)


def expected(sitting: Sitting) -> tuple[Turn, ...]:
    """The turns as they are to be expected now that it may run late."""
    return turns.expected(turns_of(sitting), late=sitting.late, first=sitting.late_from)


def told(each: Sequence[Turn]) -> list[dict[str, Any]]:
    return [turn.model_dump() for turn in each]


def heard(people: Sequence[Participant]) -> frozenset[str]:
    """The handles of those at a place who are heard."""
    return frozenset(person.handle for person in people if person.role is Role.HEARD)


def comes(sitting: Sitting, planned: Sequence[Sitting], who: Collection[str]) -> bool:
    """Whether a place at which these persons heard sit is wanted in this sitting; without any it is wanted in all. A
    sitting that names nobody is for everybody; who is named for no sitting comes to the first.
    """
    if not who or not sitting.people:
        return True
    named = {handle for row in planned for handle in row.people}
    if named.intersection(who):
        return not set(sitting.people).isdisjoint(who)
    return sitting.n == min(row.n for row in planned)


def enter(tx: Session, hearing: Hearing, who: str) -> None:
    """Whoever is heard and is seated only now comes to the sitting that is under way, or to the next one, where that is not
    for everybody.
    """
    planned = sittings(tx, hearing.id)
    now = under_way(planned) if hearing.state in OPENED else None
    row = next(iter([now] if now is not None else to_come(planned)), None)
    if row is not None and row.people:
        row.people = [*row.people, who]
        tx.add(row)


def time(sitting: Sitting, who: Collection[str]) -> Time:
    """When a place at which these persons heard sit comes to this sitting."""
    planned = {turn.who: turn for turn in turns_of(sitting)}
    now = {turn.who: turn for turn in expected(sitting)}
    own = sorted(set(who) & planned.keys(), key=lambda handle: now[handle].after)
    if own:
        first, last = now[own[0]], now[own[-1]]
        return Time(
            _after(sitting, first.after),
            last.end - first.after,
            _after(sitting, min(planned[handle].after for handle in own)),
            own=True,
        )
    late = 0 if now else sitting.late
    ends = max([sitting.minutes + late, *(turn.end for turn in now.values())])
    return Time(_after(sitting, late), ends - late, sitting.start)


def _after(sitting: Sitting, minutes: int) -> datetime:
    return sitting.start + timedelta(minutes=minutes)


def shown(row: Sitting, named: Callable[[str], str]) -> dict[str, Any]:
    """A sitting as the pages are told of it."""
    planned = {turn.who: turn for turn in turns_of(row)}
    return {
        "sitting": row.n,
        "instant": stamp(row.start),
        "minutes": row.minutes,
        "zone": row.zone,
        "people": [{"handle": one, "name": named(one)} for one in row.people],
        "turns": [
            {
                "handle": turn.who,
                "name": named(turn.who),
                "instant": stamp(_after(row, turn.after)),
                "planned": stamp(_after(row, planned[turn.who].after)),
                "minutes": turn.minutes,
            }
            for turn in expected(row)
        ],
        "late": row.late,
        "unclear": row.rules != zones.release(),
        "opened": row.opened is not None,
    }
