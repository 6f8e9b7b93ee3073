"""What a browser says of itself, in words: for whoever helps somebody with it, and for nothing else."""

import re

_BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/(\d+)"),
    ("Opera", r"OPR/(\d+)"),
    ("Samsung Internet", r"SamsungBrowser/(\d+)"),
    ("Firefox", r"(?:Firefox|FxiOS)/(\d+)"),
    ("Chrome", r"(?:Chrome|Chromium|CriOS)/(\d+)"),
    ("Safari", r"Version/(\d+)[\d.]* .*Safari/"),
)
_SYSTEMS = (
    ("iOS", r"iPhone|iPad|iPod"),
    ("Android", r"Android"),
    ("ChromeOS", r"CrOS"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("Linux", r"Linux|X11"),
)
"""The first that is found counts: the others say in part that they are what comes later here."""


def browser_of(agent: str) -> str:
    """Such as "Firefox 153, Android" of a `User-Agent`; nothing where it says nothing that is known here."""
    names = [
        f"{name} {found[1]}"
        for name, pattern in _BROWSERS
        if (found := re.search(pattern, agent)) is not None
    ][:1]
    systems = [name for name, pattern in _SYSTEMS if re.search(pattern, agent)][:1]
    return ", ".join([*names, *systems])
