"""A record goes from one court's service to another's: once, whole, receipted, whatever fails on the way."""

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import select

from hearings import receiving, transfers
from hearings import sending as sending_module
from hearings.database import Database
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotValid, Unverifiable
from hearings.keeping import Destruction, Keeping
from hearings.listening import Film
from hearings.receiving import Receivings
from hearings.sending import NewSending, pause, token_of
from hearings.signatures import fingerprint, read_seal
from hearings.store import Store
from hearings.tables import Authority, Receipt, Received, Sending
from hearings.transfers import Announcement, Sealed, read_told
from media.storage import Storage
from scheduling.mail import MailFolder
from tests import databases
from tests.conftest import FakeClock
from tests.hearings.later_head import verdict_over_everything
from tests.hearings.two_courts import NAMES, Court, Known, TwoCourts, Wire, ours, small, small_pieces

__all__ = ["small"]  # the fixture


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Known]:
    """Two courts on files, with nothing sent yet; to be copied."""
    folder = tmp_path_factory.mktemp("built")
    database = databases.file(folder)
    two = TwoCourts(folder, database, FakeClock())
    two.package()  # somebody took it along before
    two.close()
    database.close()
    return folder, two.known()


@pytest.fixture
def two(built: tuple[Path, Known], tmp_path: Path, clock: FakeClock, small: None) -> Iterator[TwoCourts]:
    folder, known = built
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    two = TwoCourts(tmp_path, databases.reopened(tmp_path), clock, known)
    yield two
    two.close()
    two.a.database.close()


@pytest.fixture
def afresh(database: Database, tmp_path: Path, clock: FakeClock, small: None) -> Iterator[TwoCourts]:
    """On whichever database the tests are run."""
    two = TwoCourts(tmp_path, database, clock)
    yield two
    two.close()


# --- the way, when nothing fails


def test_a_record_is_announced_fetched_verified_and_opened(afresh: TwoCourts):
    two = afresh
    sending = two.send()
    assert two.leaves() == ["sent"]
    two.travel()
    assert two.leaves() == ["sent", "submitted", "delivered"]
    (row,) = two.b.received()
    assert (row.partner, row.accepted, row.reference) == (NAMES["a"], True, "12/2026")
    assert row.got > 3, "it came in pieces"
    assert two.state() == "delivered"
    assert two.b.bytes_of(two.receiver, row.id) == two.package()
    two.travel()
    assert two.leaves() == ["sent", "submitted", "delivered", "retrieved"]
    assert two.state() == "opened"
    assert two.b.given() == {"submission": True, "delivery": True, "retrieval": True}
    assert two.b.receivings.one(two.receiver, row.id)["state"] == "kept"
    first = two.b.receivings.one(two.receiver, row.id)["opened"]
    two.clock.pass_(minutes=1)
    two.b.bytes_of(two.receiver, row.id)
    two.travel(rounds=2)
    assert two.leaves().count("retrieved") == 1
    assert two.b.receivings.one(two.receiver, row.id)["opened"] == first
    assert sending == row.id


def test_a_hearing_is_announced_as_the_version_may_call_it(two: TwoCourts):
    two.a.sendings._called = lambda _, version: f"Number 7, {version}"
    two.send()
    two.travel()
    (row,) = two.b.received()
    assert row.reference == "Number 7, full"


def test_what_the_journal_says_is_what_is_kept(two: TwoCourts):
    sending = two.send()
    two.travel()
    entries = dict.fromkeys(("submission", "delivery"))
    for _, entry in two.story().sendings[str(sending)][1:]:
        entries["submission" if entry.type == "custody.submitted" else "delivery"] = entry
    with two.a.journal.reading() as tx:
        for row in tx.exec(select(Receipt)):
            sealed = Sealed(row.document, row.seal)
            signer = read_seal(sealed.seal, sealed.document).signer
            assert fingerprint(signer) == two.b.receivings.own
            assert entries[row.kind].receipt == hashlib.sha256(row.document).hexdigest()
            assert two.a.sendings.receipt(two.actor, sending, row.kind) == sealed
    assert entries["delivery"].accepted
    assert entries["delivery"].verdict.startswith(
        "Accepted: complete, unaltered, sealed by Court of Exampleton"
    )
    assert "listed in the trust file" in entries["delivery"].verdict, (
        "the partner of the settings, not the package's word"
    )


def test_what_travels_says_nothing_to_who_carries_it(two: TwoCourts):
    two.send()
    two.a.sendings.work()
    (sent,) = (two.a.folder / "packages").glob("*.sent")
    data = sent.read_bytes()
    assert b"Matter of Exampleton" not in data
    assert b"mimetype" not in data
    two.travel()
    assert ours(two.a.folder / "packages") == [], "delivered, it takes no room here any more"


def test_a_package_of_a_later_head_still_verifies(two: TwoCourts, tmp_path: Path):
    """Entries of custody come after the closing; a package over them is as good."""
    two.send()
    two.travel()
    verdict = verdict_over_everything(two, tmp_path / "later.asice")
    assert verdict.accepted, verdict.sentence


# --- twice


def test_sending_again_makes_no_second_original(two: TwoCourts):
    sending = two.send()
    with pytest.raises(AlreadyDone, match="was sent to Court of Samplia before"):
        two.send()
    two.travel()
    with pytest.raises(AlreadyDone):
        two.send()
    for _ in range(3):
        two.a.sendings.again(two.actor, sending)
        two.travel()
    assert two.leaves() == ["sent", "submitted", "delivered"]
    assert len(two.b.received()) == 1
    assert two.wire.asked.count("POST /transfers") > 3


def test_the_same_package_under_another_number_is_the_one_that_is_there(two: TwoCourts):
    first = two.send()
    two.travel()
    with two.a.journal.transaction() as tx:  # as if this court had lost its rows
        for row in [*tx.exec(select(Receipt)), *tx.exec(select(Sending))]:
            tx.delete(row)
            tx.flush()
    streamed = two.wire.streamed
    second = two.send()
    two.travel()
    assert two.wire.streamed == streamed, "nothing travels twice"
    assert [(row.id, row.same) for row in two.b.received()] == [(first, None), (second, first)]
    assert two.state() == "delivered"
    assert two.b.bytes_of(two.receiver, second) == two.package()
    assert len(list((two.b.folder / "received").glob("*.asice"))) == 1


def test_another_package_of_the_same_hearing_stands_beside_the_first(two: TwoCourts):
    first = two.send()
    two.travel()
    for path in (two.a.folder / "packages").glob("*.asice"):
        path.unlink()  # made anew, its container is sealed anew
    with two.a.journal.transaction() as tx:
        for row in [*tx.exec(select(Receipt)), *tx.exec(select(Sending))]:
            tx.delete(row)
            tx.flush()
    two.clock.pass_(minutes=1)
    second = two.send()
    two.travel()
    told = {one["received"]: one["beside"] for one in two.b.receivings.listed(two.receiver)}
    assert told == {str(first): 1, str(second): 2}
    assert two.b.bytes_of(two.receiver, first) != two.b.bytes_of(two.receiver, second)


# --- what fails

NO_ANSWER = "The other host does not answer as it should."
STRIDE = int(os.environ.get("STRIDE", "31"))
FAULTS = st.lists(
    st.sampled_from(["", "down", "lost", "cut", "altered", "whole", "rubbish"]), min_size=1, max_size=12
)


@given(faults=FAULTS)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_fails_on_the_wire_it_arrives_once(
    tmp_path_factory: pytest.TempPathFactory, standing_courts: Path, faults: list[str]
):
    folder = tmp_path_factory.mktemp("courts")
    shutil.copytree(standing_courts, folder, dirs_exist_ok=True)
    courts = Reopened(folder)
    courts.wire.faults = list(faults)
    courts.travel(rounds=len(faults) + 3)
    courts.check_arrived()
    courts.close()


def test_what_was_fetched_is_not_fetched_again(two: TwoCourts):
    two.send()
    two.wire.faults = ["", "", "cut"]
    two.travel()
    (row,) = two.b.received()
    assert 0 < row.got < len(Announcement.model_validate_json(row.document or b"").pieces)
    assert row.said == NO_ANSWER
    before = two.wire.streamed
    two.clock.pass_(minutes=2)
    two.travel()
    assert two.wire.streamed < before + row.length, "it went on where it had stopped"
    assert two.state() == "delivered"


def test_an_altered_piece_is_not_written(two: TwoCourts):
    two.send()
    two.wire.faults = ["", "", "altered"]
    two.travel()
    (row,) = two.b.received()
    assert (row.got, row.said) == (0, str(receiving.ALTERED))
    assert not list((two.b.folder / "received").glob("*"))
    two.clock.pass_(minutes=2)
    two.travel()
    assert two.state() == "delivered"


def test_a_partner_that_is_away_for_a_day_is_asked_again_and_the_clerk_sees_it(two: TwoCourts):
    two.send()
    two.wire.faults = ["down"] * 40
    for _ in range(24):
        two.a.sendings.work()
        two.clock.pass_(hours=1)
    (told,) = two.a.sendings.listed(two.actor)
    assert told["state"] == "preparing"
    assert told["said"] == NO_ANSWER
    assert told["due"] is not None
    assert 20 < len(two.wire.asked) < 30, "about once an hour"
    two.wire.faults = []
    two.a.sendings.again(two.actor, UUID(told["sending"]))
    two.travel()
    assert two.state() == "delivered"


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 15), (1, 30), (7, 1920), (8, 3600), (400, 3600)])
def test_the_pauses_grow_to_an_hour(attempts: int, seconds: int):
    assert pause(attempts).total_seconds() == seconds


def test_a_full_disk_waits_and_goes_on(two: TwoCourts, monkeypatch: pytest.MonkeyPatch):
    two.send()
    put, written = Receivings._put, []

    def full(self: Receivings, row: Received, n: int, piece: bytes) -> None:
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        written.append(n)
        put(self, row, n, piece)

    monkeypatch.setattr(Receivings, "_put", full)
    two.travel()
    (told,) = two.b.receivings.listed(two.receiver)
    assert (told["said"], told["state"]) == (receiving.DISK_FULL, "coming")
    monkeypatch.setattr(Receivings, "_put", put)
    two.clock.pass_(minutes=5)
    two.travel()
    assert two.state() == "delivered"


def test_no_room_is_known_before_anything_is_fetched(two: TwoCourts, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(receiving, "RESERVE", 2**62)
    two.send()
    two.travel()
    (told,) = two.b.receivings.listed(two.receiver)
    assert told["said"] == receiving.DISK_FULL
    assert two.wire.streamed == 0


def test_a_disk_that_lost_what_it_held_fetches_it_again(two: TwoCourts, monkeypatch: pytest.MonkeyPatch):
    two.send()
    fetched = Receivings._fetched

    def rotten(self: Receivings, row: Received) -> Received:
        row = fetched(self, row)
        path = two.b.folder / "received" / f"{row.id}.asice"
        data = bytearray(path.read_bytes())
        data[-100] ^= 1
        path.write_bytes(data)
        return row

    with monkeypatch.context() as patch:
        patch.setattr(Receivings, "_fetched", rotten)
        two.travel()
    (row,) = two.b.received()
    assert (row.whole, row.said) == (None, str(receiving.ALTERED))
    two.clock.pass_(minutes=2)
    two.travel()
    assert two.state() == "delivered"


def test_what_does_not_verify_is_not_kept_and_both_sides_are_told_why(two: TwoCourts):
    def altered(hearing: UUID, version: str, *, patience: float | None) -> Any:
        film = two.a.packages.made(hearing, version, patience=patience)
        data = bytearray(film.stream.read())
        data[len(data) // 2] ^= 1
        path = two.a.folder / "altered"
        path.write_bytes(data)
        return film._replace(stream=path.open("rb"))

    two.a.sendings._made = altered
    two.send()
    two.travel()
    assert two.state() == "refused"
    assert two.leaves()[-1] == "delivered"
    (told,) = two.b.receivings.listed(two.receiver)
    assert told["state"] == "refused"
    assert told["verdict"].startswith("Refused (")
    assert ours(two.b.folder / "received") == []
    assert not list((two.b.folder / "received").glob("*"))
    with pytest.raises(NotNow, match="not kept here"):
        two.b.bytes_of(two.receiver, UUID(told["received"]))
    two.a.sendings._made = two.a.packages.made
    two.send()  # a good one may follow
    two.travel()
    assert [one["state"] for one in two.b.receivings.listed(two.receiver)].count("kept") == 1


# --- withdrawn


def test_what_is_withdrawn_is_fetched_by_nobody(two: TwoCourts):
    sending = two.send()
    two.a.sendings.work()
    two.a.sendings.withdraw(two.actor, sending)
    two.travel()
    assert two.leaves() == ["sent", "submitted", "withdrawn"]
    (told,) = two.b.receivings.listed(two.receiver)
    assert (told["state"], told["said"]) == ("ended", "Court of Exampleton withdrew it.")
    assert ours(two.a.folder / "packages") == []
    with pytest.raises(AlreadyDone):
        two.a.sendings.withdraw(two.actor, sending)
    with pytest.raises(NotNow):
        two.a.sendings.again(two.actor, sending)
    assert two.send() != sending
    two.travel()
    assert two.leaves()[-1] == "delivered"


def test_what_is_withdrawn_while_it_is_locked_is_not_announced(
    two: TwoCourts, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sending_module, "RENEWED", 1)
    monkeypatch.setattr(sending_module, "FRAME", 10_000)
    sending = two.send()
    made = two.a.packages.made

    def withdrawn(hearing: UUID, version: str, *, patience: float | None) -> Film:
        two.a.sendings.withdraw(two.actor, sending)
        return made(hearing, version, patience=patience)

    two.a.sendings._made = withdrawn
    two.travel(rounds=2)
    assert two.leaves() == ["sent", "withdrawn"]
    assert ours(two.a.folder / "packages") == []
    assert two.b.received() == []


def test_what_is_ordered_while_it_is_locked_is_not_announced_but_made_anew(two: TwoCourts):
    two.send()
    two.a.sendings._current = lambda *_: False
    two.travel(rounds=2)
    assert two.leaves() == ["sent"]
    assert ours(two.a.folder / "packages") == []
    assert two.b.received() == []
    two.a.sendings._current = two.a.packages.stands
    two.travel()
    assert two.leaves() == ["sent", "submitted", "delivered"]


def test_who_stops_in_the_middle_goes_on_at_once_after_the_start(two: TwoCourts):
    two.send()
    two.a.sendings.stop()
    two.a.sendings.work()
    assert two.wire.asked == []
    two.a.knows(two.b.partner)
    made = two.a.packages.made

    def stopping(hearing: UUID, version: str, *, patience: float | None) -> Film:
        two.a.sendings.stop()
        return made(hearing, version, patience=patience)

    two.a.sendings._made = stopping
    two.a.sendings.work()
    assert ours(two.a.folder / "packages") == []
    two.a.knows(two.b.partner)
    two.clock.pass_(minutes=1)
    two.travel()
    assert two.state() == "delivered"


def test_words_of_the_other_court_are_printable(two: TwoCourts):
    two.b.receivings._court = "x"
    two.send()
    give = two.b.receivings._give

    def odd(tx: Any, row: Received, kind: str, now: Any, **said: Any) -> None:
        if said:
            said["verdict"] = "Accepted\u202e\u0007" + "x" * 3000
        give(tx, row, kind, now, **said)

    two.b.receivings._give = odd
    two.travel()
    verdict = two.row().verdict or ""
    assert verdict.startswith("Acceptedxxx")
    assert len(verdict) <= 1000


def test_what_has_arrived_cannot_be_withdrawn(two: TwoCourts):
    sending = two.send()
    two.travel()
    with pytest.raises(NotNow, match="has it already"):
        two.a.sendings.withdraw(two.actor, sending)


def test_only_the_clerk_and_the_judge_send_and_only_to_who_is_known(two: TwoCourts):
    coordinator = two.house.docket.of_staff(two.house.coordinator, two.hearing)
    with pytest.raises(NotAllowed):
        two.a.sendings.send(coordinator, NewSending(partner=NAMES["b"]))
    with pytest.raises(NotValid):
        two.a.sendings.send(two.actor, NewSending(partner="Court of Elsewhere"))
    with pytest.raises(NotValid):
        two.a.sendings.send(two.actor, NewSending(partner=NAMES["b"], version="public"))
    assert two.leaves() == []


def test_a_partner_that_the_settings_no_longer_name_gets_nothing(two: TwoCourts):
    two.send()
    two.a.knows()
    two.travel()
    (told,) = two.a.sendings.listed(two.actor)
    assert told["said"] == "Court of Samplia is not among the partners of this service any more."
    assert two.b.received() == []


# --- whoever else


def announcement(two: TwoCourts) -> dict[str, Any]:
    row = two.row()
    told: dict[str, Any] = Sealed(row.document or b"", row.seal or b"").told()
    return {**told, "token": token_of(two.a.key, row.id)}


def forged(court: Court, statement: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The announcement with other words, sealed by this court."""
    members = json.loads(read_told({k: statement[k] for k in ("document", "seal")}).document)
    members |= {"from": fingerprint(court.seal.certificate)} | changes
    document = transfers.canonical(members)
    sealed = Sealed(document, court.seal.sign(document, court.clock()))
    return {**sealed.told(), "token": statement["token"]}


def test_strangers_and_rubbish_are_refused(two: TwoCourts, tmp_path: Path):
    two.send()
    two.a.sendings.work()
    good = announcement(two)
    (tmp_path / "stranger").mkdir()
    NAMES["c"] = "Court of Exampleton"  # the same name, another key
    stranger = Court("c", tmp_path / "stranger", two.b.database, two.clock, Wire())
    a, b = two.a, two.b
    nobody = str(uuid4())
    for told, words in (
        ({}, "no sealed statement"),
        ([], "no sealed statement"),
        ({"document": "AA==", "seal": "AA==", "token": "x" * 64}, "not in DER|not a seal"),
        ({**good, "document": good["seal"]}, "over other bytes"),
        ({**good, "token": None}, "no sealed statement"),
        (forged(stranger, good), "not among the partners"),
        (forged(b, good), "not among the partners"),
        (forged(a, good, **{"from": "0" * 64}), "another court than the one that sealed"),
        (forged(a, good, to="0" * 64, id=nobody), "for another court"),
        (forged(a, good, kind="delivery", id=nobody), "another kind"),
        (forged(a, good, id="../../etc/passwd"), "not of the form"),
        (forged(a, good, hearing="urn:uuid:../../x"), "not of the form"),
        (forged(a, good, file="../../../a", id=nobody), "not of the form"),
        (forged(a, good, size=0, id=nobody), "not of the form"),
        (forged(a, good, length=2**50, id=nobody), "another number of pieces"),
        (forged(a, good, pieces=[], id=nobody), "not of the form"),
        (forged(a, good, more=1, id=nobody), "not of the form"),
    ):
        with pytest.raises(Unverifiable, match=words):
            b.receivings.announce(told)
    with pytest.raises(AlreadyDone, match="Something else was announced"):
        b.receivings.announce(forged(a, good, reference="13/2026"))
    assert len(b.received()) == 1
    odd = forged(a, good, reference="../../x\u202e\u0007/..", id=nobody)
    b.receivings.announce(odd)
    assert "\u202e" not in b.received()[-1].reference


def test_a_token_opens_its_own_sending_and_no_other(two: TwoCourts):
    first = two.send()
    two.a.sendings.work()
    other = uuid4()
    for sending, token in (
        (first, ""),
        (first, "0" * 64),
        (first, token_of(two.a.key, other)),
        (first, token_of(two.b.key, first)),
        (other, token_of(two.a.key, other)),
    ):
        with pytest.raises(NotFound):
            two.a.sendings.content(sending, token)
    film = two.a.sendings.content(first, token_of(two.a.key, first))
    film.stream.close()
    two.travel()
    with pytest.raises(NotNow):
        two.a.sendings.content(first, token_of(two.a.key, first))


def test_receipts_of_somebody_else_or_of_something_else_are_refused(two: TwoCourts):
    sending = two.send()
    two.travel()
    two.b.bytes_of(two.receiver, sending)
    with two.a.journal.reading() as tx:
        kept = {row.kind: Sealed(row.document, row.seal) for row in tx.exec(select(Receipt))}
    words = json.loads(kept["delivery"].document)

    def resealed(court: Court, **changes: Any) -> dict[str, str]:
        members = {**words, "kind": "retrieval", **changes}
        members.pop("accepted"), members.pop("verdict")
        document = transfers.canonical(members)
        return Sealed(document, court.seal.sign(document, two.clock())).told()

    own = fingerprint(two.a.seal.certificate)
    for told, why in (
        (resealed(two.a, **{"from": own}), "not among the partners"),
        (resealed(two.b, announcement=str(uuid4())), "of something else"),
        (resealed(two.b, digest="0" * 64), "of something else"),
        (resealed(two.b, package="0" * 64), "of something else"),
        (resealed(two.b, to="0" * 64), "for another court"),
        (resealed(two.b, kind="applause"), "another kind"),
    ):
        with pytest.raises(Unverifiable, match=why):
            two.a.sendings.take(sending, [told])
    with pytest.raises(NotFound):
        two.a.sendings.take(uuid4(), [kept["delivery"].told()])
    two.a.sendings.take(sending, [kept["delivery"].told()] * 3)  # a replay changes nothing
    assert two.leaves() == ["sent", "submitted", "delivered"]


def third(two: TwoCourts, folder: Path) -> Court:
    """A court that both others know."""
    folder.mkdir()
    NAMES["c"] = "Court of Elsewhere"
    other = Court("c", folder, two.b.database, two.clock, two.wire)
    two.a.knows(two.b.partner, other.partner)
    two.b.knows(two.a.partner, other.partner)
    return other


def test_a_court_that_is_known_speaks_for_itself_alone(two: TwoCourts, tmp_path: Path):
    other = third(two, tmp_path / "third")
    sending = two.send()
    two.a.sendings.work()
    good = announcement(two)
    with two.a.journal.reading() as tx:
        submitted = tx.exec(select(Receipt)).one()
    words = json.loads(submitted.document) | {"kind": "delivery", "accepted": True, "verdict": "Accepted."}
    words["from"] = fingerprint(other.seal.certificate)
    document = transfers.canonical(words)
    told = Sealed(document, other.seal.sign(document, two.clock())).told()
    with pytest.raises(Unverifiable, match="another court than the one that it was sent to"):
        two.a.sendings.take(sending, [told])
    with pytest.raises(AlreadyDone, match="Something else was announced"):
        two.b.receivings.announce(forged(other, good))
    assert two.leaves() == ["sent", "submitted"]


# --- killed anywhere


class Reopened:
    """Both courts on the files that are there, as after a start."""

    def __init__(self, folder: Path, clock: FakeClock | None = None) -> None:
        self.folder, self.clock, self.wire = folder, clock or FakeClock(), Wire()
        self.clock.pass_(hours=5)
        self.databases = [databases.reopened(path) for path in (folder, folder / "b")]
        self.a = Court("a", folder, self.databases[0], self.clock, self.wire)
        self.b = Court("b", folder / "b", self.databases[1], self.clock, self.wire)
        self.a.knows(self.b.partner)
        self.b.knows(self.a.partner)

    def travel(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            self.a.sendings.work()
            self.b.receivings.work()
            self.clock.pass_(minutes=61)

    def check_arrived(self) -> None:
        """Once, whole, and both sides know it."""
        with self.a.journal.reading() as tx:
            row = tx.exec(select(Sending)).one()
            told = [
                one.event.type
                for one in self.a.journal.entries(tx, row.hearing_id)
                if one.event.type.startswith("custody.")
            ]
            kinds = sorted(one.kind for one in tx.exec(select(Receipt)))
        assert sorted(told) == ["custody.delivered", "custody.sent", "custody.submitted"]
        assert kinds == ["delivery", "submission"]
        assert (row.delivered is not None, row.accepted, row.due) == (True, True, None)
        (received,) = self.b.received()
        assert (received.accepted, received.due) == (True, None)
        assert self.b.given() == {"submission": True, "delivery": True}
        film = self.b.receivings._film(received)
        sent = self.a.packages.made(row.hearing_id, "full")
        with film.stream as here, sent.stream as there:
            assert here.read() == there.read()

    def close(self) -> None:
        for one in self.databases:
            one.close()


@pytest.fixture(scope="module")
def standing_courts(built: tuple[Path, Known], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two courts, of which one has just pressed: on files, to be copied."""
    folder = tmp_path_factory.mktemp("standing")
    shutil.copytree(built[0], folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        small_pieces(patch)
        two = TwoCourts(folder, databases.reopened(folder), FakeClock(), built[1])
        two.send()
        two.close()
        two.a.database.close()
        yield folder


def killed(folder: Path, *, before: int) -> bool:
    """A process of both courts, killed before so many of its statements and writes to disk."""
    child = os.fork()
    if child == 0:
        try:
            _go(folder, before)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _go(folder: Path, before: int) -> None:
    left = before

    def count(*_: object, **__: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    courts = Reopened(folder)
    for one in courts.databases:
        for name in ("before_cursor_execute", "commit"):
            event.listen(one.engine, name, count)
    for module, name in (
        (os, "pwrite"),
        (os, "fsync"),
        (Storage, "rename"),
        (Storage, "append"),
        (Storage, "remove"),
    ):
        setattr(module, name, _counted(getattr(module, name), count))
    courts.travel()
    courts.travel()


def _counted(call: Any, count: Any) -> Any:
    def counted(*given: Any, **named: Any) -> Any:
        count()
        return call(*given, **named)

    return counted


def test_killed_anywhere_it_arrives_once(standing_courts: Path, tmp_path: Path):
    """A point of the way in every `STRIDE`; all of them were tried once."""
    points = 0
    for n in range(1, 500, STRIDE):
        folder = tmp_path / str(n)
        shutil.copytree(standing_courts, folder)
        if not killed(folder, before=n):
            break
        points += 1
        courts = Reopened(folder)
        courts.travel(rounds=4)
        courts.check_arrived()
        courts.close()
        shutil.rmtree(folder)
    assert points > 100 // STRIDE


def test_what_is_destroyed_is_not_sent(two: TwoCourts):
    """Whoever destroys a hearing while its package is on its way takes the way, too."""
    two.clock.pass_(days=100)
    sending = two.send()
    two.a.sendings.work()
    with two.a.journal.transaction() as tx:
        for id_ in (two.house.requesting, two.house.requested):
            row = tx.get_one(Authority, id_)
            row.keeps, row.rule = 1, "Invented Act, Article 1"
    keeping = Keeping(
        two.house.acts,
        two.a.database,
        Store(two.folder / "documents"),
        MailFolder(two.folder / "mail"),
        two.folder / "recordings",
    )
    keeping.destroy(two.actor, Destruction(reference="12/2026"))
    assert ours(two.a.folder / "packages") == []
    two.a.sendings.work()
    with pytest.raises(NotFound):
        two.a.sendings.content(sending, token_of(two.a.key, sending))
    two.b.receivings.work()
    (told,) = two.b.receivings.listed(two.receiver)
    assert (told["state"], told["said"]) == (
        "announced",
        "Court of Exampleton has it no longer, or does not give it.",
    )
    two.clock.pass_(days=31)
    two.b.receivings.work()
    (told,) = two.b.receivings.listed(two.receiver)
    assert (told["state"], told["said"]) == ("ended", receiving.NEVER_CAME)


def test_what_a_killed_process_left_is_swept(two: TwoCourts):
    two.send()
    two.a.sendings.work()
    packages, received = two.a.folder / "packages", two.b.folder / "received"
    two.b.receivings.bring(0)
    old = [packages / "x.sent", packages / "x.sent.part", received / "x.asice.part", received / "x.part"]
    for path in old:
        path.write_bytes(b"x")
    standing = set(packages.glob("*"))
    two.a.sendings.sweep()
    two.b.receivings.sweep()
    assert set(packages.glob("*")) == standing, "it may be one that is being written"
    for path in [*packages.glob("*"), *received.glob("*")]:
        os.utime(path, (0, 0))
    two.a.sendings.sweep()
    two.b.receivings.sweep()
    assert not [path for path in old if path.exists()]
    two.travel()
    assert two.state() == "delivered"


def test_what_is_not_kept_goes_even_if_its_process_was_killed(
    two: TwoCourts, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Receivings, "_drop", lambda *_: None)
    number, brought = two.b.receivings.bring(0)
    with brought as file:
        file.put(b"PK")
        content = file.finish()
    row = two.b.receivings.take_in(two.receiver, number, name="x.asice", brought=content, trust=None)
    assert row.accepted is False
    (path,) = (two.b.folder / "received").glob("*")
    os.utime(path, (0, 0))
    two.b.receivings.sweep()
    assert not path.exists()


def test_a_locked_package_that_is_lost_is_told(two: TwoCourts):
    sending = two.send()
    two.a.sendings.work()
    for path in (two.a.folder / "packages").glob("*.sent"):
        path.unlink()
    two.clock.pass_(minutes=1)
    two.travel()
    (told,) = two.a.sendings.listed(two.actor)
    assert "no longer on this disk. Withdraw this" in told["said"]
    two.a.sendings.withdraw(two.actor, sending)
    two.send()
    two.travel()
    assert two.state() == "delivered"


def test_a_record_is_verified_again_at_any_time(two: TwoCourts):
    sending = two.send()
    two.travel()
    two.clock.pass_(days=3)
    two.b.receivings.verify_again(two.receiver, sending)
    told = two.b.receivings.one(two.receiver, sending)
    assert (told["state"], told["verified"][:10]) == ("kept", str(two.clock().date()))
    path = two.b.folder / "received" / f"{sending}.asice"
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    two.b.receivings.verify_again(two.receiver, sending)
    told = two.b.receivings.one(two.receiver, sending)
    assert (told["state"], told["accepted"]) == ("doubtful", False)
    assert path.exists(), "what is kept is not thrown away for that"
