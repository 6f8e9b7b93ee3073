"""A real TURN server, Debian's coturn, on this machine's loopback address."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from frontend.visitor import eventually
from tests.browser.chromium import ToolMissing

LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def coturn(folder: Path, *, port: int, secret: str) -> AsyncIterator[None]:
    """Answers at this port for as long as the context lasts. Raises: ToolMissing."""
    program = shutil.which("turnserver")
    if program is None:
        raise ToolMissing("coturn is not installed. Run tests/tools.sh, or: sudo apt install coturn")
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        program,
        *("-n", "--no-cli", "--no-tls", "--no-dtls", "--allow-loopback-peers", "--fingerprint"),
        *("--listening-ip", LOOPBACK, "--relay-ip", LOOPBACK, "--listening-port", str(port)),
        *("--denied-peer-ip", "0.0.0.0-255.255.255.255", "--allowed-peer-ip", LOOPBACK),
        *("--use-auth-secret", "--static-auth-secret", secret, "--realm", "court.example"),
        *("--userdb", str(folder / "turn.db"), "--pidfile", str(folder / "turn.pid")),
        *("--log-file", str(folder / "turn.log"), "--simple-log"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await eventually(lambda: _listens(port))
        yield
    finally:
        process.terminate()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def free_turn_port() -> int:
    """Free for UDP and TCP alike."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as stream:
            datagrams.bind((LOOPBACK, 0))
            try:
                stream.bind(datagrams.getsockname())
            except OSError:
                continue
            return int(datagrams.getsockname()[1])
