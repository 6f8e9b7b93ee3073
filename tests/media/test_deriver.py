"""The process that derives: from locked originals to a locked copy, and a sentence where that cannot be."""

import base64
import errno
import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from keys import KEY, PUBLIC, SECRET, clear
from test_derivation import AUDIO, BEGINS, CAMERA, derived, heard, original, seen, stored

from media import deriver, lockedfile
from media.deriver import derive
from media.locked import HEAD, Lock, NotOpened, unwrapping
from media.orders import Derived, Failed, Order, Source
from media.storage import Storage
from media.webm import Mark


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """Eight seconds of sound and picture, on disk as the recorder leaves them."""
    sources = []
    for track, packets in ((AUDIO, heard(8)), (CAMERA, seen(8))):
        content = original(track, list(packets)).getvalue()
        lock, name = Lock(PUBLIC), f"{track}-1.pcapng"
        half = len(content) // 2
        frames = [content[:half], content[half:]]
        digests = [hashlib.sha256(content[:half]).digest(), hashlib.sha256(content).digest()]
        shut = [lock.shut(name, n, frame, digests[n]) for n, frame in enumerate(frames)]
        (tmp_path / name).write_bytes(lock.head + b"".join(shut))
        key = base64.b64encode(unwrapping(SECRET)(lock.head)).decode()
        sources.append(Source(name=name, key=key))
    return Order(
        folder=tmp_path,
        name="abcdefgh-1.webm",
        sources=sources,
        since=BEGINS,
        until=BEGINS + 8000,
        marks=[(1000, 2000, "Nothing was sent.")],
        public=KEY,
    )


def run(*orders: Order) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "media.deriver"],
        input="".join(order.model_dump_json() + "\n" for order in orders),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_copy_is_what_is_derived_and_lies_locked(order, monkeypatch):
    monkeypatch.setattr(lockedfile, "FRAME", 20_000)
    made = derive(order)
    content = clear(order.folder / order.name)
    assert (made.sha256, made.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert content.startswith(b"\x1a\x45\xdf\xa3")
    assert content not in (order.folder / order.name).read_bytes()
    assert derive(order) == made, "made anew"
    assert clear(order.folder / order.name) == content


def test_a_process_of_its_own_does_it_and_one_that_cannot_be_holds_up_no_other(order):
    missing = Source(name="nothing-audio-1.pcapng", key=order.sources[0].key)
    done = run(order.model_copy(update={"sources": [missing]}), order)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert "No such file" in Failed.model_validate_json(first).failed
    assert Derived.model_validate_json(second) == derive(order)
    assert clear(order.folder / order.name)


def test_one_whose_service_was_killed_does_not_write_into_the_next_ones_copy(order):
    """As after a kill: several processes derive the same at once; each finishes, and the copy is whole."""
    with ThreadPoolExecutor(3) as threads:
        done = list(threads.map(lambda _: run(*[order] * 4), range(3)))
    assert [(one.returncode, one.stderr) for one in done] == [(0, "")] * 3
    told = [line for one in done for line in one.stdout.splitlines()]
    assert len(told) == 12
    (answer,) = {Derived.model_validate_json(line) for line in told}
    content = clear(order.folder / order.name)
    assert (answer.sha256, answer.size) == (hashlib.sha256(content).hexdigest(), len(content))


def test_an_unfinished_copy_is_made_anew(order):
    made = derive(order)
    path = order.folder / order.name
    path.write_bytes(path.read_bytes()[: HEAD + 100])
    assert derive(order) == made
    assert hashlib.sha256(clear(path)).hexdigest() == made.sha256


def test_none_is_begun_that_takes_the_room_of_what_is_live(order, monkeypatch):
    wanted = sum((order.folder / source.name).stat().st_size for source in order.sources)
    monkeypatch.setattr(Storage, "room", lambda _: deriver.SPARE + wanted - 1)
    with pytest.raises(OSError, match="No space left") as refused:
        derive(order)
    assert refused.value.errno == errno.ENOSPC
    monkeypatch.setattr(Storage, "room", lambda _: deriver.SPARE + wanted)
    assert derive(order)


def test_one_that_fails_leaves_nothing_and_harms_no_earlier_one(order, monkeypatch):
    made = derive(order)
    append = Storage.append

    def full(storage, name, data):
        append(storage, name, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Storage, "append", full)
    with pytest.raises(OSError, match="No space left"):
        derive(order)
    assert hashlib.sha256(clear(order.folder / order.name)).hexdigest() == made.sha256
    assert {path.suffix for path in order.folder.iterdir()} == {".pcapng", ".webm"}


@pytest.mark.parametrize("key", [b"x" * 32, b"", b"short"])
def test_with_another_key_or_none_there_is_no_copy(order, key):
    wrong = Source(name=order.sources[0].name, key=base64.b64encode(key).decode())
    with pytest.raises(NotOpened):
        derive(order.model_copy(update={"sources": [wrong]}))


def test_it_holds_what_the_originals_hold(order):
    assert order.marks == [(1000, 2000, "Nothing was sent.")]
    derive(order)
    again = derived(8, [Mark(1000, 2000, "Nothing was sent.")], audio=list(heard(8)), camera=list(seen(8)))
    assert len(clear(order.folder / order.name)) == len(stored(again))
