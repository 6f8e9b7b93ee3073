"""One making at a time: who comes meanwhile waits for it, and what a killed process left is removed."""

import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hearings.errors import NotYet, Unreachable
from hearings.making import AT_ONCE, Makings
from hearings.sentences import say

HEARING = UUID(int=7)
LONG = 20  # seconds


class Work:
    """A making that lasts until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go, self.times = threading.Event(), threading.Event(), 0

    def __call__(self) -> None:
        self.times += 1
        self.begun.set()
        assert self.go.wait(LONG)


@pytest.fixture
def makings(tmp_path: Path) -> Makings:
    return Makings(tmp_path)


def beside(call: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=call)
    thread.start()
    return thread


def test_who_comes_meanwhile_waits_for_the_one_that_is_under_way(makings: Makings):
    work, done = Work(), list[int]()

    def ask() -> None:
        makings.made("a", work, patience=None)
        done.append(work.times)

    threads = [beside(ask) for _ in range(4)]
    assert work.begun.wait(LONG)
    assert done == []
    work.go.set()
    for thread in threads:
        thread.join(LONG)
    assert done == [1] * 4
    makings.made("a", work, patience=None)
    assert work.times == 2, "what is over is begun anew when it is asked for"


def test_whoever_cannot_wait_is_told_and_it_goes_on(makings: Makings):
    work = Work()
    for _ in range(2):
        with pytest.raises(NotYet, match="being made"):
            makings.made("a", work, patience=0.01)
    work.go.set()
    makings.made("a", work, patience=LONG)
    assert work.times == 1


def test_others_need_not_wait(makings: Makings):
    long, short = Work(), Work()
    thread = beside(lambda: makings.made("a", long, patience=None))
    short.go.set()
    makings.made("b", short, patience=LONG)
    long.go.set()
    thread.join(LONG)
    assert (long.times, short.times) == (1, 1)
    assert AT_ONCE == 2


@pytest.mark.parametrize("error", [Unreachable(say("The disk is full.")), TimeoutError("of its own")])
def test_why_it_cannot_be_made_is_told_to_everybody_who_waits(makings: Makings, error: Exception):
    gate, told = Work(), list[Exception]()

    def fail() -> None:
        gate()
        raise error

    def ask() -> None:
        with pytest.raises(type(error)) as caught:
            makings.made("a", fail, patience=None)
        told.append(caught.value)

    threads = [beside(ask) for _ in range(3)]
    assert gate.begun.wait(LONG)
    gate.go.set()
    for thread in threads:
        thread.join(LONG)
    assert told == [error] * 3


def test_what_was_left_half_made_is_removed_and_nothing_else(makings: Makings, tmp_path: Path):
    left, others = tmp_path / f"{HEARING}-x.clear", tmp_path / f"{uuid4()}-x.clear"
    whole = tmp_path / f"{HEARING}-12.asice"
    for path in (left, others, whole):
        path.touch()
    with makings.alone(HEARING):
        assert (left.exists(), others.exists(), whole.exists()) == (False, True, True)
    makings.sweep()
    assert (others.exists(), whole.exists()) == (False, True)


def test_another_process_is_waited_for_and_what_it_makes_is_not_swept(makings: Makings, tmp_path: Path):
    part = tmp_path / f"{HEARING}-x.clear"
    context = multiprocessing.get_context("spawn")
    begun, go = context.Event(), context.Event()
    process = context.Process(target=_makes, args=(tmp_path, part, begun, go))
    process.start()
    assert begun.wait(LONG)
    makings.sweep()
    assert part.exists(), "it is being made"
    process.kill()
    process.join(LONG)
    makings.sweep()
    assert not part.exists(), "whoever made it was killed"


def _makes(folder: Path, part: Path, begun: Event, go: Event) -> None:
    with Makings(folder).alone(HEARING):
        part.touch()
        begun.set()
        go.wait(LONG)
