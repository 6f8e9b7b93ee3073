"""The verifier for the browser, as its script stands in the page, in Node: answers questions without a browser."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hearings import verify_page

Ask = Callable[..., Any]
"""The name of a question of `verifier.mjs`, and its values."""
SCRIPT = Path(__file__).with_name("verifier.mjs")


@contextmanager
def in_node(folder: Path) -> Iterator[Ask]:
    script, kinds = folder / "verifier.js", folder / "kinds.json"
    script.write_text(verify_page.script(), encoding="utf-8")
    kinds.write_text(json.dumps(verify_page.kinds()), encoding="utf-8")
    words = ["node", str(SCRIPT), str(script), str(kinds)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdin
        assert node.stdout

        def ask(name: str, *values: bytes | int) -> Any:
            given = [value.hex() if isinstance(value, bytes) else value for value in values]
            print(json.dumps([name, *given]), file=node.stdin, flush=True)
            return json.loads(node.stdout.readline())

        yield ask
        node.stdin.close()
