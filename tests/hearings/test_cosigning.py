"""Our heads are cosigned by another service: sent, verified, kept; and what is said when they are not."""

import shutil
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, delete, select

from hearings import cosigning, keeping, servicekey, tree
from hearings.cosigner import Cosigner, Finding, Key, Reply
from hearings.cosigning import Cosigners, Other, checked
from hearings.database import Database
from hearings.errors import Unreachable, Unverifiable
from hearings.events import StatementNoted
from hearings.journal import Journal
from hearings.states import State
from hearings.tables import Checkpoint, Cosignature, CosignedLog, Hearing, JournalLeaf
from hearings.tables import Cosigning as Row
from hearings.verify_journal import cosignature
from tests import databases
from tests.conftest import FakeClock
from tests.hearings import records as r
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.stood import stood
from tests.hearings.test_processes import CERTIFICATE
from tests.hearings.wire import Wire

OURS = Key("a.example/cosign", r.log_secret("ours"))
THEIRS = Key("b.example/cosign", r.log_secret("theirs"))
OTHER = Other("https://b.example/cosign", THEIRS.vkey, None)


class House:
    """A hearing here, and a cosigner elsewhere, with a database of its own."""

    def __init__(self, standing: Standing, elsewhere: Database, clock: FakeClock) -> None:
        self.standing = standing
        self.id = standing.id
        self.journal = standing.house.journal
        self.clock = clock
        self.elsewhere = elsewhere
        self.wire = Wire(self.cosigner())
        self.seconds = [0.0]
        self.cosigners = self.again()

    def again(self, *others: Other) -> Cosigners:
        """As after a restart."""
        return Cosigners(self.journal, OURS, self.wire, others or (OTHER,), moment=lambda: self.seconds[0])

    def cosigner(self) -> Cosigner:
        return Cosigner(self.elsewhere, THEIRS, self.clock, [OURS.vkey])

    def round(self, *, seconds: float = 0) -> bool:
        self.clock.pass_(seconds=seconds)
        self.seconds[0] += max(seconds, cosigning.DEFERRED)
        return self.cosigners.work(self.cosigners.others[0])

    def note(self, text: str = "a note") -> None:
        with self.journal.transaction() as tx:
            self.journal.append(tx, tx.get_one(Hearing, self.id), StatementNoted(text=text, by="service"))

    def head(self) -> Checkpoint:
        with self.journal.reading() as tx:
            found = select(Checkpoint).where(Checkpoint.hearing_id == self.id)
            return tx.exec(found.order_by(col(Checkpoint.size).desc())).first()

    def lines(self) -> dict[int, bytes]:
        with self.journal.reading() as tx:
            found = cosigning.lines_of(tx, self.id, 0)
        return {size: lines[THEIRS.vkey] for size, lines in found.items()}

    def stands(self) -> cosigning.Standing:
        (one,) = self.cosigners.standing(self.id)
        return one

    def told(self) -> list[str]:
        return [kind for kind in self.standing.types() if kind.startswith("cosigner.")]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Database]:
    """The database of the other service."""
    (tmp_path / "elsewhere").mkdir()
    elsewhere = databases.file(tmp_path / "elsewhere")
    yield elsewhere
    elsewhere.close()


@pytest.fixture
def house(journal: Journal, elsewhere: Database, tmp_path: Path, clock: FakeClock) -> House:
    return House(stood(Courthouse.requested_hearing, journal, tmp_path), elsewhere, clock)


# --- what is signed


def test_the_newest_head_is_cosigned_and_the_line_kept(house: House) -> None:
    assert house.round()
    head = house.head()
    assert [door for door, _ in house.wire.asked] == ["add-checkpoint", "introduce", "add-checkpoint"]
    assert list(house.lines()) == [head.size]
    note = tree.read_checkpoint(head.note + house.lines()[head.size])
    assert cosignature(note, THEIRS.vkey) == house.clock()
    assert house.stands() == cosigning.Standing("b.example/cosign", head.size, house.clock(), None, None)
    assert "up to entry" in house.stands().sentence


def test_nothing_is_asked_when_nothing_has_grown(house: House) -> None:
    house.round()
    house.wire.asked.clear()
    assert house.round(seconds=60)
    assert house.wire.asked == []


def test_heads_in_between_are_passed_over(house: House) -> None:
    house.round()
    for _ in range(5):
        house.note()
    house.wire.asked.clear()
    house.round()
    assert len(house.wire.asked) == 1
    assert list(house.lines())[-1] == house.head().size
    assert len(house.lines()) == 2


def test_it_goes_on_after_a_restart_of_either_side(house: House) -> None:
    house.round()
    house.note()
    house.cosigners, house.wire.cosigner = house.again(), house.cosigner()
    assert house.round()
    assert house.head().size in house.lines()


def test_a_cosigner_that_lost_its_memory_is_introduced_anew(house: House, tmp_path: Path) -> None:
    house.round()
    house.note()
    (tmp_path / "new").mkdir()
    house.elsewhere = databases.file(tmp_path / "new")
    house.wire.cosigner = house.cosigner()
    assert house.round()
    assert house.head().size in house.lines()
    house.elsewhere.close()


# --- killed on the way, in pairs


def test_asked_and_not_answered_nothing_is_kept_and_it_is_asked_again(house: House) -> None:
    """Failed, and not done."""
    house.wire.away = True
    assert not house.round()
    assert house.lines() == {}
    house.wire.away = False
    assert house.round()
    assert house.head().size in house.lines()


def test_signed_and_the_answer_lost_it_is_signed_again(house: House) -> None:
    """Failed, but done: the cosigner keeps a head of which we have no line. It is no trouble to either."""
    house.round()
    house.note()
    house.wire.lost = True
    assert not house.round()
    assert house.head().size not in house.lines()
    house.note()
    house.wire.lost = False
    assert house.round()
    assert house.head().size in house.lines()
    assert house.wire.cosigner.troubles() == []
    assert house.cosigners.contradictions() == []


def test_killed_before_the_line_was_kept_it_is_asked_for_again(house: House, monkeypatch) -> None:
    house.round()
    house.note()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Cosigners, "_keep", killed)
        with pytest.raises(KeyboardInterrupt):
            house.round()
    house.cosigners = house.again()
    assert house.round()
    assert house.head().size in house.lines()


# --- what is not believed


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"x",
        "\u2014 b.example/cosign AAAA\n".encode(),
        b"\xff" * 40,
        "\u2014 b.example/cosign+x y z\n".encode(),
    ],
)
def test_an_answer_that_is_no_line_of_it_is_not_kept(house: House, answer: bytes) -> None:
    house.wire.change = lambda door, reply: replace_data(reply, answer) if door != "introduce" else reply
    assert house.round(), "it did answer"
    assert house.lines() == {}


def replace_data(reply: Reply, data: bytes) -> Reply:
    return reply._replace(data=data) if reply.status == 200 else reply


def test_a_foreign_key_under_its_name_is_not_believed(house: House) -> None:
    foreign = Key(THEIRS.name, r.log_secret("foreign"))
    house.wire.cosigner = Cosigner(house.elsewhere, foreign, house.clock, [OURS.vkey])
    assert house.round()
    assert house.lines() == {}


def test_an_old_cosignature_is_not_taken_again(house: House) -> None:
    """A line that it gave for another head, and one of this head from another time."""
    house.round()
    old = next(iter(house.lines().values()))
    house.note()
    house.wire.change = lambda _door, reply: replace_data(reply, old)
    house.round()
    assert house.head().size not in house.lines()
    house.clock.pass_(seconds=301)
    late = tree.cosigned_line(
        tree.read_checkpoint(house.head().note).text,
        *THEIRS,
        house.clock() - timedelta(seconds=301),
    )
    house.wire.change = lambda _door, reply: Reply(200, late)
    house.round()
    assert house.head().size not in house.lines()


def test_what_else_comes_with_the_line_is_not_kept(house: House) -> None:
    def more(_door: str, reply: Reply) -> Reply:
        return replace_data(reply, reply.data + tree.signature_line("somebody", b"abcd", b"x" * 99))

    house.wire.change = more
    house.round()
    (line,) = house.lines().values()
    assert b"somebody" not in line


@pytest.mark.parametrize("data", [b"", b"x\n", b"-1\n", b"007\n", b"9" * 5000, b"1e3\n"])
def test_a_conflict_without_a_size_is_a_refusal(house: House, data: bytes) -> None:
    house.wire.change = lambda _door, _reply: Reply(409, data)
    assert house.round()
    assert house.cosigners.contradictions() == []


def test_one_that_keeps_refusing_is_not_asked_without_end(house: House) -> None:
    house.wire.change = lambda _door, _reply: Reply(409, b"%d\n" % (len(house.wire.asked) % 2))
    house.round()
    assert len(house.wire.asked) <= 4
    house.wire.asked.clear()
    house.cosigners.work(OTHER)
    assert house.wire.asked == [], "for half a minute"


# --- the journal says so


def test_after_a_minute_the_journal_says_so_once_and_then_that_it_is_back(house: House) -> None:
    house.round()
    house.clock.pass_(seconds=5)
    since = house.clock()
    house.note()
    house.wire.away = True
    house.round(seconds=60)
    assert house.told() == []
    assert house.standing.story().uncosigned == []
    for _ in range(3):
        house.round(seconds=1)
        house.note()
    assert house.told() == ["cosigner.unavailable"]
    assert (house.stands().away, house.standing.story().uncosigned[0].since) == (since, since)
    assert house.stands().sentence.startswith("b.example/cosign has not cosigned the journal since")
    house.cosigners = house.again()
    house.round(seconds=600)
    assert house.told() == ["cosigner.unavailable"], "nor after a restart"
    house.wire.away = False
    assert house.round()
    assert house.round()
    assert house.told() == ["cosigner.unavailable", "cosigner.returned"]
    (told,) = house.standing.story().uncosigned
    assert (told.cosigner, told.since, told.until) == ("b.example/cosign", since, house.clock())
    assert house.stands().away is None
    assert house.head().size in house.lines()


def test_a_service_that_was_stopped_itself_says_nothing(house: House) -> None:
    """The head has waited for an hour, but nobody was asked in vain."""
    house.clock.pass_(hours=1)
    assert house.round()
    assert house.told() == []


def test_who_refuses_is_missed_as_well(house: House) -> None:
    house.wire.cosigner = Cosigner(house.elsewhere, THEIRS, house.clock, [])
    for _ in range(3):
        assert house.round(seconds=31)
    house.cosigners.work(OTHER)
    assert house.told() == ["cosigner.unavailable"]


def test_one_that_is_busy_is_asked_later(house: House) -> None:
    house.wire.change = lambda _door, _reply: Reply(429, b"")
    assert not house.round()


def test_killed_between_the_entry_and_its_mark_it_is_not_said_twice(house: House, monkeypatch) -> None:
    """Both are in one transaction: neither is there, or both are."""
    house.wire.away = True
    original = Journal.append

    def fails(*given: object, **named: object) -> None:
        original(*given, **named)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "append", fails)
        with pytest.raises(KeyboardInterrupt):
            house.round(seconds=61)
    assert (house.told(), house.stands().away) == ([], None)
    house.round()
    assert house.told() == ["cosigner.unavailable"]


def test_of_two_processes_that_miss_it_one_says_so(house: House) -> None:
    """Both have seen the same, and the second comes after the first; or the file was closed meanwhile."""
    house.wire.away = True
    house.round()
    (seen,) = house.cosigners._waiting(OTHER)
    house.clock.pass_(seconds=61)
    for _ in range(2):
        house.cosigners._miss(OTHER, seen)
    assert house.told() == ["cosigner.unavailable"]
    with house.journal.transaction() as tx:
        tx.get_one(Hearing, house.id).state = State.CLOSED
        tx.get_one(Row, (house.id, THEIRS.vkey)).away = None
    house.cosigners._miss(OTHER, seen)
    assert house.told() == ["cosigner.unavailable"]


def test_of_a_closed_file_nothing_is_told_and_still_it_is_cosigned(house: House) -> None:
    with house.journal.transaction() as tx:
        tx.get_one(Hearing, house.id).state = State.CLOSED
    house.wire.away = True
    house.round(seconds=3600)
    assert house.told() == []
    house.wire.away = False
    house.round()
    assert house.head().size in house.lines()


# --- a journal that was rolled back


def rolled_back(house: House, n: int) -> None:
    """As a database that was restored from a copy of some time ago: entries, heads, and what was cosigned."""
    with house.journal.transaction() as tx:
        size = house.head().size - n
        tx.exec(delete(JournalLeaf).where(col(JournalLeaf.seq) >= size))
        tx.exec(delete(Checkpoint).where(col(Checkpoint.size) > size))
        tx.exec(delete(Cosignature).where(col(Cosignature.size) > size))
        row = tx.get_one(Row, (house.id, THEIRS.vkey))
        row.size = size
    house.journal._trees.clear()
    house.journal._read.clear()


def test_a_database_from_an_old_copy_is_found_out_at_the_start(house: House) -> None:
    """Before anything is written: its own word that all was cosigned is as old as the rest."""
    house.round()
    for text in ("what", "is", "forgotten"):
        house.note(text)
    house.round()
    rolled_back(house, 3)
    house.cosigners = house.again()
    assert house.round()
    assert [one.size for one in house.cosigners.contradictions()] == [house.head().size + 3]
    assert house.wire.cosigner.troubles()


def test_a_start_makes_no_new_line_of_what_was_cosigned(house: House) -> None:
    house.round()
    before = house.lines()
    house.cosigners = house.again()
    house.wire.asked.clear()
    assert house.round(seconds=100)
    assert len(house.wire.asked) == 1
    assert house.lines() == before
    house.wire.asked.clear()
    house.round()
    assert house.wire.asked == []


def test_a_database_from_an_old_copy_is_noticed_on_both_sides(house: House) -> None:
    house.round()
    for text in ("what", "is", "forgotten"):
        house.note(text)
    house.round()
    kept = house.head().size
    rolled_back(house, 3)
    assert house.cosigners.contradictions() == []
    house.note("something else")
    assert house.round()
    (told,) = house.cosigners.contradictions()
    assert told.sentence == (
        f"b.example/cosign has signed {kept} entries of the journal of 12/2026 that do not fit what is here."
    )
    assert "restored from an old copy" in house.stands().sentence
    (theirs,) = house.wire.cosigner.troubles()
    assert (theirs.kind, theirs.service) == (Finding.UNPROVEN, "a.example/cosign")
    for text in ("and", "on"):
        house.note(text)
    house.round()
    (theirs,) = house.wire.cosigner.troubles()
    assert theirs.kind == Finding.FORKED, "two heads of one size are a proof"
    house.note("longer than before")
    house.round(seconds=61)
    house.round()
    assert house.head().size not in house.lines(), "however long it grows"
    assert house.told() == ["cosigner.unavailable"]
    assert house.cosigners.contradictions()


# --- whose hearings


def test_one_of_another_state_is_not_asked(house: House) -> None:
    for state, asked in (("FR", False), ("PT", True), ("NL", True)):
        house.cosigners = house.again(OTHER._replace(state=state))
        house.wire.asked.clear()
        house.round()
        assert bool(house.wire.asked) is asked, state
        assert len(house.cosigners.standing(house.id)) == asked
        house.note()


def test_the_same_cosigner_is_not_named_twice() -> None:
    assert checked([("", OTHER.address, THEIRS.vkey)]) == (OTHER,)
    with pytest.raises(Unverifiable, match="twice"):
        checked([("", OTHER.address, THEIRS.vkey), ("PT", "https://other.example", THEIRS.vkey)])
    with pytest.raises(Unverifiable):
        checked([("", OTHER.address, OURS.vkey.replace("a.example", "b.example"))])


def test_the_head_over_the_certificate_of_erasure_is_cosigned_too(house: House) -> None:
    house.round()
    with house.journal.transaction() as tx:
        hearing = tx.get_one(Hearing, house.id)
        house.journal.append(tx, hearing, CERTIFICATE)
        house.journal.erase(tx, house.id)
        keeping._forget(tx, hearing)
        hearing.state = State.DESTROYED
    house.cosigners = house.again()
    house.wire.away = True
    house.round(seconds=3600)
    house.wire.away = False
    house.round()
    assert house.head().size in house.lines()
    with house.journal.reading() as tx:
        last = tx.exec(select(JournalLeaf.type).order_by(col(JournalLeaf.seq).desc())).first()
    assert last == "custody.destroyed"


# --- whatever happens on the way

HAPPENINGS = ("note", "round", "lost", "away", "restart", "their restart", "memory lost")


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(HAPPENINGS), min_size=5, max_size=25))
def test_an_honest_journal_is_never_in_trouble_and_always_signed_in_the_end(
    tmp_path_factory: pytest.TempPathFactory, service_key: Path, happenings: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("honest")
    shutil.copy(service_key, folder / "service.key")
    clock, ours, theirs = FakeClock(), databases.file(folder), databases.file(made(folder / "theirs"))
    journal = Journal(ours, servicekey.at(folder / "service.key"), clock)
    house = House(stood(Courthouse.requested_hearing, journal, folder), theirs, clock)
    for happening in [*happenings, "note"]:
        match happening:
            case "note":
                house.note()
            case "restart":
                house.cosigners = house.again()
            case "their restart":
                house.wire.cosigner = house.cosigner()
            case "memory lost":
                with theirs.transaction() as tx:
                    tx.exec(delete(CosignedLog))
            case _:
                house.wire.lost, house.wire.away = happening == "lost", happening == "away"
                house.round(seconds=7)
    house.wire.lost = house.wire.away = False
    for _ in range(3):
        house.round()
    assert house.head().size in house.lines()
    assert house.wire.cosigner.troubles() == []
    assert house.cosigners.contradictions() == []
    for size, line in house.lines().items():
        with journal.reading() as tx:
            note = tx.get_one(Checkpoint, (house.id, size)).note
        assert cosignature(tree.read_checkpoint(note + line), THEIRS.vkey)
    told = house.told()
    assert told == ["cosigner.unavailable", "cosigner.returned"] * (len(told) // 2)
    ours.close()
    theirs.close()


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


# --- nothing waits for it


def test_a_step_does_not_wait_for_a_cosigner_that_hangs(house: House) -> None:
    """It hangs as long as the test lasts; the threads of the service go on, and the round asks nobody else meanwhile."""
    hung, over = threading.Event(), threading.Event()

    def hang(_door: str, reply: Reply) -> Reply:
        hung.set()
        assert over.wait(30)
        return reply

    house.wire.change = hang
    house.cosigners.start()
    try:
        house.note()
        assert hung.wait(10)
        began = time.monotonic()
        for _ in range(20):
            house.note()
        assert time.monotonic() - began < 5, "a hundredth of a second each, and the machine may be busy"
        assert house.lines() == {}
    finally:
        house.cosigners.stop()
        over.set()
        for thread in threading.enumerate():
            if thread.name.startswith("cosigner"):
                thread.join(30)


def test_one_that_never_ends_its_answer_is_told_of(house: House) -> None:
    """No time limit of ours is needed for that."""
    hung, over = threading.Event(), threading.Event()

    def hang(_door: str, reply: Reply) -> Reply:
        hung.set()
        assert over.wait(30)
        return reply

    house.wire.change = hang
    asking = threading.Thread(target=house.cosigners.work, args=(OTHER,))
    asking.start()
    assert hung.wait(10)
    house.cosigners.watch()
    assert house.told() == []
    house.clock.pass_(seconds=61)
    house.seconds[0] += 61
    house.cosigners.watch()
    house.cosigners.watch()
    assert house.told() == ["cosigner.unavailable"]
    over.set()
    asking.join()
    assert house.told() == ["cosigner.unavailable", "cosigner.returned"]


def test_no_transaction_is_open_while_it_is_asked(house: House) -> None:
    """Whoever writes meanwhile is not kept waiting by ours: none of our connections is in a transaction."""
    engine, open_ones = house.journal._database.engine, []

    def count(_door: str, reply: Reply) -> Reply:
        open_ones.append(engine.pool.checkedout())
        return reply

    house.wire.change = count
    house.round()
    assert open_ones
    assert set(open_ones) == {0}


def test_a_database_that_is_away_ends_the_round_and_nothing_else(house: House, monkeypatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise Unreachable("The database does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "reading", away)
        with pytest.raises(Unreachable):
            house.round()
    assert house.round()
