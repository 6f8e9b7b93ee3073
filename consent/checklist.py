"""The checklist of a hearing, computed from what is known of it: who must settle what, when, and by which article.

Pure: the same facts and the same law give the same demands. An item is demanded if the instrument that governs is
among what it rests on, or a source beside that instrument, a layer that binds one of the two States, or the law of
one of them on its side. If none of these demands it, and good practice does, it is demanded as that: `duty` is false,
what is cited is no instrument, and where it stands in the way the presiding judge may always go on with a reason.
What was not verified is carried in the data and demands nothing.

Which basis is cited, where several demand an item: domestic law, the instrument, what stands beside it, a layer, good
practice, in this order; within these the order of the data. One basis is cited and decides whether the item is in the
way and who may go on without it: texts that contradict each other are not mixed.

More that is known of a hearing never takes an item away. Whom else it hears never changes an item of one person.

These have `Proof.LOG`: the service itself sees that they are met, and no person presses anything.

    basis-chosen          a legal basis was chosen for the request
    both-bound            the rules on what governs found that basis, or somebody chose it with a reason
    sent-traceably        the request was received with its letter
    oral-confirmed        the request was received with its letter
    receipt-acknowledged  it was acknowledged or accepted within seven days
    clocks-running        the request has a day on which it was received
    contacts-named        each side has a coordinator whom the other can reach
    requested-agrees      the request was accepted
    connection-secured    always: connections are encrypted, and nobody comes in without a link and being admitted
    time-fixed            the hearing is scheduled, confirmed by both sides
    presiding-in-chair    who presides is admitted and present
    authority-present     the authority of the requested side is admitted and present
    oath-taken            an oath or its refusal was noted of this person
    recording-announced   the hearing went on the record, which everybody is shown
    minutes-drawn         the minutes were drawn up
    minutes-signed        the minutes were signed
    technical-sheet       the minutes have their technical conditions
    oath-noted            the minutes have the oaths
    consent-noted         the verified consent is in the journal, and so in the record
    interpreter-noted     the interpreter is named in the journal, and so in the record
    lawyer-noted          the lawyer, or the waiver, is in the journal, and so in the record
    rights-noted          that the rights were recalled is in the journal, and so in the record
    child-noted           what was confirmed of the child is in the journal, and so in the record
    minutes-forwarded     the package was fetched by the other side
    recording-kept        the hearing is closed with a day until which it is kept
    statistic-counted     the hearing is closed: figures are computed from the journal

`counsel-present` is met by either: the lawyer's presence, or a waiver that was declared. What forbids (`by` is empty)
also has `Proof.LOG`, and is met by nothing but other facts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from consent.items import ABOUT_PERSONS, Basis, Item, Law, Proof, Source, Stage, load
from consent.parties import Mark

__all__ = ["Demand", "Facts", "Heard", "Law", "Proof", "Stage", "demands", "load", "stands"]


@dataclass(frozen=True)
class Heard:
    """A person heard. `needs`: on account of a disability, of hearing or of speech; `interpreter`: needs one."""

    handle: str
    capacity: str
    child: bool = False
    custody: bool = False
    protected: bool = False
    needs: bool = False
    interpreter: bool = False


@dataclass(frozen=True)
class Facts:
    """What is known of a hearing. `aim`: a value of `governing.Purpose`; `instrument`: the basis that was chosen;
    `requesting`: the State whose authority conducts, `requested`: where the persons are, ISO 3166; `on`: the day of
    the request; `oath`: expressly asked for; `surrender`: a European arrest warrant is pending.
    """

    aim: str
    instrument: str
    requesting: str
    requested: str
    on: date
    heard: tuple[Heard, ...]
    telephone: bool = False
    oath: bool = False
    surrender: bool = False


@dataclass(frozen=True)
class Demand:
    """Something to be settled. `source`: the short title of what demands it; `by`: functions in the hearing, empty
    where nobody can settle it; `override`: those who may go on without it; `declares`: what, where it is settled by
    a declaration; `person`: the handle of the person heard whom it concerns, None where it concerns the hearing.
    """

    id: str
    words: str
    source: str
    article: str
    mark: str
    duty: bool
    stage: Stage
    by: tuple[str, ...]
    blocks: bool
    override: tuple[str, ...]
    proof: Proof
    declares: str | None
    person: str | None

    @property
    def cited(self) -> str:
        """The basis in one line, as the journal keeps it."""
        return f"{self.source}, {self.article}"


def stands(told: tuple[str, str], demand: Demand) -> bool:
    """Whether what was confirmed or overridden still answers a demand. `told`: the item's id and the basis as it was
    cited then (`Demand.cited`).

    It stands as long as the item is demanded on the same basis. Where the basis has changed it falls, and is to be
    confirmed anew: it was said of another rule. What is demanded no longer is kept, and stands again when it is
    demanded again on the same basis.
    """
    return told == (demand.id, demand.cited)


def demands(facts: Facts, law: Law) -> tuple[Demand, ...]:
    """In the order of the stages, then of the data, then of the persons heard."""
    of_hearing = _of_the_hearing(facts)
    reached = dict(_reached(facts, of_hearing, law))
    profiles = {person: _profile(person, of_hearing, facts, law) for person in facts.heard}
    return tuple(
        demand
        for item in law.items
        if not item.aims or facts.aim in item.aims
        for demand in _of(item, _bases(item, of_hearing, facts.on, reached), profiles, reached, of_hearing)
    )


# --- which sources count


_ORDER = ("domestic", "instrument", "beside", "layer", "practice")


@dataclass(frozen=True)
class _Reached:
    """A source that counts for this hearing: `rank` in the order of citing, and how far that it counts is known."""

    rank: int
    mark: Mark
    title: str

    @property
    def is_practice(self) -> bool:
        return _ORDER[self.rank] == "practice"


@dataclass(frozen=True)
class _Profile:
    """What decides which items concern a person."""

    capacity: str
    facts: frozenset[str]


def _reached(facts: Facts, of_hearing: frozenset[str], law: Law) -> Iterator[tuple[str, _Reached]]:
    title = law.titles.get(facts.instrument, facts.instrument)
    instrument, mark = facts.instrument, Mark.SEEN
    if carried := law.carried.get(facts.instrument):
        instrument, mark = carried.text, carried.mark
    yield instrument, _Reached(_ORDER.index("instrument"), mark, title)
    if (also := law.beside.get(instrument)) and also.when <= of_hearing:
        for other in also.instruments:
            yield other, _Reached(_ORDER.index("beside"), Mark.SEEN, law.titles.get(other, other))
    for name, source in law.sources.items():
        if (known := _counts(source, instrument, facts)) is not None:
            yield name, _Reached(_ORDER.index(source.kind), known, source.short)


def _counts(source: Source, instrument: str, facts: Facts) -> Mark | None:
    """How far it is known that a source counts; None if it does not."""
    if (source.since and facts.on < source.since) or (source.until and facts.on > source.until):
        return None
    if source.beside and instrument not in source.beside:
        return None
    if not source.states:
        return source.mark
    sides = {"requesting": facts.requesting, "requested": facts.requested}
    states = {sides[source.side]} if source.side else set(sides.values())
    bound = states & source.states
    if not bound:
        return None
    return Mark.RECALLED if bound <= source.recalled else source.mark


# --- what is known of the hearing and of a person


def _of_the_hearing(facts: Facts) -> frozenset[str]:
    known = {"telephone": facts.telephone, "oath": facts.oath}
    known["surrender"] = facts.surrender or facts.instrument == "eaw"
    return frozenset(name for name, so in known.items() if so)


def _profile(person: Heard, of_hearing: frozenset[str], facts: Facts, law: Law) -> _Profile:
    known = {
        "child": person.child,
        "custody": person.custody,
        "protected": person.protected,
        "needs": person.needs,
        "interpreter": person.interpreter,
    }
    own = {name for name, so in known.items() if so}
    return _Profile(person.capacity, of_hearing | own | set(_declared(person.capacity, facts, law)))


def _declared(capacity: str, facts: Facts, law: Law) -> Iterator[str]:
    """What declarations make of a person: of the requested State on whom it hears, of either on whom it leaves out."""
    carried = law.carried.get(facts.instrument)
    instrument = carried.text if carried else facts.instrument
    treated_as = "witness" if capacity == "victim" else capacity  # no instrument in force names victims
    for one in law.parties.declared(instrument, (facts.requesting, facts.requested), treated_as, facts.on):
        if one.effect == "excluded" or one.state == facts.requested:
            yield one.effect


# --- which items, on which basis


def _bases(
    item: Item, of_hearing: frozenset[str], on: date, reached: dict[str, _Reached]
) -> tuple[Basis, ...]:
    """What demands the item in this hearing, as far as the hearing decides; what is cited first comes first."""
    if not item.when <= of_hearing | ABOUT_PERSONS:
        return ()
    found = [
        basis
        for basis in item.basis
        if basis.of in reached
        and basis.mark is not Mark.UNVERIFIED
        and basis.when <= of_hearing | ABOUT_PERSONS
        and not basis.unless & of_hearing
        and (basis.since is None or basis.since <= on)
    ]
    return tuple(sorted(found, key=lambda basis: reached[basis.of].rank))


def _of(
    item: Item,
    bases: tuple[Basis, ...],
    profiles: dict[Heard, _Profile],
    reached: dict[str, _Reached],
    of_hearing: frozenset[str],
) -> Iterator[Demand]:
    if not bases:
        return
    if item.each:
        first = {profile: _first(item, bases, (profile,)) for profile in set(profiles.values())}
        for person, profile in profiles.items():
            if basis := first[profile]:
                yield _demand(item, basis, reached[basis.of], person.handle)
        return
    everybody = tuple(profiles.values())
    if basis := _first(item, bases, (*everybody, _Profile("", of_hearing))):
        yield _demand(item, basis, reached[basis.of], None)


def _first(item: Item, bases: tuple[Basis, ...], profiles: tuple[_Profile, ...]) -> Basis | None:
    """The basis that counts for one of them."""
    concerned = [one for one in profiles if _concerns(item, one)]
    for basis in bases:
        if any(_concerns(basis, one) for one in concerned):
            return basis
    return None


def _concerns(what: Item | Basis, profile: _Profile) -> bool:
    return (not what.subjects or profile.capacity in what.subjects) and what.when <= profile.facts


def _demand(item: Item, basis: Basis, reached: _Reached, person: str | None) -> Demand:
    practice = reached.is_practice
    blocks = item.blocks if basis.blocks is None else basis.blocks
    override = item.override if basis.override is None else basis.override
    if practice and blocks and "presiding" not in override:
        override = (*override, "presiding")
    return Demand(
        id=item.id,
        words=basis.words or item.words,
        source=reached.title,
        article=basis.article,
        mark="practice" if practice else _weaker(basis.mark, reached.mark).value,
        duty=not practice,
        stage=item.stage,
        by=item.by,
        blocks=blocks,
        override=override,
        proof=item.proof,
        declares=item.declares,
        person=person,
    )


_MARKS = tuple(Mark)


def _weaker(one: Mark, other: Mark) -> Mark:
    return max(one, other, key=_MARKS.index)
