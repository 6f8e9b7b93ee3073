"""Calendar files read by an independent program: npm's ical.js, in one process for all of them."""

import json
import subprocess
from pathlib import Path
from typing import Any, Self

SCRIPT = Path(__file__).with_suffix(".mjs")


class Reader:
    def __enter__(self) -> Self:
        self._node = subprocess.Popen(
            ["node", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._node.stdin
        assert self._node.stdout
        self._node.stdin.close()
        self._node.wait(10)
        self._node.stdout.close()

    def read(self, entry: bytes) -> dict[str, Any]:
        """What the file says; it must be one that can be read."""
        assert self._node.stdin
        assert self._node.stdout
        assert all(len(line) <= 75 for line in entry.split(b"\r\n")), "RFC 5545 3.1: octets, not letters"
        assert entry.replace(b"\r\n", b"").count(b"\n") == entry.replace(b"\r\n", b"").count(b"\r") == 0
        self._node.stdin.write(json.dumps(entry.decode()) + "\n")
        self._node.stdin.flush()
        told = json.loads(self._node.stdout.readline())
        assert "error" not in told, told
        return told
