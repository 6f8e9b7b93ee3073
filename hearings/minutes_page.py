"""What stands on the paper of the minutes: facts into heads, each a list of blocks.

Every time is given on the clocks of both seats. The result is data for `minutes.typ` and for a page (JSON without
numbers), so that words reach the paper as words and never as markup. In two languages a text has two voices, which
stand beside each other; what is quoted, names, references, digests and figures have one.

A head is a function of its blocks and a line in `HEADS`.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from hearings.events import DIGITS
from hearings.minutes import (
    Connection,
    Declaration,
    Happening,
    Minutes,
    Outcome,
    Presence,
    Reworded,
    Worst,
)
from hearings.minutes_blocks import Block, Line, Lines, Pen
from hearings.minutes_documents import DOCUMENTS
from hearings.roles import OFFICE, Capacity, Side
from hearings.sentences import PLACES, Country, Moment, Tongue, recognised, say
from hearings.wording import SOURCE, Scribe, Text, Voice, Wording, country, day, decimal, english, tongue
from scheduling.zones import on_clock

_CAPACITY = {
    Capacity.WITNESS: say("Witness"),
    Capacity.EXPERT: say("Expert"),
    Capacity.VICTIM: say("Victim"),
    Capacity.SUSPECT: say("Suspected person"),
    Capacity.ACCUSED: say("Accused person"),
    Capacity.SOUGHT: say("Person sought"),
}
_SIDE = {Side.REQUESTING: say("Requesting side"), Side.REQUESTED: say("Requested side")}
_SEAT = {Side.REQUESTING: say("Requesting seat"), Side.REQUESTED: say("Requested seat")}
_FORM = {"oath": say("Oath"), "affirmation": say("Affirmation")}
_OUTCOME = {"met": say("Met: {who}"), "overridden": say("Overridden: {who}")}
_SAID = {
    "right": say("It is right."),
    "remark": say("Remark"),
    "refused": say("Does not sign."),
}
_ANSWER = {"yes": say("Yes"), "no": say("No")}
_WORST = {
    "good": say("good: {figures}"),
    "weak": say("weak: {figures}"),
    "bad": say("bad: {figures}"),
}


def page(
    minutes: Minutes,
    languages: Sequence[str] = ("en",),
    wording: Wording = english,
    *,
    numbered: frozenset[str] = frozenset(),
) -> Block:
    """What stands on the paper, in one language or in two beside each other; one that `wording` does not have is English.

    `numbered`: characters that no font can draw, and that are shown by their Unicode number.
    """
    zones = tuple(dict.fromkeys((minutes.requesting.zone, minutes.requested.zone)))
    pen = Pen(_spoken(languages, wording), wording, zones, numbered)
    document = DOCUMENTS[minutes.document]
    return {
        "languages": [_script(pen, n) for n in range(len(pen.languages))],
        "authority": pen.text(minutes.drawn_up_by),
        "matter": pen.text(minutes.matter),
        "title": pen.text(document.title),
        "drawn": pen.text(
            say("Drawn up on {moment}", moment=_moment(minutes.drawn_up, minutes.requested.zone))
        ),
        "beside": pen.text(document.beside),
        "front": pen.facts(_front(minutes, pen)),
        "heads": [
            pen.head(head.title, getattr(minutes.sources, head.source, ""), blocks, apart=head.apart)
            for head in HEADS
            if (blocks := list(head.blocks(minutes, pen))) or head.always
        ],
        "none": pen.text(say("None.")),
        "page": pen.text(say("Page {n} of {total}", n="{n}", total="{total}")),
        "signature": _signature(minutes, pen),
        "hearing": minutes.hearing,
    }


def _spoken(languages: Sequence[str], wording: Wording) -> tuple[str, ...]:
    primary = (tag.partition("-")[0].lower() for tag in languages)
    title = DOCUMENTS[Side.REQUESTED].title.template
    return tuple(dict.fromkeys(tag if wording(tag, title) is not None else SOURCE for tag in primary))


def _script(pen: Scribe, n: int) -> Voice:
    """How a language of the paper is written."""
    return Scribe((pen.languages[n],), pen.wording, pen.zones).once(lambda _: "")[0]


def _front(minutes: Minutes, pen: Pen) -> Iterator[tuple[str, Lines]]:
    for seat in (minutes.requesting, minutes.requested):
        yield (
            _SIDE[seat.side],
            [
                *_within(seat.authority, seat.state, pen),
                say("Reference {reference}", reference=seat.reference),
            ],
        )
    yield say("Legal basis"), minutes.basis


def _signature(minutes: Minutes, pen: Pen) -> Block:
    """Where whoever answers for the document signs."""
    signs = minutes.signatory
    drawn = on_clock(minutes.drawn_up, minutes.requested.zone)
    return {
        "title": pen.text(say("Signature")),
        "drawn": pen.text(DOCUMENTS[minutes.document].drawn),
        "where": [pen.text(signs.place), pen.each(partial(day, drawn.date, "long"))],
        "who": [pen.text(line) for line in (signs.name, _function(signs.function), signs.authority)],
        "seal": pen.text(
            say(
                "Valid under the electronic seal over the whole file. The same facts, for machines, are attached as "
                "minutes.json."
            )
        ),
    }


# --- the heads that the treaties demand ------------------------------------------------------------


def _date_and_place(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    days = dict.fromkeys(on_clock(sitting.begin, minutes.requested.zone).date for sitting in minutes.sittings)
    yield pen.facts(
        [
            (say("Date"), [pen.each(partial(day, one, "full")) for one in days]),
            *(
                (
                    _SEAT[seat.side],
                    [
                        *_within(recognised(seat.place, PLACES), seat.state, pen),
                        say("Clock: {zone}", zone=seat.zone),
                    ],
                )
                for seat in (minutes.requesting, minutes.requested)
            ),
        ]
    )
    columns = ((say("No."), "auto"), (say("Clock"), "auto"), (say("Begin"), "1fr"), (say("End"), "1fr"))
    yield pen.table(
        say("Sittings"),
        columns,
        [
            [
                str(number),
                [pen.once_city(zone) for zone in pen.zones],
                [pen.dated(on_clock(sitting.begin, zone)) for zone in pen.zones],
                [pen.dated(on_clock(sitting.end, zone)) for zone in pen.zones],
            ]
            for number, sitting in enumerate(minutes.sittings, 1)
        ],
    )


def _persons_heard(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    for person in minutes.heard:
        yield pen.facts(
            [
                (say("Name"), person.name),
                (say("Heard as"), _CAPACITY[person.capacity]),
                *((fact.label, fact.value) for fact in person.particulars),
                (say("Identified"), person.identified_how),
                *_maybe(say("Identified by"), person.identified_by),
                *([(say("Identified at"), pen.moment(person.identified_at))] if person.identified_at else []),
            ]
        )


def _participants(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    columns = ((say("Name"), "1.2fr"), (say("Function"), "1.5fr"), (say("Present"), "auto"))
    for side, title in (
        (Side.REQUESTED, say("On the requested side")),
        (Side.REQUESTING, say("On the requesting side")),
    ):
        yield pen.table(
            title,
            columns,
            [
                [
                    person.name,
                    [
                        _function(person.function),
                        *([say("Identified: {how}", how=person.identified)] if person.identified else []),
                    ],
                    _stays(person.presence, pen),
                ]
                for person in minutes.participants
                if person.side is side
            ],
        )


def _oaths(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    if not minutes.oaths:
        yield pen.words(say("No oath is recorded."))
    for oath in minutes.oaths:
        if not oath.taken:
            yield pen.facts([(say("Not taken by"), oath.name), (say("Reason"), oath.reason or "")])
            continue
        assert oath.at is not None
        yield pen.facts(
            [
                (say("Taken by"), oath.name),
                *_maybe(say("Form"), _FORM[oath.form] if oath.form else None),
                *_maybe(say("Administered by"), oath.administered_by),
                (say("Taken at"), pen.moment(oath.at)),
            ]
        )
        yield pen.quote(oath.formula or "", oath.language)


def _technical(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    told = minutes.technical
    yield pen.facts(
        [
            (
                say("Platform"),
                say("{platform}, version {version}", platform=told.platform, version=told.version),
            ),
            (say("Codecs"), told.codecs),
            (say("Encryption"), told.encryption),
            *((fact.label, fact.value) for fact in told.further),
        ]
    )
    yield pen.digests(
        say("Recording, with SHA-256 digests"),
        [(file.path, file.content, file.sha256) for file in told.recordings],
    )
    yield pen.table(
        say("Interruptions and gaps"),
        ((say("From"), "auto"), (say("Until"), "auto"), (say("What, and why"), "1fr")),
        [
            [pen.brief(pause.begin, "%H:%M:%S"), pen.brief(pause.end, "%H:%M:%S"), [pause.what, pause.reason]]
            for pause in told.interruptions
        ],
    )
    if told.connections:
        yield _connections(told.connections, pen)
        yield pen.words(told.measured)


def _connections(connections: Sequence[Connection], pen: Pen) -> Block:
    columns = (
        (say("Whose, and what"), "1.4fr"),
        (say("Good, weak, bad"), "1.4fr"),
        (say("Lost"), "0.8fr"),
        (say("There and back"), "0.9fr"),
        (say("Stopped"), "1fr"),
        (say("Worst ten seconds"), "2.3fr"),
    )
    return pen.table(
        say("Connections"),
        columns,
        [
            [
                say("{name}: {what}", name=one.name, what=one.what),
                _shares(one),
                _per_cent(one.lost, pen),
                _trip(one.trip),
                _stops(one, pen),
                _worst(one.worst, pen),
            ]
            for one in connections
        ],
    )


def _shares(one: Connection) -> str:
    """Of the time, in per cent."""
    whole = one.good + one.weak + one.bad
    return ", ".join(_share(part, whole) for part in (one.good, one.weak, one.bad)) + " %"


def _share(part: int, whole: int) -> str:
    share = 100 * part / whole if whole else 0
    if 0 < share < 1:
        return "<1"
    return ">99" if 99 < share < 100 else f"{share:.0f}"


def _per_cent(tenths: int, pen: Pen) -> str:
    return f"{_number(tenths / 10, pen)} %"


def _number(value: float, pen: Pen) -> str:
    """Figures stand once, as the first language writes them."""
    return decimal(value, 1, pen.languages[0])


def _trip(millis: int | None) -> str:
    return "–" if millis is None else f"{millis} ms"


def _stops(one: Connection, pen: Pen) -> str:
    if one.stops is None or one.stopped is None:
        return "–"
    return f"{one.stops}×, {_number(one.stopped / 1000, pen)} s" if one.stopped else "0"


def _worst(worst: Worst, pen: Pen) -> list[Line]:
    """The time is told where they were not good: of good ones the worst is worth no search."""
    figures = say("{share} lost", share=_per_cent(worst.lost, pen))
    if worst.trip is not None:
        figures = say("{figures}, {trip} ms", figures=figures, trip=worst.trip)
    if worst.frames is not None:
        figures = say("{figures}, {frames} pictures/s", figures=figures, frames=worst.frames)
    if worst.stopped:
        seconds = _number(worst.stopped / 1000, pen)
        figures = say("{figures}, stopped {seconds} s", figures=figures, seconds=seconds)
    said = say(_WORST[worst.grade].template, figures=figures)
    return [said] if worst.grade == "good" else [*pen.brief(worst.begin, "%H:%M:%S"), said]


# --- what comes besides ------------------------------------------------------------------------------


def _safeguards(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    columns = (
        (say("Safeguard"), "1.3fr"),
        (say("Source"), "1fr"),
        (say("Outcome, by whom and when"), "1.2fr"),
    )
    yield pen.table(
        "",
        columns,
        [
            [
                one.requirement,
                one.article,
                [say(_OUTCOME[one.outcome].template, who=one.by), *pen.brief(one.at), one.reason or ""],
            ]
            for one in minutes.safeguards
        ],
    )


def _declarations(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    if not minutes.declarations:
        yield pen.words(say("No notice was given and no declaration was asked for in this service."))
        return
    columns = ((say("Who"), "1fr"), (say("What was told or asked"), "1.2fr"), (say("Answer"), "1.3fr"))
    yield pen.table(
        "",
        columns,
        [
            [
                [one.name, say("Asked by {who}", who=one.asked_by), *pen.brief(one.asked)],
                [
                    pen.text(one.what, capital=True),
                    say("{text}, in {language}", text=one.text, language=Tongue(one.language)),
                    f"SHA-256 {one.sha256[:DIGITS]}…",
                    *([say("Sample, not approved")] if one.sample else []),
                ],
                list(_answer(one, pen)),
            ]
            for one in minutes.declarations
        ],
    )


def _answer(one: Declaration, pen: Pen) -> Iterator[Line]:
    if one.answered is None:
        yield say("Not answered")
        return
    yield _ANSWER[str(one.answer)]
    yield from pen.brief(one.answered)
    yield from one.how
    if one.revoked is not None:
        yield say("Taken back, written down by {who}", who=one.revoked_by)
        yield from pen.brief(one.revoked, "%H:%M:%S")


def _warnings(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    for one in minutes.warnings:
        yield pen.facts(
            [
                (say("To"), one.name),
                (say("Under"), one.law),
                (say("By"), one.by),
                (say("At"), pen.moment(one.at)),
                (say("Words"), one.words),
            ]
        )


def _exhibits(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    if minutes.exhibits:
        yield pen.table(
            "",
            ((say("No."), "auto"), (say("Exhibit"), "1fr"), (say("By whom and when"), "auto")),
            [
                [
                    one.number,
                    [say("Shown") if one.shown else say("Not shown"), one.words],
                    [one.by, *pen.brief(one.at)],
                ]
                for one in minutes.exhibits
            ],
        )


def _conducts(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    for one in minutes.conducts:
        yield pen.facts(
            [
                (say("Of"), one.name),
                (say("What"), pen.text(one.what, capital=True)),
                (say("Noted by"), one.by),
                (say("At"), pen.moment(one.at)),
                (say("Facts"), one.words),
            ]
        )


def _interventions(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    for one in minutes.interventions:
        meanwhile = say("The hearing stood still.") if one.suspended else say("The hearing went on.")
        yield pen.facts(
            [
                (say("By"), one.by),
                (say("At"), pen.moment(one.at)),
                *_maybe(say("Source"), one.article),
                (say("Ground"), one.ground),
                (say("Measure asked for"), one.measure),
                (say("Meanwhile"), meanwhile),
                *_outcomes(say("Settled"), one.settled, pen),
            ]
        )


def _claims(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    for one in minutes.claims:
        yield pen.facts(
            [
                (say("Of"), one.name),
                *_maybe(say("Claimed by"), one.by if one.by != one.name else None),
                (say("At"), pen.moment(one.at)),
                (say("Under"), one.law),
                (say("To the question"), one.question or say("The last that was put.")),
                *_outcomes(say("Ruling"), [one.ruled] if one.ruled else [], pen),
            ]
        )


def _objections(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    for one in minutes.objections:
        yield pen.facts(
            [
                (say("By"), one.by),
                (say("At"), pen.moment(one.at)),
                (say("What was wrong"), one.words),
                *_outcomes(say("Decision"), [one.decided] if one.decided else [], pen),
            ]
        )


def _identities(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    for one in minutes.identities:
        yield pen.facts(
            [
                (say("Who"), one.name),
                (say("By"), one.by),
                (say("At"), pen.moment(one.at)),
                (say("By what means"), one.means),
                (say("In whose company"), one.company or say("Alone.")),
            ]
        )


def _video(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    if minutes.video:
        yield pen.facts((fact.label, fact.value) for fact in minutes.video)


def _presided(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    if minutes.presided:
        yield pen.facts((fact.label, fact.value) for fact in minutes.presided)


def _lawyers(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    if minutes.lawyers:
        yield pen.table(
            "",
            ((say("Name"), "1.2fr"), (say("Function"), "1.5fr"), (say("Present"), "auto")),
            [[one.name, _function(one.function), _stays(one.presence, pen)] for one in minutes.lawyers],
        )


def _interpreted(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    if minutes.interpreted:
        yield pen.table(
            "",
            (
                (say("Interpreter"), "1.2fr"),
                (say("Into the language"), "1fr"),
                (say("From"), "auto"),
                (say("Until"), "auto"),
            ),
            [
                [one.name, pen.each(partial(tongue, one.language)), pen.brief(one.begin), pen.brief(one.end)]
                for one in minutes.interpreted
            ],
        )


def _tests(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    for one in minutes.tests:
        yield pen.facts(
            [
                (say("Place"), recognised(one.place, PLACES)),
                (say("At"), pen.moment(one.at)),
                (say("Result"), say("Good") if one.good else say("To be repeated")),
                (say("Measured"), pen.text(one.seen, capital=True)),
                *_maybe(say("Words"), one.words),
                (say("Noted by"), one.by),
            ]
        )


def _sight(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    for one in minutes.sight:
        yield pen.words(one)


def _recorded(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    if minutes.recorded:
        yield pen.table(
            "",
            ((say("Stretch"), "auto"), (say("From"), "1fr"), (say("Until"), "1fr"), (say("Kept"), "1fr")),
            [
                [
                    str(one.number),
                    pen.brief(one.begin, "%H:%M:%S"),
                    pen.brief(one.end, "%H:%M:%S"),
                    say("Sealed") if one.sealed else say("Open"),
                ]
                for one in minutes.recorded
            ],
        )


def _readings(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    if minutes.readings:
        yield pen.table(
            "",
            ((say("Who"), "1fr"), (say("How and when"), "1.2fr"), (say("What they said"), "1.6fr")),
            [
                [
                    one.name,
                    [pen.text(one.how, capital=True), *pen.brief(one.at)],
                    [_SAID[one.said], one.words],
                ]
                for one in minutes.readings
            ],
        )


def _omissions(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    if minutes.omissions:
        yield pen.table(
            "",
            ((say("What"), "1.4fr"), (say("Reason"), "1.4fr"), (say("By whom and when"), "auto")),
            [[one.words, one.reason, [one.by, *pen.brief(one.at)]] for one in minutes.omissions],
        )


def _course(minutes: Minutes, pen: Pen) -> Iterator[Block]:
    clocks = [pen.city(zone) for zone in pen.zones] if minutes.course else []
    yield pen.course(
        clocks,
        [
            (
                [pen.short(on_clock(one.at, zone)) for zone in pen.zones],
                _happened(one, pen),
                [line for each in one.reworded for note in _notes(each, pen) for line in pen.lines(note)],
            )
            for one in minutes.course
        ],
    )


def _happened(one: Happening, pen: Pen) -> list[Text]:
    if one.reworded:
        return [pen.worded(one.sentence, {each.language: each.words for each in one.reworded})]
    return pen.lines(one.sentence) if one.language == SOURCE else [pen.quoted(one.sentence, one.language)]


def _notes(one: Reworded, pen: Pen) -> Iterator[str]:
    """Who worded it anew, and every wording that stood before, the last one first."""
    *earlier, last = one.old
    yield say(
        "Worded anew by {who}, {moment}. Before: “{old}”",
        who=one.by,
        moment=_moment(one.at, pen.zones[-1]),
        old=last,
    )
    for old in reversed(earlier):
        yield say("Before that: “{old}”", old=old)


class Head(NamedTuple):
    """A head of the minutes. `source`: where `Sources` has the provision that demands it; `always`: it stands there
    even where there is nothing to tell; `apart`: it is folded away on the page of whoever was heard.
    """

    title: str
    blocks: Callable[[Minutes, Pen], Iterator[Block]]
    source: str = ""
    always: bool = False
    apart: bool = False


HEADS = (
    Head(say("Date and place"), _date_and_place, "date_and_place", always=True),
    Head(say("Identity of the person heard"), _persons_heard, "person_heard", always=True),
    Head(say("Other persons taking part"), _participants, "participants", always=True),
    Head(say("Oaths"), _oaths, "oaths", always=True),
    Head(say("Technical conditions"), _technical, "technical", always=True, apart=True),
    Head(say("Notices and declarations"), _declarations, "consents", always=True),
    Head(say("Lawyers"), _lawyers, "lawyers", apart=True),
    Head(say("Interpretation"), _interpreted, "interpretation"),
    Head(say("Warnings"), _warnings),
    Head(say("Interventions of the authority present"), _interventions, "interventions"),
    Head(say("Claims of a right not to testify"), _claims, "claims"),
    Head(say("Objections to the interpretation"), _objections, "objections"),
    Head(say("Identified anew after a loss"), _identities),
    Head(say("Exhibits"), _exhibits),
    Head(say("For the authorities of the requested State"), _conducts),
    Head(say("Course of the hearing"), _course, always=True),
    Head(say("What is missing, and why"), _omissions),
    Head(say("Read and answered"), _readings, "reading"),
    Head(say("Who presided and who attended"), _presided, apart=True),
    Head(say("Why the hearing was held by video link"), _video, "video", apart=True),
    Head(say("Who saw and heard whom"), _sight, apart=True),
    Head(say("Times on the record"), _recorded, "recording", apart=True),
    Head(say("Technical test"), _tests, apart=True),
    Head(say("Safeguards"), _safeguards, always=True, apart=True),
)


# --- what heads have in common ------------------------------------------------------------------------


def _stays(presence: Sequence[Presence], pen: Pen) -> list[Line]:
    return [pen.stay(stay.entered, stay.left, zone) for stay in presence for zone in pen.zones]


def _maybe(label: str, value: str | None) -> list[tuple[str, Lines]]:
    return [(label, value)] if value else []


def _outcomes(label: str, outcomes: Sequence[Outcome], pen: Pen) -> list[tuple[str, Lines]]:
    told: list[tuple[str, Lines]] = [
        (
            label,
            [
                pen.text(say("{outcome}: {who}", outcome=one.outcome, who=one.by), capital=True),
                *pen.moment(one.at),
                one.words,
            ],
        )
        for one in outcomes
    ]
    return told or [(label, say("Open."))]


def _function(function: str) -> str:
    return recognised(function, OFFICE.values())


def _within(name: str, state: str, pen: Pen) -> list[Line]:
    """A name, which stands once, and the State in which it is: two letters, or its name."""
    coded = len(state) == 2 and state.isupper()
    if pen.twofold:
        return [name, pen.each(partial(country, state)) if coded else state]
    return [say("{place}, {state}", place=name, state=Country(state) if coded else state)]


def _moment(at: datetime, zone: str) -> Moment:
    return Moment(at, on_clock(at, zone).sentence, zone)
