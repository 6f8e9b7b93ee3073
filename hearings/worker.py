"""One media worker: its process, the control link to it, and the hearings that live on it.

The process outlives this one: what an earlier run left links again and brings its rooms along. A process that
ends is started again. Its reports wait in a queue of their own, so that a worker that has much to tell holds up
no other; each is acknowledged when it is committed, and only to the spool that it came from.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol
from uuid import UUID

from media import control
from media.control import Link, LinkBroken, RoomPlan
from media.spool import Spool

log = logging.getLogger(__name__)

ADOPTION_SECONDS = 6  # a worker that lost its link tries every two seconds
STOP_SECONDS = 15
FIRST_PAUSE, LAST_PAUSE = 0.2, 5.0  # seconds before a worker is started again; longer while it does not link
ROOM_SHARE = 0.1  # what a room may come to when its people are there


class Owner(Protocol):
    """What a worker tells its conductor."""

    async def linked(self, worker: "MediaWorker", rooms: Iterable[UUID]) -> None:
        """It may be told of hearings; of these it has rooms already."""

    def unlinked(self, worker: "MediaWorker") -> None: ...

    async def ended(self, worker: "MediaWorker") -> None:
        """Its process is gone, and is started again when this returns."""

    async def commit(self, report: control.Report) -> None:
        """Returns when the report is committed."""

    async def taken(self, spool: str) -> int:
        """The number up to which the reports of this spool are committed."""

    async def told(self, message: control.OfTheMoment) -> None: ...


class MediaWorker:
    """`hearings` live here until they are dismissed, whatever becomes of the process; of them, `conducted` have
    been told on the present link. `up` is set while it is linked.

    `command` starts the process (control socket and spool are added); `folder` holds what belongs to it.
    """

    def __init__(self, command: Sequence[str], folder: Path, owner: Owner) -> None:
        self.name = folder.name
        self.hearings: set[UUID] = set()
        self.conducted: set[UUID] = set()
        self.up = asyncio.Event()
        self._command = command
        self._socket = folder / "control.sock"
        self._spool = (folder / "spool").resolve()
        self._pid = folder / "worker.pid"
        self._owner = owner
        self._busy = 0.0
        self._pause = 0.0
        self._link: Link | None = None
        self._linked_spool = ""
        self._server: asyncio.Server | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: dict[tuple[str, str], asyncio.Future[control.Answered | control.Declined]] = {}
        self._reports: asyncio.Queue[control.Report] = asyncio.Queue()

    @property
    def load(self) -> float:
        """What it carries now, and what its rooms may yet come to: they are opened long before people come."""
        return self._busy + len(self.hearings) * ROOM_SHARE

    # --- hearings

    def conduct(self, hearing: UUID, plans: Iterable[RoomPlan]) -> None:
        self.hearings.add(hearing)
        self.conducted.add(hearing)
        for plan in plans:
            self._send(control.Conduct(room=plan))

    def dismiss(self, hearing: UUID) -> None:
        self.hearings.discard(hearing)
        self.conducted.discard(hearing)
        self._send(control.Dismiss(hearing=str(hearing)))

    async def offer(self, offered: control.Offered) -> control.Answered | control.Declined:
        """Waits for the answer as long as it is let. Raises: LinkBroken if the link is lost meanwhile."""
        key = (offered.place, offered.connection)
        answer: asyncio.Future[control.Answered | control.Declined]
        answer = self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            self._send(offered)
            return await answer
        finally:
            self._waiting.pop(key, None)

    def watch(self, watched: control.Watched) -> None:
        self._send(watched)

    # --- the process

    async def adopt(self) -> None:
        """A process that an earlier run left is linked when this returns; one that does not link is ended."""
        if self._running() is None:
            return
        try:
            async with asyncio.timeout(ADOPTION_SECONDS):
                await self.up.wait()
        except TimeoutError:
            log.error("%s does not answer and is ended", self.name)  # noqa: TRY400
            self._signal(signal.SIGKILL)
            await self._until_ended()

    async def keep(self) -> None:
        """For ever: leaves the process running that is there; starts it again whenever it has ended."""
        while True:
            if await self._until_ended():
                log.error("%s has ended and is started again", self.name)
            await self._owner.ended(self)
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause + FIRST_PAUSE, LAST_PAUSE)
            await self._launch()

    async def end(self) -> None:
        """Orderly, so that it finishes its files; an adopted one too."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._until_ended()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._until_ended()
        self._pid.unlink(missing_ok=True)

    def left_to_tell(self) -> list[control.Report]:
        """What is in the spool of a process that has ended, told already or not. Raises: OSError, SpoolBroken."""
        if not self._spool.exists():
            return []
        spool = Spool(self._spool)
        spool.close()
        return list(spool.pending)

    async def _launch(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            "--control",
            str(self._socket),
            "--spool",
            str(self._spool),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,  # it outlives us if we are killed, and must not hold our pipe
        )
        self._pid.write_text(str(self._process.pid))

    def _running(self) -> int | None:
        """Its process, known by the spool that it was given: the number alone may be another's by now."""
        try:
            pid = int(self._pid.read_text())
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if os.fsencode(self._spool) in arguments else None

    def _signal(self, number: signal.Signals) -> None:
        pid = self._running()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    async def _until_ended(self) -> bool:
        """Whether there was a process to wait for."""
        ran = self._process is not None or self._running() is not None
        if self._process is not None:
            await self._process.wait()
            self._process = None
        while self._running() is not None:  # noqa: ASYNC110  # not our child: there is nothing to wait on
            await asyncio.sleep(0.1)
        return ran

    # --- the link

    async def listen(self) -> None:
        self._socket.parent.mkdir(parents=True, exist_ok=True)
        self._socket.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._on_link, path=self._socket)
        self._socket.chmod(0o600)

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
        if self._server is not None:
            self._server.close()

    async def commit(self) -> None:
        """For ever: has its reports committed, one after the other, and acknowledges them."""
        while True:
            report = await self._reports.get()
            await self._owner.commit(report)
            if report.spool == self._linked_spool:
                self._send(control.Acknowledged(n=report.n))

    def _send(self, message: control.ToWorker) -> None:
        if self._link is not None:
            self._link.send(message)

    async def _on_link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer)
        try:
            async for message in link.at_conductor():
                await self._take(link, message)
        except LinkBroken as error:
            log.warning("%s: %s", self.name, error)
        finally:
            link.close()
            if self._link is link:
                self._link = None
                self._busy = 0.0
                self.conducted.clear()
                self.up.clear()
                self._unanswered()
                self._owner.unlinked(self)

    async def _take(self, link: Link, message: control.FromWorker) -> None:
        match message:
            case control.Ready():
                link.send(control.Acknowledged(n=await self._owner.taken(message.spool)))
                self._link = link
                self._linked_spool = message.spool
                self._pause = 0.0
                self.conducted.clear()
                self.up.set()
                await self._owner.linked(self, map(UUID, message.rooms))
            case control.Report():
                self._reports.put_nowait(message)
            case control.Answered():
                self._settle(message)
            case control.Declined():
                if not self._settle(message):
                    await self._owner.told(message)
            case control.Load():
                self._busy = message.busy
            case _:
                await self._owner.told(message)

    def _unanswered(self) -> None:
        """Whoever waits for an answer may ask again, of the next link."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(LinkBroken("the control link ended before the answer"))

    def _settle(self, outcome: control.Answered | control.Declined) -> bool:
        """Whether somebody was waiting for this."""
        waiting = self._waiting.get((outcome.place, outcome.connection))
        if waiting is None or waiting.done():
            return False
        waiting.set_result(outcome)
        return True
