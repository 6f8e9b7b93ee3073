"""Writes the known-answer vectors anew: `python -m tests.vectors.make`.

Signatures are random and certificates dated, so no two runs give the same bytes: the committed files are the truth, and
`tests/hearings/test_vectors.py` holds our verifier to them. To be run when the format changes, and not else.
"""

import io
import json
import struct
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hearings import container
from hearings.package import Contents
from hearings.tree import canonical, stamp
from hearings.verify import Outcome, verify
from tests.hearings import records as r
from tests.hearings import test_verify as attacks

HERE = Path(__file__).parent
COURT, LISTED, PEERS = "court.json", "listed.json", "peers.json"
BASE = "full"
CHOSEN = (
    *("an extra field in a local header", "a document type with entities", "the other s"),
    *("two payload oxums", "a head with an extension", "a log key seal by nobody"),
    *("a record that is not canonical", "an earlier head by another key", "two leaves swapped"),
    *("an earlier head of another history", "the last leaf dropped", "a disclosure dropped"),
    *("a forged disclosure", "a ruling without a claim", "a time that goes back", "an answer that was bent"),
    *("names that are not complete", "withheld that lacks nothing", "everything sealed by another court"),
    *("sealed before the last entry", "a packet after its segment", "a recording exchanged"),
    *("progress of another digest", "the recording withheld without its index"),
    *("a gap one millisecond too short", "minutes updated after sealing"),
)
"""Of the attacks of `test_verify`, those that differ most."""
LEFT = {
    "the-other-s",
    "a-log-key-seal-by-nobody",
    "everything-sealed-by-another-court",
    "sealed-before-the-last-entry",
    "minutes-updated-after-sealing",
}
"""What a verifier without certificates and PDF cannot see."""


@dataclass(frozen=True)
class Case:
    """One question: a package, and what came with it from outside."""

    name: str
    package: str
    trust: str | None = COURT
    head: str | None = None


# --- good records ------------------------------------------------------------------------------


def never_sat() -> bytes:
    record = r.Draft(said=r.draft().said[:3])
    record.late = lambda contents: replace(contents, earlier=[])
    return r.sealed(record.contents())


def two_stretches() -> bytes:
    def again(record: r.Draft) -> None:
        on, off = r.OFF + 1000, r.OFF + 2500
        record.say(on, "record.on", stretch=2, tracks=[r.AUDIO], by=r.JUDGE)
        record.say(off, "record.off", stretch=2, reason="end", by=r.JUDGE)
        segments = r.original([(on, off)])
        record.files[f"data/media/{r.AUDIO}-2.pcapng"] = r.joined(segments)
        record.files[f"data/media/{r.AUDIO}-2.index.jsonl"] = r.index(segments)

    return r.sealed(r.draft(again).contents())


def cosigned() -> bytes:
    def late(contents: Contents) -> Contents:
        note = r.cosigned(r.cosigned(contents.checkpoint, "peer0", 60_000), "peer1", 61_000)
        return replace(contents, checkpoint=note, cosigners=[r.cosigner("peer0")], quorum=1)

    return attacks.late(late)


def hole(*, declared: bool) -> bytes:
    """A redacted record in which a gap is concealed, and one more hole unless it is all `declared`."""

    def lacking(record: r.Draft) -> None:
        if not declared:
            record.said = [one for one in record.said if one.members.get("reason") != "connection-lost"]

    contents = r.redacted(r.draft(lacking).contents(), seqs={8: {"track", "from", "to", "reason"}}, paths=[])
    return r.sealed(contents)


GOOD: dict[str, Callable[[], bytes]] = {
    BASE: r.good,
    "never-sat": never_sat,
    "redacted": lambda: r.sealed(attacks.redacted_contents(), ms=5_000_000),
    "two-stretches": two_stretches,
    "cosigned": cosigned,
    "lost-from-disk": lambda: r.sealed(r.draft(attacks.lost_from_disk((1, 2))).contents()),
    "concealed-gap": lambda: hole(declared=True),
    "signed-answer": attacks.consented,
}

# --- tricks with the ZIP, on the smallest record -----------------------------------------------

Named = list[tuple[str, bytes]]


def files_of(data: bytes) -> Named:
    bundle = container.Bundle(io.BytesIO(data))
    return [(entry.name, bundle.whole(entry.name)) for entry in bundle.entries]


def with_more(change: Callable[[Named], None]) -> bytes:
    named = files_of(never_sat())
    change(named)
    return r.zipped(named)


def symlink() -> bytes:
    """Its README is a link, for whoever unpacks it."""
    data = bytearray(never_sat())
    name = data.rindex(f"{r.HEARING}/data/README.txt".encode())
    data[name - 41] = 3  # made by Unix
    data[name - 8 : name - 4] = struct.pack("<I", 0o120777 << 16)
    return bytes(data)


def between() -> bytes:
    """Bytes before the last file, with every offset and the directory right."""
    data = never_sat()
    entries = container.entries_of(io.BytesIO(data))
    at = entries[-1].offset
    moved = [*entries[:-1], entries[-1]._replace(offset=at + 4)]
    start = entries[-1].offset + len(container.local_header(entries[-1])) + entries[-1].size
    return data[:at] + b"HIDE" + data[at:start] + container.directory(moved, start + 4)


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, data in files_of(never_sat()):
            packed.writestr(name, bytes(8_000_000) if name.endswith("leaves.jsonl") else data)
    return out.getvalue()


TRICKS: dict[str, Callable[[], bytes]] = {
    "a file twice": lambda: with_more(lambda named: named.insert(3, named[3])),
    "a name that climbs": lambda: with_more(lambda named: named.insert(-2, (f"{r.HEARING}/../../x", b"x"))),
    "names that differ by case": lambda: with_more(
        lambda named: named.insert(4, (f"{r.HEARING}/data/ReadMe.txt", b"x"))
    ),
    "a symlink": symlink,
    "a bomb": bomb,
    "bytes between two files": between,
    "bytes before the first file": lambda: b"#!/bin/sh\n" + never_sat(),
    "bytes behind the end": lambda: never_sat() + b"\x00",
    "another name in a local header": lambda: never_sat().replace(b"data/README.txt", b"data/readme.txt", 1),
    "a page beside the bag": lambda: with_more(lambda named: named.insert(-2, ("index.html", b"x"))),
    "cut off": lambda: never_sat()[:-1],
    "no more holes than concealed gaps": lambda: hole(declared=False),
}

# --- what comes from outside -------------------------------------------------------------------


def outside() -> dict[str, bytes]:
    peers = [r.cosigner("peer0"), r.cosigner("peer1")]
    leaves = r.parts(r.good())["data/journal/leaves.jsonl"].splitlines()
    return {
        COURT: r.trust(),
        LISTED: r.trust(log_keys=[r.vkey()]),
        PEERS: r.trust(cosigners=peers, quorum=2),
        "other-log-key.json": r.trust(log_keys=[r.vkey("other")]),
        "log-key-alone.json": canonical({"v": 1, "logKeys": [r.vkey()]}),
        "named-twice.json": b'{"v":1,"logKeys":[],"logKeys":["%b"]}' % r.vkey().encode(),
        "kept.txt": r.checkpoint(leaves[:5]),
        "forked.txt": r.checkpoint([*leaves[:4], b"{}"]),
        "longer.txt": r.checkpoint([*leaves, b"{}"]),
    }


def questions(packages: dict[str, bytes]) -> list[Case]:
    return [
        *(Case(name, name) for name in packages),
        Case("without a trust file", BASE, None),
        Case("the log key is listed", BASE, LISTED),
        Case("a log key alone", BASE, "log-key-alone.json"),
        Case("two cosigners are listed", "cosigned", PEERS),
        Case("a head was kept", BASE, COURT, "kept.txt"),
        Case("another log key is listed", BASE, "other-log-key.json"),
        Case("a quorum outside", BASE, PEERS),
        Case("a trust file that names a member twice", BASE, "named-twice.json"),
        Case("a kept head of another history", BASE, COURT, "forked.txt"),
        Case("a kept head over more", BASE, COURT, "longer.txt"),
        Case("a kept head that is none", BASE, COURT, COURT),
    ]


def answered(case: Case) -> dict[str, Any]:
    """The question with our verifier's answer, and whether it is left to those who read certificates and PDF."""
    told = verify(
        HERE / f"{case.package}.asice",
        trust=(HERE / case.trust).read_bytes() if case.trust else None,
        head=(HERE / case.head).read_bytes() if case.head else None,
        at=r.NOW,
    )
    refused = next((check.name for check in told.checks if check.outcome is Outcome.REFUSED), None)
    return {
        "name": case.name,
        "package": f"{case.package}.asice",
        "trust": case.trust,
        "head": case.head,
        "at": stamp(r.NOW),
        "accepted": told.accepted,
        "refused": refused,
        "left": case.name in LEFT,
    }


def main() -> int:
    made = {name: make() for name, make in GOOD.items()}
    made |= {name.replace(" ", "-"): attacks.ATTACKS[name][1]() for name in CHOSEN}
    made |= {name.replace(" ", "-"): make() for name, make in TRICKS.items()}
    for old in [*HERE.glob("*.asice"), *HERE.glob("*.json"), *HERE.glob("*.txt")]:
        old.unlink()
    for name, data in {**{f"{name}.asice": data for name, data in made.items()}, **outside()}.items():
        (HERE / name).write_bytes(data)
    cases = [answered(case) for case in questions(made)]
    (HERE / "answers.json").write_text(json.dumps(cases, indent=1) + "\n")
    size = sum(path.stat().st_size for path in HERE.iterdir())
    good = sum(case["accepted"] for case in cases)
    sys.stdout.write(f"{good} good, {len(cases) - good} broken, {size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
