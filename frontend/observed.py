"""What comes of the person in one technical test, while it is going on: for whoever holds it, and for its finding.

The media worker tells how sound and picture come and how loud they are, and how long the way is as soon as it sends
something back; before that the person's page does. It names its devices, too: they are shown and kept nowhere.
"""

from collections.abc import Sequence
from statistics import fmean

from hearings.appointments import NOTHING, Shown
from media.channels import Kind
from media.control import LOOK_SECONDS, TrackFigures
from media.score import Grade
from media.signalling import Equipment

SPEAKS = 45  # −dBov; a smaller number is louder
STEADY = 3  # quarters of a second in which somebody spoke
_WORST_FIRST = (Grade.BAD, Grade.WEAK, Grade.GOOD)


class Observed:
    def __init__(self) -> None:
        self.equipment: Equipment | None = None
        self._spoke = 0
        self._looks = 0
        self._pictures = False
        self._trips: list[float] = []
        self._losses: list[float] = []
        self._grade: Grade | None = None

    def hear(self, level: int) -> None:
        """The loudest level of a quarter of a second, in −dBov."""
        self._spoke += level < SPEAKS

    def measure(self, rows: Sequence[TrackFigures]) -> None:
        """How everything came in the last two seconds."""
        coming = {row.track.partition("-")[2]: row for row in rows}
        sound, picture = coming.get(Kind.AUDIO), coming.get(Kind.CAMERA)
        if sound is None and picture is None:
            return
        self._looks += 1
        self._pictures = self._pictures or bool(picture and picture.frames)
        self._losses += [sound.loss] if sound is not None else []
        self._trips += [row.trip for row in (sound or picture,) if row is not None and row.trip is not None]
        grades = {row.grade for row in (sound, picture) if row is not None}
        self._grade = next(grade for grade in _WORST_FIRST if grade in grades)

    def shown(self) -> Shown:
        """What the journal may be told of it."""
        if self._grade is None:
            return NOTHING
        told = self.equipment
        size = (
            (told.width, told.height) if told is not None and told.width and self._pictures else (None, None)
        )
        trips = self._trips or ([told.trip] if told is not None and told.trip is not None else [])
        return Shown(
            width=size[0],
            height=size[1],
            heard=self._spoke >= STEADY,
            seconds=round(self._looks * LOOK_SECONDS),
            trip=round(fmean(trips)) if trips else None,
            loss=round(10 * fmean(self._losses)) if self._losses else None,
            grade=self._grade.value,
            way=told.way or None if told is not None else None,
        )
