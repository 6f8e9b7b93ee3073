"""The worker process: rooms and their connections, conducted over one control link.

    python -m media.worker --control PATH --spool FOLDER [--listen ADDRESS,…] [--port N[-M]] [--announce ADDRESS,…]

It connects to the unix socket that the conductor listens on, says `Ready` with the rooms that it has, and
repeats every report that was not yet acknowledged. When the link is lost the rooms go on, and it connects again, after 100 ms at
first and every two seconds at last. SIGTERM and SIGINT close the rooms and the recordings, keep what
there is to report in the spool, and end the process with status 0.

Everything it prints goes to stderr. One thread writes the spool; the event loop never waits for a disk.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from media.addresses import ANY_PORT, Implausible, ports
from media.control import (
    Acknowledged,
    Conduct,
    Declined,
    Dismiss,
    Fact,
    FromWorker,
    Link,
    LinkBroken,
    Load,
    Offered,
    Ready,
    Report,
    RoomPlan,
    ToWorker,
    Watched,
)
from media.ears import Ears
from media.ice_lite import IceLite
from media.load import Meter, Waits
from media.room import Room
from media.spool import Spool, SpoolBroken

ROOMS = 64  # so that memory has an end; how many people they may hold is measured (`media.load`)
TICK_SECONDS = 0.1
LOAD_SECONDS = 1.0
FIRST_RETRY_SECONDS = 0.1
LAST_RETRY_SECONDS = 2.0
DISK_RETRY_SECONDS = 1.0
LAST_WORDS_SECONDS = 1.0

log = logging.getLogger("media.worker")


@dataclass(frozen=True, slots=True)
class Settings:
    """`listen`, `announce`: as in `media.addresses.read_ways`; the first free `port` is taken, 0 is any."""

    control: Path
    spool: Path
    listen: str = "127.0.0.1"
    port: range = ANY_PORT
    announce: str = ""


class Worker:
    """The rooms of one process, and what is to be told about them."""

    def __init__(self, ice: IceLite, spool: Spool, meter: Meter) -> None:
        self._ice = ice
        self._ears = Ears()
        self._spool = spool
        self._meter = meter
        self._rooms: dict[str, Room] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._link: Link | None = None
        self._unwritten: list[Report] = []
        self._to_write = asyncio.Event()
        self._finishing = False
        self._done = False

    # --- the link ----------------------------------------------------------------------------------

    async def converse(self, link: Link) -> None:
        """Serves one link until it ends."""
        link.send(Ready(spool=self._spool.name, pid=os.getpid(), rooms=list(self._rooms)))
        for report in self._spool.pending:
            link.send(report)
        self._link = link
        try:
            async for message in link.at_worker():
                self._take(message)
        except LinkBroken as error:
            log.warning("the control link broke: %s", error)
        finally:
            self._link = None
            link.close()

    def _take(self, message: ToWorker) -> None:
        if self._finishing and not isinstance(message, Acknowledged):
            return
        match message:
            case Acknowledged():
                self._spool.acknowledged(message.n)
                self._to_write.set()
            case Conduct():
                self._conduct(message.room)
            case Dismiss():
                self._dismiss(message.hearing)
            case Offered():
                self._offered(message)
            case Watched():
                room = self._rooms.get(message.hearing)
                if room is not None:
                    room.watched(message.place, message.places)

    def _conduct(self, plan: RoomPlan) -> None:
        room = self._rooms.get(plan.hearing)
        if room is None:
            if len(self._rooms) >= ROOMS:
                sentence = f"This media worker holds {ROOMS} rooms and takes no more."
                self._send(Declined(hearing=plan.hearing, place="", connection="", sentence=sentence))
                return
            room = self._rooms[plan.hearing] = self._new_room(plan.hearing)
        try:
            room.conduct(plan)
        except Exception:
            log.exception("the plan of %s could not be carried out", plan.hearing)
            sentence = "The media worker could not carry out the plan of this room."
            self._send(Declined(hearing=plan.hearing, place="", connection="", sentence=sentence))

    def _new_room(self, hearing: str) -> Room:
        return Room(
            hearing,
            ice=self._ice,
            ears=self._ears,
            report=lambda fact: self._report(hearing, fact),
            send=self._send,
            full=lambda: self._meter.full,
        )

    def _dismiss(self, hearing: str) -> None:
        room = self._rooms.pop(hearing, None)
        if room is not None:
            task = asyncio.create_task(room.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _offered(self, offer: Offered) -> None:
        room = self._rooms.get(offer.hearing)
        try:
            if room is None:
                self._decline(offer, "This room is not open.")
            else:
                room.offered(place=offer.place, connection=offer.connection, sdp=offer.sdp)
        except Exception:
            log.exception("the offer of %s in %s broke", offer.place, offer.hearing)
            self._decline(offer, "The connection could not be set up.")

    def _decline(self, offer: Offered, sentence: str) -> None:
        self._send(
            Declined(hearing=offer.hearing, place=offer.place, connection=offer.connection, sentence=sentence)
        )

    def _send(self, message: FromWorker) -> None:
        if self._link is not None:
            self._link.send(message)

    # --- reports -----------------------------------------------------------------------------------

    def _report(self, hearing: str, fact: Fact) -> None:
        self._unwritten.append(self._spool.numbered(hearing, fact))
        self._to_write.set()

    async def write_reports(self) -> None:
        """Until `finish`: brings reports to disk, and only then sends them."""
        while not self._done or self._unwritten:
            await self._to_write.wait()
            self._to_write.clear()
            try:
                await self._write()
            except OSError as error:
                log.error("the spool cannot be written: %s", error)  # noqa: TRY400 a full disk needs no trace
                await asyncio.sleep(DISK_RETRY_SECONDS)
                self._to_write.set()

    async def _write(self) -> None:
        batch = self._unwritten[:]
        if batch:
            await asyncio.to_thread(self._spool.keep, batch)
            del self._unwritten[: len(batch)]
            self._spool.pending.extend(batch)
            for report in batch:
                self._send(report)
        if self._spool.wants_compacting:
            pending = list(self._spool.pending)
            done_with = pending[0].n - 1 if pending else self._spool.last
            await asyncio.to_thread(self._spool.compact, pending, acknowledged=done_with)

    # --- time --------------------------------------------------------------------------------------

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for room in list(self._rooms.values()):
                try:
                    room.tick()
                except Exception:
                    log.exception("%s: the room's clock stumbled", room.hearing)

    async def weigh(self) -> None:
        """Tells how busy the loop is."""
        while True:
            before = self._meter.full
            self._meter.sample()
            self._send(Load(busy=self._meter.busy))
            if self._meter.full and not before:
                log.warning("busy to %.0f %%: newcomers are declined", 100 * self._meter.busy)
            await asyncio.sleep(LOAD_SECONDS)

    async def finish(self) -> None:
        """Closes all rooms; what they had to report is on disk when `write_reports` has ended."""
        self._finishing = True
        for hearing in list(self._rooms):
            self._dismiss(hearing)
        while self._closing:
            await asyncio.wait(self._closing)
        await self._ears.close()
        self._done = True
        self._to_write.set()


async def serve(settings: Settings, meter: Meter) -> None:
    """Runs a worker until SIGTERM or SIGINT; `meter` is that of this loop.

    Raises: OSError, Implausible, SpoolBroken before it stands.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_stray)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    spool = Spool(settings.spool)
    try:
        ice = await IceLite.open(listen=settings.listen, port=settings.port, announce=settings.announce)
    except (OSError, Implausible):
        spool.close()
        raise
    for address, port in ice.candidates:
        log.info("media on %s port %d", address, port)
    worker = Worker(ice, spool, meter)
    writing = asyncio.create_task(worker.write_reports())
    helpers = [
        asyncio.create_task(work) for work in (worker.tick(), worker.weigh(), _keep_linked(worker, settings))
    ]
    gc.collect()
    gc.freeze()
    try:
        await stop.wait()
        await worker.finish()
        await writing
    finally:
        for task in (*helpers, writing):
            task.cancel()
        await asyncio.gather(*helpers, writing, return_exceptions=True)
        ice.close()
        spool.close()


async def _keep_linked(worker: Worker, settings: Settings) -> None:
    wait = FIRST_RETRY_SECONDS
    while True:
        try:
            link = Link(*await asyncio.open_unix_connection(settings.control))
        except OSError as error:
            log.info("no conductor at %s: %s", settings.control, error.strerror or error)
        else:
            wait = FIRST_RETRY_SECONDS
            await worker.converse(link)
        await asyncio.sleep(wait)
        wait = min(2 * wait, LAST_RETRY_SECONDS)


def _log_stray(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("stray error: %s", context.get("message"), exc_info=context.get("exception"))


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="vivavoce worker", description="A media worker.")
    parser.add_argument("--control", type=Path, required=True, help="unix socket of the conductor")
    parser.add_argument("--spool", type=Path, required=True, help="folder for reports not yet acknowledged")
    parser.add_argument(
        "--listen", default="127.0.0.1", help="addresses of the media sockets, separated by commas"
    )
    parser.add_argument(
        "--port",
        type=ports,
        default=ANY_PORT,
        help="their UDP port, or a range (40000-40009) of which it takes the first free one; 0 takes any",
    )
    parser.add_argument("--announce", default="", help="addresses told to browsers, if not those of --listen")
    settings = Settings(**vars(parser.parse_args(argv)))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("aiortc").setLevel(logging.WARNING)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            waits = Waits()
            with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(waits)) as runner:
                runner.run(serve(settings, Meter(lambda: waits.seconds)))
        except (OSError, Implausible, SpoolBroken) as error:
            log.error("the media worker cannot start: %s", error)  # noqa: TRY400 a sentence, not a trace
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
