"""Debian's Chromium, as the tests use it: without a screen, with a camera and a microphone that are made up."""

from pathlib import Path

from playwright.async_api import Browser, Playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",  # which the user root cannot have
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream=fps=5,device-count=2",  # five a second: many cameras share this machine
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",  # nothing leaves this machine
]
CONSENTING = "--use-fake-ui-for-media-stream"  # camera, microphone and screen are given without asking


class ToolMissing(Exception):
    """A program that the tests need is not there; the sentence says how it comes."""


def executable() -> Path:
    """Raises: ToolMissing."""
    if not CHROMIUM.exists():
        raise ToolMissing("Chromium is not installed. Run tests/tools.sh, or: sudo apt install chromium")
    return CHROMIUM


async def chromium(playwright: Playwright, *, wary: bool = False) -> Browser:
    """A browser with a profile of its own that is gone when it is closed. Raises: ToolMissing.

    `wary`: camera and microphone open only for a context with these permissions, the screen never.
    """
    flags = FLAGS if wary else [*FLAGS, CONSENTING]
    return await playwright.chromium.launch(executable_path=executable(), args=flags)
