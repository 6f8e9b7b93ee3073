"""The process that listens: it hears, and whatever becomes of it the caller goes on."""

import os
import signal
import sys

import pytest

from media import ears
from media.ears import LOUD_PACKET, LOUDEST, SILENT_PACKET, Deaf, Ears
from media.loops import Turn, sound

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def impatient(monkeypatch):
    """Of a process that takes a second to start on a busy machine, and of one that never answers."""
    monkeypatch.setattr(ears, "ANSWER_SECONDS", 20.0)


@pytest.fixture
async def listening():
    made = Ears()
    yield made
    await made.close()


async def test_sound_is_told_from_digital_silence_and_a_quiet_room_from_both(listening):
    await listening.prove()
    speaks, quiet = (sound(3, Turn(mine, 2))[:200] for mine in (0, 1))
    loudest = min(speaks, key=lambda frame: frame.level).parts[0]
    softest = max(quiet, key=lambda frame: frame.level).parts[0]
    loud, soft, silent = await listening.peaks([loudest, softest, SILENT_PACKET])
    assert loud > LOUDEST // 10 > soft > 1
    assert silent == 0


async def test_what_is_no_sound_is_silent_and_harms_nobody(listening):
    rubbish = [b"", b"\0", b"sound", os.urandom(1200), b"\xff" * 5000]
    peaks = await listening.peaks([*rubbish, LOUD_PACKET])
    assert peaks[-1] > 1000
    assert await listening.peaks([LOUD_PACKET]) == peaks[-1:], "each packet is decoded by itself"
    assert await listening.peaks([]) == []


async def test_one_that_ended_is_deaf_once_and_is_started_again(listening):
    await listening.prove()
    process = listening._process
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    await listening.prove()
    assert listening._process is not process


async def test_one_that_ends_in_the_middle_is_deaf(listening):
    ending = Ears([sys.executable, "-c", "input()"])
    with pytest.raises(Deaf):
        await ending.peaks([LOUD_PACKET])
    await ending.close()


@pytest.mark.parametrize(
    "command",
    [
        ["sleep", "60"],
        ["/nowhere/ears"],
        [sys.executable, "-c", "print('[]', flush=True); input(); input()"],
        [sys.executable, "-c", "print('no JSON', flush=True); input(); input()"],
        [sys.executable, "-c", "print('[\"x\", 1]', flush=True); input(); input()"],
    ],
)
async def test_one_that_does_not_answer_is_deaf(monkeypatch, command):
    monkeypatch.setattr(ears, "ANSWER_SECONDS", 0.5)
    broken = Ears(command)
    with pytest.raises(Deaf, match="does not answer"):
        await broken.prove()
    assert broken._process is None, "it was ended"
    await broken.close()


async def test_one_that_hears_nothing_does_not_prove_itself():
    answers = "import json, sys\nfor line in sys.stdin: print([0] * len(json.loads(line)), flush=True)"
    with pytest.raises(Deaf):
        await Ears([sys.executable, "-c", answers]).prove()
