"""One writer, in the transaction of the change; checkpoints over what is committed, and nothing else."""

import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import select

from hearings import tree
from hearings.errors import Unverifiable
from hearings.events import KINDS, StatementNoted
from hearings.journal import Journal, origin
from hearings.story import Story
from hearings.tables import Checkpoint, Hearing, JournalLeaf
from tests.conftest import FakeClock
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.stood import stood


@pytest.fixture
def standing(journal: Journal, tmp_path: Path) -> Standing:
    return stood(Courthouse.requested_hearing, journal, tmp_path)


def note(standing: Standing, text: str) -> None:
    journal = standing.house.journal
    with journal.transaction() as tx:
        journal.append(tx, tx.get_one(Hearing, standing.id), StatementNoted(text=text, by="service"))


def heads(standing: Standing) -> list[Checkpoint]:
    with standing.house.journal.reading() as tx:
        return list(tx.exec(select(Checkpoint).order_by(Checkpoint.size)))


def leaves(standing: Standing) -> list[JournalLeaf]:
    with standing.house.journal.reading() as tx:
        return list(tx.exec(select(JournalLeaf).order_by(JournalLeaf.seq)))


def test_the_first_two_leaves_are_as_the_format_says(standing: Standing) -> None:
    assert standing.types()[:2] == ["hearing.opened", "request.received"]
    assert all(tree.read_canonical(leaf.data)["seq"] == leaf.seq for leaf in leaves(standing))


def test_personal_data_is_not_in_the_clear_part(standing: Standing) -> None:
    for leaf in leaves(standing):
        assert set(tree.read_canonical(leaf.data)) <= {
            "v",
            "hearing",
            "seq",
            "time",
            "type",
            "participant",
            "_sd",
        }
        assert b"Exampleton" not in leaf.data


def test_every_step_ends_with_a_signed_head_over_all_that_is_committed(standing: Standing) -> None:
    hashes = [leaf.hash for leaf in leaves(standing)]
    with standing.house.journal.reading() as tx:
        vkey = tx.get_one(Hearing, standing.id).log_vkey
    for head in heads(standing):
        read = tree.read_checkpoint(head.note)
        assert tree.signed_by(read, vkey)
        assert (read.origin, read.size) == (origin(standing.id), head.size)
        assert read.root == tree.Tree(hashes[: head.size]).root()
    assert heads(standing)[-1].size == len(hashes)


def test_a_rollback_signs_nothing_and_forks_nothing(standing: Standing) -> None:
    journal = standing.house.journal
    before = len(heads(standing))

    def fails_after_writing() -> None:
        with journal.transaction() as tx:
            journal.append(tx, tx.get_one(Hearing, standing.id), StatementNoted(text="lost", by="service"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails_after_writing()
    assert len(heads(standing)) == before
    note(standing, "kept")
    hashes = [leaf.hash for leaf in leaves(standing)]
    assert tree.read_checkpoint(heads(standing)[-1].note).root == tree.Tree(hashes).root()


def test_what_was_rolled_back_is_not_remembered(standing: Standing) -> None:
    journal = standing.house.journal

    def reads_and_fails() -> None:
        with journal.transaction() as tx:
            journal.append(tx, tx.get_one(Hearing, standing.id), StatementNoted(text="lost", by="service"))
            assert journal.entries(tx, standing.id)[-1].event.type == "statement.noted"
            raise RuntimeError

    before = standing.types()
    with pytest.raises(RuntimeError):
        reads_and_fails()
    assert standing.types() == before
    note(standing, "kept")
    assert standing.types() == [*before, "statement.noted"]


def test_another_process_goes_on_with_the_same_tree(
    standing: Standing, clock: FakeClock, tmp_path: Path
) -> None:
    house = standing.house
    second = Journal(house.journal._database, house.key, clock)
    with second.transaction() as tx:
        second.append(tx, tx.get_one(Hearing, standing.id), StatementNoted(text="second", by="service"))
    note(standing, "first again")
    hashes = [leaf.hash for leaf in leaves(standing)]
    assert tree.read_checkpoint(heads(standing)[-1].note).root == tree.Tree(hashes).root()


def test_writers_at_the_same_time_are_numbered_without_a_hole(standing: Standing) -> None:
    before = len(leaves(standing))
    threads = [
        threading.Thread(target=lambda n=n: [note(standing, f"{n} {i}") for i in range(10)]) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [leaf.seq for leaf in leaves(standing)] == list(range(before + 40))


def test_time_never_goes_back(standing: Standing, clock: FakeClock) -> None:
    clock.pass_(minutes=-5)
    note(standing, "the clock was put back")
    times = [leaf.time for leaf in leaves(standing)]
    assert times == sorted(times)


def test_the_log_key_is_wrapped(standing: Standing, tmp_path: Path) -> None:
    with standing.house.journal.reading() as tx:
        hearing = tx.get_one(Hearing, standing.id)
    secret = standing.house.key.unwrap(hearing.log_key, origin(standing.id))
    assert secret not in hearing.log_key
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key()
    assert tree.verifier_key(origin(standing.id), public) == hearing.log_vkey
    with pytest.raises(Unverifiable):
        standing.house.key.unwrap(hearing.log_key, "another purpose")


def test_followers_hear_of_it_after_the_commit(standing: Standing) -> None:
    seen: list[int] = []
    standing.house.journal.follow(lambda _hearing: seen.append(len(leaves(standing))))
    note(standing, "told")
    assert seen == [len(leaves(standing))]


def test_every_kind_of_fact_says_a_sentence_and_its_type() -> None:
    for name, kind in KINDS.items():
        first, second = name.split(".")
        assert kind.__name__.lower() == first + second
        assert "sentence" in kind.__dict__


def test_the_story_told_again_is_what_the_rows_say(standing: Standing) -> None:
    standing.accepted().scheduled().seated().opened().on_record()
    house = standing.house
    with house.journal.reading() as tx:
        hearing = tx.get_one(Hearing, standing.id)
        story = Story().tell(house.journal.entries(tx, standing.id))
    assert story.state == hearing.state
    chosen = story.choices[-1][1]
    assert (chosen.instrument, chosen.aim, chosen.capacity) == (
        hearing.instrument,
        hearing.aim,
        hearing.capacity,
    )
    assert {person.name for person in story.people.values()} >= {"Judge", "Witness", "Authority"}
