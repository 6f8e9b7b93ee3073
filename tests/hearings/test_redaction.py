"""What each version gives, over random hearings: it verifies under the same seals, tells nothing protected, and the
version for the parties and the annex are the whole.
"""

import json
import tempfile
import unicodedata
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent import instruments
from consent.governing import Purpose
from hearings import checklist, drawing, minutes, package, redaction, tree, verify
from hearings.events import KINDS
from hearings.journal import Entry
from hearings.package import Contents
from hearings.redaction import BLANK, BOUND, Case, Version, applied, masked, redact, terms_of
from hearings.roles import Role, Side
from hearings.states import State
from hearings.story import Story
from hearings.tables import Authority, Hearing
from tests.hearings import records as r
from tests.hearings.test_terms import NAMES, SPELLINGS

LAWYER, OTHER = "lawyerc2", "otherd23"
MINUTES = "data/minutes/requested.pdf"
LANE = "Hidden Lane 4"
REDACTED = (Version.PARTIES, Version.PUBLIC, Version.ANNEX)


@dataclass
class Random:
    """A hearing of random facts, in which `name` is to be protected."""

    name: str
    draft: r.Draft

    def entries(self) -> list[Entry]:
        return [
            Entry(
                seq,
                r.at(one.ms),
                KINDS[one.type].model_validate(
                    {**one.members, **({"participant": one.participant} if one.participant else {})}
                ),
            )
            for seq, one in enumerate(self.draft.said)
        ]

    def case(self) -> Case:
        entries = self.entries()
        return Case(
            story=Story().tell(entries),
            entries=entries,
            addresses={r.WITNESS: ("secret.person@exampleton.invalid",)},
            documents={MINUTES: [f"Heard was {self.name}."]},
        )

    def contents(self) -> Contents:
        contents = self.draft.contents()
        return replace(
            contents,
            log_key_seal=r.court().sign(package.log_key(contents), r.NOW),
            checkpoint_seal=r.court().sign(contents.checkpoint, r.NOW),
        )


@st.composite
def hearings(draw: st.DrawFn) -> Random:
    name = draw(st.sampled_from(NAMES))
    spelled = st.sampled_from(sorted(SPELLINGS)).map(lambda how: SPELLINGS[how](name))
    mention = st.one_of(
        spelled,
        spelled,
        st.just(name.split()[-1]),
        st.just("hidden LANE 4"),
        st.just("secret.person@exampleton.invalid"),
    )
    text = st.one_of(
        st.just("Nothing in particular."),
        st.builds("We heard that {} was there, and then left.".format, mention),
    ).map(lambda said: unicodedata.normalize("NFC", said))
    ordered = draw(st.booleans())
    further = draw(st.lists(_leaves(text), max_size=6))

    def change(record: r.Draft) -> None:
        record.find("request.received").members |= {
            "matter": draw(text),
            "reference": draw(text),
            "documents": [{"name": draw(text), "kind": "letter", "sha256": "0" * 64, "size": 9}],
        }
        witness = record.find("participant.named").members
        witness |= {
            "name": unicodedata.normalize("NFC", name),
            "place": LANE,
            "role": "heard",
            "capacity": "witness",
        }
        if not ordered:
            witness["circumstances"] = ["protected"]
        other = {**witness, "name": draw(text), "place": "Court B", "function": "lawyer", "role": "lawyer"}
        other.pop("capacity"), other.pop("circumstances", None)
        judge = {**other, "name": "Judge J.", "role": "presiding", "side": "requesting"}
        here = record.said.index(record.find("participant.named")) + 1
        record.said[here:here] = [
            r.Said(901, "participant.named", other, LAWYER),
            r.Said(901, "participant.named", judge, r.JUDGE),
        ]
        for leaves in further:
            for kind, participant, members in leaves:
                record.said.append(r.Said(r.OFF + 2, kind, members, participant))
        if ordered:
            order = {
                "protects": "identity",
                "whom": r.WITNESS,
                "versions": draw(_VERSIONS),
                "ground": draw(text),
            }
            record.say(r.OFF + 3, "protection.ordered", **order, by=r.JUDGE)
        if draw(st.booleans()):
            order = {"protects": "recording", "track": r.VIDEO, "versions": ["public"], "ground": draw(text)}
            record.say(r.OFF + 3, "protection.ordered", **order, by=r.JUDGE)

    draft = r.draft(change)
    return Random(name, draft)


_VERSIONS = st.just(["parties", "public"])


def _leaves(text: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, str | None, dict[str, Any]]]]:
    """One thing that happens, in one entry or two."""
    by = {"by": r.JUDGE}

    def one(kind: str, participant: str | None = None, /, **members: Any) -> st.SearchStrategy[Any]:
        fixed = {name: value for name, value in members.items() if not isinstance(value, st.SearchStrategy)}
        free = {name: value for name, value in members.items() if name not in fixed}
        return st.fixed_dictionaries(free).map(lambda found: [(kind, participant, {**fixed, **found, **by})])

    return st.one_of(
        one("statement.noted", text=text),
        one("message.sent", text=text, to=r.WITNESS),
        one("document.filed", name=text, kind="annex", sha256="1" * 64, size=7),
        one("exhibit.shown", exhibit=text, shown=True, words=text),
        one("oath.taken", r.WITNESS, taken=True, words=text, form="oath"),
        one("warning.given", r.WITNESS, law="requested", words=text),
        one("conduct.noted", r.WITNESS, conduct="refusal", words=text),
        one("participant.described", LAWYER, circumstances=["needs"]),
        one("identity.renewed", r.WITNESS, means=text, company=text),
        one("requirement.confirmed", requirement="identity-established", words="Who it is.", article="EIO, 1",
            person=r.WITNESS, proof=text, document="0" * 64),
        one("requirement.confirmed", requirement="protection-agreed", words="Agreed.", article="EIO, 2",
            person=r.WITNESS, proof=text),
        one("link.issued", place=LANE, until=r.stamp(99_000)),
        one("custody.held", reason=text),
        one("minutes.worded", whose="requested", entry=3, language="en", old=text, words=text),
        one("minutes.read", r.WITNESS, whose="requested", language="en", aloud=False, said="remark", words=text,
            sha256="4" * 64),
        one("minutes.omitted", whose="requested", requirement="attended", words=text, reason=text),
        one("minutes.elsewhere", reason=text),
        one("minutes.signed", whose="requested", signed="card", sha256="5" * 64, card=text, certificate="6" * 64),
        st.tuples(text, text).map(
            lambda said: [
                ("interval.sealed", None, {"reason": said[0], **by}),
                ("statement.noted", None, {"text": said[1], **by}),
                ("interval.ended", None, by),
            ]
        ),
        st.just(
            [
                ("consultation.begun", None, {"people": [r.WITNESS, LAWYER], "left": [], **by}),
                ("consultation.ended", None, by),
            ]
        ),
    )  # fmt: skip


def letters(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in folded if one.isalnum() and not unicodedata.combining(one))


def tells(value: Any, name: str) -> bool:
    """By another way than the rule's own: the letters of the whole name, of its last word, or of the place, in a row."""
    said = letters(json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value)
    last = letters(name.rsplit(maxsplit=1)[-1])
    secrets = [
        letters(name),
        "hiddenlane4",
        "secretperson",
        *([last] if len(last) > 4 or not last.isascii() else []),
    ]
    return any(one in said for one in secrets)


def given_by(contents: Contents) -> dict[tuple[int, str], Any]:
    return {
        (seq, name): value
        for seq, row in enumerate(contents.disclosures)
        for name, value in map(tree.read_disclosure, row)
    }


def accepted(data: bytes) -> verify.Verdict:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return verify.verify(Path(file.name), trust=r.trust(), head=None, at=r.NOW + timedelta(hours=2))


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(hearings())
def test_random_hearings_in_every_version(found: Random) -> None:
    case, whole = found.case(), found.contents()
    made = {version: applied(whole, redact(case, version)) for version in Version}
    packed = {version: r.sealed(contents, ms=7_200_000) for version, contents in made.items()}
    for version, data in packed.items():
        verdict = accepted(data)
        assert verdict.accepted, (version, verdict.sentence)
    same = {tuple(r.parts(data)[path] for path in _SAME) for data in packed.values()}
    assert len(same) == 1, "leaves, head, log key and the seals on them"
    full, parties, annex = (given_by(made[one]) for one in (Version.FULL, Version.PARTIES, Version.ANNEX))
    assert {**parties, **annex} == full
    for what in ("media", "minutes"):
        halves = [set(getattr(made[one], what)) for one in (Version.PARTIES, Version.ANNEX)]
        assert halves[0] | halves[1] == set(getattr(made[Version.FULL], what))
        assert not halves[0] & halves[1]
    for version in (Version.PARTIES, Version.PUBLIC):
        for (seq, name), value in given_by(made[version]).items():
            assert name in BOUND or not tells(value, found.name), (version, seq, name, value)
        assert MINUTES not in made[version].minutes
        assert not [path for path in made[version].media if version is Version.PUBLIC or r.WITNESS in path]
    assert not made[Version.PUBLIC].media
    assert set(made[Version.ANNEX].media) == {path for path in whole.media if r.WITNESS in path}


_SAME = (
    "data/journal/leaves.jsonl",
    "data/journal/checkpoint.txt",
    "data/journal/checkpoint.court.p7s",
    "data/trust/log-key.json",
    "data/trust/log-key.court.p7s",
)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(hearings())
def test_public_minutes_of_random_hearings_tell_nothing(found: Random) -> None:
    facts = public_facts(found)
    for text in redaction.free_texts(facts):
        assert not tells(text, found.name), text
    assert public_facts(found) == facts
    said = json.dumps(facts, ensure_ascii=False)
    assert "the person heard" in said
    assert "consultation" not in said
    assert "0" * 64 not in said


def public_facts(found: Random) -> Any:
    case = found.case()
    entries = masked(case)
    sides = drawing.Sides(_authority("Court A", "NL"), _authority("Court B", "PT"))
    hearing = Hearing(
        id=r.HEARING,
        reference="1",
        matter=found.draft.find("request.received").members["matter"],
        purpose="",
        instrument="eio",
        aim=next(iter(Purpose)),
        requesting_id=sides.requesting.id,
        requested_id=sides.requested.id,
        state=State.CLOSED,
        before=State.CLOSED,
        log_key=b"",
        log_vkey="",
        created=r.START,
    )
    frame = checklist.frame(hearing, instruments.load()["eio"], *sides)
    drawn = drawing.draw(frame, hearing, sides, Side.REQUESTED, entries)
    return redaction.blanked(drawn.model_dump(mode="json"), terms_of(case, Version.PUBLIC))


def _authority(name: str, state: str) -> Authority:
    return Authority(id=uuid4(), name=name, state=state, zone="UTC", language="en", email="", phone="")


# --- what the parties do not have, leaf by leaf ---------------------------------------------------


def told(*leaves: tuple[str, str | None, dict[str, Any]], protected: bool = True) -> Case:
    """A hearing with these entries at its end."""

    def change(record: r.Draft) -> None:
        witness = record.find("participant.named").members
        witness |= {"name": "Mario Rossi", "place": LANE, "role": "heard", "capacity": "witness"}
        if protected:
            witness["circumstances"] = ["protected", "needs"]
        judge = {**witness, "name": "Judge J.", "role": "presiding", "place": "Court A"}
        judge.pop("circumstances", None), judge.pop("capacity")
        record.said.insert(4, r.Said(901, "participant.named", judge, r.JUDGE))
        for kind, participant, members in leaves:
            record.said.append(r.Said(r.OFF + 2, kind, {**members, "by": r.JUDGE}, participant))

    return Random("Mario Rossi", r.draft(change)).case()


def concealed(case: Case, version: Version = Version.PARTIES) -> dict[str, set[str]]:
    """By leaf type, whatever is not given of the last of it."""
    given = redact(case, version).given
    return {one.event.type: set(one.event.members()) - given[one.seq] for one in case.entries}


IDENTIFIED = {"requirement": "identity-established", "words": "w", "article": "EIO, 1", "person": r.WITNESS}
AGREED = {**IDENTIFIED, "requirement": "protection-agreed"}
PARTIES_LACK: dict[str, tuple[tuple[str, str | None, dict[str, Any]], set[str]]] = {
    "a message": (("message.sent", None, {"text": "Please."}), {"text", "by"}),
    "a talk with a lawyer": (("consultation.asked", None, {}), {"by"}),
    "a talk that was not granted": (("consultation.declined", None, {"reason": "Later."}), {"reason", "by"}),
    "why it was suspended for one": (("hearing.suspended", None, {"reason": "A private consultation."}), {"reason"}),
    "why something was sealed": (("interval.sealed", None, {"reason": "A child."}), {"reason"}),
    "the paper that shows an identity": (
        ("requirement.confirmed", None, {**IDENTIFIED, "proof": "Passport 42K.", "document": "2" * 64}),
        {"proof", "document"},
    ),
    "that protection was agreed": (
        ("requirement.confirmed", None, {**AGREED, "proof": "Seen.", "document": "2" * 64}),
        {"requirement", "words", "article", "person", "proof", "document"},
    ),
    "of whom a thing is so": (
        ("participant.described", r.WITNESS, {"circumstances": ["protected"]}), {"circumstances"}
    ),
    "who somebody was with": (
        ("identity.renewed", r.WITNESS, {"means": "By sight.", "company": "A brother."}), {"means", "company"}
    ),
    "a digest of minutes that nobody had signed": (
        (
            "minutes.signed",
            None,
            {"whose": "requested", "signed": "paper", "sha256": "3" * 64, "document": "4" * 64},
        ),
        {"sha256", "document"},
    ),
    "a digest that could be guessed": (
        ("document.filed", None, {"name": "Letter.pdf", "kind": "annex", "sha256": "1" * 64, "size": 7}),
        {"sha256", "size"},
    ),
    "a file that is called so": (
        ("document.filed", None, {"name": "rossi_mario.pdf", "kind": "annex", "sha256": "1" * 64, "size": 7}),
        {"name", "sha256", "size"},
    ),
    "the place": (("link.issued", None, {"place": LANE, "until": r.stamp(9)}), {"place"}),
    "an order": (
        (
            "protection.ordered",
            None,
            {"protects": "identity", "whom": r.JUDGE, "versions": ["public"], "ground": "A reason."},
        ),
        {"protects", "whom", "ground"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", PARTIES_LACK)
def test_the_parties_do_not_have(what: str) -> None:
    leaf, lacks = PARTIES_LACK[what]
    case = told(leaf)
    given = redact(case, Version.PARTIES).given
    found = [set(one.event.members()) - given[one.seq] for one in case.entries if one.event.type == leaf[0]]
    assert lacks in found


def test_of_who_is_protected_the_parties_have_the_role_alone() -> None:
    case = told()
    names = redact(case, Version.PARTIES).given[3]
    assert names == {"names", "role", "side", "language", "capacity", "by"}
    assert concealed(case)["request.received"] == {"documents"}


def test_where_nobody_is_protected_the_parties_have_nearly_all() -> None:
    leaves = [one for one, _ in PARTIES_LACK.values() if one[0] in ("document.filed", "link.issued")]
    found = concealed(told(*leaves, protected=False))
    assert {kind: lacks for kind, lacks in found.items() if lacks} == {}
    assert not redact(told(protected=False), Version.PARTIES).withheld


def test_what_was_said_under_seal_is_for_nobody_else() -> None:
    case = told(
        ("statement.noted", None, {"text": "Before."}),
        ("interval.sealed", None, {"reason": "A child."}),
        ("statement.noted", None, {"text": "Under seal."}),
        ("exhibit.shown", None, {"exhibit": "3", "shown": True, "words": "A letter."}),
        ("interval.ended", None, {}),
        ("statement.noted", None, {"text": "After."}),
        protected=False,
    )
    given = redact(case, Version.PARTIES).given
    said = [
        (one.event.text, "text" in given[one.seq])
        for one in case.entries
        if one.event.type == "statement.noted"
    ]
    assert said == [("Before.", True), ("Under seal.", False), ("After.", True)]
    assert concealed(case)["exhibit.shown"] == {"exhibit", "words"}
    withheld = redact(case, Version.PARTIES).withheld
    assert {one.path for one in withheld} >= {MINUTES}, "they tell it"
    begun = next(one.seq for one in case.entries if one.event.type == "interval.sealed")
    assert {one.decision for one in withheld if one.path == MINUTES} == {f"entry {begun}"}


def test_each_part_is_named_with_ground_and_decision_that_tell_nothing() -> None:
    case = told(*(leaf for leaf, _ in PARTIES_LACK.values()))
    for version in REDACTED:
        for one in redact(case, version).withheld:
            assert one.ground.endswith(".")
            assert one.decision
            assert not tells(f"{one.ground} {one.decision}", "Mario Rossi")
            assert (one.seq is None) != (one.path is None)
    named = {one.path: one.decision for one in redact(case, Version.PARTIES).withheld if one.path}
    described = [one.seq for one in case.entries if one.event.type == "participant.described"]
    assert set(named.values()) <= {f"entry {described[0]}", f"entry {described[0] - 1}", *named.values()}


def test_the_public_version_gives_what_is_listed_and_no_more() -> None:
    case = told(*(leaf for leaf, _ in PARTIES_LACK.values()))
    for one, names in zip(case.entries, redact(case, Version.PUBLIC).given, strict=True):
        assert names - {"names"} <= redaction._PUBLIC.get(one.event.type, frozenset()), one.event.type
    assert all(names <= KINDS[kind].names() | {"stretch"} for kind, names in redaction._PUBLIC.items())


def test_the_annex_gives_what_it_is_for_and_no_more() -> None:
    case = told(*(leaf for leaf, _ in PARTIES_LACK.values()))
    theirs, mine = (redact(case, one).given for one in (Version.PARTIES, Version.ANNEX))
    for one, parties, annex in zip(case.entries, theirs, mine, strict=True):
        assert bool(annex) is ("names" in annex), "whoever has something of an entry sees what it lacks"
        needed = {"logKey", "path", "sha256", "by", "names"}
        assert not (parties & annex) - needed, one.event.type
        assert bool(annex) == (
            bool(annex - parties) or one.event.type in redaction._SEALING | {"hearing.opened"}
        )


def test_who_sits_beside_somebody_protected_is_not_heard_either() -> None:
    """Their place has one recording, under the name of whoever was entered first."""
    case = told(("participant.named", OTHER, {
        "name": "Guard G.", "role": "support", "function": "guard", "side": "requested",
        "place": LANE, "language": "en", "circumstances": [],
    }))  # fmt: skip
    story = case.story
    story.sealed[f"data/media/{OTHER}-audio-1.webm"] = "0" * 64
    files = redact(case, Version.PARTIES).files
    assert f"data/media/{OTHER}-audio-1.webm" not in files
    assert f"data/media/{r.AUDIO}-1.pcapng" not in files


def test_people_are_called_by_what_they_do() -> None:
    case = told(("participant.named", OTHER, {
        "name": "Guard G.", "role": "support", "function": "guard", "side": "requested",
        "place": "Court B", "language": "en", "circumstances": [],
    }))  # fmt: skip
    whom = redaction.hidden(case.story, Version.PUBLIC)
    called = redaction.masks(case.story, whom)
    assert called == {r.WITNESS: "the person heard", OTHER: "the support person"}
    two = told(("participant.named", OTHER, {
        "name": "Other O.", "role": "heard", "capacity": "witness", "function": "f", "side": "requested",
        "place": "Court B", "language": "en",
    }))  # fmt: skip
    again = redaction.masks(two.story, redaction.hidden(two.story, Version.PUBLIC))
    assert again == {r.WITNESS: "participant 1", OTHER: "participant 3"}


def test_every_role_takes_what_is_for_it() -> None:
    assert list(redaction.takes([Role.PRESIDING])) == list(Version)
    for role in (Role.DEFENCE, Role.LAWYER, Role.PROSECUTOR, Role.AUTHORITY):
        assert set(redaction.takes([role])) == {Version.PARTIES, Version.PUBLIC}, role
    for role in (Role.HEARD, Role.INTERPRETER, Role.OBSERVER, Role.TECHNICIAN):
        assert not set(redaction.takes([role])), role


def test_public_minutes_are_drawn_without_digests_of_papers_and_without_what_identified_somebody() -> None:
    leaf, _ = PARTIES_LACK["the paper that shows an identity"]
    (one,) = [entry.event for entry in masked(told(leaf)) if entry.event.type == leaf[0]]
    assert one.members() == {**IDENTIFIED, "proof": BLANK, "by": r.JUDGE}
    kinds = {entry.event.type for entry in masked(told(*(leaf for leaf, _ in PARTIES_LACK.values())))}
    assert not kinds & {"message.sent", "consultation.asked", "protection.ordered"}


def test_what_is_passed_over_in_minutes_is_no_text() -> None:
    """Every fact that is neither of the text that is blanked, nor a number or a time, is known as a code."""
    coded = set[str]()
    for part in minutes.Part.__subclasses__():
        for name, hint in get_type_hints(part, include_extras=True).items():
            if name in part.model_fields and _is_code(hint):
                coded.add(name)
    assert coded - {"outcome"} <= redaction._CODED, "an outcome is met or overridden, or words of ours"
    assert coded | {"path", "state"} >= redaction._CODED


def _is_code(hint: Any) -> bool:
    if hint == minutes.Text:
        return False
    if get_origin(hint) in (tuple, UnionType, Union):
        return any(_is_code(one) for one in get_args(hint) if one is not Ellipsis)
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(bare) in (tuple, UnionType, Union):
        return _is_code(bare)
    return get_origin(bare) is Literal or (isinstance(bare, type) and issubclass(bare, str))


WORDED = {"whose": "requested", "language": "en", "old": "As it was.", "words": "As it is."}


def test_another_wording_of_what_is_withheld_is_withheld_too() -> None:
    """Of what was said under seal, and of words that were ordered to be withheld."""
    before = ("statement.noted", None, {"text": "Before."})
    noted = next(
        one.seq for one in told(before, protected=False).entries if one.event.type == "statement.noted"
    )
    worded = ("minutes.worded", None, {**WORDED, "entry": noted})
    order = {"protects": "member", "entry": noted, "member": "text", "versions": ["parties"], "ground": "g"}
    under_seal = (
        ("interval.sealed", None, {"reason": "A child."}),
        ("statement.noted", None, {"text": "Under seal."}),
        ("interval.ended", None, {}),
        ("minutes.worded", None, {**WORDED, "entry": noted + 2}),
    )
    for leaves, lacks in (
        ((worded,), set[str]()),
        ((("protection.ordered", None, order), worded), {"old", "words"}),
        (under_seal, {"old", "words"}),
    ):
        found = told(before, *leaves, protected=False)
        assert concealed(found)["minutes.worded"] == lacks
        assert "minutes.worded" not in {one.event.type for one in masked(found)}


Leaf = tuple[str, str | None, dict[str, Any]]
SAID: Leaf = ("statement.noted", None, {"text": "Said once."})


def worded_twice(leaf: Leaf, *after: Leaf, protected: bool) -> tuple[Case, int]:
    """A hearing in whose minutes the sentence of an entry is worded twice, and its number."""
    n = max(one.seq for one in told(leaf, protected=protected).entries if one.event.type == leaf[0])
    worded: Leaf = ("minutes.worded", None, {**WORDED, "entry": n})
    return told(leaf, worded, worded, *after, protected=protected), n


def of_wordings(case: Case) -> list[set[str]]:
    given = redact(case, Version.PARTIES).given
    return [{"old", "words"} & given[one.seq] for one in case.entries if one.event.type == "minutes.worded"]


@pytest.mark.parametrize(
    "what", ["why it was suspended for one", "the paper that shows an identity", "that protection was agreed"]
)
def test_no_wording_tells_again_what_the_parties_do_not_have(what: str) -> None:
    case, _ = worded_twice(PARTIES_LACK[what][0], protected=True)
    assert of_wordings(case) == [set(), set()]
    assert of_wordings(worded_twice(SAID, protected=True)[0]) == [{"old", "words"}] * 2


@pytest.mark.parametrize("n", [0, 1, 2], ids=["the entry", "its first wording", "its second"])
def test_words_that_an_order_withholds_are_in_none_of_their_wordings(n: int) -> None:
    _, entry = worded_twice(SAID, protected=False)
    order = {
        "protects": "member",
        "entry": entry + n,
        "member": "words" if n else "text",
        "versions": ["parties", "public"],
        "ground": "A reason.",
    }
    case, _ = worded_twice(SAID, ("protection.ordered", None, order), protected=False)
    assert of_wordings(case) == [set(), set()]


def test_the_card_of_somebody_protected_is_not_told_however_it_is_spelled_there() -> None:
    order = {
        "protects": "identity",
        "whom": r.JUDGE,
        "versions": ["parties", "public"],
        "ground": "A reason.",
    }
    signed = {"whose": "requested", "signed": "card", "sha256": "5" * 64}
    signed |= {"card": "J.J. 0042", "certificate": "6" * 64}
    leaves: tuple[Leaf, ...] = (("minutes.signed", None, signed), ("protection.ordered", None, order))
    case = told(*leaves, protected=False)
    given = redact(case, Version.PARTIES).given
    n = next(one.seq for one in case.entries if one.event.type == "minutes.signed")
    assert not given[n] & {"card", "certificate"}
