"""The three gates over the whole life of a hearing: whatever is pressed, by whomever, in whatever order, nobody comes
to the far side of one with something open that blocks it.

What is open is found here from the entries alone, by code that shares nothing with `hearings.checklist` but the law.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consent import checklist as law
from consent.checklist import Demand, Facts, Heard, Proof, Stage
from hearings import seals, servicekey
from hearings.actors import Actor
from hearings.checklist import Confirmation, Confirmations, Item, Withdrawal
from hearings.declarations import Declarations, NewQuestion, RecordedAnswer, TakingBack
from hearings.errors import Refusal
from hearings.events import MinutesSealed
from hearings.journal import Entry, Journal
from hearings.people import Description
from hearings.record import Records
from hearings.roles import Capacity, Circumstance, Role, Side
from hearings.room import Caution, Oath, Words, millis
from hearings.states import State
from hearings.store import Store
from hearings.story import Story
from hearings.tables import Hearing
from media import control
from tests import databases
from tests.conftest import FakeClock
from tests.hearings.people_of_law import Courthouse, Standing

GATES = {
    "record.on": {Stage.REQUEST, Stage.BEFORE},
    "examination.begun": {Stage.REQUEST, Stage.BEFORE, Stage.OPENING},
    "hearing.closed": {Stage.CLOSING},
}
"""What must not be open when an entry of this type is written."""
BACK = {State.ON_RECORD: "record.on", State.EXAMINING: "examination.begun"}
"""Whoever resumes there goes through that gate once more."""
BY_ENTRY = {
    "basis-chosen": "instrument.chosen",
    "both-bound": "instrument.chosen",
    "sent-traceably": "request.received",
    "oral-confirmed": "request.received",
    "requested-agrees": "request.accepted",
    "time-fixed": "hearing.scheduled",
    "connection-secured": "participant.joined",
    "recording-announced": "record.on",
    "minutes-drawn": "minutes.sealed",
    "minutes-signed": "minutes.sealed",
    "technical-sheet": "minutes.sealed",
    "consent-noted": "minutes.sealed",
    "interpreter-noted": "minutes.sealed",
    "lawyer-noted": "minutes.sealed",
    "rights-noted": "minutes.sealed",
    "child-noted": "minutes.sealed",
}
WORDS = Words(text="As it is.")


class Told:
    """What the entries up to a point say, read once more and otherwise."""

    def __init__(self, entries: list[Entry], row: Hearing, states: tuple[str, str]) -> None:
        self.entries = entries
        self._row = row
        self._states = states
        self.role = {one.event.participant: one.event.role for one in self._of("participant.named")}

    def demands(self) -> tuple[Demand, ...]:
        capacities = {
            one.event.participant: one.event.capacity
            for one in self._of("participant.named")
            if one.event.capacity is not None
        }
        described = {
            one.event.participant: one.event.circumstances for one in self._of("participant.described")
        }
        interpreted = Role.INTERPRETER in self.role.values()
        chosen = self._of("instrument.chosen")[-1].event
        heard = []
        for handle, capacity in capacities.items():
            so = {str(one) for one in described.get(handle, ())}
            heard.append(
                Heard(
                    handle,
                    str(capacity),
                    child="child" in so,
                    custody="custody" in so,
                    protected="protected" in so,
                    needs="needs" in so,
                    interpreter=interpreted or "interpreter" in so,
                )
            )
        facts = Facts(
            aim=chosen.aim,
            instrument=chosen.instrument,
            requesting=self._states[0],
            requested=self._states[1],
            on=self._row.created.date(),
            heard=tuple(heard),
            oath=self._of("request.received")[0].event.oath is not None,
        )
        return law.demands(facts, law.load())

    def is_met(self, demand: Demand) -> bool:
        """By a leaf, of whom the law names."""
        last = None
        for one in self._of("requirement.confirmed", "requirement.overridden", "requirement.revoked"):
            if (one.event.requirement, one.event.person) == (demand.id, demand.person):
                last = one
        if last is not None and last.event.type == "requirement.overridden" and demand.override:
            return self._is(last, demand.override)
        match demand.proof:
            case Proof.LOG:
                return self._is_seen(demand)
            case Proof.DECLARATION:
                return self._is_declared(demand)
        if last is not None and last.event.type == "requirement.confirmed":
            return self._is(last, demand.by) and last.event.article == demand.cited
        return any(
            demand.id == f"warning-{one.event.law}"
            and one.event.participant == demand.person
            and self._is(one, demand.by)
            for one in self._of("warning.given")
        )

    def _is_seen(self, demand: Demand) -> bool:
        match demand.id:
            case "presiding-in-chair":
                return self._is_there(Role.PRESIDING)
            case "authority-present":
                return self._is_there(Role.AUTHORITY)
            case "contacts-named":
                return {Role.COORDINATOR_REQUESTING, Role.COORDINATOR_REQUESTED} <= set(self.role.values())
            case "oath-taken":
                return any(one.event.participant == demand.person for one in self._of("oath.taken"))
        return demand.id in BY_ENTRY and bool(self._of(BY_ENTRY[demand.id]))

    def _is_declared(self, demand: Demand) -> bool:
        beside = self._is_there(Role.LAWYER) or self._is_there(Role.DEFENCE)
        if demand.declares == "waiver-counsel" and beside:
            return True
        answer = None
        for one in self._of("consent.declared", "consent.revoked"):
            if (one.event.what, one.event.participant) == (demand.declares, demand.person):
                answer = getattr(one.event, "answer", None)
        return answer == "yes"

    def _is_there(self, role: Role) -> bool:
        for handle, held in self.role.items():
            if held is not role:
                continue
            here = admitted = False
            for one in self.entries:
                if getattr(one.event, "participant", None) == handle:
                    kind = one.event.type
                    here = kind == "participant.joined" or (here and kind != "participant.left")
                    admitted = kind == "participant.admitted" or (
                        admitted and kind != "participant.dismissed"
                    )
            if here and admitted:
                return True
        return False

    def _is(self, entry: Entry, roles: tuple[str, ...]) -> bool:
        return str(self.role[entry.event.by]) in roles  # type: ignore[attr-defined]  # whichever has it

    def _of(self, *types: str) -> list[Entry]:
        return [one for one in self.entries if one.event.type in types]


@cache
def seal() -> seals.CourtSeal:
    """Of a court, which signs nothing here."""
    return seals.found(
        Path(tempfile.mkdtemp(prefix="vivavoce-")) / "seal",
        court="Court of Exampleton",
        organisation_identifier="GOVXX-000000",
        at=FakeClock()(),
    )


@contextmanager
def refused_or_done() -> Iterator[None]:
    with suppress(Refusal):
        yield


somebody = st.sampled_from(["judge", "authority", "witness", "lawyer", "desk", "coordinator"])


class Gates(RuleBasedStateMachine):
    """A hearing whose room is open, and everybody in it who presses whatever there is."""

    standing: Standing

    @initialize(
        capacity=st.sampled_from([Capacity.WITNESS, Capacity.EXPERT, Capacity.ACCUSED]),
        oath=st.booleans(),
        ready=st.integers(0, 3),
        eager=st.sampled_from([True, True, True, False]),
    )
    def begins(self, capacity: Capacity, oath: bool, ready: int, eager: bool) -> None:
        """`ready`: how much has been done in good order; `eager`: after each step the judge tries to go on."""
        self.eager = False
        self.folder = Path(tempfile.mkdtemp(prefix="vivavoce-"))
        self.database = databases.fresh(self.folder)
        journal = Journal(self.database, servicekey.at(self.folder / "service.key"), FakeClock())
        house = Courthouse(journal, self.folder)
        asked = {"oath": "I will tell the truth.", "oath_by": "requesting"} if oath else {}
        self.standing = house.requested_hearing(capacity=capacity, **asked).accepted().scheduled()
        self.standing.seated(capacity).add("lawyer", Role.LAWYER, Side.REQUESTED)
        self.standing.opened()
        self.records = Records(
            house.acts, house.known, house.recording, seal(), Store(self.folder / "documents")
        )
        self.clerk = house.hired("clerk", house.requesting)
        self.declarations = Declarations(house.acts, Store(self.folder / "documents"))
        self.checked = len(self.entries())
        if ready:
            self.declared("video", "yes")
            self.standing.prepared()
        if ready > 1:
            self.on_the_record("judge")
            assert self.standing.story().state is State.ON_RECORD
        if ready > 2:
            self.standing.introduced()
            self.sworn("judge", taken=oath)
        self.eager = eager

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            shutil.rmtree(self.folder)

    # --- what is pressed

    @rule()
    def everything_before(self) -> None:
        self._press(self.standing.prepared)

    @rule()
    def everything_of_the_opening(self) -> None:
        self._press(self.standing.introduced)

    @rule(data=st.data(), who=somebody)
    def one(self, data: st.DataObject, who: str) -> None:
        item = self._any(data)
        said = Confirmation(
            requirement=item.demand.id, person=item.demand.person, proof="seen", document=self.standing.letter
        )
        self._press(lambda: self._house.checklist.confirm(self._actor(who), said))

    @rule(data=st.data(), who=somebody)
    def several(self, data: st.DataObject, who: str) -> None:
        keys = {
            item.demand.id + (f":{item.demand.person}" if item.demand.person else "")
            for item in self._items()
        }
        chosen = data.draw(st.lists(st.sampled_from(sorted(keys)), min_size=1, max_size=4))
        said = Confirmations(items=chosen, proof="seen", document=self.standing.letter)
        self._press(lambda: self._house.checklist.confirm_all(self._actor(who), said))

    @rule(data=st.data(), who=somebody)
    def without(self, data: st.DataObject, who: str) -> None:
        item = self._any(data)
        said = Withdrawal(requirement=item.demand.id, person=item.demand.person, reason="no time")
        self._press(lambda: self._house.checklist.override(self._actor(who), said))

    @rule(data=st.data(), who=somebody)
    def taken_back(self, data: st.DataObject, who: str) -> None:
        settled = [item for item in self._items() if item.settled is not None]
        item = data.draw(st.sampled_from(settled))
        said = Withdrawal(requirement=item.demand.id, person=item.demand.person, reason="a slip")
        self._press(lambda: self._house.checklist.take_back(self._actor(who), said))

    @rule(what=st.sampled_from(["video", "waiver-counsel"]), answer=st.sampled_from(["yes", "yes", "no"]))
    def declared(self, what: str, answer: str) -> None:
        def declare() -> None:
            authority = self._actor("authority")
            with refused_or_done():
                self.declarations.ask(authority, NewQuestion(person=self._heard, text=what))
            said = {
                "person": self._heard,
                "what": what,
                "answer": answer,
                "method": "spoken",
                "advised": "had",
            }
            self.declarations.record(authority, RecordedAnswer.model_validate(said))

        self._press(declare)

    @rule(what=st.sampled_from(["video", "waiver-counsel"]), who=somebody)
    def an_answer_taken_back(self, what: str, who: str) -> None:
        back = TakingBack(person=self._heard, what=what)
        self._press(lambda: self.declarations.revoke(self._actor(who), back))

    @rule(found=st.frozensets(st.sampled_from(Circumstance)), who=somebody)
    def described(self, found: frozenset[Circumstance], who: str) -> None:
        before = self.standing.story().people[self._heard].circumstances
        items = {item.key for item in self._items()}
        said = Description(person=self._heard, circumstances=found)
        self._press(lambda: self._house.people.describe(self._actor(who), said))
        if before <= self.standing.story().people[self._heard].circumstances:
            assert items <= {item.key for item in self._items()}, "a fact that is added drops nothing"

    @rule(who=somebody, taken=st.booleans())
    def sworn(self, who: str, taken: bool) -> None:
        oath = Oath.model_validate({"person": self._heard, "taken": taken, "words": "I will tell the truth."})
        self._press(lambda: self._house.room.note_oath(self._actor(who), oath))

    @rule(who=somebody, under=st.sampled_from(["requesting", "requested"]))
    def warned(self, who: str, under: str) -> None:
        caution = Caution.model_validate(
            {"person": self._heard, "law": under, "words": "Perjury is punished."}
        )
        self._press(lambda: self._house.room.warn(self._actor(who), caution))

    @rule(name=st.sampled_from(["witness", "authority", "lawyer"]), back=st.booleans())
    def goes_and_perhaps_comes_back(self, name: str, back: bool) -> None:
        place = str(self._actor(name).place)
        self.standing.report(control.Left(place=place, at=self.standing.millis()))
        if back:
            self.standing.report(control.Joined(place=place, connection="c2", at=self.standing.millis()))

    # --- the gates

    @rule(who=st.sampled_from(["judge", "judge", "judge", "authority", "coordinator"]))
    def on_the_record(self, who: str) -> None:
        self._press(lambda: self._house.room.go_on_record(self._actor(who)))

    @rule(who=st.sampled_from(["judge", "judge", "judge", "authority", "coordinator"]))
    def examines(self, who: str) -> None:
        self._press(lambda: self._house.room.examine(self._actor(who)))

    @rule()
    def off_the_record(self) -> None:
        self._press(lambda: self._house.room.go_off_record(self._actor("judge"), WORDS))

    @rule(who=somebody)
    def suspends(self, who: str) -> None:
        self._press(lambda: self._house.room.suspend(self._actor(who), WORDS))

    @precondition(lambda self: self.standing.story().state is State.SUSPENDED)
    @rule()
    def resumes(self) -> None:
        self._press(lambda: self._house.room.resume(self._actor("judge"), WORDS))

    @rule(off=st.booleans())
    def ends(self, off: bool) -> None:
        if off:
            self.off_the_record()
        self._press(lambda: self._house.room.end(self._actor("judge")))

    @precondition(lambda self: self.standing.story().state is State.ENDED)
    @rule(kept=st.sampled_from([True, True, False]), signed=st.sampled_from([True, True, False]))
    def closes(self, kept: bool, signed: bool) -> None:
        """`kept`: the recorder has told what became of every second; `signed`: the authority has signed."""
        if kept:
            self._recorded()
        if signed and not self.standing.story().minutes:
            self._signed()
        self._press(lambda: self.records.close(self._house.docket.of_staff(self.clerk, self.standing.id)))

    # --- what must be so

    @invariant()
    def what_is_shown_as_met_has_its_leaf_by_whom_the_law_names(self) -> None:
        told = self._told(len(self.entries()))
        assert {item.demand.id: item.settled is not None for item in self._items()} == {
            demand.id: told.is_met(demand) for demand in told.demands() if demand.stage is not Stage.AFTER
        } | {
            item.demand.id: item.settled is not None
            for item in self._items()
            if item.demand.stage is Stage.AFTER
        } | {
            demand.id: told.is_met(demand) or demand.id in {"receipt-acknowledged", "clocks-running"}
            for demand in told.demands()
            if demand.stage is Stage.REQUEST and not demand.blocks and demand.proof is Proof.LOG
        }

    @invariant()
    def nothing_that_blocks_was_open_at_a_gate(self) -> None:
        entries = self.entries()
        for n in range(self.checked, len(entries)):
            kind = entries[n].event.type
            if kind == "hearing.resumed":
                kind = BACK.get(Story().tell(entries[:n]).before, kind)
            if kind not in GATES:
                continue
            if kind == "hearing.closed" and not any(one.event.type == "record.on" for one in entries[:n]):
                continue  # nobody was heard, so there is nothing to draw up
            stages = GATES[kind]
            told = self._told(n)
            assert [
                demand.id
                for demand in told.demands()
                if demand.blocks and demand.stage in stages and not told.is_met(demand)
            ] == []
        self.checked = len(entries)

    # --- inside

    def _recorded(self) -> None:
        """Nobody sent anything: a gap for each track of each stretch, and the stretch is complete."""
        for stretch in self.standing.story().stretches:
            if stretch.until is None:
                return
            since, until = millis(stretch.since), millis(stretch.until)
            for track in stretch.tracks if until > since else ():
                gap = {"track": track, "stretch": stretch.n, "since": since, "until": until}
                self.standing.report(control.GapFound.model_validate({**gap, "reason": "not-sent"}))
            self.standing.report(control.StretchKept(stretch=stretch.n, at=self.standing.millis()))

    def _signed(self) -> None:
        journal, by = self._house.journal, self._actor("authority").people[0].handle
        with journal.transaction() as tx:
            sealed = MinutesSealed(path="data/minutes/requested.pdf", sha256="0" * 64, by=by)
            journal.append(tx, tx.get_one(Hearing, self.standing.id), sealed)

    @property
    def _house(self) -> Courthouse:
        return self.standing.house

    @property
    def _heard(self) -> str:
        return self.standing.actors["witness"].people[0].handle

    def _actor(self, who: str) -> Actor:
        return {"desk": self.standing.desk, "coordinator": self.standing.coordinator, **self.standing.actors}[
            who
        ]

    def _press(self, step: Callable[[], object]) -> None:
        """Done, or refused with a sentence."""
        try:
            step()
        except Refusal as refusal:
            assert str(refusal.sentence)
        if self.eager:
            for gate in (self._house.room.go_on_record, self._house.room.examine):
                with suppress(Refusal):
                    gate(self._actor("judge"))

    def _items(self) -> list[Item]:
        return self.standing.items()

    def _any(self, data: st.DataObject) -> Item:
        return data.draw(st.sampled_from(self._items()))

    def _told(self, n: int) -> Told:
        with self._house.journal.reading() as tx:
            row = tx.get_one(Hearing, self.standing.id)
        return Told(self.entries()[:n], row, ("NL", "PT"))

    def entries(self) -> list[Entry]:
        with self._house.journal.reading() as tx:
            return list(self._house.journal.entries(tx, self.standing.id))


Gates.TestCase.settings = settings(
    max_examples=4 if databases.ON_POSTGRESQL else 14,
    stateful_step_count=16,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestGates = pytest.mark.usefixtures("database")(Gates.TestCase)
