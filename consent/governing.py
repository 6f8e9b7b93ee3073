"""Which instrument governs a hearing: a pure rule of purpose, States, day and capacity, that says why, step by step.

It never falls through in silence from one instrument to the next: each that does not govern says why not, and that of a
State nothing was read is not that it is not bound. What comes out is for a person to choose from. Where two bind the
States, the first is the basis of the request; no hearing is held to a mixture of two.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Case:
    """`requesting`, `requested`: States, ISO 3166; `on`: the day on which the request was received; `capacity`: as what
    the person is to be heard.
    """

    purpose: Purpose
    requesting: str
    requested: str
    on: date
    capacity: str

    @property
    def states(self) -> tuple[str, str]:
        return self.requesting, self.requested


@dataclass(frozen=True)
class Reason:
    """A step of the answer. `words` has places for `values`, States by their codes and days as ISO dates."""

    words: str
    article: str
    mark: Mark
    values: Mapping[str, str] = field(default_factory=dict)


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
    match case.purpose:
        case Purpose.EVIDENCE:
            return _evidence(case, parties)
        case Purpose.TRIAL:
            return _trial(case, parties)
        case Purpose.RECOGNITION:
            return _recognition(case, parties)
        case Purpose.EXTRADITION:
            return _extradition(case, parties)


# --- taking evidence


@dataclass(frozen=True)
class _Tried:
    """What came of one instrument: it governs, leaves this person out, or does not bind both."""

    finding: Finding
    reasons: tuple[Reason, ...]
    declarations: tuple[Declaration, ...] = ()


def _evidence(case: Case, parties: Parties) -> Answer:
    tried = {name: attempt(case, parties) for name, attempt in _EVIDENCE.items()}
    reasons = [reason for one in tried.values() for reason in one.reasons]
    found = [name for name, one in tried.items() if one.finding is Finding.FOUND]
    if "eio" in found:  # it replaced the others between the States that it binds
        return Answer(Finding.FOUND, "eio", tried["eio"].reasons)
    if found:
        basis, *others = found
        return Answer(Finding.FOUND, basis, tuple(reasons), tuple(others), tried[basis].declarations)
    excluded = [name for name, one in tried.items() if one.finding is Finding.EXCLUDED]
    declared = tuple(one for name in excluded for one in tried[name].declarations)
    if excluded:
        return Answer(Finding.EXCLUDED, None, tuple(reasons), tuple(excluded), declared)
    return Answer(Finding.NONE, None, (*reasons, *_default_code(case)), ("untoc", "uncac"))


def _eio(case: Case, parties: Parties) -> _Tried:
    if not parties.both("eio", case.states, case.on):
        return _not_both("eio", "Article 34(1)", case, parties)
    words = (
        "{requesting} and {requested} are both bound by the Directive, which replaced the earlier conventions "
        "between them for requests received from {since} on."
    )
    since = max(str(_since(parties, "eio", state)) for state in case.states)
    return _found(Reason(words, "Article 34(1)", Mark.SEEN, {**_named(case), "since": since}))


def _eu2000(case: Case, parties: Parties) -> _Tried:
    if not parties.both("eu2000", case.states, case.on):
        return _not_both("eu2000", "Article 10", case, parties)
    if case.capacity == "suspect":
        words = "The Convention lets an accused be heard by video link, and does not name suspects."
        return _Tried(Finding.EXCLUDED, (Reason(words, "Article 10(9)", Mark.SEEN),))
    return _unless_declared("eu2000", "Article 10", case, parties)


def _nordic(case: Case, parties: Parties) -> _Tried:
    """Iceland and Norway with a State of the Convention of 2000."""
    outside = [state for state in case.states if _bound("eu2000-isno", state, case, parties)]
    inside = [state for state in case.states if _bound("eu2000", state, case, parties)]
    if len(outside) != 1 or len(inside) != 1:
        return _Tried(Finding.NONE, ())
    if case.capacity == "suspect":
        words = "The Convention lets an accused be heard by video link, and does not name suspects."
        return _Tried(Finding.EXCLUDED, (Reason(words, "Article 10(9)", Mark.SEEN),))
    words = "An agreement with the European Union carries the Convention of 2000 over to {state}."
    return _found(Reason(words, "Agreement of 19 December 2003", Mark.RECALLED, {"state": outside[0]}))


def _ets182(case: Case, parties: Parties) -> _Tried:
    if not parties.both("ets182", case.states, case.on):
        return _not_both("ets182", "Article 9", case, parties)
    return _unless_declared("ets182", "Article 9", case, parties)


def _eu_us(case: Case, parties: Parties) -> _Tried:
    others = [state for state in case.states if state != "US"]
    if len(others) != 1 or not _bound("eaw", others[0], case, parties):
        return _Tried(Finding.NONE, ())
    if case.capacity in DEFENDANTS:
        words = (
            "The agreement covers witnesses and experts; other hearings are for the requested State to allow."
        )
        return _Tried(Finding.EXCLUDED, (Reason(words, "Article 6(1) and (6)", Mark.SEEN),))
    words = "The agreement of the European Union with the United States lets a witness or expert be heard by video link."
    return _found(Reason(words, "Article 6(1)", Mark.SEEN))


_EVIDENCE: dict[str, Callable[[Case, Parties], _Tried]] = {
    "eio": _eio,
    "eu2000": _eu2000,
    "eu2000-isno": _nordic,
    "ets182": _ets182,
    "eu-us": _eu_us,
}
"""In the order in which they are asked; the first that governs is the basis."""


def _unless_declared(instrument: str, article: str, case: Case, parties: Parties) -> _Tried:
    """Both are bound. A declaration of the requested State on whom it hears counts, and of either on defendants."""
    declared = [
        one
        for one in parties.declared(instrument, case.states, case.capacity, case.on)
        if one.effect == "excluded" or one.state == case.requested
    ]
    words = "{requesting} and {requested} are both party, since {since} at the latest."
    since = max(str(_since(parties, instrument, state)) for state in case.states)
    bound = Reason(words, article, _weakest(parties, instrument, case), {**_named(case), "since": since})
    told = tuple(Reason(one.words, one.article, one.mark) for one in declared)
    finding = Finding.EXCLUDED if any(one.effect == "excluded" for one in declared) else Finding.FOUND
    return _Tried(finding, (bound, *told), tuple(declared))


def _not_both(instrument: str, article: str, case: Case, parties: Parties) -> _Tried:
    return _Tried(Finding.NONE, tuple(_why_not(instrument, article, case, parties)))


_WHY_NOT: dict[Standing, str] = {
    Standing.NOT_BOUND: "{state} is not bound by it: {source}.",
    Standing.NOT_YET: "It did not bind {state} on {on}: the list read on {read} has no day of its coming into force by then.",
    Standing.UNKNOWN: "Whether it binds {state} was not found in the lists read on {read}; that is to be checked.",
}


def _why_not(instrument: str, article: str, case: Case, parties: Parties) -> Iterator[Reason]:
    for state in case.states:
        standing = parties.standing(instrument, state, case.on)
        if standing is Standing.BOUND:
            continue
        line = parties.lines.get((instrument, state))
        values = {
            "state": state,
            "on": case.on.isoformat(),
            "read": SNAPSHOT.isoformat(),
            "source": f"{line.source}, {line.note}" if line else "",
        }
        yield Reason(_WHY_NOT[standing], article, line.mark if line else Mark.UNVERIFIED, values)


def _default_code(case: Case) -> Iterator[Reason]:
    values = _named(case)
    yield Reason(
        "No instrument on video links was found that binds both {requesting} and {requested}.",
        "",
        Mark.SEEN,
        values,
    )
    yield Reason(
        "The United Nations conventions on organised crime and on corruption may be used where no other treaty on "
        "mutual assistance binds both, or where both agree, and only within the scope of each. Whether both are party "
        "is to be checked.",
        "Article 18(6) and (7); Article 46(6) and (7)",
        Mark.SEEN,
    )


# --- the other purposes


def _trial(case: Case, parties: Parties) -> Answer:
    evidence = _evidence(case, parties)
    reasons = (
        Reason("No instrument provides for taking part in one's own trial by video link.", "", Mark.SEEN),
        Reason(
            "An investigation order may serve at a trial only so far as it takes evidence.",
            "C-325/24 of 18 December 2025",
            Mark.SEEN,
        ),
    )
    found = (evidence.basis,) if evidence.basis is not None else ()
    return Answer(Finding.UNSETTLED, None, reasons, (*found, *evidence.alternatives), evidence.declarations)


def _recognition(case: Case, parties: Parties) -> Answer:
    if case.capacity in WITNESSES:
        words = "The Regulation does not cover witnesses and experts: to hear them is to take evidence."
        return Answer(Finding.EXCLUDED, None, (Reason(words, "Article 6(1), recital 43", Mark.SEEN),))
    if parties.both("reg2844", case.states, case.on):
        words = (
            "{requesting} and {requested} are both bound by the Regulation, which applies from {since} on."
        )
        since = max(str(_since(parties, "reg2844", state)) for state in case.states)
        reason = Reason(words, "Article 6", Mark.SEEN, {**_named(case), "since": since})
        return Answer(Finding.FOUND, "reg2844", (reason,), ("eaw",) if _surrenders(case, parties) else ())
    why = tuple(_why_not("reg2844", "Article 6", case, parties))
    if _surrenders(case, parties):
        words = "Between them the Framework Decision alone provides for a hearing before surrender."
        return Answer(Finding.FOUND, "eaw", (*why, Reason(words, "Articles 18 and 19", Mark.SEEN)))
    words = "No instrument of mutual recognition that provides for a hearing by video link binds both."
    return Answer(Finding.NONE, None, (*why, Reason(words, "", Mark.SEEN)))


def _surrenders(case: Case, parties: Parties) -> bool:
    return case.capacity == "sought" and parties.both("eaw", case.states, case.on)


def _extradition(case: Case, parties: Parties) -> Answer:
    reasons = [
        Reason(
            "No instrument on extradition that was read provides for a hearing by video link.", "", Mark.SEEN
        )
    ]
    alternatives: tuple[str, ...] = ()
    if parties.both("cets209", case.states, case.on):
        alternatives = ("cets209",)
        words = "Consent to simplified extradition is given before the judicial authority of the requested Party, and not by this link to the court that asks."
        reasons.append(Reason(words, "Article 4(1)", Mark.SEEN))
    return Answer(Finding.NONE, None, tuple(reasons), alternatives)


# --- inside


def _found(*reasons: Reason) -> _Tried:
    return _Tried(Finding.FOUND, reasons)


def _bound(instrument: str, state: str, case: Case, parties: Parties) -> bool:
    return parties.standing(instrument, state, case.on) is Standing.BOUND


def _since(parties: Parties, instrument: str, state: str) -> date | None:
    return parties.lines[instrument, state].since


def _weakest(parties: Parties, instrument: str, case: Case) -> Mark:
    order = list(Mark)
    return max((parties.lines[instrument, state].mark for state in case.states), key=order.index)


def _named(case: Case) -> dict[str, str]:
    return {"requesting": case.requesting, "requested": case.requested}
