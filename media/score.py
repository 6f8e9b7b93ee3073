"""How good sound and picture are, as one number and one of three words.

**Sound** by the E-model (ITU-T G.107) in its usual short form: R = 93.2 − Id − Ie,eff.

- Id, what delay costs, from the one-way delay d in ms (Cole and Rosenbluth 2001, from G.107):
  0.024 d + 0.11 (d − 177.3) where d exceeds 177.3. As d we take half the round trip, twice the jitter, and 60 ms for
  the frame, the buffer and the devices.
- Ie,eff, what loss costs: 95 p / (p + Bpl), with p in per cent. G.113 has no entry for Opus; that of G.711 with
  concealment stands for it (Ie 0, Bpl 25.1).

**Picture** in the same form, with the share of time in which it stood still in the place of loss, and Bpl 10.

Good is R ≥ 80 ("satisfied" in G.109), weak is R ≥ 50, bad what is below ("not recommended"); an interpreter needs
more: good from 85, weak from 60. The word changes when three of the last five scores call for it.
"""

from collections import deque
from enum import StrEnum

BEST = 93.2
FIXED_DELAY = 60.0  # ms
BPL_SOUND, BPL_PICTURE = 25.1, 10.0
LAST, ENOUGH = 5, 3
FREEZE_TIMES, FREEZE_MORE = (
    3.0,
    0.15,
)  # a frame that comes later than so many usual intervals, and so many s more
INTERRUPTED_SECONDS = 0.4


class Grade(StrEnum):
    GOOD = "good"
    WEAK = "weak"
    BAD = "bad"


Bounds = tuple[float, float]
USUAL: Bounds = (80.0, 50.0)
DEMANDING: Bounds = (85.0, 60.0)


def sound_score(*, lost: float, jitter: float, trip: float | None) -> float:
    """R, 0 to 93.2. `lost`: per cent of packets; `jitter` and `trip` (there and back, None if unknown): ms."""
    delay = (trip or 0.0) / 2 + 2 * jitter + FIXED_DELAY
    by_delay = 0.024 * delay + 0.11 * max(0.0, delay - 177.3)
    return _bounded(BEST - by_delay - _impaired(lost, BPL_SOUND))


def picture_score(*, lost: float, frozen: float) -> float:
    """R, 0 to 93.2. `lost`: per cent of packets that never came; `frozen`: per cent of the time."""
    return _bounded(BEST - _impaired(lost + frozen, BPL_PICTURE))


def opinion(score: float) -> float:
    """The mean opinion score that G.107 gives for R, 1 to 4.5."""
    return 1 + 0.035 * score + score * (score - 60) * (100 - score) * 7e-6 if score > 0 else 1.0


def grade(score: float, bounds: Bounds = USUAL) -> Grade:
    good, weak = bounds
    return Grade.GOOD if score >= good else Grade.WEAK if score >= weak else Grade.BAD


class Verdict:
    """The word for a series of scores; it changes when three of the last five are worse, or better."""

    def __init__(self, bounds: Bounds = USUAL) -> None:
        self.grade = Grade.GOOD
        self._bounds = bounds
        self._last: deque[Grade] = deque(maxlen=LAST)

    def told(self, score: float) -> Grade:
        self._last.append(grade(score, self._bounds))
        order = list(Grade)
        ranked = sorted(order.index(each) for each in self._last)
        now = order.index(self.grade)
        if len(ranked) >= ENOUGH:
            worse, better = ranked[-ENOUGH], ranked[ENOUGH - 1]
            self.grade = order[worse] if worse > now else order[better] if better < now else self.grade
        return self.grade


def _impaired(share: float, bpl: float) -> float:
    return 95 * share / (share + bpl)


def _bounded(score: float) -> float:
    return max(0.0, min(BEST, score))
