"""Which instrument governs a hearing: a pure rule of purpose, States, day and capacity, that says why, step by step.

It never falls through in silence from one instrument to the next: each that does not govern says why not, and that of a
State nothing was read is not that it is not bound. What comes out is for a person to choose from. Where two bind the
States, the first is the basis of the request; no hearing is held to a mixture of two.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from consent.parties import SNAPSHOT, Declaration, Mark, Parties, Standing


class Purpose(StrEnum):
    """What the hearing is for: the first question, for the same two States differ by it."""

    EVIDENCE = "evidence"
    TRIAL = "trial"
    RECOGNITION = "recognition"
    EXTRADITION = "extradition"


class Finding(StrEnum):
    FOUND = "found"
    EXCLUDED = "excluded"  # an instrument binds both, and a declaration or its text leaves this person out
    NONE = "none"
    UNSETTLED = "unsettled"


WITNESSES = frozenset({"witness", "expert", "victim"})
DEFENDANTS = frozenset({"suspect", "accused"})
SOUGHT = "sought"


@dataclass(frozen=True)
class Case:
    """`requesting`, `requested`: States, ISO 3166; `on`: the day on which the request was received; `capacity`: as what
    the person is to be heard, None where that is not said.
    """

    purpose: Purpose
    requesting: str
    requested: str
    on: date
    capacity: str | None

    @property
    def states(self) -> tuple[str, str]:
        return self.requesting, self.requested


@dataclass(frozen=True)
class Reason:
    """A step of the answer. `words` has places for `values`, States by their codes and days as ISO dates;
    `instrument`: of which it speaks, empty where of none or of several; `declared`: the State whose declaration it is.
    """

    words: str
    article: str
    mark: Mark
    instrument: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    declared: str = ""


@dataclass(frozen=True)
class Answer:
    """`basis`: the instrument, where one governs; `alternatives`: others that bind both, or that the States may agree
    on; `declarations`: what was declared that changes this hearing.
    """

    finding: Finding
    basis: str | None
    reasons: tuple[Reason, ...]
    alternatives: tuple[str, ...] = ()
    declarations: tuple[Declaration, ...] = ()


def governing(case: Case, parties: Parties) -> Answer:
    """The answer of the lists as they were read; a person chooses."""
    answer = _ASKED[case.purpose](case, parties)
    if case.capacity is None:
        return replace(answer, reasons=(*answer.reasons, _NOT_SAID))
    return answer


_NOT_SAID = Reason(
    "As what the person is to be heard was not said; the answer may depend on it.", "", Mark.SEEN
)


# --- taking evidence


@dataclass(frozen=True)
class _Tried:
    """What came of one instrument: it governs, leaves this person out, or does not bind both."""

    finding: Finding
    reasons: tuple[Reason, ...]
    declarations: tuple[Declaration, ...] = ()


_SOUGHT_GIVES_NONE = Reason(
    "Nobody is heard as a person sought to take evidence: say whether as a suspect or an accused, or that the hearing "
    "is on surrender or extradition.",
    "",
    Mark.SEEN,
)
_VICTIM_IS_WITNESS = Reason(
    "A victim is heard as a witness: no instrument in force that was read names victims for a video link.",
    "",
    Mark.SEEN,
)


def _evidence(case: Case, parties: Parties) -> Answer:
    if case.capacity == SOUGHT:
        return Answer(Finding.EXCLUDED, None, (_SOUGHT_GIVES_NONE,))
    first = (_VICTIM_IS_WITNESS,) if case.capacity == "victim" else ()
    tried = {name: attempt(case, parties) for name, attempt in _EVIDENCE.items()}
    found = [name for name, one in tried.items() if one.finding is Finding.FOUND]
    if "eio" in found:  # it replaced the others between the States that it binds
        return Answer(Finding.FOUND, "eio", (*first, *tried["eio"].reasons))
    reasons = (
        *first,
        *(reason for one in tried.values() for reason in one.reasons),
        *_besides(case, parties),
    )
    if found:
        basis, *others = found
        return Answer(Finding.FOUND, basis, reasons, tuple(others), tried[basis].declarations)
    declared = tuple(one for each in tried.values() for one in each.declarations)
    if any(one.finding is Finding.EXCLUDED for one in tried.values()):
        return Answer(Finding.EXCLUDED, None, reasons, (), declared)
    code = () if case.capacity in DEFENDANTS else ("untoc", "uncac")
    return Answer(Finding.NONE, None, (*reasons, *_default_code(case)), code)


def _eio(case: Case, parties: Parties) -> _Tried:
    if not parties.both("eio", case.states, case.on):
        return _not_both("eio", "Article 34(1)", case, parties)
    values = {**_named(case), "since": _both_since(parties, "eio", case)}
    return _found(
        Reason(
            "{requesting} and {requested} are both bound by the Directive, which replaced the earlier conventions "
            "between them for requests received from {since} on.",
            "Articles 34(1) and 35",
            Mark.SEEN,
            "eio",
            values,
        )
    )


def _names_no_suspects(instrument: str) -> _Tried:
    return _Tried(
        Finding.EXCLUDED,
        (
            Reason(
                "The Convention lets an accused be heard by video link, and does not name suspects.",
                "Article 10(9)",
                Mark.SEEN,
                instrument,
            ),
        ),
    )


def _eu2000(case: Case, parties: Parties) -> _Tried:
    if not parties.both("eu2000", case.states, case.on):
        return _not_both("eu2000", "Article 10", case, parties)
    if case.capacity == "suspect":
        return _names_no_suspects("eu2000")
    return _unless_declared("eu2000", "Article 10", case, parties)


def _nordic(case: Case, parties: Parties) -> _Tried:
    """Iceland and Norway with a State of the Convention of 2000, whose declarations go with the Convention."""
    outside = [state for state in case.states if _bound("eu2000-isno", state, case, parties)]
    inside = [state for state in case.states if _bound("eu2000", state, case, parties)]
    if len(outside) != 1 or len(inside) != 1:
        return _Tried(Finding.NONE, ())
    if case.capacity == "suspect":
        return _names_no_suspects("eu2000-isno")
    carried = Reason(
        "An agreement with the European Union carries the Convention of 2000 over to {state}.",
        "Agreement of 19 December 2003",
        Mark.RECALLED,
        "eu2000-isno",
        {"state": outside[0]},
    )
    return _as_declared("eu2000-isno", carried, _declared("eu2000", case, parties))


def _ets182(case: Case, parties: Parties) -> _Tried:
    if not parties.both("ets182", case.states, case.on):
        return _not_both("ets182", "Article 9", case, parties)
    return _unless_declared("ets182", "Article 9", case, parties)


def _eu_us(case: Case, parties: Parties) -> _Tried:
    others = [state for state in case.states if state != "US"]
    if len(others) != 1 or not _member(others[0], case, parties):
        return _Tried(Finding.NONE, ())
    bound = Reason(
        "{state} is a Member State of the European Union, whose agreement with the United States binds it.",
        "",
        Mark.RECALLED,
        "eu-us",
        {"state": others[0]},
    )
    if case.capacity in DEFENDANTS:
        left_out = Reason(
            "The agreement covers witnesses and experts; other hearings are for the requested State to allow.",
            "Article 6(1) and (6)",
            Mark.SEEN,
            "eu-us",
        )
        return _Tried(Finding.EXCLUDED, (bound, left_out))
    return _found(
        bound,
        Reason(
            "The agreement of the European Union with the United States lets a witness or expert be heard by video link.",
            "Article 6(1)",
            Mark.SEEN,
            "eu-us",
        ),
    )


_EVIDENCE: dict[str, Callable[[Case, Parties], _Tried]] = {
    "eio": _eio,
    "eu2000": _eu2000,
    "eu2000-isno": _nordic,
    "ets182": _ets182,
    "eu-us": _eu_us,
}
"""In the order in which they are asked; the first that governs is the basis."""


def _declared(instrument: str, case: Case, parties: Parties) -> list[Declaration]:
    """What counts in this case: of the requested State on whom it hears, and of either that it hears nobody so."""
    if case.capacity is None:
        return []
    return [
        one
        for one in parties.declared(instrument, case.states, case.capacity, case.on)
        if one.effect == "excluded" or one.state == case.requested
    ]


def _unless_declared(instrument: str, article: str, case: Case, parties: Parties) -> _Tried:
    values = {**_named(case), "since": _both_since(parties, instrument, case)}
    bound = Reason(
        "{requesting} and {requested} are both party, since {since} at the latest.",
        article,
        _weakest(parties, instrument, case),
        instrument,
        values,
    )
    found = _as_declared(instrument, bound, _declared(instrument, case, parties))
    if found.finding is Finding.FOUND and case.capacity in DEFENDANTS:
        return replace(found, reasons=(*found.reasons, *_unread(instrument, article, case, parties)))
    return found


def _as_declared(instrument: str, bound: Reason, declared: Sequence[Declaration]) -> _Tried:
    told = tuple(Reason(one.words, one.article, one.mark, instrument, declared=one.state) for one in declared)
    finding = Finding.EXCLUDED if any(one.effect == "excluded" for one in declared) else Finding.FOUND
    return _Tried(finding, (bound, *told), tuple(declared))


def _unread(instrument: str, article: str, case: Case, parties: Parties) -> Iterator[Reason]:
    known = {
        one.state for one in parties.declarations if one.instrument == instrument and one.who & DEFENDANTS
    }
    for state in case.states:
        if state not in known:
            yield Reason(
                "Whether {state} has declared anything on hearing a suspect or accused was not read; that is to be checked.",
                f"{article}(9)",
                Mark.UNVERIFIED,
                instrument,
                {"state": state},
            )


def _not_both(instrument: str, article: str, case: Case, parties: Parties) -> _Tried:
    return _Tried(Finding.NONE, tuple(_why_not(instrument, article, case, parties)))


_WHY_NOT: dict[Standing, Reason] = {
    Standing.NOT_BOUND: Reason("It does not bind {state}, as read on {read}: {source}.", "", Mark.SEEN),
    Standing.NOT_YET: Reason(
        "It did not bind {state} on {on}: the list read on {read} has no day of its coming into force by then.",
        "",
        Mark.SEEN,
    ),
    Standing.UNKNOWN: Reason(
        "Whether it binds {state} was not found in the lists read on {read}; that is to be checked.",
        "",
        Mark.UNVERIFIED,
    ),
}
_UNSETTLED = Reason(
    "Whether it binds {state} is not settled by what was read on {read} ({source}); that is to be checked.",
    "",
    Mark.UNVERIFIED,
)


def _why_not(instrument: str, article: str, case: Case, parties: Parties) -> Iterator[Reason]:
    for state in case.states:
        standing = parties.standing(instrument, state, case.on)
        if standing is Standing.BOUND:
            continue
        line = parties.lines.get((instrument, state))
        unsettled = standing is Standing.UNKNOWN and line is not None
        reason = _UNSETTLED if unsettled else _WHY_NOT[standing]
        values = {
            "state": state,
            "read": SNAPSHOT.isoformat(),
            "on": case.on.isoformat(),
            "source": ", ".join(filter(None, (line.source, line.note))) if line else "",
        }
        yield replace(
            reason,
            article=article,
            mark=line.mark if line else Mark.UNVERIFIED,
            values={name: value for name, value in values.items() if f"{{{name}}}" in reason.words},
            instrument=instrument,
        )


def _besides(case: Case, parties: Parties) -> Iterator[Reason]:
    """What may come to mind for these States and does not decide, or not yet."""
    members = [_member(state, case, parties) for state in case.states]
    if "GB" in case.states and any(members):
        yield Reason(
            "The Trade and Cooperation Agreement of the European Union with {state} also has a title on mutual assistance.",
            "",
            Mark.RECALLED,
            values={"state": "GB"},
        )
    if "JP" in case.states and any(members):
        yield Reason(
            "Whether the agreement of the European Union with {state} provides for video links is to be checked.",
            "",
            Mark.UNVERIFIED,
            values={"state": "JP"},
        )
    for reason in _NOT_RELIED_ON:
        if all((reason.instrument, state) in parties.lines for state in case.states):
            yield reason


_NOT_RELIED_ON = (
    Reason(
        "It is not in force: three of the five ratifications that it needs were read.",
        "",
        Mark.SEEN,
        "cets224",
    ),
    Reason(
        "It governs only how the video link is used, beside a treaty on mutual assistance. Whether it binds both is to "
        "be checked.",
        "Articles 1 to 3",
        Mark.SEEN_IN_PART,
        "ibero",
    ),
    Reason(
        "Whether it binds both, and what it says of video links, is to be checked.",
        "",
        Mark.UNVERIFIED,
        "chisinau",
    ),
)


def _default_code(case: Case) -> Iterator[Reason]:
    yield Reason(
        "No instrument on video links was found that binds both {requesting} and {requested}. Then their central "
        "authorities agree on a basis, or the person is heard there on letters rogatory.",
        "",
        Mark.SEEN,
        values=_named(case),
    )
    yield Reason(
        "The United Nations conventions on organised crime and on corruption may be used where no other treaty on "
        "mutual assistance binds both, or where both agree, and only within the scope of each. Whether both are party "
        "is to be checked.",
        "Article 18(6) and (7); Article 46(6) and (7)",
        Mark.SEEN,
    )
    if case.capacity in DEFENDANTS:
        yield Reason(
            "Their rule on video links is for witnesses and experts. A suspect or accused is heard so only if the law "
            "of the requested State lets it be done as other assistance.",
            "Article 18(3)(i) and (18); Article 46(18)",
            Mark.SEEN,
        )
    if case.capacity == "victim":
        yield Reason(
            "It names victims, and is not in force in any source that was read.", "", Mark.SEEN, "uncyber"
        )


# --- the other purposes


_WITNESS_GIVES_EVIDENCE = Reason(
    "A witness, expert or victim gives evidence, whatever the proceedings: say that the hearing takes evidence.",
    "",
    Mark.SEEN,
)


def _trial(case: Case, parties: Parties) -> Answer:
    if case.capacity in WITNESSES:
        return Answer(Finding.EXCLUDED, None, (_WITNESS_GIVES_EVIDENCE,))
    evidence = _evidence(case, parties)
    reasons = [
        Reason(
            "No instrument that was read provides for taking part in one's own trial by video link.",
            "",
            Mark.SEEN,
        )
    ]
    if evidence.basis == "eio":
        reasons += [
            Reason(
                "An investigation order may serve at a trial only so far as it takes evidence.",
                "C-325/24 of 18 December 2025",
                Mark.SEEN,
                "eio",
            ),
            Reason(
                "The right to be present at one's trial does not speak of video links.",
                "Articles 8 and 9 of Directive (EU) 2016/343",
                Mark.SEEN,
            ),
            Reason(
                "A European order on taking part from afar is only proposed.",
                "COM(2026) 313",
                Mark.SEEN_IN_PART,
            ),
        ]
    if case.capacity == SOUGHT:
        return Answer(Finding.UNSETTLED, None, tuple(reasons))
    alternatives = (evidence.basis, *evidence.alternatives) if evidence.basis else ()
    told = (*reasons, *evidence.reasons)
    return Answer(Finding.UNSETTLED, None, told, alternatives, evidence.declarations)


def _recognition(case: Case, parties: Parties) -> Answer:
    both = parties.both("reg2844", case.states, case.on)
    if case.capacity in WITNESSES and not both:
        return Answer(Finding.EXCLUDED, None, (_WITNESS_GIVES_EVIDENCE,))
    if case.capacity in WITNESSES:
        reason = Reason(
            "The Regulation does not cover witnesses and experts: to hear them is to take evidence.",
            "Article 6(1), recital 43",
            Mark.SEEN,
            "reg2844",
        )
        return Answer(Finding.EXCLUDED, None, (reason,))
    if both:
        values = {**_named(case), "since": _both_since(parties, "reg2844", case)}
        reason = Reason(
            "{requesting} and {requested} are both bound by the Regulation, which applies from {since} on.",
            "Articles 6 and 26(2)",
            Mark.SEEN,
            "reg2844",
            values,
        )
        return Answer(Finding.FOUND, "reg2844", (reason,), ("eaw",) if _surrenders(case, parties) else ())
    why = tuple(_why_not("reg2844", "Article 6", case, parties))
    if _surrenders(case, parties):
        alone = Reason(
            "Between them the Framework Decision alone provides for a hearing before surrender.",
            "Articles 18 and 19",
            Mark.RECALLED,
            "eaw",
        )
        return Answer(Finding.FOUND, "eaw", (*why, alone))
    none = Reason(
        "No instrument of mutual recognition that provides for a hearing by video link binds both.",
        "",
        Mark.SEEN,
    )
    return Answer(Finding.NONE, None, (*why, none, *_british(case, parties)), _british_title(case, parties))


def _surrenders(case: Case, parties: Parties) -> bool:
    return case.capacity in {SOUGHT, None} and parties.both("eaw", case.states, case.on)


def _british(case: Case, parties: Parties) -> Iterator[Reason]:
    if _british_title(case, parties):
        yield Reason(
            "Between them surrender follows the Trade and Cooperation Agreement. A rule on video links was not read in it.",
            "title on surrender",
            Mark.SEEN_IN_PART,
            "eu-uk",
        )


def _british_title(case: Case, parties: Parties) -> tuple[str, ...]:
    members = [_member(state, case, parties) for state in case.states]
    with_the_union = "GB" in case.states and any(members) and case.on >= _AFTER_THE_TRANSITION
    return ("eu-uk",) if with_the_union and case.capacity in {SOUGHT, None} else ()


_AFTER_THE_TRANSITION = date(2021, 1, 1)


def _extradition(case: Case, parties: Parties) -> Answer:
    if case.capacity in WITNESSES:
        return Answer(Finding.EXCLUDED, None, (_WITNESS_GIVES_EVIDENCE,))
    none = Reason(
        "No instrument on extradition that was read provides for a hearing by video link.", "", Mark.SEEN
    )
    if _surrenders(case, parties):
        return Answer(
            Finding.EXCLUDED,
            None,
            (
                none,
                Reason(
                    "Between {requesting} and {requested} surrender takes the place of extradition: say that the hearing is "
                    "part of the recognition of a decision.",
                    "",
                    Mark.RECALLED,
                    "eaw",
                    _named(case),
                ),
            ),
        )
    if british := tuple(_british(case, parties)):
        return Answer(Finding.NONE, None, (none, *british), _british_title(case, parties))
    if case.capacity in {SOUGHT, None} and parties.both("cets209", case.states, case.on):
        consent = Reason(
            "Consent to simplified extradition is given before the judicial authority of the requested Party, and not by this link to the court that asks.",
            "Article 4(1)",
            Mark.SEEN,
            "cets209",
        )
        return Answer(Finding.NONE, None, (none, consent), ("cets209",))
    return Answer(
        Finding.NONE,
        None,
        (
            none,
            Reason(
                "Where it applies, the person is treated fairly at every stage, with the guarantees of the law of the State where they are.",
                "Article 16(13)",
                Mark.SEEN,
                "untoc",
            ),
        ),
    )


_ASKED: dict[Purpose, Callable[[Case, Parties], Answer]] = {
    Purpose.EVIDENCE: _evidence,
    Purpose.TRIAL: _trial,
    Purpose.RECOGNITION: _recognition,
    Purpose.EXTRADITION: _extradition,
}

# --- inside


def _found(*reasons: Reason) -> _Tried:
    return _Tried(Finding.FOUND, reasons)


def _bound(instrument: str, state: str, case: Case, parties: Parties) -> bool:
    return parties.standing(instrument, state, case.on) is Standing.BOUND


def _member(state: str, case: Case, parties: Parties) -> bool:
    """Whether it is a Member State of the European Union: all of these are bound by the arrest warrant."""
    return _bound("eaw", state, case, parties)


def _both_since(parties: Parties, instrument: str, case: Case) -> str:
    """The day from which both are bound, as an ISO date."""
    return max(str(parties.lines[instrument, state].since) for state in case.states)


def _weakest(parties: Parties, instrument: str, case: Case) -> Mark:
    order = list(Mark)
    return max((parties.lines[instrument, state].mark for state in case.states), key=order.index)


def _named(case: Case) -> dict[str, str]:
    return {"requesting": case.requesting, "requested": case.requested}
