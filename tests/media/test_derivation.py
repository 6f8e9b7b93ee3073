"""From originals to the copy for playing: order, losses, layers, connections, one clock; the same bytes each time."""

import io
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import pytest

from media import pcapng
from media.derivation import film
from media.loops import (
    PICTURE_RATE,
    PICTURE_STEP,
    SOUND_RATE,
    SOUND_STEP,
    Source,
    extensions_of,
    picture,
    sound,
)
from media.rtcp import sender_report
from media.webm import Film, Mark, write

AUDIO, CAMERA = "abcdefgh-audio", "abcdefgh-camera"
BEGINS = 1_795_000_000_000
NAMES = extensions_of(named=[(3, "0")])


class Sent(NamedTuple):
    """A packet and the second, after the beginning, at which it was received."""

    at: float
    data: bytes
    rtcp: bool = False


def heard(seconds: float, *, since: float = 0.0) -> Iterator[Sent]:
    source = Source(sound(1), payload_type=111, rate=SOUND_RATE, step=SOUND_STEP, extensions=NAMES)
    yield from sent(source, since, since + seconds)


def seen(seconds: float, *, since: float = 0.0, width: int = 160) -> Iterator[Sent]:
    frames = picture(1, width=width, height=120)
    source = Source(frames, payload_type=96, rate=PICTURE_RATE, step=PICTURE_STEP, extensions=NAMES)
    yield from sent(source, since, since + seconds)


def sent(source: Source, since: float, until: float) -> Iterator[Sent]:
    source.due = since
    reported = since - 1
    while source.due < until - 0.001:
        now = source.due
        if now - reported >= 1:
            reported = now
            report = sender_report(source.figures(now=now, wall=BEGINS / 1000 + now), "x")
            yield Sent(now, report, rtcp=True)
        yield from (Sent(now + n / 10_000, data) for n, data in enumerate(source.packets(now)))


def original(track: str, packets: list[Sent]) -> io.BytesIO:
    came = (
        pcapng.Packet(BEGINS * 1000 + round(one.at * 1_000_000), rtcp=one.rtcp, data=one.data)
        for one in packets
    )
    return io.BytesIO(pcapng.OPENING + pcapng.blocks(came, source=pcapng.address(track)))


def derived(seconds: float, marks: list[Mark] | None = None, **tracks: list[Sent]) -> Film:
    """`audio=`, `camera=`: the packets of each track."""
    given = [(f"abcdefgh-{kind}", original(f"abcdefgh-{kind}", packets)) for kind, packets in tracks.items()]
    return film(given, begins=BEGINS, until=BEGINS + round(seconds * 1000), marks=marks or [])


def times(made: Film, number: int = 0) -> list[int]:
    return [unit.at for unit in made.tracks[number].units]


def stored(made: Film) -> bytes:
    parts: list[bytes] = []
    write(made, parts.append)
    return b"".join(parts)


def without(packets: list[Sent], which: Callable[[int], bool]) -> list[Sent]:
    """The n-th packet of media is lost where `which(n)`."""
    media = [one for one in packets if not one.rtcp]
    lost = {id(one) for n, one in enumerate(media) if which(n)}
    return [one for one in packets if id(one) not in lost]


def test_every_packet_of_sound_and_every_picture_is_there_at_its_time():
    made = derived(8, audio=list(heard(8)), camera=list(seen(8)))
    assert times(made, 0) == pytest.approx([20 * n for n in range(400)], abs=1)
    assert times(made, 1) == pytest.approx([n * 200 / 3 for n in range(120)], abs=1)
    assert [track.size for track in made.tracks] == [None, (160, 120)]
    assert sum(unit.key for unit in made.tracks[1].units) == 8
    frames = [b"".join(frame.parts) for frame in picture(1, width=160, height=120)]
    read = made.tracks[1].read
    assert [b"".join(map(read, unit.pieces)) for unit in made.tracks[1].units] == frames * 2


def test_the_same_originals_give_the_same_bytes(tmp_path):
    audio, camera = list(heard(8)), list(seen(8))
    marks = [Mark(100, 200, "Nothing was sent.")]
    first = stored(derived(8, marks, audio=audio, camera=camera))
    assert first == stored(derived(8, marks, audio=audio, camera=camera))
    path = tmp_path / "film.webm"
    path.write_bytes(first)
    done = subprocess.run(
        ["ffmpeg", "-v", "warning", "-xerror", "-i", str(path), "-map", "0", "-f", "null", "-"],
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""


def test_packets_that_came_out_of_order_are_put_in_order():
    camera = list(seen(4))
    late = [one for one in camera if not one.rtcp][30]
    moved = [one for one in camera if one is not late]
    moved.insert(moved.index([one for one in camera if not one.rtcp][60]), late._replace(at=2.9))
    moved.sort(key=lambda one: one.at)
    whole, again = derived(4, camera=camera), derived(4, camera=moved)
    assert times(whole) == times(again)
    for made in (whole, again):
        assert len(made.tracks[0].units) == 60


def test_after_a_loss_the_picture_stands_until_the_next_key_frame():
    camera = list(seen(4))
    media = [one for one in camera if not one.rtcp]
    lost = next(n for n, one in enumerate(media) if one.at > 1.3)
    made = derived(4, camera=without(camera, lambda n: n == lost))
    shown = times(made)
    assert [at for at in shown if 1350 < at < 1990] == []
    assert [at for at in shown if at < 1300] == pytest.approx([n * 200 / 3 for n in range(20)], abs=1)
    assert len([at for at in shown if at >= 1990]) == 30


def test_a_lost_packet_of_sound_leaves_its_own_time_empty():
    made = derived(4, audio=without(list(heard(4)), lambda n: 50 <= n < 60))
    assert times(made) == pytest.approx([20 * n for n in range(200) if not 50 <= n < 60], abs=1)


def test_a_pause_is_not_cut_out():
    audio = [one for one in heard(10) if not 3 <= one.at < 6]
    made = derived(10, [Mark(3000, 6000, "Nothing was sent.")], audio=audio)
    assert made.length == 10_000
    assert [at for at in times(made) if 3000 <= at < 6000] == []
    assert times(made)[-1] == pytest.approx(9980, abs=1)


def test_another_layer_begins_with_a_key_frame_and_the_first_comes_back():
    """High, then low for a while, then the same high stream again: in the order in which they were."""
    high = list(seen(9, width=320))
    low = [one for one in seen(9) if 3.2 <= one.at < 6.4]
    both = sorted([one for one in high if not 3.2 <= one.at < 6.4] + low, key=lambda one: one.at)
    made = derived(9, camera=both)
    (track,) = made.tracks
    assert track.size == (320, 120)
    assert times(made) == sorted(times(made))
    assert [at for at in times(made) if 3200 <= at < 3990] == [], "until the low layer's key frame"
    assert [at for at in times(made) if 6400 <= at < 6990] == [], "until the high layer's"
    assert len(times(made)) == pytest.approx(15 * (9 - 0.8 - 0.6), abs=3)


@pytest.mark.parametrize("later", [-0.003, 0.0, 0.003])
def test_of_two_key_frames_of_one_moment_the_one_that_came_later_goes_on(later):
    """As a browser sends them when it is asked for one: in all layers. The layers' clocks may differ a little."""
    low = list(seen(3.05))
    high = [one._replace(at=one.at - later + 0.005) for one in seen(3, since=3 + later, width=320)]
    made = derived(6, camera=low + high)
    shown = times(made)
    assert all(since < until for since, until in pairwise(shown))
    assert shown[-45:] == pytest.approx([3000 + 1000 * later + n * 200 / 3 for n in range(45)], abs=1)


def test_a_new_connection_goes_on_at_its_own_time():
    audio = [*heard(3), *heard(3, since=5)]
    made = derived(8, audio=audio)
    assert times(made)[150] == pytest.approx(5000, abs=2)
    assert times(made)[-1] == pytest.approx(7980, abs=2)


def test_what_came_before_or_after_is_put_at_the_ends():
    audio = [one._replace(at=one.at) for one in heard(4)]
    made = film([(AUDIO, original(AUDIO, audio))], begins=BEGINS + 1000, until=BEGINS + 3000)
    assert (times(made)[0], times(made)[-1]) == (0, 2000)


def test_rubbish_among_the_packets_does_no_harm():
    audio = list(heard(2))
    rubbish = [b"", b"\x80", bytes(12), b"\x90\x6f" + bytes(10), b"\xff" * 200]
    mixed = [
        Sent(one.at, bad, rtcp=n % 2 == 0)
        for n, (one, bad) in enumerate(zip(audio, rubbish * 20, strict=False))
    ]
    made = derived(2, audio=sorted([*audio, *mixed], key=lambda one: one.at))
    assert len([at for at in times(made) if at]) >= 99


def test_nothing_at_all_is_a_film_of_nothing():
    made = derived(5, audio=[])
    assert (made.length, list(made.tracks[0].units)) == (5000, [])
