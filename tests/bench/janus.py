"""Janus VideoRoom, as Debian packages it, joined by the same clients: what another server costs here.

Its own defaults, but for: the video room alone, WebSockets on loopback alone, one address, no limit of bitrate.
It takes no loopback address for media; `network` gives it another that leads nowhere. A publisher has a
connection of its own; a listener has one for everything that it receives (since Janus 1.0), or one for each
publisher (as before, and as many of its clients still do). Janus is a full ICE agent: clients answer its checks.
It repeats by RTX, as it does for browsers; transport-wide feedback, which it would ask browsers for, is left out.
"""

import asyncio
import contextlib
import itertools
import json
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import websockets
from bare_page import CODECS, EXTENSIONS, OPUS, RTX, VP8
from load import SERVER_CORE, Client, pinned
from network import HALL

from media.adapter import Fingerprint, write_binding_request

INSTALL = "apt-get install -y --no-install-recommends janus"
LIBRARIES = Path("/usr/lib")
ROOM = 1
START_SECONDS, ANSWER_SECONDS = 10.0, 10.0


class JanusFailed(Exception):
    """Janus did not start, or declined what the measurement needs."""


def installed():
    return shutil.which("janus") is not None


def version():
    said = subprocess.run(["janus", "--version"], capture_output=True, text=True, check=False).stdout
    return next(
        (line.removeprefix("Janus version: ") for line in said.splitlines() if "version" in line), "?"
    )


class FullClient(Client):
    """A client of a full ICE agent: answers checks; `nominated` once one of them chose our address."""

    def __init__(self, at="127.0.0.1"):
        super().__init__(at)
        self.nominated = False
        self.controls = True

    async def move(self):
        self.bind(HALL)

    def asked(self, request):
        super().asked(request)
        self.nominated = self.nominated or (request.nominates and request.signed_with(self.password))

    def check(self):
        if self.controls:
            super().check()
            return
        _, request = write_binding_request(
            local=self.ufrag,
            remote=self.remote_ufrag,
            password=self.remote_password,
            nominates=False,
            controlling=False,
        )
        self._send(request)

    @property
    def candidate(self):
        address, port = self.transport.getsockname()
        return f"a=candidate:1 1 udp 2130706431 {address} {port} typ host\r\n"

    def offer(self, **what):
        """As a page's, with our candidate, and DTLS client."""
        sdp = super().offer(**what).replace("a=setup:actpass", "a=setup:active")
        return sdp.replace("a=rtcp-mux\r\n", "a=rtcp-mux\r\n" + self.candidate)

    def answer(self, offer):
        """Takes everything of Janus's offer; what each section is for is kept in `mids`."""
        self.controls = False
        self.sends, self.mids, self.line_ssrcs = (), {}, {}
        sections = offer.split("\r\nm=")[1:]
        written = []
        for number, section in enumerate(sections):
            lines = section.split("\r\n")
            kind = "audio" if lines[0].startswith("audio") else "camera"
            mid = value(lines, "a=mid:")
            self.mids[kind, number] = mid
            self.line_ssrcs[mid] = int(value(lines, "a=ssrc:").split()[0])
            written.append(self._answered(kind, mid, lines))
        first = [line for section in sections for line in section.split("\r\n")] + offer.split("\r\n")
        words = value(first, "a=candidate:").split()
        self.remote = (words[4], int(words[5]))
        self.remote_ufrag, self.remote_password = value(first, "a=ice-ufrag:"), value(first, "a=ice-pwd:")
        self.remote_fingerprint = Fingerprint(*value(first, "a=fingerprint:").split())
        self.expect(offer)
        head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE "
        return head + " ".join(self.mids.values()) + "\r\n" + "".join(written)

    def _answered(self, kind, mid, lines):
        media, codec, name = (
            ("audio", OPUS, "opus/48000/2") if kind == "audio" else ("video", VP8, "VP8/90000")
        )
        number = next(
            (line[9:].split()[0] for line in lines if line.startswith("a=rtpmap:") and line.endswith(name)),
            str(codec),
        )
        ours = CODECS[media].replace(f":{codec} ", f":{number} ").replace(f"apt={codec}", f"apt={number}")
        types = number if kind == "audio" else f"{number} {RTX}"
        offered = [line for line in lines if line.startswith("a=extmap:")]
        known = [line.split()[1] for line in EXTENSIONS.splitlines()]
        extensions = "".join(line + "\r\n" for line in offered if line.split()[1] in known)
        return (
            f"m={media} 9 UDP/TLS/RTP/SAVPF {types}\r\nc=IN IP4 127.0.0.1\r\na=mid:{mid}\r\na=recvonly\r\n"
            f"a=ice-ufrag:{self.ufrag}\r\na=ice-pwd:{self.password}\r\n"
            f"a=fingerprint:sha-256 {self.dtls.fingerprint.value}\r\na=setup:active\r\na=rtcp-mux\r\n"
            + self.candidate
            + extensions
            + ours
        )

    async def take(self):
        """After `answer`: waits to be nominated, and shakes hands."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while not self.nominated:  # noqa: ASYNC110 filled by the load's clock
                await asyncio.sleep(0.002)
        await self.dtls.start([self.remote_fingerprint])


def value(lines, name):
    return next(line.removeprefix(name) for line in lines if line.startswith(name))


class Janus:
    """The process on its core, one WebSocket to it: `async with Janus() as janus`. `by_feed`: a listener has a
    connection for each publisher.
    """

    def __init__(self, *, by_feed=False):
        self._by_feed = by_feed
        self._folder = tempfile.TemporaryDirectory()
        self._home = Path(self._folder.name)
        self._log = self._home / "log"
        self._numbers = itertools.count(1)
        self._waiting = {}
        self._up = set()
        self._feeds = []
        self._process = self._socket = self._reading = None

    @property
    def pid(self):
        return self._process.pid

    async def __aenter__(self):
        port = free_port()
        self._configure(port)
        with self._log.open("wb") as log, pinned(SERVER_CORE):
            self._process = await asyncio.create_subprocess_exec(
                "janus", "-F", str(self._home), "-C", str(self._home / "janus.jcfg"), stdout=log, stderr=log
            )
        self._socket = await self._connected(port)
        self._reading = asyncio.create_task(self._read())
        self._session = (await self._ask({"janus": "create"}))["data"]["id"]
        self._master = await self._attach()
        return self

    async def __aexit__(self, *_):
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
            await self._socket.close()
        if self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 5)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        self._folder.cleanup()

    def _configure(self, port):
        home = self._home
        for name, wanted in {"plugins": "videoroom", "transports": "websockets", "none": ""}.items():
            (home / name).mkdir()
            found = LIBRARIES.glob(f"*/janus/{name}/libjanus_{wanted}.so") if wanted else ()
            for library in found:
                (home / name / library.name).symlink_to(library)
        (home / "janus.jcfg").write_text(
            f'general: {{ configs_folder = "{home}"\n plugins_folder = "{home}/plugins"\n'
            f' transports_folder = "{home}/transports"\n events_folder = "{home}/none"\n'
            f' loggers_folder = "{home}/none"\n debug_level = 3\n session_timeout = 0 }}\n'
            "media: { ipv6 = false }\n"
            f'nat: {{ ice_enforce_list = "{HALL}"\n nice_debug = false }}\n'
        )
        (home / "janus.transport.websockets.jcfg").write_text(
            f'general: {{ json = "compact"\n ws = true\n ws_port = {port}\n ws_ip = "127.0.0.1"\n wss = false }}\n'
            "admin: { admin_ws = false }\n"
        )
        (home / "janus.plugin.videoroom.jcfg").write_text("general: {}\n")

    async def _connected(self, port):
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                return await websockets.connect(
                    f"ws://127.0.0.1:{port}", subprotocols=["janus-protocol"], max_size=None, proxy=None
                )
            except OSError:
                if time.monotonic() > until or self._process.returncode is not None:
                    raise JanusFailed(self._log.read_text(errors="replace")[-2000:]) from None
                await asyncio.sleep(0.1)

    # --- its protocol ------------------------------------------------------------------------------

    async def _read(self):
        async for text in self._socket:
            said = json.loads(text)
            if said["janus"] == "webrtcup":
                self._up.add(said["sender"])
            waiting = self._waiting.get(said.get("transaction"))
            if waiting is not None and said["janus"] != "ack" and not waiting.done():
                waiting.set_result(said)

    async def _ask(self, message):
        transaction = f"t{next(self._numbers)}"
        waiting = self._waiting[transaction] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({**message, "transaction": transaction}))
        said = await asyncio.wait_for(waiting, ANSWER_SECONDS)
        problem = said.get("error") or said.get("plugindata", {}).get("data", {}).get("error")
        if problem:
            raise JanusFailed(str(problem))
        return said

    async def _attach(self):
        asked = {"janus": "attach", "session_id": self._session, "plugin": "janus.plugin.videoroom"}
        return (await self._ask(asked))["data"]["id"]

    async def _tell(self, handle, body, jsep=None):
        message = {"janus": "message", "session_id": self._session, "handle_id": handle, "body": body}
        return await self._ask({**message, **({"jsep": jsep} if jsep else {})})

    # --- the room ----------------------------------------------------------------------------------

    async def open(self, *places):
        room = {"request": "create", "room": ROOM, "publishers": len(places), "bitrate": 0}
        await self._tell(self._master, {**room, "audiocodec": "opus", "videocodec": "vp8"})

    async def join(self, load, place, *, sends, lines):
        if sends:
            await self._connect(load, place, self._publish)
        elif self._by_feed:
            for feed in self._feeds:
                await self._connect(load, place, self._listen, [feed])
        else:
            await self._connect(load, place, self._listen, self._feeds)

    async def _connect(self, load, place, how, *what):
        client = await FullClient.open()
        client.name = place
        load.clients.append(client)
        handle = await self._attach()
        await how(client, handle, *what)
        async with asyncio.timeout(ANSWER_SECONDS):
            while handle not in self._up:  # noqa: ASYNC110 filled by the reader
                await asyncio.sleep(0.005)

    async def _publish(self, client, handle):
        joined = await self._tell(handle, {"request": "join", "ptype": "publisher", "room": ROOM})
        offer = {"type": "offer", "sdp": client.offer(lines=0, document=False)}
        said = await self._tell(handle, {"request": "publish"}, offer)
        await client.connect(said["jsep"]["sdp"])
        self._feeds.append(joined["plugindata"]["data"]["id"])

    async def _listen(self, client, handle, feeds):
        streams = [{"feed": feed} for feed in feeds]
        said = await self._tell(
            handle, {"request": "join", "ptype": "subscriber", "room": ROOM, "streams": streams}
        )
        answer = {"type": "answer", "sdp": client.answer(said["jsep"]["sdp"])}
        await self._tell(handle, {"request": "start"}, answer)
        await client.take()


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]
