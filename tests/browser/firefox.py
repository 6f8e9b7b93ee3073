"""Debian's Firefox ESR without a screen, driven by WebDriver BiDi over its own socket; devices are made up.

`Firefox.page` is as much of a page as the tests ask of both browsers: `goto`, `reload`, `evaluate`.
"""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from frontend.visitor import PATIENCE
from tests.browser.chromium import ToolMissing

FIREFOX = Path("/usr/bin/firefox-esr")
PREFERENCES = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
START_SECONDS = 60
LISTENING = b"WebDriver BiDi listening on "


class ScriptFailed(Exception):
    """The browser refused a command, or a script of the test raised."""


class FirefoxPage:
    """One tab. `faults`: errors that its console told."""

    def __init__(self, socket: ClientConnection) -> None:
        self.faults: list[str] = []
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._context = ""

    async def begin(self, *, preload: str) -> None:
        """`preload`: a script that runs in each page before its own."""
        await self._command("session.new", capabilities={})
        await self._command("session.subscribe", events=["log.entryAdded"])
        await self._command("script.addPreloadScript", functionDeclaration=f"() => {{ {preload} }}")
        self._context = (await self._command("browsingContext.create", type="tab"))["context"]

    async def goto(self, url: str) -> None:
        await self._command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def reload(self) -> None:
        await self._command("browsingContext.reload", context=self._context, wait="complete")

    async def evaluate(self, function: str) -> Any:
        """What this function of the page gives, as JSON carries it. Raises: ScriptFailed."""
        told = await self._command(
            "script.callFunction",
            functionDeclaration=f"async () => JSON.stringify(await ({function})())",
            target={"context": self._context},
            awaitPromise=True,
        )
        if told["type"] != "success":
            raise ScriptFailed(str(told["exceptionDetails"]["text"]))
        return json.loads(told["result"].get("value", "null"))

    async def choose(self, selector: str, *files: Path) -> None:
        """Puts these files into a field, as its user does; none empties it."""
        located = await self._command(
            "browsingContext.locateNodes",
            context=self._context,
            locator={"type": "css", "value": selector},
        )
        element = {"sharedId": located["nodes"][0]["sharedId"]}
        await self._command(
            "input.setFiles", context=self._context, element=element, files=[str(file) for file in files]
        )

    async def listen(self) -> None:
        """Until the browser ends."""
        with contextlib.suppress(ConnectionClosed):
            async for text in self._socket:
                message = json.loads(text)
                if message.get("method") == "log.entryAdded" and message["params"]["level"] == "error":
                    self.faults.append(str(message["params"]["text"]))
                elif message.get("id") in self._waiting:
                    self._waiting.pop(message["id"]).set_result(message)

    async def _command(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        async with asyncio.timeout(PATIENCE):
            told = await answer
        if told["type"] != "success":
            raise ScriptFailed(f"{method}: {told.get('message')}")
        return told["result"]


@asynccontextmanager
async def firefox(profile: Path, *, preload: str = "") -> AsyncIterator[FirefoxPage]:
    """A browser with a profile of its own in this folder. Raises: ToolMissing."""
    await asyncio.to_thread(_prepare, profile)
    process = await asyncio.create_subprocess_exec(
        FIREFOX,
        *("--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            address = await _address(process)
        drained = asyncio.create_task(_drain(process))
        async with connect(f"{address}/session", max_size=None) as socket:
            page = FirefoxPage(socket)
            listening = asyncio.create_task(page.listen())
            await page.begin(preload=preload)
            yield page
        await listening
        process.terminate()
        await drained
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()


def _prepare(profile: Path) -> None:
    if not FIREFOX.exists():
        raise ToolMissing("Firefox is not installed. Run tests/tools.sh, or: sudo apt install firefox-esr")
    profile.mkdir(parents=True)
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines))


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    said = []
    async for line in process.stderr:
        said.append(line.decode(errors="replace"))
        if line.startswith(LISTENING):
            return line.removeprefix(LISTENING).decode().strip()
    raise ToolMissing(f"Firefox did not start: {''.join(said[-5:])}")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    async for _ in process.stderr:
        pass
