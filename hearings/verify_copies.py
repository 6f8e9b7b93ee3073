"""Makes the copies for playing again from their originals, on request: the same bytes must come of it."""

import io
from collections.abc import Sequence

from hearings.container import Bundle
from hearings.errors import Unverifiable
from hearings.playing import Derive, Gap, Making, copies_of, marks_of
from hearings.tree import instant
from hearings.verify_journal import Entry, Log
from hearings.verify_media import Recording, Stretch, millis


def check_copies(bundle: Bundle, log: Log, told: Recording, entries: Sequence[Entry], derive: Derive) -> str:
    """Gives the sentence. Raises: Unverifiable."""
    gaps = _gaps(entries)
    made = left = 0
    for stretch in told.stretches:
        for name, tracks in copies_of(stretch.tracks or ()).items():
            path = f"data/media/{name}-{stretch.number}.webm"
            there = [track for track in tracks if _original(track, stretch) in bundle]
            if path not in bundle:
                continue
            if told.concealed_gaps or len(there) < len(_wanted(tracks, stretch, entries)):
                left += 1
                continue
            making = Making(
                originals=[(track, _stream(bundle, _original(track, stretch))) for track in there],
                since=stretch.since,
                until=stretch.until,
                marks=marks_of(gaps, there, since=stretch.since, until=stretch.until),
            )
            if derive(making) != bundle.sha256(path):
                made_by = str(log.record["tools"].get("vivavoce", "an unknown version"))[:40]
                raise Unverifiable(
                    f"{path} is not what comes of its originals; the record was made with Viva Voce {made_by}."
                )
            made += 1
    text = f"{made} copies for playing were made again, with the same bytes"
    return f"{text}; {left} could not be, because something of theirs is withheld." if left else f"{text}."


def _original(track: str, stretch: Stretch) -> str:
    return f"data/media/{track}-{stretch.number}.pcapng"


def _wanted(tracks: Sequence[str], stretch: Stretch, entries: Sequence[Entry]) -> list[str]:
    """Those of whose originals the journal tells, whether they are there or withheld."""
    sealed = {entry.member("path", str) for entry in entries if entry.kind == "media.sealed"}
    return [track for track in tracks if _original(track, stretch) in sealed]


def _gaps(entries: Sequence[Entry]) -> list[Gap]:
    found = []
    for entry in entries:
        if entry.kind != "media.gap":
            continue
        track, since, until, reason = (entry.member(name, str) for name in ("track", "from", "to", "reason"))
        if None not in (track, since, until, reason):
            found.append(Gap(track, millis(instant(since)), millis(instant(until)), reason))
    return found


def _stream(bundle: Bundle, path: str) -> io.BufferedReader:
    return io.BufferedReader(_Within(bundle, path), 1024 * 1024)


class _Within(io.RawIOBase):
    """A file of the bag, to be read from any place."""

    def __init__(self, bundle: Bundle, path: str) -> None:
        self._bundle = bundle
        self._path = path
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._bundle.size(self._path)}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # a writable buffer is all it may be
        data = self._bundle.slice(self._path, self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
