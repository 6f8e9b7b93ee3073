"""Debian's Chromium, as the tests use it: without a screen, with a camera and a microphone that are made up."""

import math
import struct
import wave
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


RATE = 48_000  # samples a second
PITCH = 120  # hertz, of a low voice
SYLLABLES = 3  # a second


def write_voice(path: Path) -> Path:
    """Two seconds of something like speech, to be repeated: a pitch, its harmonics, and syllables."""
    samples = []
    for n in range(2 * RATE):
        at = n / RATE
        tone = sum(math.sin(2 * math.pi * PITCH * harmonic * at) / harmonic for harmonic in range(1, 12))
        samples.append(int(9000 * tone * (0.15 + abs(math.sin(math.pi * SYLLABLES * at))) / 2))
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return path


async def chromium(playwright: Playwright, *, wary: bool = False, voice: Path | None = None) -> Browser:
    """A browser with a profile of its own that is gone when it is closed. Raises: ToolMissing.

    `voice`: what its microphone hears, again and again; a beep a second without it.

    `wary`: camera and microphone open only for a context with these permissions, the screen never.
    """
    flags = FLAGS if wary else [*FLAGS, CONSENTING]
    if voice is not None:
        flags = [*flags, f"--use-file-for-fake-audio-capture={voice}"]
    return await playwright.chromium.launch(executable_path=executable(), args=flags)
