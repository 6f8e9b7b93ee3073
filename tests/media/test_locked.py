"""Locked files: whole again with the secret half from any place, and refused when anything about them is other."""

import hashlib
import io
import os
from pathlib import Path

import keys
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.locked import (
    AROUND,
    HEAD,
    OPENING,
    PUBLIC,
    SECRET,
    Lock,
    NotOpened,
    digest_of,
    new_pair,
    opened,
    unwrapping,
)

PARTS = [b"first of three", b"second" * 40_000, b"third"]


def shut(lock: Lock, place: int, data: bytes, *, name: str = "file", before: bytes = b"") -> bytes:
    return lock.shut(name, place, data, hashlib.sha256(before + data).digest())


def written(lock: Lock, parts: list[bytes]) -> bytes:
    before = [b"".join(parts[:place]) for place in range(len(parts))]
    return lock.head + b"".join(
        shut(lock, place, part, before=before[place]) for place, part in enumerate(parts)
    )


def read(data: bytes, name: str = "file", secret: bytes = keys.SECRET) -> bytes:
    with opened(io.BytesIO(data), name, unwrapping(secret)) as file:
        return file.read()


def test_what_is_locked_is_whole_again():
    lock = Lock(keys.PUBLIC)
    data = written(lock, PARTS)
    assert read(data) == b"".join(PARTS)
    assert len(data) == HEAD + len(b"".join(PARTS)) + len(PARTS) * AROUND
    assert data.startswith(OPENING)
    assert read(lock.head) == b""


@pytest.mark.parametrize("parts", [[], PARTS[:1], PARTS])
def test_the_digest_of_the_whole_is_known_without_reading_it(parts: list[bytes]):
    with opened(io.BytesIO(written(Lock(keys.PUBLIC), parts)), "file", unwrapping(keys.SECRET)) as file:
        assert file.digest() == hashlib.sha256(b"".join(parts)).hexdigest()
        assert file.size == len(b"".join(parts))
        assert file.read() == b"".join(parts)


def test_a_digest_that_was_altered_is_refused():
    data = bytearray(written(Lock(keys.PUBLIC), PARTS))
    data[-len(PARTS[-1]) - AROUND + 4] ^= 1
    with opened(io.BytesIO(data), "file", unwrapping(keys.SECRET)) as file, pytest.raises(NotOpened):
        file.digest()


def test_a_pair_is_fresh_and_of_the_lengths_that_are_said():
    (public, secret), other = new_pair(), new_pair()
    assert (len(public), len(secret)) == (PUBLIC, SECRET)
    assert (public, secret) != other
    data = written(Lock(public), PARTS)
    assert read(data, secret=secret) == b"".join(PARTS)
    with pytest.raises(NotOpened, match="another key"):
        read(data, secret=other[1])


def test_the_same_content_never_looks_the_same():
    lock = Lock(keys.PUBLIC)
    assert shut(lock, 0, b"x" * 64) != shut(lock, 0, b"x" * 64)
    assert Lock(keys.PUBLIC).head != lock.head


def test_a_lock_opens_its_own_frames_and_no_others():
    lock = Lock(keys.PUBLIC)
    frame = shut(lock, 3, b"content")
    assert lock.opened("file", 3, frame) == b"content"
    for name, place, given_frame in (
        ("other", 3, frame),
        ("file", 2, frame),
        ("file", 3, frame[:-1]),
        ("file", 3, b""),
        ("file", 3, shut(Lock(keys.PUBLIC), 3, b"content")),
    ):
        with pytest.raises(NotOpened):
            lock.opened(name, place, given_frame)


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=6), st.data())
@settings(max_examples=60, deadline=None)
def test_it_is_read_from_any_place(parts, data):
    content = b"".join(parts)
    with opened(io.BytesIO(written(Lock(keys.PUBLIC), parts)), "file", unwrapping(keys.SECRET)) as file:
        for _ in range(6):
            at = data.draw(st.integers(0, len(content) + 5))
            length = data.draw(st.integers(0, len(content) + 5))
            file.seek(at)
            assert file.read(length) == content[at : at + length]
        assert file.seek(0, os.SEEK_END) == len(content)


def test_no_byte_can_be_other():
    data = written(Lock(keys.PUBLIC), [b"first", b"second"])
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(NotOpened):
            read(bytes(changed))


def test_frames_cannot_be_exchanged_left_out_or_cut():
    lock = Lock(keys.PUBLIC)
    first, second = shut(lock, 0, b"same length 1"), shut(lock, 1, b"same length 2")
    for data in (
        lock.head + second + first,
        lock.head + second,
        lock.head + first + first,
        lock.head + first + second[:-1],
        lock.head + first + second[:3],
        lock.head[:-1],
        b"",
        first + second,
    ):
        with pytest.raises(NotOpened):
            read(data)
    with pytest.raises(NotOpened):
        read(lock.head + first + second, name="another")
    assert read(lock.head + first) == b"same length 1", (
        "the digest of the whole tells that the last is missing"
    )


@pytest.mark.parametrize("public", [b"", keys.PUBLIC[:-1], b"\xff" * PUBLIC])
def test_what_is_no_public_half_locks_nothing(public):
    with pytest.raises(NotOpened):
        Lock(public)


def test_a_frame_tells_the_digest_of_all_before_its_end_to_whoever_cannot_read_it():
    lock = Lock(keys.PUBLIC)
    frame = shut(lock, 1, b"second", before=b"first")
    assert digest_of(frame[:AROUND], length=6) == hashlib.sha256(b"firstsecond").digest()
    for short, length in ((frame, 7), (frame[:20], 6), (b"", 0)):
        with pytest.raises(NotOpened):
            digest_of(short, length=length)


def test_a_file_that_was_locked_long_ago_still_opens():
    data = (Path(__file__).parent / "locked-1.bin").read_bytes()
    assert read(data, name="known-audio-1.pcapng") == b"What was said in 2026, in two frames."


def test_what_cannot_be_opened_is_closed():
    for data in (b"", Lock(keys.PUBLIC).head[:-1], written(Lock(keys.PUBLIC), PARTS)[:-1]):
        file = io.BytesIO(data)
        with pytest.raises(NotOpened):
            opened(file, "file", unwrapping(keys.SECRET))
        assert file.closed
