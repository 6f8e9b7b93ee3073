"""The registry's keys: one pair a hearing, of which the recorder has one half and this service the other."""

import base64
import hashlib
import io
from pathlib import Path
from uuid import UUID

import pytest

from hearings import registry, servicekey
from hearings.errors import Unreachable, Unverifiable
from hearings.journal import Journal
from hearings.registry import Registry
from hearings.tables import RecordingKey
from media.locked import Lock, NotOpened, opened
from tests.hearings.people_of_law import Courthouse

NAME = "abcdefgh-audio-1.pcapng"


def locked(public: bytes) -> bytes:
    lock = Lock(public)
    return lock.head + lock.shut(NAME, 0, b"what was said", bytes(32))


@pytest.fixture
def house(journal: Journal, tmp_path: Path) -> Courthouse:
    return Courthouse(journal, tmp_path)


@pytest.fixture
def hearing(house: Courthouse) -> UUID:
    return house.requested_hearing().id


def test_a_hearing_has_one_pair_from_its_first_stretch_on(house, hearing):
    keys = Registry(house.key)
    with house.journal.transaction() as tx:
        keys.prepare(tx, hearing, house.journal.clock())
        first = registry.public_half(tx, hearing)
        keys.prepare(tx, hearing, house.journal.clock())
        assert registry.public_half(tx, hearing) == first
        unwrap = keys.opener(tx, hearing)
    with opened(io.BytesIO(locked(base64.b64decode(first))), NAME, unwrap) as file:
        assert file.read() == b"what was said"


def test_the_secret_half_lies_under_the_service_key(house, hearing, tmp_path):
    with house.journal.transaction() as tx:
        Registry(house.key).prepare(tx, hearing, house.journal.clock())
        another = Registry(servicekey.at(tmp_path / "another.key"))
        with pytest.raises(Unverifiable):
            another.opener(tx, hearing)


def test_the_pair_of_one_hearing_opens_no_other(house):
    keys = Registry(house.key)
    one, other = house.requested_hearing().id, house.requested_hearing().id
    with house.journal.transaction() as tx:
        for each in (one, other):
            keys.prepare(tx, each, house.journal.clock())
        data = locked(tx.get_one(RecordingKey, (one, False)).public)
        with pytest.raises(NotOpened):
            opened(io.BytesIO(data), NAME, keys.opener(tx, other))


def test_what_is_sealed_has_a_pair_of_its_own(house, hearing):
    keys = Registry(house.key)
    with house.journal.transaction() as tx:
        for sealed in (False, True):
            keys.prepare(tx, hearing, house.journal.clock(), sealed=sealed)
        data = locked(base64.b64decode(registry.public_half(tx, hearing, sealed=True)))
        with pytest.raises(NotOpened):
            opened(io.BytesIO(data), NAME, keys.opener(tx, hearing))
        with opened(io.BytesIO(data), NAME, keys.opener(tx, hearing, sealed=True)) as file:
            assert file.read() == b"what was said"


def test_without_its_pair_nothing_opens(house, hearing):
    with house.journal.reading() as tx, pytest.raises(Unreachable, match="not there"):
        Registry(house.key).opener(tx, hearing)


def test_both_pairs_are_destroyed_and_their_digests_remain(house, hearing):
    keys = Registry(house.key)
    with house.journal.transaction() as tx:
        for sealed in (False, True):
            keys.prepare(tx, hearing, house.journal.clock(), sealed=sealed)
        halves = [
            base64.b64decode(registry.public_half(tx, hearing, sealed=sealed)) for sealed in (False, True)
        ]
        assert registry.destroy(tx, hearing) == sorted(hashlib.sha256(half).hexdigest() for half in halves)
        for sealed in (False, True):
            with pytest.raises(Unreachable, match="not there"):
                keys.opener(tx, hearing, sealed=sealed)
        assert registry.destroy(tx, hearing) == []
