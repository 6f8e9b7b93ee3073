"""The head that packages are made of: frozen once, with everything that is sealed with it."""

import json
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from hearings import heads, package, tree, verify
from hearings.database import Database
from hearings.errors import NotNow, Unreachable
from hearings.heads import Head, Heads, chosen
from hearings.packing import Packages
from hearings.seals import CourtSeal
from hearings.signatures import read_seal
from hearings.states import State
from hearings.tables import FrozenHead, Hearing
from hearings.verify_journal import cosignature
from tests.conftest import FakeClock
from tests.hearings import records as r
from tests.hearings.shelf import Shelf
from tests.hearings.test_copies import Archive, archive
from tests.hearings.test_cosigning import THEIRS, House, elsewhere, house

__all__ = ["archive", "elsewhere", "house"]  # the fixtures

SEAL = r.court("Court of Exampleton")


class Office:
    """An authority of timestamps; `away`: it does not answer."""

    def __init__(self) -> None:
        self.away = False
        self.asked: list[bytes] = []

    def token(self, content: bytes) -> bytes:
        self.asked.append(content)
        if self.away:
            raise Unreachable("The authority of timestamps does not answer.")
        return b"token over " + content[:20]


@dataclass(frozen=True)
class Stamped(CourtSeal):
    """A seal that asks for timestamps, as it says by a mark."""

    def sign(self, content: bytes, at: datetime, stamps: Office | None = None) -> bytes:
        mark = stamps.token(content) if stamps is not None else b""
        return super().sign(content, at) + mark


STAMPED = Stamped(SEAL.key, SEAL.certificate, SEAL.intermediates, SEAL.root)


def frozen(house: House, **given: Any) -> Heads:
    return Heads(house.journal, SEAL, house.cosigners, **{"wait": 0.0, **given})


def key_of(row: FrozenHead) -> dict[str, Any]:
    return dict(json.loads(row.log_key))


# --- which head


def lines(*names: str) -> dict[str, bytes]:
    return {name: name.encode() for name in names}


@given(st.lists(st.sets(st.sampled_from("abc")), min_size=1), st.sets(st.sampled_from("abc")))
def test_the_first_that_most_have_signed_is_chosen(signed: list[set[str]], asked: set[str]) -> None:
    found = [Head(n, b"", lines(*names)) for n, names in enumerate(signed, 1)]
    best = chosen(found, sorted(asked))
    most = max(len(names & asked) for names in signed)
    assert best.size == 1 + next(n for n, names in enumerate(signed) if len(names & asked) == most)


@given(st.lists(st.sets(st.sampled_from("ab"))), st.integers(1, 20))
def test_a_few_earlier_heads_go_along_and_the_last_of_each_cosigner(
    signed: list[set[str]], most: int
) -> None:
    found = [Head(n, b"", lines(*names)) for n, names in enumerate(signed, 1)]
    told = heads.earlier(found, most)
    assert [one.size for one in told] == sorted({one.size for one in told})
    assert len(told) <= 2 * most + 2
    assert told[:1] == found[:1]
    for name in "ab":
        last = [one for one in found if name in one.lines][-1:]
        assert set(last and [last[0].size]) <= {one.size for one in told}


# --- frozen once


def test_it_is_the_same_to_the_byte_whenever_it_is_asked_for(house: House, clock: FakeClock) -> None:
    house.round()
    size = house.head().size
    first = frozen(house).freeze(house.id, at_least=size)
    clock.pass_(days=3000)
    for text in ("played", "fetched"):
        house.note(text)
    house.round()
    again = frozen(house).freeze(house.id, at_least=size)
    assert again.model_dump() == first.model_dump()
    assert first.size == size


def test_it_bears_the_cosignature_and_log_key_says_so(house: House) -> None:
    house.round()
    row = frozen(house).freeze(house.id, at_least=1)
    assert cosignature(tree.read_checkpoint(row.note), THEIRS.vkey) == house.clock()
    assert (key_of(row)["cosigners"], key_of(row)["quorum"], key_of(row)["timestamps"]) == (
        [THEIRS.vkey],
        1,
        False,
    )
    assert read_seal(row.seal, row.note).time == house.clock()
    assert read_seal(row.log_key_seal, row.log_key).signer == SEAL.certificate


def test_a_later_head_has_the_same_log_key_as_long_as_it_is_true(house: House) -> None:
    house.round()
    first = frozen(house).freeze(house.id, at_least=1)
    house.note()
    house.round()
    house.clock.pass_(days=1)
    second = frozen(house).freeze(house.id, at_least=first.size + 1)
    assert second.size > first.size
    assert (second.log_key, second.log_key_seal) == (first.log_key, first.log_key_seal)
    house.wire.away = True
    house.note()
    third = frozen(house).freeze(house.id, at_least=second.size + 1)
    assert (key_of(third)["quorum"], key_of(third)["cosigners"]) == (0, [THEIRS.vkey])
    assert third.log_key_seal != first.log_key_seal
    assert first.note.decode() in third.earlier, "up to there it was cosigned"


def test_a_head_that_is_not_signed_yet_is_not_frozen(house: House) -> None:
    with pytest.raises(NotNow, match="not signed yet"):
        frozen(house).freeze(house.id, at_least=house.head().size + 1)


def test_without_cosigners_it_is_the_first_head(house: House) -> None:
    first = house.head()
    house.note()
    row = Heads(house.journal, SEAL).freeze(house.id, at_least=first.size)
    assert (row.size, row.note) == (first.size, first.note)
    assert (key_of(row)["cosigners"], key_of(row)["quorum"]) == ([], 0)


def test_of_two_that_freeze_at_once_the_first_counts(house: House) -> None:
    house.round()
    gate, got = threading.Barrier(4), []

    def freeze() -> None:
        gate.wait()
        got.append(frozen(house).freeze(house.id, at_least=1).seal)

    threads = [threading.Thread(target=freeze) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(got) == 4
    assert len(set(got)) == 1, "ECDSA gives another signature each time"


def test_another_certificate_of_the_court_seals_the_head_anew(house: House) -> None:
    """Whoever seals the container of a full record must have sealed its head."""
    first = frozen(house).freeze(house.id, at_least=1)
    renewed = Heads(house.journal, r.court("Court of Exampleton, renewed"), house.cosigners, wait=0.0)
    second = renewed.freeze(house.id, at_least=1)
    assert (second.note, second.size) == (first.note, first.size)
    assert second.signer != first.signer
    assert frozen(house).freeze(house.id, at_least=1).seal == first.seal


# --- killed on the way


def test_killed_before_it_was_kept_it_is_made_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed, and not done."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Heads, "_keep", killed)
        with pytest.raises(KeyboardInterrupt):
            frozen(house).freeze(house.id, at_least=1)
    with house.journal.reading() as tx:
        assert tx.exec(select(FrozenHead)).all() == []
    assert frozen(house).freeze(house.id, at_least=1).size


def test_killed_after_it_was_kept_it_is_what_is_found(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed, but done."""
    original = Heads._keep
    kept = []

    def killed(*given: Any) -> None:
        kept.append(original(*given))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Heads, "_keep", killed)
        with pytest.raises(KeyboardInterrupt):
            frozen(house).freeze(house.id, at_least=1)
    assert frozen(house).freeze(house.id, at_least=1).seal == kept[0].seal


# --- nobody is waited for without end


def test_a_cosigner_that_may_still_sign_is_waited_for_shortly(house: House) -> None:
    house.round()
    house.note()
    size = house.head().size
    began = time.monotonic()
    row = frozen(house, wait=0.3).freeze(house.id, at_least=size)
    assert 0.3 <= time.monotonic() - began < 5
    assert key_of(row)["quorum"] == 0
    house.note()
    signing = threading.Timer(0.2, house.round)
    signing.start()
    row = frozen(house, wait=10).freeze(house.id, at_least=size + 1)
    signing.join()
    assert key_of(row)["quorum"] == 1
    assert time.monotonic() - began < 8


def test_one_that_is_known_to_be_away_is_not_waited_for(house: House) -> None:
    house.round()
    house.wire.away = True
    house.note()
    house.round(seconds=61)
    began = time.monotonic()
    row = frozen(house, wait=30).freeze(house.id, at_least=house.head().size)
    assert time.monotonic() - began < 5
    assert key_of(row)["quorum"] == 0


def closed(house: House) -> None:
    """As far as heads are concerned."""
    with house.journal.transaction() as tx:
        row = tx.get_one(Hearing, house.id)
        house.journal.append(tx, row, heads.HearingClosed(by="service"))
        row.state = State.CLOSED


def all_frozen(house: House) -> list[FrozenHead]:
    with house.journal.reading() as tx:
        return list(tx.exec(select(FrozenHead)).all())


def test_a_closed_file_is_frozen_by_itself_once_it_is_cosigned(house: House) -> None:
    house.round()
    frozen(house).work()
    assert all_frozen(house) == [], "it is not closed"
    closed(house)
    frozen(house).work()
    assert all_frozen(house) == [], "the cosigner may still sign"
    house.round()
    frozen(house).work()
    frozen(house).work()
    (row,) = all_frozen(house)
    assert (row.size, key_of(row)["quorum"]) == (house.head().size, 1)


def test_after_a_minute_a_closed_file_is_frozen_as_it_is(house: House) -> None:
    house.round()
    closed(house)
    house.wire.away = True
    house.round(seconds=61)
    frozen(house).work()
    (row,) = all_frozen(house)
    assert key_of(row)["quorum"] == 0


def test_what_was_destroyed_is_not_frozen(house: House) -> None:
    made = frozen(house)._made(house.id, 1)
    with house.journal.transaction() as tx:
        tx.get_one(Hearing, house.id).state = State.DESTROYED
    with pytest.raises(NotNow):
        frozen(house)._keep(made, 1)


# --- timestamps


def test_a_token_is_over_the_head_as_it_is_in_the_package(house: House) -> None:
    house.round()
    office = Office()
    row = Heads(house.journal, STAMPED, house.cosigners, office, wait=0.0).freeze(house.id, at_least=1)
    assert office.asked[0] == row.note
    assert (row.token, key_of(row)["timestamps"]) == (b"token over " + row.note[:20], True)
    assert row.seal.endswith(b"token over " + row.note[:20])


def test_an_authority_that_does_not_answer_blocks_nothing_and_nothing_is_claimed(house: House) -> None:
    house.round()
    office = Office()
    office.away = True
    row = Heads(house.journal, STAMPED, house.cosigners, office, wait=0.0).freeze(house.id, at_least=1)
    assert (row.token, key_of(row)["timestamps"]) == (None, False)
    assert read_seal(row.seal, row.note)


def test_where_nobody_waits_the_authority_gets_a_minute(house: House) -> None:
    house.round()
    closed(house)
    house.round()
    office = Office()
    office.away = True
    made = Heads(house.journal, STAMPED, house.cosigners, office, wait=0.0)
    made.work()
    assert all_frozen(house) == []
    house.clock.pass_(seconds=61)
    made.work()
    (row,) = all_frozen(house)
    assert key_of(row)["timestamps"] is False


# --- in a package


@pytest.fixture
def followed(archive: Archive, elsewhere: Database, clock: FakeClock) -> House:
    """A hearing that was recorded, and has been cosigned so far."""
    house = House(archive.standing, elsewhere, clock)
    house.round()
    return house


async def on_the_shelf(archive: Archive, database: Database, followed: House, data: Path) -> Shelf:
    shelf = Shelf(archive, database, data, followed.clock)
    shelf.heads = Heads(followed.journal, shelf.seal, followed.cosigners, wait=0.0)
    keys, folder = archive.keys, data / "recordings"
    shelf.packages = Packages(shelf.house.acts, shelf.seal, keys, folder, shelf.heads, shelf.house.known)
    return await shelf.close()


def verified(shelf: Shelf, path: Path, *, quorum: int) -> verify.Verdict:
    """With a trust file that lists the cosigner and asks for so many."""
    with shelf.packages.sealed_package(shelf.actor()).stream as stream:
        path.write_bytes(stream.read())
    trust = package.trust(shelf.seal, cosigners=[THEIRS.vkey], quorum=quorum)
    return verify.verify(path, trust=trust, head=None, at=shelf.clock())


def sentence(verdict: verify.Verdict, name: str) -> str:
    return next(one.sentence for one in verdict.checks if one.name == name)


async def test_a_cosigned_record_meets_a_quorum_of_one(archive, database, followed, tmp_path) -> None:
    shelf = await on_the_shelf(archive, database, followed, tmp_path)
    followed.round()
    verdict = verified(shelf, tmp_path / "a.asice", quorum=1)
    assert verdict.accepted, verdict
    assert "1 cosignatures" in sentence(verdict, "log")
    assert "Cosigned by b.example/cosign at 2026-11-23" in sentence(verdict, "seals")
    first = (tmp_path / "a.asice").read_bytes()
    for path in (tmp_path / "packages").glob("[!.]*"):
        path.unlink()
    shelf.clock.pass_(days=400)
    assert verified(shelf, tmp_path / "b.asice", quorum=1).accepted
    one, other = r.parts(first), r.parts((tmp_path / "b.asice").read_bytes())
    changed = {path for path in one if one[path] != other[path]}
    assert changed == set(), "made anew a year later, it has the same heads and seals"


async def test_one_whose_cosigner_was_away_verifies_and_tells_since_when(
    archive, database, followed, tmp_path
) -> None:
    followed.wire.away = True
    followed.clock.pass_(seconds=1)
    followed.note("The first that nobody cosigned.")
    since = tree.stamp(followed.clock())
    followed.round(seconds=61)
    shelf = await on_the_shelf(archive, database, followed, tmp_path)
    verdict = verified(shelf, tmp_path / "a.asice", quorum=0)
    assert verdict.accepted, verdict
    told = sentence(verdict, "seals")
    assert f"b.example/cosign had not cosigned it since {since}." in told
    assert "Cosigned by b.example/cosign up to entry" in told
    assert verify.verify(
        tmp_path / "a.asice", trust=shelf.packages.trust(), head=None, at=shelf.clock()
    ).accepted
    refused = verified(shelf, tmp_path / "a.asice", quorum=1)
    assert not refused.accepted
    assert "0 of the cosignatures" in refused.sentence
