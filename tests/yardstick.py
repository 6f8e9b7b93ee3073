"""How slow this machine is just now: whoever else uses it may halve its pace for seconds.

A promise of milliseconds is kept or broken by what we wrote, so what is measured is divided by this. A fixed piece of
work of the kind that a page is made of is done in `FULL_MS` by a core that nobody else uses.
"""

import json
import time

FULL_MS = 3.5
_ROWS = 2000


def slowness() -> float:
    """1 on a core of its own (a faster one counts as 1), 2 at half the pace."""
    began = time.perf_counter()
    rows = {str(n): [n, {"name": str(n)}] for n in range(_ROWS)}
    read = json.loads(json.dumps(rows))
    "".join(f"{name}:{read[name][0]}," for name in sorted(read, key=lambda name: read[name][1]["name"]))
    return max(1.0, (time.perf_counter() - began) * 1000 / FULL_MS)
