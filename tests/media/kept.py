"""Packets through the recorder's own account of time into its locked files, at full speed, and the copy's order."""

import base64
from collections.abc import Iterable
from pathlib import Path

from keys import KEY, PUBLIC, SECRET

from media.account import Timeline
from media.control import RecordPlan
from media.locked import HEAD, Lock, unwrapping
from media.orders import Order, Source
from media.originals import StretchFiles
from media.pcapng import Packet
from media.storage import Storage


def capture(folder: Path, track: str, stream: Iterable[Packet], *, since: int, until: int) -> None:
    """As the recorder does it, a tick every tenth of a second. `since`, `until`: ms since 1970."""
    plan = RecordPlan(stretch=1, since=since, tracks=[track], key=KEY)
    files = StretchFiles(Storage(folder), Lock(PUBLIC), plan)
    files.begin()
    timeline = Timeline(since, last_us=None)
    tick = since
    for packet in stream:
        timeline.take(packet)
        if packet.at_us >= (tick + 100) * 1000:
            tick = packet.at_us // 1000
            for tile in timeline.tiles(tick - 250):
                files.keep(track, tile)
            if under_way := timeline.under_way(tick):
                files.put_by(track, under_way)
    for tile in timeline.tiles(until, end=until):
        files.keep(track, tile)
    files.finish(until, untold=None)


def order(folder: Path, *tracks: str, since: int, until: int) -> Order:
    """Of `copy-1.webm`."""
    sources = []
    for track in tracks:
        name = f"{track}-1.pcapng"
        with (folder / name).open("rb") as file:
            key = unwrapping(SECRET)(file.read(HEAD))
        sources.append(Source(name=name, key=base64.b64encode(key).decode()))
    return Order(
        folder=folder, name="copy-1.webm", sources=sources, since=since, until=until, marks=[], public=KEY
    )
