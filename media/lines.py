"""Which source is on which line of a listener: stable, so that nobody's tile jumps.

A source keeps its line while it stays. A free line goes to the source that has waited longest. When there
are more sources than lines, those that were there first keep theirs.
"""

from collections.abc import Sequence


def assigned(before: dict[int, str], sources: Sequence[str], *, lines: int) -> dict[int, str]:
    """The place on each line; `sources` in the order of their arrival, `before` the last answer."""
    kept = {line: place for line, place in before.items() if place in sources and line < lines}
    free = (line for line in range(lines) if line not in kept)
    seated = set(kept.values())
    waiting = (place for place in sources if place not in seated)
    return dict(sorted({**kept, **dict(zip(free, waiting, strict=False))}.items()))
