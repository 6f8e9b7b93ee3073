"""What each version of the record gives and withholds: one rule over the journal, pure.

- **full**: everything, but for the stretches that the court sealed, which are in no version.
- **parties**: without who is protected, and without what tells of them: their names and where they are, in whichever entry
  somebody mentioned them; the recording of their place; papers by whose digest a text could be guessed; what the court
  ordered; what was said under seal; what concerns one side alone (messages, private consultations).
- **public**: the frame of the procedure, no recording, no paper but public minutes; nobody but who acted in public office.
- **annex**: exactly what `parties` lacks, and the little that is needed to read it. Both together are the full record.

The clear part of a leaf stays as it is, or no seal would hold: types, times and handles are in every version.

Sources: ETS 182, Article 9(5)(b), (6); EU Convention of 29 May 2000, Article 10(6); Directive 2014/41/EU, Article 24(6);
UNTOC, Article 24(2)(a); Regulation (EU) 2023/2844, Article 6(5) (private consultations).
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from hearings import events as e
from hearings.checklist import IDENTITY
from hearings.journal import Entry
from hearings.package import Contents, Withheld
from hearings.roles import COUNSEL, OFFICE, READERS, TAKERS, Circumstance, Role
from hearings.sentences import PRIVATE_CONSULTATION, Sentence, say
from hearings.story import Story, Stretch
from hearings.terms import NOBODY, Terms, Traits, terms
from hearings.tree import read_disclosure, stamp

MEDIA_FOLDER, MINUTES_FOLDER = "data/media/", "data/minutes/"
BLANK = "[withheld]"
"""What stands in public minutes instead of what is withheld."""


class Version(StrEnum):
    FULL = "full"
    PARTIES = "parties"
    PUBLIC = "public"
    ANNEX = "annex"


_BENCH = frozenset({Role.PRESIDING, Role.PANEL, Role.CLERK})
MAY_TAKE: dict[Version, frozenset[Role]] = {
    Version.FULL: _BENCH,
    Version.PARTIES: _BENCH | COUNSEL | READERS | {Role.PROSECUTOR},
    Version.PUBLIC: TAKERS,
    Version.ANNEX: _BENCH,
}
"""Who takes which version along. The annex is read by the court alone."""
IN_OFFICE = READERS | {Role.PROSECUTOR, Role.ADMINISTRATOR, Role.SERVICE}
"""Whom the public version names, unless they are protected: who acts in public office."""

BOUND = frozenset(
    {"logKey", "path", "sha256", "track", "tracks", "rows", "stretch", "n", "by", "key", "signature", "names"}
)
"""Members that hold only what the service makes (handles, digests, numbers): no text of anybody's."""
_TELLING = frozenset(
    {
        *("text", "words", "old", "ground", "measure", "question", "reason", "means", "company", "proof"),
        "repeated",
    }
)
"""Members in which somebody says something."""
_IDENTIFYING = frozenset({"proof", "reason", "means", "company"})
"""Of an entry by which somebody was identified, what shows who they are."""
MAY_BE_BLANK = _TELLING | {"exhibit"}
"""Of these an order may withhold one."""
_DIGESTS: dict[str, frozenset[str]] = {
    "request.received": frozenset({"documents"}),
    "document.filed": frozenset({"sha256", "size"}),
    "requirement.confirmed": frozenset({"document"}),
    "consent.declared": frozenset({"document"}),
    "minutes.read": frozenset({"sha256"}),
    "minutes.signed": frozenset({"sha256", "document"}),
}
"""Digests of papers, and of minutes before anybody signed them. Who knows such a paper but for a name could try names
until one fits.
"""
_ONE_SIDE: dict[str, frozenset[str]] = {
    "message.sent": frozenset({"text", "to", "by"}),
    "consultation.asked": frozenset({"by"}),
    "consultation.declined": frozenset({"reason", "by"}),
    "consultation.begun": frozenset({"people", "left", "by"}),
    "consultation.ended": frozenset({"by"}),
}
_ORDERS: dict[str, frozenset[str]] = {
    "protection.ordered": frozenset({"protects", "whom", "track", "stretch", "entry", "member", "ground"}),
    "protection.lifted": frozenset({"order", "whom", "ground"}),
}
_OF_PROTECTION = frozenset({"protection-agreed", "protected-left-out"})
"""Safeguards that are demanded of protected people alone."""
_PUBLIC: dict[str, frozenset[str]] = {
    "hearing.opened": frozenset({"logKey"}),
    "request.received": frozenset({"instrument", "requesting", "requested"}),
    "instrument.chosen": frozenset({"instrument", "title"}),
    "hearing.scheduled": frozenset({"start", "minutes"}),
    "hearing.moved": frozenset({"start", "minutes"}),
    "participant.named": frozenset({"role", "side"}),
    "sitting.opened": frozenset({"n"}),
    "record.on": frozenset({"stretch", "tracks"}),
    "record.off": frozenset({"stretch"}),
    "media.progress": frozenset({"tracks"}),
    "media.gap": frozenset({"track", "from", "to", "reason"}),
    "media.lost": frozenset({"track", "stretch", "first", "n", "from", "to"}),
    "media.sealed": frozenset({"path", "sha256"}),
    "minutes.sealed": frozenset({"path", "sha256"}),
}
"""All that the public version discloses."""
_ALWAYS = frozenset({"hearing.opened"})
_SEALING = frozenset({"media.sealed", "minutes.sealed"})


class Why(NamedTuple):
    """On what ground something is withheld, and by which decision. In words of ours alone: they stand in the record."""

    ground: Sentence
    decision: Sentence


_RULE = say("the rule of this version")
PROTECTION = say("Protection of somebody who takes part.")
ORDERED = say("Withheld by order.")
UNDER_SEAL = say("Sealed by the court.")
MEASURES = say("Measures of protection are in the sealed annex alone.")
GUESSED = say("From this digest a paper could be guessed that tells of somebody protected.")
OF_ONE_SIDE = say("It concerns one side alone.")
NOT_PUBLIC = say("Not for the public.")
ELSEWHERE = say("Given in the version for the parties.")


@dataclass(frozen=True)
class Case:
    """What there is to redact. `addresses`: of mail, by handle; `documents`: what each sealed document of the minutes says, by
    its path.
    """

    story: Story
    entries: Sequence[Entry]
    addresses: Mapping[str, tuple[str, ...]]
    documents: Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Redaction:
    """`given`: of each entry the names of what is disclosed, `names` among them; `files`: the sealed files that are in it;
    `terms`: what must not be found anywhere in it.
    """

    given: Sequence[frozenset[str]]
    files: frozenset[str]
    withheld: Sequence[Withheld]
    terms: Terms


def redact(case: Case, version: Version) -> Redaction:
    match version:
        case Version.FULL:
            return _full(case)
        case Version.ANNEX:
            return _annex(case)
    rule = _Rule(case, version)
    given, withheld = list[frozenset[str]](), list[Withheld]()
    for entry in case.entries:
        names = frozenset(entry.event.members())
        concealed = {name: why for name in sorted(names) if (why := rule.of_member(entry, name)) is not None}
        given.append(names - concealed.keys() | {"names"})
        if concealed:
            withheld.append(_declared([*concealed.values()], seq=entry.seq))
    closed = {path: why for path in _sealed(case.story) if (why := rule.of_file(path)) is not None}
    withheld += [_declared([why], path=path) for path, why in closed.items()]
    return Redaction(given, frozenset(_sealed(case.story)) - closed.keys(), withheld, rule.terms)


def applied(contents: Contents, redaction: Redaction) -> Contents:
    """Of the contents of a whole record, what this version gives."""
    return replace(
        contents,
        disclosures=[
            [one for one in disclosures if read_disclosure(one)[0] in given]
            for disclosures, given in zip(contents.disclosures, redaction.given, strict=True)
        ],
        media={path: source for path, source in contents.media.items() if path in redaction.files},
        minutes={path: source for path, source in contents.minutes.items() if path in redaction.files},
        withheld=redaction.withheld,
    )


def _full(case: Case) -> Redaction:
    sealed = _under_seal(case.story)
    return Redaction(
        [frozenset(entry.event.members()) | {"names"} for entry in case.entries],
        frozenset(_sealed(case.story)) - sealed.keys(),
        [_declared([why], path=path) for path, why in sealed.items()],
        NOBODY,
    )


def _annex(case: Case) -> Redaction:
    full, parties = redact(case, Version.FULL), redact(case, Version.PARTIES)
    files = full.files - parties.files
    given, withheld = list[frozenset[str]](), list[Withheld]()
    why = Why(ELSEWHERE, _RULE)
    for entry, whole, theirs in zip(case.entries, full.given, parties.given, strict=True):
        event = entry.event
        mine = whole - theirs
        if event.type in _ALWAYS or (
            isinstance(event, e.MediaSealed | e.MinutesSealed) and event.path in files
        ):
            mine = whole
        elif mine:
            mine |= {"names"}
        given.append(mine)
        if mine != whole:
            withheld.append(_declared([why], seq=entry.seq))
    return Redaction(given, files, withheld, NOBODY)


def _declared(whys: Sequence[Why], *, seq: int | None = None, path: str | None = None) -> Withheld:
    return Withheld(
        ground=" ".join(dict.fromkeys(str(why.ground) for why in whys)),
        decision="; ".join(dict.fromkeys(str(why.decision) for why in whys)),
        seq=seq,
        path=path,
    )


def _sealed(story: Story) -> list[str]:
    return [*story.sealed, *story.minutes]


# --- who is protected ----------------------------------------------------------------------------


def protected(story: Story, version: Version) -> dict[str, int | None]:
    """Whose identity is concealed in this version, by handle, and the order by which it is; None where they are described as
    to be protected. What is concealed from the parties is from the public, too.
    """
    found: dict[str, int | None] = {
        person.handle: None
        for person in story.people.values()
        if Circumstance.PROTECTED in person.circumstances and person.handle not in story.bare
    }
    for one in story.protections.values():
        if one.ordered.whom is not None and _binds(one.ordered, version):
            found.setdefault(one.ordered.whom, one.n)
    return found


def hidden(story: Story, version: Version) -> frozenset[str]:
    """Whom this version does not name: who is protected, and in the public one whoever is not in public office."""
    private = {
        person.handle
        for person in story.people.values()
        if version is Version.PUBLIC and person.role not in IN_OFFICE
    }
    return frozenset(private | protected(story, version).keys())


def terms_of(case: Case, version: Version) -> Terms:
    """By what whoever is hidden in this version would be recognised."""
    if version in (Version.FULL, Version.ANNEX):
        return NOBODY
    closed = protected(case.story, version)
    whom = hidden(case.story, version)
    named = [entry.event for entry in case.entries if isinstance(entry.event, e.ParticipantNamed)]
    asked = case.story.latest.get(e.RequestReceived.type)
    sides = (
        [asked[1].requesting, asked[1].requested] if asked and isinstance(asked[1], e.RequestReceived) else []
    )
    return terms(
        (
            Traits(
                (one.name,),
                (one.place,) if one.participant in closed else (),
                case.addresses.get(one.participant, ()),
            )
            for one in named
            if one.participant in whom
        ),
        known=sides,
    )


def masks(story: Story, whom: Collection[str]) -> dict[str, str]:
    """What people who are not named are called: by their function, or by a number where several have it."""
    alone = [person.role for person in story.people.values()]
    return {
        person.handle: f"the {OFFICE[person.role]}" if alone.count(person.role) == 1 else f"participant {n}"
        for n, person in enumerate(story.people.values(), 1)
        if person.handle in whom
    }


def _binds(order: e.ProtectionOrdered, version: Version) -> bool:
    return version is Version.PUBLIC or "parties" in order.versions


# --- what is withheld ----------------------------------------------------------------------------


class _Rule:
    """Of the version for the parties, or the public one."""

    def __init__(self, case: Case, version: Version) -> None:
        self._case = case
        self._version = version
        self._protected = protected(case.story, version)
        self.terms = terms_of(case, version)
        self._under_seal = _under_seal(case.story)
        self._spans = _sealed_spans(case.entries)
        orders = [one for one in case.story.protections.values() if _binds(one.ordered, version)]
        self._members = {
            (one.ordered.entry, one.ordered.member): one.n
            for one in orders
            if one.ordered.protects == "member"
        }
        self._orders = orders
        self._guards = bool(self._protected or self._members or self._spans)
        self._drawn = {
            entry.event.path: entry.seq for entry in case.entries if isinstance(entry.event, e.MinutesSealed)
        }
        self._places = _places(case.entries)
        self._wordings = _wordings(case.entries)
        self._described = {
            entry.event.participant: entry.seq
            for entry in case.entries
            if isinstance(entry.event, e.ParticipantNamed | e.ParticipantDescribed)
            and Circumstance.PROTECTED in (entry.event.circumstances or ())
        }

    def of_member(self, entry: Entry, name: str) -> Why | None:
        event = entry.event
        if event.type in _ALWAYS or (event.type in _SEALING and name in _PUBLIC[event.type]):
            return None
        if self._version is Version.PUBLIC and name not in _PUBLIC.get(event.type, ()):
            return Why(NOT_PUBLIC, _RULE)
        return self._of_itself(entry, name) or self._of_what_it_repeats(event, name)

    def _of_itself(self, entry: Entry, name: str) -> Why | None:
        event = entry.event
        return (
            self._of_who_is_protected(event, name)
            or self._of_the_kind(entry, name)
            or self.of_the_court(entry, name)
            or self._of_the_words(event, name)
        )

    def _of_what_it_repeats(self, event: e.Event, name: str) -> Why | None:
        """A wording repeats the sentence of an entry, and the wordings before it: what of these is withheld, it does not tell."""
        if not isinstance(event, e.MinutesWorded) or name not in ("old", "words"):
            return None
        told = [self._case.entries[event.entry], *self._wordings[event.entry]]
        whys = (self._of_itself(one, member) for one in told for member in one.event.members())
        return next(filter(None, whys), None)

    def of_file(self, path: str) -> Why | None:
        if path in self._under_seal:
            return self._under_seal[path]
        if path.startswith(MINUTES_FOLDER):
            return self._of_minutes(path)
        if self._version is Version.PUBLIC:
            return Why(NOT_PUBLIC, _RULE)
        return self._of_recording(path)

    def _of_who_is_protected(self, event: e.Event, name: str) -> Why | None:
        handle = event.by if isinstance(event, e.MinutesSigned) else _of_whom(event)
        if handle not in self._protected:
            return None
        hides = {
            e.ParticipantNamed: {"name", "function", "place", "circumstances"},
            e.ParticipantDescribed: {"circumstances"},
            e.MinutesSigned: {"card", "certificate"},
        }.get(type(event), set[str]())
        identified = name in _IDENTIFYING and _identifies(event)
        return self._protecting(handle) if name in hides or identified else None

    def _of_the_kind(self, entry: Entry, name: str) -> Why | None:
        event = entry.event
        if name in _ONE_SIDE.get(event.type, ()):
            return Why(OF_ONE_SIDE, _RULE)
        if getattr(event, name, None) == PRIVATE_CONSULTATION:
            return Why(OF_ONE_SIDE, _RULE)
        if _is_measure(event, name):
            return Why(MEASURES, _RULE)
        if self._guards and name in _DIGESTS.get(event.type, ()):
            return Why(GUESSED, _RULE)
        return None

    def of_the_court(self, entry: Entry, name: str) -> Why | None:
        if (entry.seq, name) in self._members:
            return _by_order(self._members[entry.seq, name])
        if isinstance(entry.event, e.IntervalSealed | e.UnsealingAsked) and name == "reason":
            return Why(UNDER_SEAL, _entries([entry.seq]))
        begun = next((n for n, end in self._spans if n < entry.seq < end), None)
        if begun is not None and name in MAY_BE_BLANK:
            return Why(UNDER_SEAL, _entries([begun]))
        return None

    def _of_the_words(self, event: e.Event, name: str) -> Why | None:
        if name in BOUND or not self.terms.within(event.members()[name]):
            return None
        return Why(NOT_PUBLIC, _RULE) if self._version is Version.PUBLIC else self._protecting()

    def _of_minutes(self, path: str) -> Why | None:
        public = path.endswith(e.PUBLIC_MINUTES)
        if self._version is Version.PUBLIC and not public:
            return Why(NOT_PUBLIC, _RULE)
        if self.terms.within(list(self._case.documents.get(path, ()))):
            return self._protecting()
        if self._spans and not public:
            return Why(UNDER_SEAL, _entries([n for n, _ in self._spans]))
        later = [n for n in self._members.values() if n > self._drawn[path] or not public]
        return _by_order(later[0]) if later else None

    def _of_recording(self, path: str) -> Why | None:
        name = path.removeprefix(MEDIA_FOLDER)
        beside = self._places.get(name[:8], set())
        for handle in self._protected:
            if handle == name[:8] or beside & self._places.get(handle, set()):
                return self._protecting(handle)
        return next((_by_order(one.n) for one in self._orders if _is_of(one.ordered, name)), None)

    def _protecting(self, *whom: str) -> Why:
        """Why these people are protected; without any, why everybody is who is."""
        entries = {
            self._described[handle] if order is None else order
            for handle, order in self._protected.items()
            if not whom or handle in whom
        }
        return Why(PROTECTION, _entries(sorted(entries)) if entries else _RULE)


def _places(entries: Sequence[Entry]) -> dict[str, set[str]]:
    """Where people sat, by handle. Who shares a place shares its recording, which bears the handle of one of them."""
    found: dict[str, set[str]] = {}
    for entry in entries:
        if isinstance(entry.event, e.ParticipantNamed):
            found.setdefault(entry.event.participant, set()).add(entry.event.place)
    return found


def _wordings(entries: Sequence[Entry]) -> dict[int, list[Entry]]:
    """Every wording, by the entry that it words."""
    found: dict[int, list[Entry]] = {}
    for entry in entries:
        if isinstance(entry.event, e.MinutesWorded):
            found.setdefault(entry.event.entry, []).append(entry)
    return found


def _of_whom(event: e.Event) -> str | None:
    return getattr(event, "participant", None) or getattr(event, "person", None)


def _identifies(event: e.Event) -> bool:
    return isinstance(event, e.IdentityRenewed) or getattr(event, "requirement", None) == IDENTITY


def _is_measure(event: e.Event, name: str) -> bool:
    """Whether this tells that somebody is protected, or how."""
    return (
        name in _ORDERS.get(event.type, ())
        or (getattr(event, "requirement", None) in _OF_PROTECTION and name != "by")
        or (name == "circumstances" and Circumstance.PROTECTED in (getattr(event, name) or ()))
    )


def _by_order(n: int) -> Why:
    return Why(ORDERED, _entries([n]))


def _entries(these: Sequence[int]) -> Sentence:
    if len(these) == 1:
        return say("entry {n}", n=these[0])
    return say("entries {these}", these=", ".join(map(str, these)))


def _is_of(order: e.ProtectionOrdered, name: str) -> bool:
    """Whether a file of the recording, original or derived, holds something of what is ordered to be withheld."""
    if order.protects != "recording":
        return False
    stem = name.partition(".")[0]
    track, _, stretch = stem.rpartition("-")
    joint = "-" not in track and order.track is not None and order.track.partition("-")[0] == track
    return (order.track in (None, track) or joint) and order.stretch in (None, int(stretch))


def _under_seal(story: Story) -> dict[str, Why]:
    """What the court sealed is left out of every version, with its place in the journal."""
    grounds = {one.n: _sealing(one) for one in story.stretches if one.sealed is not None}
    numbers = {path: int(path.partition(".")[0].rpartition("-")[2]) for path in story.sealed}
    return {path: grounds[n] for path, n in numbers.items() if n in grounds}


def _sealing(stretch: Stretch) -> Why:
    assert stretch.sealed is not None
    return Why(UNDER_SEAL, say("interval.sealed of {time}", time=stamp(stretch.sealed.since)))


def _sealed_spans(entries: Sequence[Entry]) -> list[tuple[int, int]]:
    """From which entry to which one the court sealed what was said."""
    spans, begun = list[tuple[int, int]](), None
    for entry in entries:
        match entry.event:
            case e.IntervalSealed():
                begun = entry.seq
            case e.IntervalEnded() if begun is not None:
                spans.append((begun, entry.seq))
                begun = None
    return spans if begun is None else [*spans, (begun, len(entries))]


# --- what public minutes are drawn from ------------------------------------------------------------


def masked(case: Case) -> list[Entry]:
    """The entries as public minutes tell them: nobody who is hidden has a name, and what is withheld is blank."""
    rule = _Rule(case, Version.PUBLIC)
    whom = hidden(case.story, Version.PUBLIC)
    called = masks(case.story, whom)
    closed = protected(case.story, Version.PUBLIC)
    return [
        entry._replace(event=_masked(entry, rule, called, closed))
        for entry in case.entries
        if entry.event.type not in _ONE_SIDE
        and not isinstance(entry.event, e.MinutesWorded)  # in their wording people have names
        and entry.event.type not in _ORDERS
        and getattr(entry.event, "requirement", None) not in _OF_PROTECTION
    ]


def _masked(
    entry: Entry, rule: _Rule, called: Mapping[str, str], closed: Mapping[str, int | None]
) -> e.Event:
    event = entry.event
    change: dict[str, Any] = {}
    if isinstance(event, e.ParticipantNamed) and event.participant in called:
        change = {"name": called[event.participant], "circumstances": None}
        change["function"] = str(OFFICE[event.role])
        if event.participant in closed:
            change["place"] = BLANK
        return event.model_copy(update=change)
    if isinstance(event, e.ParticipantDescribed):
        return event.model_copy(update={"circumstances": []})
    whom = _of_whom(event)
    identifies = whom in called and _identifies(event)
    for name, value in event.members().items():
        ordered = name in MAY_BE_BLANK and rule.of_the_court(entry, name)
        if name == "document":
            change[name] = None  # its digest could be guessed
        elif ordered or (identifies and name in _IDENTIFYING) or value == PRIVATE_CONSULTATION:
            change[name] = BLANK
    return event.model_copy(update=change)


_CODED = frozenset(
    {
        *("hearing", "document", "side", "zone", "state", "capacity", "form", "language", "grade", "answer"),
        *("said", "sha256", "path"),
    }
)
"""Facts of the minutes that are no text."""
_ADDRESS = re.compile(r"\S+@\S+\.\S+")


def blanked(facts: Any, found: Terms) -> Any:
    """The facts of minutes (as JSON) without any text that tells of somebody hidden, or holds an address of mail."""
    match facts:
        case str():
            return BLANK if found.within(facts) or _ADDRESS.search(facts) else facts
        case list() | tuple():
            return [blanked(item, found) for item in facts]
        case dict():
            return {key: item if key in _CODED else blanked(item, found) for key, item in facts.items()}
    return facts


def free_texts(facts: Any) -> Iterator[str]:
    """Every text in the facts of minutes (as JSON) that somebody may have said or written."""
    match facts:
        case str():
            yield facts
        case list():
            for item in facts:
                yield from free_texts(item)
        case dict():
            for key, item in facts.items():
                if key not in _CODED:
                    yield from free_texts(item)


# --- what the pages say ----------------------------------------------------------------------------


LEAVES_OUT: dict[Version, Sequence[Sentence]] = {
    Version.FULL: (say("What the court sealed is in no version."),),
    Version.PARTIES: (
        say("Who is protected: their name, where they are, and whatever mentions them."),
        say("The recording of the place where somebody protected is."),
        say("Messages to the court, and private consultations."),
        say("What was said while the court had sealed it."),
        say("What was ordered to be withheld."),
    ),
    Version.PUBLIC: (
        say("The recording, and every document but the public minutes."),
        say("Everybody’s name who does not act in public office."),
        say("What was said. The public minutes tell it, without names."),
    ),
    Version.ANNEX: (say("Everything that the version for the parties holds."),),
}


GROUNDS: dict[Version, Sentence] = {
    Version.FULL: say("For the court that hears the matter."),
    Version.PARTIES: say(
        "What is sent is without prejudice to measures that protect somebody, and to private talks with a lawyer."
    ),
    Version.PUBLIC: say(
        "What was said is for the proceedings. The public may know that and how they were held."
    ),
    Version.ANNEX: say("What is withheld from the parties is kept, for the court alone."),
}


def told(story: Story, roles: Collection[Role]) -> list[dict[str, Any]]:
    """What the page of a closed file says of the versions that somebody takes along."""
    if story.closed is None:
        return []
    return [
        {
            "version": one.value,
            "title": e.VERSION[one],
            "ground": GROUNDS[one],
            "leaves_out": LEAVES_OUT[one],
        }
        for one in takes(roles)
    ]


def takes(roles: Collection[Role]) -> Iterator[Version]:
    """The versions that somebody of these roles takes along."""
    return (version for version in Version if MAY_TAKE[version].intersection(roles))


def about(story: Story, version: Version) -> str:
    """What the README says of a version; of the annex, who is behind the words by which public minutes call somebody."""
    if version is Version.FULL:
        return ""
    lines = [
        f"Version: {e.VERSION[version]}. What it leaves out is listed in data/record.json, with ground and decision."
    ]
    if version is Version.ANNEX:
        lines += [
            "With the version for the parties it makes up the full record. For the court alone.",
            "Who is who:",
        ]
        called = masks(story, hidden(story, Version.PUBLIC))
        people = ((handle, story.people[handle]) for handle in called)
        lines += [f"- {called[handle]} ({handle}) is {one.name}, {one.function}." for handle, one in people]
    return "".join(" ".join(line.split()) + "\n" for line in lines)
