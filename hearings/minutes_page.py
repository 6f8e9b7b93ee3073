"""What stands on the paper of the minutes: facts into heads, each a list of blocks of plain strings.

Every time is given on the clocks of both seats. The result is data for `minutes.typ` (JSON without
numbers), so that words reach the page as words and never as markup. A character that has no shape, or
that would turn the reading order of a line, becomes its number (‹U+202E›): what was written is neither
lost nor able to deceive.

Sources: Unicode 9 (UAX 9) 2.1, 2.2 (characters that turn the line).
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from hearings.events import DIGITS
from hearings.minutes import (
    Claim,
    Conduct,
    Connection,
    Declaration,
    Exhibit,
    Happening,
    Heard,
    Identified,
    Intervention,
    Minutes,
    Oath,
    Objection,
    Outcome,
    Presence,
    Safeguard,
    Technical,
    Warned,
    Worst,
)
from hearings.roles import Capacity, Side
from scheduling.zones import Clock, on_clock

Block = dict[str, Any]
"""`kind` is facts, table, digests, course, quote or text; `minutes.typ` draws each."""

_CAPACITY = {
    Capacity.WITNESS: "Witness",
    Capacity.EXPERT: "Expert",
    Capacity.VICTIM: "Victim",
    Capacity.SUSPECT: "Suspected person",
    Capacity.ACCUSED: "Accused person",
    Capacity.SOUGHT: "Person sought",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_RIGHT_TO_LEFT = {"ar", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"}
_TURNS_THE_LINE = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}


def page(minutes: Minutes, *, numbered: frozenset[str] = frozenset()) -> Block:
    """What stands on the paper, as data for the template: heads, each a list of blocks, each of strings.

    `numbered`: characters that no font can draw, and that are shown by their Unicode number.
    """
    zones = list(dict.fromkeys((minutes.requesting.zone, minutes.requested.zone)))
    drawn = on_clock(minutes.drawn_up, minutes.requested.zone)
    said = {
        "authority": minutes.drawn_up_by,
        "matter": minutes.matter,
        "drawn": drawn.sentence,
        "drawn-day": drawn.day,
        "front": _facts(_front(minutes)),
        "heads": [
            _head("Date and place", minutes.sources.date_and_place, _date_and_place(minutes, zones)),
            _head(
                "Identity of the person heard",
                minutes.sources.person_heard,
                _persons_heard(minutes.heard, zones),
            ),
            _head("Other persons taking part", minutes.sources.participants, _participants(minutes, zones)),
            _head("Oaths", minutes.sources.oaths, _oaths(minutes.oaths, zones)),
            _head("Technical conditions", minutes.sources.technical, _technical(minutes.technical, zones)),
            _head("Safeguards", "", _safeguards(minutes.safeguards, zones)),
            _head("Notices and declarations", "", _declarations(minutes.declarations, zones)),
            *_if_any("Warnings", _warnings(minutes.warnings, zones)),
            *_if_any("Interventions of the authority present", _interventions(minutes.interventions, zones)),
            *_if_any("Claims of a right not to testify", _claims(minutes.claims, zones)),
            *_if_any("Objections to the interpretation", _objections(minutes.objections, zones)),
            *_if_any("Identified anew after a loss", _identities(minutes.identities, zones)),
            *_if_any("Exhibits", _exhibits(minutes.exhibits, zones)),
            *_if_any("For the authorities of the requested State", _conducts(minutes.conducts, zones)),
            _head("Course of the hearing", "", _course(minutes.course, zones)),
        ],
        "signatory": minutes.signatory.model_dump(),
        "hearing": minutes.hearing,
    }
    return {name: _visible(value, numbered) for name, value in said.items()}


def _front(minutes: Minutes) -> Iterator[tuple[str, list[str]]]:
    for seat in (minutes.requesting, minutes.requested):
        yield (
            f"{seat.side.value.capitalize()} side",
            [
                f"{seat.authority}, {seat.state}",
                f"Reference {seat.reference}",
            ],
        )
    yield "Legal basis", list(minutes.basis)


def _date_and_place(minutes: Minutes, zones: list[str]) -> Iterator[Block]:
    yield _facts(
        (f"{seat.side.value.capitalize()} seat", [f"{seat.place}, {seat.state}", f"Clock: {seat.zone}"])
        for seat in (minutes.requesting, minutes.requested)
    )
    rows = [
        [
            [str(number)],
            [clock.place for clock in _clocks(sitting.begin, zones)],
            [_dated(clock) for clock in _clocks(sitting.begin, zones)],
            [_dated(clock) for clock in _clocks(sitting.end, zones)],
        ]
        for number, sitting in enumerate(minutes.sittings, 1)
    ]
    yield _table("Sittings", {"No.": "auto", "Clock": "auto", "Begin": "1fr", "End": "1fr"}, rows)


def _persons_heard(heard: Iterable[Heard], zones: list[str]) -> Iterator[Block]:
    for person in heard:
        facts = [
            ("Name", [person.name]),
            ("Heard as", [_CAPACITY[person.capacity]]),
            *((fact.label, [fact.value]) for fact in person.particulars),
            ("Identified", [person.identified_how]),
        ]
        if person.identified_by is not None:
            facts.append(("Identified by", [person.identified_by]))
        if person.identified_at is not None:
            facts.append(("Identified at", _sentences(person.identified_at, zones)))
        yield _facts(facts)


def _participants(minutes: Minutes, zones: list[str]) -> Iterator[Block]:
    for side, title in (
        (Side.REQUESTED, "On the requested side"),
        (Side.REQUESTING, "On the requesting side"),
    ):
        rows = [
            [
                [person.name],
                [person.function, *([f"Identified: {person.identified}"] if person.identified else [])],
                [line for stay in person.presence for line in _stay(stay, zones)],
            ]
            for person in minutes.participants
            if person.side is side
        ]
        columns = {"Name": "1.2fr", "Function": "1.5fr", "Present": "auto"}
        yield _table(title, columns, rows)


def _oaths(oaths: Sequence[Oath], zones: list[str]) -> Iterator[Block]:
    if not oaths:
        yield _text("No oath is recorded.")
    for oath in oaths:
        if oath.taken:
            assert oath.at is not None
            by = [("Administered by", [oath.administered_by])] if oath.administered_by else []
            form = [("Form", [oath.form.capitalize()])] if oath.form else []
            yield _facts([("Taken by", [oath.name]), *form, *by, ("Taken at", _sentences(oath.at, zones))])
            yield _text(oath.formula or "", kind="quote", language=oath.language)
        else:
            yield _facts([("Not taken by", [oath.name]), ("Reason", [oath.reason or ""])])


def _technical(technical: Technical, zones: list[str]) -> Iterator[Block]:
    yield _facts(
        [
            ("Platform", [f"{technical.platform}, version {technical.version}"]),
            ("Codecs", ["; ".join(technical.codecs)]),
            ("Encryption", [technical.encryption]),
            *((fact.label, [fact.value]) for fact in technical.further),
        ]
    )
    yield {
        "kind": "digests",
        "title": "Recording, with SHA-256 digests",
        "rows": [[file.path, file.content, file.sha256] for file in technical.recordings],
    }
    rows = [
        [
            _brief(pause.begin, zones, "%H:%M:%S"),
            _brief(pause.end, zones, "%H:%M:%S"),
            [pause.what, pause.reason],
        ]
        for pause in technical.interruptions
    ]
    columns = {"From": "auto", "Until": "auto", "What, and why": "1fr"}
    yield _table("Interruptions and gaps", columns, rows)
    if technical.connections:
        yield from _connections(technical, zones)


def _connections(technical: Technical, zones: list[str]) -> Iterator[Block]:
    rows = [
        [
            [f"{one.name}: {one.what}"],
            [_shares(one)],
            [_per_cent(one.lost)],
            [_trip(one.trip)],
            [_stops(one)],
            _worst(one.worst, zones),
        ]
        for one in technical.connections
    ]
    columns = {
        "Whose, and what": "1.3fr",
        "Good, weak, bad": "auto",
        "Lost": "auto",
        "There and back": "auto",
        "Stopped": "auto",
        "Worst ten seconds": "1.3fr",
    }
    yield _table("Connections", columns, rows)
    yield _text(technical.measured)


def _shares(one: Connection) -> str:
    """Of the time, in per cent."""
    whole = one.good + one.weak + one.bad
    return ", ".join(_share(part, whole) for part in (one.good, one.weak, one.bad)) + " %"


def _share(part: int, whole: int) -> str:
    share = 100 * part / whole if whole else 0
    if 0 < share < 1:
        return "<1"
    return ">99" if 99 < share < 100 else f"{share:.0f}"


def _per_cent(tenths: int) -> str:
    return f"{tenths / 10:.1f} %"


def _trip(millis: int | None) -> str:
    return "–" if millis is None else f"{millis} ms"


def _stops(one: Connection) -> str:
    if one.stops is None or one.stopped is None:
        return "–"
    times = "once" if one.stops == 1 else f"{one.stops} times"
    return f"{times}, {one.stopped / 1000:.1f} s" if one.stopped else "no"


def _worst(worst: Worst, zones: list[str]) -> list[str]:
    """The time is told where they were not good: of good ones the worst is worth no search."""
    figures = [f"{_per_cent(worst.lost)} lost"]
    if worst.trip is not None:
        figures.append(f"{worst.trip} ms")
    if worst.frames is not None:
        figures.append(f"{worst.frames} pictures/s")
    if worst.stopped:
        figures.append(f"stopped {worst.stopped / 1000:.1f} s")
    said = f"{worst.grade}: {', '.join(figures)}"
    return [said] if worst.grade == "good" else [*_brief(worst.begin, zones, "%H:%M:%S"), said]


def _safeguards(safeguards: Sequence[Safeguard], zones: list[str]) -> Iterator[Block]:
    rows = [
        [
            [safeguard.requirement],
            [safeguard.article],
            [
                f"{safeguard.outcome.capitalize()}: {safeguard.by}",
                *_brief(safeguard.at, zones, "%H:%M"),
                *([safeguard.reason] if safeguard.reason else []),
            ],
        ]
        for safeguard in safeguards
    ]
    yield _table("", {"Safeguard": "1.3fr", "Source": "1fr", "Outcome, by whom and when": "1.2fr"}, rows)


def _warnings(warnings: Sequence[Warned], zones: list[str]) -> Iterator[Block]:
    for one in warnings:
        yield _facts(
            [
                ("To", [one.name]),
                ("Under", [one.law]),
                ("By", [one.by]),
                ("At", _sentences(one.at, zones)),
                ("Words", one.words.split("\n")),
            ]
        )


def _exhibits(exhibits: Sequence[Exhibit], zones: list[str]) -> Iterator[Block]:
    rows = [
        [
            [one.number],
            ["Shown" if one.shown else "Not shown", *one.words.split("\n")],
            [one.by, *_brief(one.at, zones, "%H:%M")],
        ]
        for one in exhibits
    ]
    if rows:
        yield _table("", {"No.": "auto", "Exhibit": "1fr", "By whom and when": "auto"}, rows)


def _conducts(conducts: Sequence[Conduct], zones: list[str]) -> Iterator[Block]:
    for one in conducts:
        yield _facts(
            [
                ("Of", [one.name]),
                ("What", [one.what.capitalize()]),
                ("Noted by", [one.by]),
                ("At", _sentences(one.at, zones)),
                ("Facts", one.words.split("\n")),
            ]
        )


def _interventions(interventions: Sequence[Intervention], zones: list[str]) -> Iterator[Block]:
    for one in interventions:
        yield _facts(
            [
                ("By", [one.by]),
                ("At", _sentences(one.at, zones)),
                *([("Source", [one.article])] if one.article else []),
                ("Ground", one.ground.split("\n")),
                ("Measure asked for", one.measure.split("\n")),
                ("Meanwhile", ["The hearing stood still." if one.suspended else "The hearing went on."]),
                *_outcomes("Settled", one.settled, zones),
            ]
        )


def _claims(claims: Sequence[Claim], zones: list[str]) -> Iterator[Block]:
    for one in claims:
        yield _facts(
            [
                ("Of", [one.name]),
                *([("Claimed by", [one.by])] if one.by != one.name else []),
                ("At", _sentences(one.at, zones)),
                ("Under", [one.law]),
                ("To the question", (one.question or "The last that was put.").split("\n")),
                *_outcomes("Ruling", [one.ruled] if one.ruled else [], zones),
            ]
        )


def _objections(objections: Sequence[Objection], zones: list[str]) -> Iterator[Block]:
    for one in objections:
        yield _facts(
            [
                ("By", [one.by]),
                ("At", _sentences(one.at, zones)),
                ("What was wrong", one.words.split("\n")),
                *_outcomes("Decision", [one.decided] if one.decided else [], zones),
            ]
        )


def _identities(identities: Sequence[Identified], zones: list[str]) -> Iterator[Block]:
    for one in identities:
        yield _facts(
            [
                ("Who", [one.name]),
                ("By", [one.by]),
                ("At", _sentences(one.at, zones)),
                ("By what means", one.means.split("\n")),
                ("In whose company", [one.company or "Alone."]),
            ]
        )


def _outcomes(label: str, outcomes: Sequence[Outcome], zones: list[str]) -> list[tuple[str, list[str]]]:
    told = [
        (label, [f"{one.outcome.capitalize()}: {one.by}", *_sentences(one.at, zones), *one.words.split("\n")])
        for one in outcomes
    ]
    return told or [(label, ["Open."])]


def _declarations(declarations: Sequence[Declaration], zones: list[str]) -> Iterator[Block]:
    if not declarations:
        yield _text("No notice was given and no declaration was asked for in this service.")
        return
    rows = [
        [
            [one.name, f"Asked by {one.asked_by}", *_brief(one.asked, zones, "%H:%M")],
            [
                one.what,
                f"{one.text}, in {one.language}",
                f"SHA-256 {one.sha256[:DIGITS]}…",
                *(["Sample, not approved"] if one.sample else []),
            ],
            list(_answer(one, zones)),
        ]
        for one in declarations
    ]
    columns = {"Who": "1fr", "What was told or asked": "1.2fr", "Answer": "1.3fr"}
    yield _table("", columns, rows)


def _answer(one: Declaration, zones: list[str]) -> Iterator[str]:
    if one.answered is None:
        yield "Not answered"
        return
    yield str(one.answer).capitalize()
    yield from _brief(one.answered, zones, "%H:%M")
    yield from one.how
    if one.revoked is not None:
        yield f"Taken back, written down by {one.revoked_by}"
        yield from _brief(one.revoked, zones, "%H:%M:%S")


def _course(course: Sequence[Happening], zones: list[str]) -> Iterator[Block]:
    yield {
        "kind": "course",
        "columns": [on_clock(course[0].at, zone).place for zone in zones] if course else [],
        "rows": [
            {
                "times": [_short(on_clock(happening.at, zone), "%H:%M") for zone in zones],
                **_text(happening.sentence, language=happening.language),
            }
            for happening in course
        ],
    }


def _head(title: str, source: str, blocks: Iterable[Block]) -> Block:
    return {"title": title, "source": source, "blocks": list(blocks)}


def _if_any(title: str, blocks: Iterable[Block]) -> list[Block]:
    """A head that stands only where there is something to tell."""
    found = list(blocks)
    return [_head(title, "", found)] if found else []


def _facts(rows: Iterable[tuple[str, list[str]]]) -> Block:
    return {"kind": "facts", "rows": [[label, [line for line in lines if line]] for label, lines in rows]}


def _table(title: str, columns: dict[str, str], rows: list[list[list[str]]]) -> Block:
    return {
        "kind": "table",
        "title": title,
        "columns": list(columns),
        "widths": list(columns.values()),
        "rows": rows,
    }


def _text(text: str, *, kind: str = "text", language: str = "en") -> Block:
    primary, *more = language.split("-")
    region = next((part.upper() for part in more if len(part) == 2), None)
    direction = "rtl" if primary.lower() in _RIGHT_TO_LEFT else "ltr"
    return {
        "kind": kind,
        "lines": text.split("\n"),
        "language": primary.lower(),
        "region": region,
        "direction": direction,
    }


def _clocks(instant: datetime, zones: list[str]) -> list[Clock]:
    return [on_clock(instant, zone) for zone in zones]


def _sentences(instant: datetime, zones: list[str]) -> list[str]:
    return [clock.sentence for clock in _clocks(instant, zones)]


def _brief(instant: datetime, zones: list[str], form: str) -> list[str]:
    return [f"{clock.place} {_short(clock, form)}" for clock in _clocks(instant, zones)]


def _stay(stay: Presence, zones: list[str]) -> Iterator[str]:
    for zone in zones:
        entered = on_clock(stay.entered, zone)
        yield f"{entered.place} {_short(entered, '%H:%M')} – {_until(stay, entered)}"


def _until(stay: Presence, entered: Clock) -> str:
    if stay.left is None:
        return "the end"
    left = on_clock(stay.left, entered.zone)
    return f"{left.time:%H:%M}" if left.date == entered.date else _short(left, "%H:%M")


def _dated(clock: Clock) -> str:
    return f"{clock.day}, {clock.time:%H:%M} (UTC{clock.offset})"


def _short(clock: Clock, form: str) -> str:
    return f"{clock.date.day} {_MONTHS[clock.date.month - 1]}, {clock.time:{form}}"


def _visible(value: Any, numbered: frozenset[str]) -> Any:
    """The same structure, with every character that cannot or must not be drawn as its number."""
    if isinstance(value, str):
        return "".join(_seen(char, numbered) for char in value)
    if isinstance(value, list):
        return [_visible(each, numbered) for each in value]
    if isinstance(value, dict):
        return {name: _visible(each, numbered) for name, each in value.items()}
    return value


def _seen(char: str, numbered: frozenset[str]) -> str:
    hidden = unicodedata.category(char) in {"Cc", "Cn", "Co", "Cs"} or ord(char) in _TURNS_THE_LINE
    hidden = hidden or char in numbered
    return f"‹U+{ord(char):04X}›" if hidden else char
