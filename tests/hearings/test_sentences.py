"""Every sentence that a person may see remembers the template and values that it was made of."""

import ast
import copy
import errno
import inspect
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from consent import instruments
from hearings import checklist, conduct, errors, said
from hearings.events import KINDS, Event, HearingMoved, HearingSuspended, ParticipantNamed
from hearings.journal import Entry
from hearings.sentences import (
    CONNECTION_LOST,
    OWN,
    RECORDING_FAILED,
    SERVICE_STOPPED,
    Code,
    Moment,
    Sentence,
    Zone,
    any_of,
    recognised,
    say,
)
from hearings.states import State, Verb, acting_role
from hearings.story import Story
from media import ears, recorder
from scheduling import zones

ROOT = Path(__file__).parents[2]
START = datetime(2026, 11, 27, 10, tzinfo=UTC)
JUDGE, WITNESS = "aaaaaaaa", "bbbbbbbb"
EXAMPLE: dict[str, Any] = {
    "log_key": "key",
    "oath": "I solemnly declare that I will tell the whole truth.",
    "oath_by": "requesting",
    "lost": [WITNESS],
    "form": "affirmation",
    "before": JUDGE,
    "law": "requested",
    "ground": "Nobody interprets for the person heard.",
    "measure": "Each question is interpreted.",
    "suspends": True,
    "intervention": 40,
    "continues": True,
    "question": "Where were you that night?",
    "claim": 41,
    "outcome": "upheld",
    "objection": 42,
    "remedy": "repeated",
    "means": "By sight and voice.",
    "company": "Lawyer F",
    "exhibit": "3",
    "shown": True,
    "conduct": "untruth",
    "reference": "AZ {7}",
    "instrument": "eio",
    "title": "Directive 2014/41/EU regarding the European Investigation Order in criminal matters",
    "aim": "evidence",
    "finding": "found",
    "found": "eio",
    "reasons": [],
    "alternatives": [],
    "matter": "a matter",
    "purpose": "a purpose",
    "requesting": "Court A",
    "requested": "Court B",
    "deadline": START,
    "documents": [],
    "by": JUDGE,
    "name": "Witness {A}",
    "kind": "annex",
    "sha256": "0" * 64,
    "size": 1,
    "start": START,
    "sitting": 2,
    "was": START,
    "release": "2026a",
    "change": 12,
    "whom": WITNESS,
    "about": "hearing",
    "reply": "declined",
    "minutes": 90,
    "zone": "Europe/Amsterdam",
    "other": "Africa/Casablanca",
    "test": "6f1c9f0e-8a52-4c1f-9d0a-2f1f2e5f0a11",
    "good": True,
    "width": 1280,
    "height": 720,
    "heard": True,
    "seconds": 240,
    "trip": 38,
    "loss": 3,
    "grade": "good",
    "way": "relayed",
    "confirmed": [JUDGE],
    "reason": "as agreed",
    "code": "other",
    "until": START,
    "participant": WITNESS,
    "role": "heard",
    "function": "person heard",
    "side": "requested",
    "place": "Desk of Court B",
    "language": "ar",
    "capacity": "witness",
    "circumstances": ["child", "needs"],
    "since": START,
    "at": START,
    "away": 1234,
    "silent": 12_000,
    "first": 3,
    "sealed": True,
    "planned": 60,
    "n": 2,
    "stretch": 3,
    "tracks": [],
    "millis": 10_000,
    "rows": [
        {
            "track": f"{WITNESS}-heard",
            "loss": 12,
            "jitter": 3,
            "rate": 0,
            "trip": 180,
            "stops": 0,
            "stopped": 0,
            "score": 74,
            "grade": "weak",
        }
    ],
    "repeated": "The question was put again.",
    "taken": True,
    "words": "The authority present has established the identity of the person heard.",
    "text": "a text",
    "to": WITNESS,
    "requirement": "identity",
    "article": "Directive 2014/41/EU, Article 24(5)(a)",
    "person": WITNESS,
    "proof": "Passport seen.",
    "path": "data/media/bbbbbbbb-audio.pcapng",
    "track": f"{WITNESS}-audio",
    "people": [WITNESS],
    "left": [JUDGE],
    "leaves": 87,
    "sending": "0b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9",
    "package": "0" * 64,
    "receipt": "1" * 64,
    "accepted": False,
    "verdict": "Refused (zip): This is no package.",
    "hold": 88,
    "closed": START,
    "kept": START.date(),
    "rules": [],
    "decision": "Agreed on the longer time.",
    "keys": [],
    "what": "video",
    "answer": "yes",
    "asked": START,
    "version": "1",
    "sample": True,
    "method": "paper",
    "advised": "had",
    "through": JUDGE,
    "witnessed": JUDGE,
    "document": "0" * 64,
    "key": "BA",
    "signature": "AA",
    "whose": "requesting",
    "entry": 17,
    "old": "The witness W. took the oath.",
    "aloud": True,
    "said": "refused",
    "signed": "card",
    "card": "Officer {O}",
    "certificate": "0" * 64,
    "cosigner": "b.example/cosign",
    "files": 12,
    "bytes": 306_600,
    "protects": "recording",
    "member": "text",
    "versions": ["parties", "public"],
    "order": 43,
}


def example(kind: type[Event], *, whole: bool, **other: Any) -> Event:
    """One of its kind; `whole`: with what may be missing."""
    values = EXAMPLE | other
    return kind.model_validate(
        {
            field.alias or name: values[name]
            for name, field in kind.model_fields.items()
            if whole or field.is_required()
        }
    )


def named(handle: str) -> str:
    return {JUDGE: "Judge J.", WITNESS: "Witness W."}.get(handle, handle)


# --- sentences


def test_a_sentence_is_its_english_text_and_remembers_what_it_was_made_of():
    made = say("{name} is here ({office}).", name="{x}", office=say("clerk"))
    assert made == "{x} is here (clerk)."
    assert made.template == "{name} is here ({office})."
    assert made.values == {"name": "{x}", "office": "clerk"}
    assert say("100 {per} cent") == "100 {per} cent"


def test_a_sentence_can_be_copied():
    made = say("{at} {code} {zone}", at=Moment(START, "t"), code=Code("a", say("b")), zone=Zone("Asia/Tokyo"))
    copied = copy.deepcopy(made)
    assert (copied, copied.template, copied.values) == (made, made.template, made.values)


def test_one_of_several():
    assert any_of([]) == ""
    assert any_of([say("a")]) == "a"
    assert any_of([say("a"), say("b"), say("c")]) == "a or b or c"


def test_what_a_page_shows_in_its_own_way_is_plain_in_english():
    moment = Moment(START, "2026-11-27T10:00:00.000Z", "Europe/Amsterdam")
    said_so = say(
        "{at}, {zone}, {code}", at=moment, zone=Zone("Europe/Amsterdam"), code=Code("other", say("x"))
    )
    assert said_so == "2026-11-27T10:00:00.000Z, Europe/Amsterdam, other"


# --- what comes back as text


@pytest.mark.parametrize(
    ("text", "template", "values"),
    [
        ("The connection of A, B was lost.", CONNECTION_LOST, {"names": "A, B"}),
        ("The connection of A\nB was lost.", CONNECTION_LOST, {"names": "A\nB"}),
        (str(SERVICE_STOPPED), SERVICE_STOPPED, {}),
        ("The recording failed. Odd.", RECORDING_FAILED, {"reason": "Odd."}),
    ],
)
def test_what_the_service_wrote_is_recognised(text: str, template: Sentence, values: dict[str, str]):
    found = recognised(text)
    assert isinstance(found, Sentence)
    assert (found, found.template, found.values) == (text, template, values)


def test_a_reason_within_a_reason_is_recognised():
    found = recognised(str(say(RECORDING_FAILED, reason=SERVICE_STOPPED)))
    assert isinstance(found, Sentence)
    assert isinstance(found.values["reason"], Sentence)


@pytest.mark.parametrize("text", ["", "We take a break.", "The connection of  was lost", "x{names}x"])
def test_anything_else_stays_what_it_is(text: str):
    assert type(recognised(text)) is str


def test_a_value_that_stands_twice_must_be_the_same():
    assert isinstance(recognised("a and a", ["{one} and {one}"]), Sentence)
    assert type(recognised("a and b", ["{one} and {one}"])) is str


def test_what_somebody_typed_is_not_taken_for_a_sentence_of_ours():
    text = "The connection of A was lost."
    typed = example(HearingSuspended, whole=True, reason=text).sentence(named)
    ours = example(HearingSuspended, whole=True, reason=text, by="service").sentence(named)
    assert type(typed.values["reason"]) is str
    assert isinstance(ours.values["reason"], Sentence)


@pytest.mark.parametrize("sentence", [ears.DEAF, recorder.TOO_SLOW])
def test_what_else_may_stop_a_recording_is_recognised(sentence: str):
    assert isinstance(recognised(sentence), Sentence)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO])
def test_what_the_recorder_tells_is_recognised(number: int):
    assert isinstance(recognised(recorder._sentence(OSError(number, "why"))), Sentence)


def test_why_the_media_worker_declines_is_recognised():
    found = [
        text
        for path in (ROOT / "media").glob("*.py")
        for call in calls(path)
        if called(call) in {"Refused", "_decline"}
        for text in texts(call)
    ]
    assert len(found) >= 10
    assert [text for text in found if not isinstance(recognised(text, conduct._DECLINED), Sentence)] == []


def test_what_is_wrong_with_a_time_is_recognised():
    wall = datetime(2026, 3, 29, 2, 30)  # noqa: DTZ001  # a wall time
    with pytest.raises(zones.MissingTime) as refused:
        zones.instant_of(wall, "Europe/Amsterdam")
    sentence = said.refused(refused.value)
    assert sentence == str(refused.value)
    assert sentence.values["zone"] == "Europe/Amsterdam"
    again = recognised(str(refused.value), said.WRONG)
    assert isinstance(again, Sentence)
    assert (again.template, again.values) == (sentence.template, sentence.values)


# --- the journal


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_entry_is_told_in_a_sentence(kind: type[Event], whole: bool):
    event = example(kind, whole=whole)
    sentence = event.sentence(named)
    assert type(sentence) is Sentence
    assert sentence == sentence.template.format(**sentence.values)
    stamps = [value for value in event.members().values() if str(value).startswith("2026-")]
    loose = [value for value in sentence.values.values() if type(value) is str and value in stamps]
    assert loose == []


def test_the_sentence_of_an_entry_is_what_the_record_prints():
    assert example(HearingMoved, whole=True).sentence(named) == (
        "Judge J. moved the hearing to 2026-11-27T10:00:00.000Z (Europe/Amsterdam and Africa/Casablanca): as agreed"
    )


@pytest.mark.parametrize(
    ("kind", "member", "told"),
    [
        ("oath.taken", "form", {"oath": "took an oath before", "affirmation": "made an affirmation before"}),
        ("exhibit.shown", "shown", {True: "3 was shown: The", False: "3 was not shown"}),
        ("conduct.noted", "conduct", {"refusal": "a refusal to testify", "untruth": "may be untrue"}),
        ("intervention.made", "suspends", {True: "the hearing stands still", False: "intervened: Nobody"}),
        ("intervention.settled", "continues", {True: "entry 40 settled", False: "cannot go on"}),
        ("privilege.claimed", "law", {"both": "of either State", "requesting": "of the requesting State"}),
        (
            "privilege.claimed",
            "by",
            {WITNESS: "Witness W. claimed the", JUDGE: "Judge J. claimed for Witness W."},
        ),
        (
            "privilege.ruled",
            "outcome",
            {"upheld": "J. upheld the", "rejected": "did not uphold", "withdrawn": "was withdrawn"},
        ),
        ("objection.decided", "remedy", {"replaced": "another person interprets", "none": "is changed"}),
        ("identity.renewed", "company", {"Lawyer F": "in the company of Lawyer F", None: "who is alone"}),
    ],
)
def test_every_way_in_which_it_went_is_told(kind: str, member: str, told: dict[object, str]):
    for value, words in told.items():
        assert words in example(KINDS[kind], whole=True, **{member: value}).sentence(named)


def test_an_office_is_translated_and_a_function_that_was_typed_is_not():
    ours = example(ParticipantNamed, whole=True, function="clerk").sentence(named)
    typed = example(ParticipantNamed, whole=True, function="Registrar").sentence(named)
    assert isinstance(ours.values["function"], Sentence)
    assert type(typed.values["function"]) is str


# --- refusals and obstacles


def calls(path: Path) -> Iterator[ast.Call]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def called(call: ast.Call) -> str:
    return getattr(call.func, "id", "") or getattr(call.func, "attr", "")


def texts(call: ast.Call) -> list[str]:
    """The plain texts and f-strings among its arguments, `3` for each value."""
    found = []
    for node in (*call.args, *(keyword.value for keyword in call.keywords)):
        match node:
            case ast.Constant(value=str(text)):
                found.append(text)
            case ast.JoinedStr():
                found.append(
                    "".join(
                        getattr(part, "value", "") if isinstance(part, ast.Constant) else "3"
                        for part in node.values
                    )
                )
    return found


def test_no_refusal_is_a_plain_text():
    kinds = {
        name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.Refusal)
    }
    plain = [
        f"{path.name}:{call.lineno}"
        for path in (ROOT / "hearings").glob("*.py")
        if not path.name.startswith(("verify", "minutes"))
        for call in calls(path)
        if called(call) in kinds and call.args and isinstance(call.args[0], ast.Constant | ast.JoinedStr)
    ]
    assert plain == []


def test_a_refusal_of_the_table_is_a_sentence_of_sentences():
    with pytest.raises(errors.NotAllowed) as refused:
        acting_role(State.OPEN, Verb.NOTE, [])
    sentence = refused.value.sentence
    assert sentence == (
        "You cannot make a note: that is for the presiding judge or prosecutor or clerk "
        "or authority present on the requested side."
    )
    assert isinstance(sentence, Sentence)
    assert all(isinstance(value, Sentence) for value in sentence.values.values())


@pytest.mark.parametrize("instrument", instruments.load().values(), ids=lambda one: one.id)
@pytest.mark.parametrize("heard", [True, False])
def test_every_obstacle_is_a_sentence(instrument: instruments.Instrument, heard: bool):
    entries = [Entry(0, START, example(ParticipantNamed, whole=True))] if heard else []
    story = Story(failed="The disk for the recording is full.").tell(entries)
    for person in story.people.values():
        person.admitted = True
    frame = checklist.Frame(instrument, "NL", "PT", START.date(), "evidence")
    found = [
        *checklist.to_the_record(frame, story, armed=False),
        *checklist.to_the_examination(frame, story),
        *checklist.to_the_closing(frame, story),
    ]
    for one in found:
        assert isinstance(one.sentence, Sentence)
        assert one.article is None or isinstance(one.article, Sentence)
        assert all(isinstance(office, Sentence) for office in one.who)
    with pytest.raises(errors.NotReady) as refused:
        checklist.refuse(say("Not yet."), found)
    assert all(isinstance(hint, Sentence) for hint in refused.value.hints)
    assert any("full. Nothing may" in hint for hint in refused.value.hints)


def test_the_sentences_of_the_service_are_told_apart():
    """None fits another one's text, so that the first that fits is the right one."""
    for template in OWN:
        text = template.format(**dict.fromkeys(("names", "reason", "error"), "x"))
        found = recognised(text)
        assert isinstance(found, Sentence)
        assert found.template == template
