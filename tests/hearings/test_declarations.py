"""Notices and declarations: put, answered by the one who is asked, recorded for them, taken back in one step."""

import base64
import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent import notices
from hearings import answers
from hearings.accounts import Staff
from hearings.actors import Actor
from hearings.added import declarations
from hearings.approvals import Approvals, NewApproval
from hearings.declarations import (
    Declarations,
    NewQuestion,
    OwnAnswer,
    RecordedAnswer,
    Scan,
    TakingBack,
)
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotValid, Refusal
from hearings.events import Event, MinutesSealed
from hearings.journal import Journal, urn
from hearings.people import NewPerson, NewPlace
from hearings.roles import Capacity, Role, Side
from hearings.room import Words
from hearings.sentences import ANSWER_TAKEN_BACK
from hearings.states import State
from hearings.store import Store
from hearings.tables import Hearing
from hearings.tree import stamp
from hearings.views import load
from tests.hearings.people_of_law import PASSWORD, Courthouse, Standing
from tests.hearings.stood import Steps, stood
from tests.hearings.test_answers import Signer

SCAN = Scan(name="Paper.pdf", media_type="application/pdf", content=base64.b64encode(b"%PDF signed").decode())


@cache
def _seated(capacity: Capacity) -> Steps:
    def steps(house: Courthouse) -> Standing:
        standing = house.requested_hearing().accepted().scheduled().seated(capacity)
        for name, role in (("lawyer", Role.LAWYER), ("interpreter", Role.INTERPRETER)):
            standing.add(name, role, Side.REQUESTED)
        for name, role in (("clerk", Role.CLERK), ("defence", Role.DEFENCE), ("observer", Role.OBSERVER)):
            standing.add(name, role, Side.REQUESTING)
        return standing

    return steps


class Desk:
    """A hearing of an accused, with counsel, interpreter and clerk, and the step that is tested."""

    def __init__(self, journal: Journal, folder: Path, capacity: Capacity = Capacity.ACCUSED) -> None:
        self.standing = stood(_seated(capacity), journal, folder)
        house = self.standing.house
        self.steps = Declarations(house.acts, Store(folder / "documents"))
        self.signer = Signer()

    @property
    def actors(self) -> dict[str, Actor]:
        return self.standing.actors

    @property
    def heard(self) -> str:
        return self.actors["witness"].people[0].handle

    @property
    def reader(self) -> str:
        return self.actors["interpreter"].people[0].handle

    def ask(self, text: str = "video", by: str = "authority", language: str | None = None) -> None:
        self.steps.ask(self.actors[by], NewQuestion(person=self.heard, text=text, language=language))

    def statement(self, what: str = "video", answer: str = "yes", **changes: Any) -> OwnAnswer:
        """As the page of who is asked makes it; `changes` come after the signature."""
        question = self.standing.story().questions[what, self.heard]
        told: dict[str, Any] = {
            "what": what,
            "answer": answer,
            "advised": "had",
            "asked": stamp(question.time),
        }
        told |= {name: changes.pop(name) for name in ("through",) if name in changes}
        told["sha256"] = hashlib.sha256(question.asked.words.encode()).hexdigest()
        said = told | {
            "text": question.asked.text,
            "version": question.asked.version,
            "language": question.asked.language,
        }
        data = answers.signed(urn(self.standing.id), self.heard, said)
        signed = {"key": self.signer.key, "signature": self.signer.sign(data)}
        return OwnAnswer.model_validate({"person": self.heard, **told, **signed, **changes})

    def answer(self, what: str = "video", answer: str = "yes", by: str = "witness", **changes: Any) -> None:
        self.steps.answer(self.actors[by], self.statement(what, answer, **changes))

    def record(self, by: str = "authority", **said: Any) -> None:
        told = {"person": self.heard, "what": "video", "answer": "yes", "method": "spoken", "advised": "had"}
        self.steps.record(self.actors[by], RecordedAnswer.model_validate({**told, **said}))

    def revoke(self, what: str = "video", by: str = "witness") -> None:
        self.steps.revoke(self.actors[by], TakingBack(person=self.heard, what=what))

    def last(self) -> Event:
        return self.standing.story().consents[-1][1]

    def answers(self) -> dict[str, str]:
        return {what: one.answer for (what, _), one in self.standing.story().declarations.items()}

    def sees(self, who: str) -> dict[str, Any]:
        with self.standing.house.journal.reading() as tx:
            view = load(tx, self.standing.house.journal, self.standing.house.known, self.standing.id)
        return view.as_seen_by(self.actors[who])

    def sign_minutes(self) -> None:
        journal = self.standing.house.journal
        with journal.transaction() as tx:
            sealed = MinutesSealed(path="data/minutes/requested.pdf", sha256="0" * 64, by="service")
            journal.append(tx, tx.get_one(Hearing, self.standing.id), sealed)


@pytest.fixture
def desk(journal: Journal, tmp_path: Path) -> Desk:
    return Desk(journal, tmp_path)


# --- asked


def test_a_question_is_the_text_word_for_word_and_before_the_person_at_once(desk: Desk):
    desk.ask()
    text = notices.load()["video"]
    asked = desk.last()
    assert (asked.words, asked.sha256) == (text.wording["en"].canonical, notices.digest(text, "en"))
    assert (asked.text, asked.version, asked.language, asked.sample) == ("video", "1", "en", True)
    (seen,) = desk.sees("witness")["you"]["declarations"]["questions"]
    assert (seen["wording"]["question"], seen["signs"]) == ("Do you agree to be heard by video?", True)
    assert desk.sees("lawyer")["you"]["declarations"] == {"questions": [], "answers": []}
    assert "declarations" not in desk.sees("lawyer"), "what was asked is for whoever oversees"
    assert desk.answers() == {}, "silence is no answer"


def test_only_the_court_the_authority_and_the_coordinators_ask(desk: Desk):
    for by in ("witness", "lawyer", "interpreter", "defence", "observer"):
        with pytest.raises(NotAllowed):
            desk.ask(by=by)
    for officer, text in (("authority", "video"), ("clerk", "recording"), ("judge", "rights-suspect")):
        desk.ask(text, by=officer)
    desk.steps.ask(desk.standing.desk, NewQuestion(person=desk.heard, text="waiver-counsel"))
    assert len(desk.standing.story().questions) == 4


def test_a_text_for_others_or_of_nobody_is_not_put(desk: Desk):
    for text in ("voluntary", "telephone", "rights-witness", "rights-sought"):
        with pytest.raises(NotValid):
            desk.ask(text)
    with pytest.raises(NotFound):
        desk.ask("surrender")
    for person in (desk.reader, "zzzzzzzz"):
        with pytest.raises(NotFound):
            desk.steps.ask(desk.actors["clerk"], NewQuestion(person=person, text="video"))


def test_what_is_open_or_stands_is_not_asked_again_but_a_no_may_be(desk: Desk):
    desk.ask()
    with pytest.raises(AlreadyDone):
        desk.ask()
    desk.answer(answer="no")
    desk.ask()
    assert desk.answers() == {"video": "no"}, "it stands until there is another answer"
    desk.answer()
    with pytest.raises(AlreadyDone):
        desk.ask()
    assert [type(one).__name__ for _, one in desk.standing.story().consents] == [
        *("ConsentAsked", "ConsentDeclared", "ConsentAsked", "ConsentDeclared")
    ]


# --- answered by the person


def test_an_answer_is_signed_by_the_person_and_says_all_of_it(desk: Desk):
    desk.ask()
    desk.answer()
    said = desk.last()
    assert (said.answer, said.method, said.advised, said.by) == ("yes", "browser", "had", desk.heard)
    data = answers.signed(urn(desk.standing.id), desk.heard, said.members())
    assert answers.holds(said.key, said.signature, data)
    standing = desk.standing.story().declarations["video", desk.heard]
    assert (standing.answer, standing.by, standing.time >= said.asked) == ("yes", desk.heard, True)
    (seen,) = desk.sees("witness")["you"]["declarations"]["answers"]
    assert (seen["wording"]["yes"], seen["answer"]) == ("Yes, I agree", "yes")
    with pytest.raises(NotNow):
        desk.steps.answer(desk.actors["witness"], replace_time(desk, said))


def replace_time(desk: Desk, said: Any) -> OwnAnswer:
    """The same answer, sent a second time."""
    told = {
        "person": desk.heard,
        "what": "video",
        "answer": "yes",
        "advised": "had",
        "asked": stamp(said.asked),
    }
    return OwnAnswer(**told, sha256=said.sha256, key=said.key, signature=said.signature)


def test_a_signature_of_anything_else_is_refused(desk: Desk):
    desk.ask()
    statement = desk.statement()
    for changes, refusal in (
        ({"answer": "no"}, NotValid),
        ({"advised": "declined"}, NotValid),
        ({"sha256": "0" * 64}, NotNow),
        ({"asked": "2026-11-23T09:00:00.001Z"}, NotNow),
        ({"key": Signer().key}, NotValid),
        ({"signature": Signer().sign(b"something else")}, NotValid),
        ({"signature": "AAAA"}, NotValid),
        ({"key": None, "signature": None}, NotAllowed),
        ({"what": "recording"}, NotNow),
    ):
        with pytest.raises(refusal):
            desk.steps.answer(desk.actors["witness"], statement.model_copy(update=changes))
    assert desk.answers() == {}
    desk.steps.answer(desk.actors["witness"], statement)
    assert desk.answers() == {"video": "yes"}


def test_a_signature_answers_no_other_question(desk: Desk, clock: Any):
    desk.ask()
    old = desk.statement(answer="yes")
    desk.answer(answer="no")
    clock.pass_(minutes=1)
    desk.ask()
    with pytest.raises(NotNow, match="not the one before you"):
        desk.steps.answer(desk.actors["witness"], old)


def test_nobody_answers_for_somebody_else_in_a_browser(desk: Desk):
    desk.ask()
    for by in ("lawyer", "interpreter", "defence", "judge", "authority", "clerk"):
        with pytest.raises(NotAllowed):
            desk.answer(by=by)
    another = desk.standing.add("other", Role.HEARD, Side.REQUESTED, Capacity.WITNESS)
    with pytest.raises(NotAllowed, match="Only the person heard"):
        desk.steps.answer(another, desk.statement())


def test_an_answer_is_refused_before_the_question_and_after_the_minutes_are_signed(desk: Desk):
    desk.ask()
    statement = desk.statement()
    with pytest.raises(NotNow):
        desk.record(what="recording")
    desk.answer()
    desk.sign_minutes()
    for late in (
        lambda: desk.steps.answer(desk.actors["witness"], statement),
        lambda: desk.ask("recording"),
        desk.record,
        desk.revoke,
    ):
        with pytest.raises(AlreadyDone, match="minutes are signed"):
            late()


# --- a lawyer's advice comes first, and a foreign text is read


def test_the_accused_says_yes_after_a_lawyers_advice_and_no_at_once(desk: Desk):
    desk.ask()
    with pytest.raises(NotValid) as refused:
        desk.record(advised=None)
    assert refused.value.field == "advised"
    desk.record(advised=None, answer="no")
    desk.ask("rights-suspect")
    desk.record(what="rights", advised=None)
    assert desk.answers() == {"video": "no", "rights": "yes"}


def test_a_witness_needs_no_advice(journal: Journal, tmp_path: Path):
    desk = Desk(journal, tmp_path, Capacity.WITNESS)
    desk.ask("voluntary")
    desk.record(what="voluntary", advised=None)
    assert desk.answers() == {"voluntary": "yes"}
    (seen,) = desk.sees("witness")["you"]["declarations"]["answers"]
    assert seen["what"] == "voluntary"


def test_a_text_in_another_language_is_read_by_an_interpreter_who_is_named(desk: Desk):
    desk.ask(language="fr")
    (seen,) = desk.sees("witness")["you"]["declarations"]["questions"]
    assert (seen["foreign"], seen["interpreters"][0]["handle"]) == (True, desk.reader)
    for through in (None, desk.heard, "zzzzzzzz"):
        with pytest.raises(NotValid) as refused:
            desk.record(through=through)
        assert refused.value.field == "through"
    desk.answer(through=desk.reader)
    assert (desk.last().language, desk.last().through) == ("fr", desk.reader)


def test_where_a_language_is_missing_another_is_chosen(desk: Desk):
    house, coordinator = desk.standing.house, desk.standing.coordinator
    person = NewPerson(name="Witness B", role=Role.HEARD, capacity=Capacity.WITNESS, language="ps")
    place = NewPlace(name="Place of B", side=Side.REQUESTED, zone="UTC", people=[person])
    _, (row,) = house.people.seat(coordinator, place)
    with pytest.raises(NotValid, match="Choose one that an interpreter reads"):
        desk.steps.ask(desk.actors["authority"], NewQuestion(person=row.handle, text="voluntary"))
    with pytest.raises(NotValid, match="not in that language"):
        desk.steps.ask(
            desk.actors["authority"], NewQuestion(person=row.handle, text="voluntary", language="ps")
        )
    desk.steps.ask(desk.actors["authority"], NewQuestion(person=row.handle, text="voluntary", language="ar"))
    assert desk.last().language == "ar"


# --- recorded for them


def test_a_paper_is_filed_with_the_answer(desk: Desk):
    desk.ask()
    with pytest.raises(NotValid) as refused:
        desk.record(method="paper")
    assert refused.value.field == "paper"
    desk.steps.record(
        desk.standing.desk,
        RecordedAnswer(
            person=desk.heard, what="video", answer="yes", advised="declined", method="paper", paper=SCAN
        ),
    )
    said = desk.last()
    assert said.document == hashlib.sha256(b"%PDF signed").hexdigest()
    assert (said.witnessed, said.advised, said.key) == (None, "declined", None)
    assert desk.standing.types()[-2:] == ["document.filed", "consent.declared"]
    (row,) = [
        one for one in desk.standing.house.requests.documents(desk.standing.desk) if one.kind == "declaration"
    ]
    assert row.sha256 == said.document


def test_what_is_spoken_is_witnessed_by_who_records_it(desk: Desk):
    desk.ask()
    for by, actor in (("coordinator", desk.standing.desk), ("lawyer", desk.actors["lawyer"])):
        with pytest.raises(NotAllowed):
            (
                desk.steps.record(
                    actor,
                    RecordedAnswer(
                        person=desk.heard, what="video", answer="yes", advised="had", method="spoken"
                    ),
                ),
                by,
            )
    desk.record(by="clerk")
    assert desk.last().witnessed == desk.actors["clerk"].people[0].handle


def test_behind_one_camera_the_officer_records_and_nobody_signs(desk: Desk):
    """Whoever shares a device with an official could have had it pressed by them."""
    heard, officer = desk.actors["witness"], desk.actors["authority"]
    room = replace(heard, people=(*heard.people, *desk.actors["lawyer"].people, *officer.people))
    desk.ask()
    with pytest.raises(NotAllowed, match="on a device of their own"):
        desk.steps.answer(room, desk.statement())
    told = {"person": desk.heard, "what": "video", "answer": "yes", "advised": "had", "method": "spoken"}
    desk.steps.record(room, RecordedAnswer.model_validate(told))
    assert desk.last().witnessed == desk.last().by == officer.people[0].handle
    desk.steps.revoke(room, TakingBack(person=desk.heard, what="video"))
    assert desk.last().by == officer.people[0].handle


# --- taken back


def test_taking_back_suspends_what_is_on_the_record_in_one_step(journal: Journal, tmp_path: Path):
    desk = Desk(journal, tmp_path, Capacity.WITNESS)
    desk.standing.opened().on_record()
    for by in ("witness", "lawyer", "authority", "clerk", "judge"):
        desk.ask("recording")
        desk.answer("recording")
        desk.revoke("recording", by=by)
        assert desk.standing.types()[-3:] == ["consent.revoked", "hearing.suspended", "record.off"]
        assert desk.standing.house.docket.hearing(desk.standing.id).state is State.SUSPENDED
        story = desk.standing.story()
        assert (story.state, story.declarations) == (State.SUSPENDED, {})
        assert story.interruptions[-1].reason == ANSWER_TAKEN_BACK
        assert story.interruptions[-1].by == desk.actors[by].people[0].handle
        with pytest.raises(NotNow):
            desk.revoke("recording", by=by)
        desk.standing.house.room.resume(desk.actors["judge"], Words(text="They were asked again."))


def test_off_the_record_it_is_taken_back_and_the_state_stays(desk: Desk):
    desk.ask()
    desk.answer()
    for state, by in ((State.SCHEDULED, "witness"), (State.OPEN, "defence")):
        if state is State.OPEN:
            desk.ask()
            desk.answer()
            desk.standing.opened()
        desk.revoke(by=by)
        assert (
            desk.standing.story().state is desk.standing.house.docket.hearing(desk.standing.id).state is state
        )
    assert desk.sees("witness")["you"]["declarations"] == {"questions": [], "answers": []}


def test_counsel_in_the_room_sees_what_a_client_answered_and_nobody_else_does(desk: Desk):
    desk.ask()
    desk.answer()
    assert "clients" not in desk.sees("lawyer"), "whoever waits sees nobody"
    desk.standing.opened()
    seen = {
        who: [one["what"] for one in desk.sees(who)["clients"]]
        for who in ("lawyer", "defence", "interpreter")
    }
    assert seen == {"lawyer": ["video"], "defence": ["video"], "interpreter": []}


def test_nobody_else_takes_it_back(desk: Desk):
    desk.ask()
    desk.answer()
    for by in ("interpreter", "observer"):
        with pytest.raises(NotAllowed):
            desk.revoke(by=by)
    another = desk.standing.add("other", Role.HEARD, Side.REQUESTED, Capacity.WITNESS)
    with pytest.raises(NotAllowed, match="their lawyer, or the court"):
        desk.steps.revoke(another, TakingBack(person=desk.heard, what="video"))


def test_defence_counsel_does_not_speak_for_a_witness(journal: Journal, tmp_path: Path):
    desk = Desk(journal, tmp_path, Capacity.WITNESS)
    desk.ask("voluntary")
    desk.record(what="voluntary", advised=None)
    desk.standing.opened()
    assert desk.sees("defence")["clients"] == []
    with pytest.raises(NotAllowed):
        desk.revoke("voluntary", by="defence")


# --- the rule, over any order of steps


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["ask", "yes", "no", "spoken", "revoke"]), max_size=7))
def test_whatever_is_pressed_an_answer_stands_only_if_it_was_given_to_a_question(
    desk: Desk, steps: list[str]
) -> None:
    """Against a model of two values: what is open, and what stands."""
    for of in list(desk.standing.story().declarations):
        desk.revoke(of[0])
    if desk.standing.story().questions:
        desk.answer(answer="no")
        desk.revoke()
    is_open, stands = False, ""
    for step in steps:
        try:
            match step:
                case "ask":
                    desk.ask()
                    is_open = True
                case "revoke":
                    desk.revoke()
                    stands = ""
                case "spoken":
                    desk.record()
                    is_open, stands = False, "yes"
                case _:
                    desk.answer(answer=step)
                    is_open, stands = False, step
        except (Refusal, KeyError):
            allowed = {"ask": not is_open and stands != "yes", "revoke": bool(stands)}
            assert not allowed.get(step, is_open), step
        assert desk.answers().get("video", "") == stands
        assert bool(desk.standing.story().questions) == is_open


# --- approved texts


def administrator(desk: Desk) -> Staff:
    accounts = desk.standing.house.accounts
    return accounts.staff(accounts.sign_in(login="administrator", password=PASSWORD))


def approval(desk: Desk, **changes: Any) -> NewApproval:
    text = notices.load()["video"]
    told = {"authority": desk.standing.house.requesting, "text": "video", "version": "1", "language": "en"}
    return NewApproval.model_validate({**told, "sha256": notices.digest(text, "en"), **changes})


def test_an_approved_text_is_no_sample_and_the_answer_says_so(desk: Desk):
    approvals = Approvals(desk.standing.house.journal, notices.load())
    approvals.approve(administrator(desk), approval(desk))
    desk.ask()
    desk.answer()
    assert (desk.last().sample, desk.last().sha256) == (False, notices.digest(notices.load()["video"], "en"))
    desk.revoke()
    desk.ask(language="fr")
    assert desk.last().sample, "in that language nobody has approved it"
    (row,) = approvals.approved(administrator(desk))
    assert (row.account_id, row.approved) == (
        administrator(desk).account,
        desk.standing.house.journal.clock(),
    )
    with pytest.raises(AlreadyDone):
        approvals.approve(administrator(desk), approval(desk))


def test_only_an_administrator_approves_and_exactly_what_stands_there(desk: Desk):
    approvals = Approvals(desk.standing.house.journal, notices.load())
    with pytest.raises(NotAllowed):
        approvals.approve(desk.standing.house.coordinator, approval(desk))
    with pytest.raises(NotAllowed):
        approvals.approved(desk.standing.house.coordinator)
    for changes, refusal in (
        ({"sha256": "0" * 64}, NotValid),
        ({"version": "2"}, NotValid),
        ({"language": "fr"}, NotValid),
        ({"language": "pt"}, NotFound),
        ({"text": "surrender"}, NotFound),
        ({"authority": desk.standing.id}, NotValid),
    ):
        with pytest.raises(refusal):
            approvals.approve(administrator(desk), approval(desk, **changes))


# --- told


def test_the_minutes_list_every_question_and_what_came_of_it(desk: Desk):
    desk.ask()
    desk.answer(answer="no")
    desk.ask(language="fr")
    desk.record(through=desk.reader, advised="declined")
    desk.revoke(by="lawyer")
    desk.ask("recording")
    first, second, third = declarations(desk.standing.story())
    assert (first.answer, first.how, first.revoked) == (
        "no",
        ("Signed in the browser", "After a lawyer’s advice"),
        None,
    )
    assert (second.answer, second.language, second.sample) == ("yes", "fr", True)
    assert second.how == (
        *("By word of mouth", "Before Authority", "Read by the interpreter Interpreter"),
        "A lawyer’s advice was offered and declined",
    )
    assert (second.revoked is not None, second.revoked_by) == (True, "Lawyer")
    assert (third.what, third.answer, third.asked_by) == ("being recorded", None, "Authority")


def test_whoever_oversees_sees_what_can_be_asked_and_how_it_stands(desk: Desk):
    desk.ask()
    (told,) = desk.sees("clerk")["declarations"]
    stands = {one["what"]: one for one in told["texts"]}
    assert list(stands) == ["rights", "video", "recording", "waiver-counsel"]
    assert stands["video"]["question"]["signs"] is False
    assert (told["language"], stands["rights"]["question"], len(told["history"])) == ("en", None, 1)
