"""The relay to be measured: the real worker process on a core of its own, and how clients join it."""

import tempfile
import time
from pathlib import Path

from bare_page import until
from load import SERVER_CORE, Client, pinned
from test_worker import Conductor

from media.control import Answered, Offered

HEARING = "h1"


class Relay:
    """`async with Relay() as relay`; `pid` is the worker's."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self._conductor = Conductor(Path(self._folder.name))

    async def __aenter__(self):
        await self._conductor.listen()
        with pinned(SERVER_CORE):
            await self._conductor.start()
        return self

    async def __aexit__(self, *_):
        self._conductor.acknowledges = False
        await self._conductor.stop()
        await self._conductor.close()
        self._folder.cleanup()

    @property
    def pid(self):
        return self._conductor.process.pid

    async def open(self, *places, hearing=HEARING, **more):
        self._conductor.conduct(*places, hearing=hearing, **more)

    async def kept(self, stretches):
        """So many stretches are complete on disk."""

        def complete():
            return self._conductor.facts().count("stretch") >= stretches

        await until(complete, seconds=20, what="a stretch on disk")

    async def answered(self, sdp, place, hearing=HEARING):
        """The answer to an offer, and when the offer was sent."""
        connection = f"{place}-{time.monotonic_ns()}"
        said, begin = self._conductor.said[-1], time.monotonic()
        self._conductor.send(Offered(hearing=hearing, place=place, connection=connection, sdp=sdp))

        def answers():
            return [each.sdp for each in said if isinstance(each, Answered) and each.connection == connection]

        await until(answers, what=f"an answer to {place}")
        answer = answers()[-1]
        said.clear()
        return answer, begin

    async def join(self, load, place, *, sends, lines, hearing=HEARING, client=None):
        client = client or await Client.open()
        client.name = f"{hearing}/{place}"
        load.clients.append(client)
        sdp = client.offer(lines=lines, document=False, sends=("audio", "camera") if sends else ())
        answer, client.offered_at = await self.answered(sdp, place, hearing)
        await client.connect(answer)
        return client
