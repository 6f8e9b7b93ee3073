"""Who is bound by which instrument since when, and what was declared: dated lines, each with its source and mark.

A line that is missing means that nothing is known, never that a State is not bound. A signature binds nobody, and what
is not verified is carried and not relied on.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files

SNAPSHOT = date(2026, 11, 23)
"""When the lists were read."""


class Mark(StrEnum):
    """How far a claim may be relied on. What is unverified is never printed as a duty."""

    SEEN = "seen"
    SEEN_IN_PART = "seen-part"
    RECALLED = "recalled"
    UNVERIFIED = "unverified"


class Standing(StrEnum):
    """How a State stands to an instrument on a day."""

    BOUND = "bound"
    NOT_BOUND = "not-bound"  # its own text, or a list, says so
    NOT_YET = "not-yet"  # signed or ratified, or its day is still to come
    UNKNOWN = "unknown"  # nothing was read, or what was read is not verified


@dataclass(frozen=True)
class Line:
    """How a State stands to an instrument, as a list says; `since`: the day on which it came into force there."""

    instrument: str
    state: str
    since: date | None
    status: str
    mark: Mark
    source: str
    note: str


@dataclass(frozen=True)
class Declaration:
    """What a State declared on an article: `effect` is `excluded` or `voluntary`, for these capacities."""

    instrument: str
    state: str
    article: str
    since: date
    effect: str
    who: frozenset[str]
    words: str
    mark: Mark
    source: str


@dataclass(frozen=True)
class Parties:
    """The lists, as they were read."""

    lines: Mapping[tuple[str, str], Line]
    declarations: tuple[Declaration, ...] = field(default=())

    def standing(self, instrument: str, state: str, on: date) -> Standing:
        line = self.lines.get((instrument, state))
        if line is None or line.status == "unverified" or line.mark is Mark.UNVERIFIED:
            return Standing.UNKNOWN
        if line.status == "not-bound":
            return Standing.NOT_BOUND
        if line.status != "party" or (line.since is not None and line.since > on):
            return Standing.NOT_YET
        return Standing.BOUND

    def both(self, instrument: str, states: Iterable[str], on: date) -> bool:
        return all(self.standing(instrument, state, on) is Standing.BOUND for state in states)

    def declared(
        self, instrument: str, states: Iterable[str], capacity: str, on: date
    ) -> tuple[Declaration, ...]:
        """What these States had declared by then of somebody who is heard in this capacity."""
        wanted = frozenset(states)
        return tuple(
            one
            for one in self.declarations
            if one.instrument == instrument
            and one.state in wanted
            and capacity in one.who
            and one.since <= on
        )


@cache
def load() -> Parties:
    lines = [
        Line(
            instrument=row["instrument"],
            state=row["state"],
            since=_day(row["since"]),
            status=row["status"],
            mark=Mark(row["mark"]),
            source=row["source"],
            note=row["note"],
        )
        for row in _rows("parties.csv")
    ]
    declarations = tuple(
        Declaration(
            instrument=row["instrument"],
            state=row["state"],
            article=row["article"],
            since=date.fromisoformat(row["since"]),
            effect=row["effect"],
            who=frozenset(row["who"].split()),
            words=row["words"],
            mark=Mark(row["mark"]),
            source=row["source"],
        )
        for row in _rows("declarations.csv")
    )
    return Parties({(line.instrument, line.state): line for line in lines}, declarations)


def _rows(name: str) -> list[dict[str, str]]:
    text = files("consent").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter=";"))


def _day(written: str) -> date | None:
    return date.fromisoformat(written) if written else None
