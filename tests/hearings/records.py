"""Small good records, built in memory without database or media worker, and ways to build bad ones.

A `Draft` is a record before it is sealed: leaves, recordings, minutes. Everything is signed again when it
is packed, so that an attack is seen by the check that it is meant for and not by an outer digest.
The pcapng and PDF writers here are of their own, on purpose: they share nothing with the code under test.
"""

import base64
import hashlib
import io
import json
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hearings import container, package, seals, tree
from hearings.package import Contents, Withheld

HEARING = UUID("6f1c1c2e-9a7b-4c56-8f0e-2b9d3a4c5e6f")
ORIGIN = f"vivavoce/{HEARING}"
URN = f"urn:uuid:{HEARING}"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOW = START + timedelta(hours=2)
JUDGE, WITNESS = "judgeaaa", "witnessb"
AUDIO, VIDEO = f"{WITNESS}-audio", f"{WITNESS}-video"
ON, OFF = 10_000, 15_500  # ms after START


def at(ms: int) -> datetime:
    return START + timedelta(milliseconds=ms)


def stamp(ms: int) -> str:
    return tree.stamp(at(ms))


@cache
def court(name: str = "Court of Appeal") -> seals.CourtSeal:
    folder = Path(tempfile.mkdtemp()) / "seal"
    identifier = "NTRXX-" + hashlib.sha256(name.encode()).hexdigest()[:8]
    return seals.found(folder, court=name, organisation_identifier=identifier, at=START - timedelta(days=1))


@cache
def log_secret(name: str = "log") -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def vkey(name: str = "log", origin: str = ORIGIN) -> str:
    return tree.verifier_key(origin, log_secret(name).public_key())


def cosigner(name: str) -> str:
    key = b"\x04" + log_secret(name).public_key().public_bytes_raw()
    identifier = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    return f"{name}+{identifier.hex()}+{base64.b64encode(key).decode()}"


def cosigned(note: bytes, name: str, ms: int) -> bytes:
    """The note with a C2SP cosignature line of this cosigner, made `ms` after START."""
    text = note.partition(b"\n\n")[0] + b"\n"
    seconds = int(at(ms).timestamp())
    value = log_secret(name).sign(f"cosignature/v1\ntime {seconds}\n".encode() + text)
    identifier = bytes.fromhex(cosigner(name).split("+")[1])
    line = base64.b64encode(identifier + seconds.to_bytes(8, "big") + value).decode()
    return note + f"— {name} {line}\n".encode()


# --- pcapng ------------------------------------------------------------------------------------

SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)


def interface(link: int = 228) -> bytes:
    return struct.pack("<IIHHII", 1, 20, link, 0, 0, 20)


def packet(ms: float, payload: bytes = b"rtp!", source: bytes = b"\xc0\x00\x02\x01") -> bytes:
    datagram = (
        struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0) + source + b"\xc0\x00\x02\xfe"
    )
    datagram += struct.pack("!HHHH", 5004, 5004, 8 + len(payload), 0) + payload
    padded = datagram + bytes(-len(datagram) % 4)
    total = 32 + len(padded)
    us = int(START.timestamp() * 1_000_000 + ms * 1000)
    head = struct.pack("<IIIIIII", 6, total, 0, us >> 32, us & 0xFFFFFFFF, len(datagram), len(datagram))
    return head + padded + struct.pack("<I", total)


@dataclass
class Segment:
    since: int
    until: int
    data: bytes


def original(spans: Iterable[tuple[int, int]]) -> list[Segment]:
    """Segments of `[since, until)` ms with a packet at the beginning and one near the end of each."""
    segments = [Segment(a, b, packet(a, b"first") + packet(b - 0.001, b"last.")) for a, b in spans]
    segments[0].data = SECTION + interface() + segments[0].data
    return segments


def index(segments: Iterable[Segment]) -> bytes:
    rows, place = [], 0
    for number, one in enumerate(segments):
        digest = hashlib.sha256(one.data).hexdigest()
        row = {"seg": number, "off": place, "len": len(one.data), "sha256": digest}
        rows.append({**row, "t0": stamp(one.since), "t1": stamp(one.until)})
        place += len(one.data)
    return b"".join(tree.canonical(row) + b"\n" for row in rows)


def joined(segments: Iterable[Segment]) -> bytes:
    return b"".join(one.data for one in segments)


# --- a PDF without fonts -----------------------------------------------------------------------


def sealed_pdf(seal: seals.CourtSeal, ms: int, text: str = "minutes") -> bytes:
    """One empty page with one signature over the whole file, in a single revision."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]/SigFlags 3>>>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Annots[4 0 R]/Resources<<>>>>",
        b"<</Type/Annot/Subtype/Widget/FT/Sig/T(Seal)/V 5 0 R/P 3 0 R/Rect[0 0 0 0]/F 132>>",
        b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/adbe.pkcs7.detached/Reason(" + text.encode() + b")"
        b"/ByteRange[0 0000000000 0000000000 0000000000]/Contents<" + b"0" * 3000 + b">>>",
    ]
    out, places = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    out += b"xref\n0 6\n" + table + b"trailer\n<</Size 6/Root 1 0 R/ID[<00><00>]>>\n"
    out += b"startxref\n%d\n%%%%EOF\n" % start
    first = out.index(b"/Contents<") + 9
    second = first + 3002
    span = b"[0 %010d %010d %010d]" % (first, second, len(out) - second)
    out = out.replace(b"[0 0000000000 0000000000 0000000000]", span)
    cms = seal.sign(out[:first] + out[second:], at(ms)).hex().encode().ljust(3000, b"0")
    return out[: first + 1] + cms + out[second - 1 :]


def plain_pdf(width: int = 99) -> bytes:
    """One empty page, nobody's yet."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d 99]/Resources<<>>>>" % width,
    ]
    out, places = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<</Size 4/Root 1 0 R/ID[<00><00>]>>\nstartxref\n%d\n%%%%EOF\n"
    return out + b"xref\n0 4\n" + table + trailer % len(out)


def updated_pdf(pdf: bytes) -> bytes:
    """The PDF with its page turned by an incremental update after sealing."""
    start = int(pdf.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    place = len(pdf)
    body = b"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Annots[4 0 R]/Resources<<>>/Rotate 90>>\nendobj\n"
    table = b"xref\n3 1\n%010d 00000 n \n" % place
    trailer = b"trailer\n<</Size 6/Root 1 0 R/ID[<00><00>]/Prev %d>>\nstartxref\n%d\n%%%%EOF\n"
    return pdf + body + table + trailer % (start, place + len(body))


# --- a record ----------------------------------------------------------------------------------


@dataclass
class Said:
    """A leaf before it is written."""

    ms: int
    type: str
    members: dict[str, Any]
    participant: str | None = None
    clear: dict[str, Any] = field(default_factory=dict)  # put over the clear members


Change = Callable[["Draft"], None]


@dataclass
class Draft:
    """A record before it is sealed. `late` changes contents after the leaves were written."""

    said: list[Said] = field(default_factory=list)
    tracks: dict[str, list[Segment]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    late: Callable[[Contents], Contents] = lambda contents: contents
    written: Callable[[int, tree.Leaf], tree.Leaf] = lambda seq, leaf: leaf
    log: str = "log"

    def say(self, ms: int, kind: str, participant: str | None = None, **members: Any) -> None:
        self.said.append(Said(ms, kind, members, participant))

    def find(self, kind: str, nth: int = 0) -> Said:
        return [one for one in self.said if one.type == kind][nth]

    def leaves(self) -> list[tree.Leaf]:
        leaves = []
        for seq, one in enumerate(self.said):
            clear = {"v": 1, "hearing": URN, "seq": seq, "time": stamp(one.ms), "type": one.type}
            clear |= {"participant": one.participant} if one.participant else {}
            leaves.append(self.written(seq, tree.write_leaf(clear | one.clear, one.members)))
        return leaves

    def contents(self) -> Contents:
        leaves = self.leaves()
        note = checkpoint([leaf.data for leaf in leaves], self.log)
        media = {path: data for path, data in self.files.items() if path.startswith("data/media/")}
        contents = Contents(
            reference="AB 12/2026",
            hearing=HEARING,
            origin=ORIGIN,
            leaves=[leaf.data for leaf in leaves],
            disclosures=[leaf.disclosures for leaf in leaves],
            checkpoint=note,
            log_vkey=vkey(self.log),
            earlier=[checkpoint([leaf.data for leaf in leaves[:3]], self.log)],
            media=media,
            minutes={path: data for path, data in self.files.items() if path not in media},
            tools={"vivavoce": "0.1.0"},
            page=None,  # which is larger than all the rest
        )
        return self.late(contents)


def checkpoint(leaves: Iterable[bytes], log: str = "log", origin: str = ORIGIN) -> bytes:
    grown = tree.Tree(tree.leaf_hash(leaf) for leaf in leaves)
    return tree.checkpoint(origin, grown, log_secret(log))


def draft(change: Change | None = None) -> Draft:
    """The good record: one stretch of 5.5 s, sound for all of it, the picture from 1 s on, cut by a loss.

    `change` acts on it when leaves and segments are there and files are not sealed yet.
    """
    record = Draft()
    record.say(0, "hearing.opened", logKey=vkey())
    record.say(5, "request.received", **_REQUEST)
    record.say(5, "request.accepted", by="service")
    record.say(900, "participant.named", WITNESS, **_PERSON)
    record.say(9_000, "sitting.opened", n=1, by=JUDGE)
    record.say(ON, "record.on", stretch=1, tracks=[AUDIO, VIDEO], by=JUDGE)
    record.tracks[AUDIO] = original([(ON, ON + 2000), (ON + 2000, ON + 4000), (ON + 4000, OFF)])
    record.tracks[VIDEO] = original([(ON + 1000, ON + 3000), (ON + 3000, ON + 3500), (ON + 4500, OFF)])
    progress = [{"track": AUDIO, **_progress(record.tracks[AUDIO], 2)}]
    progress.append({"track": VIDEO, **_progress(record.tracks[VIDEO], 1)})
    record.say(ON + 4100, "media.progress", tracks=progress)
    record.say(OFF, "record.off", stretch=1, reason="break", by=JUDGE)
    record.say(OFF + 1, "media.gap", track=VIDEO, **_gap(ON, ON + 1000), reason="not-joined")
    record.say(OFF + 1, "media.gap", track=VIDEO, **_gap(ON + 3500, ON + 4500), reason="connection-lost")
    if change:
        change(record)
    _seal_files(record)
    return record


_REQUEST = {
    "reference": "AB 12/2026",
    "instrument": "ECHR",
    "matter": "Ünlü v. B",
    "purpose": "hearing of a witness",
    "requesting": "Court A",
    "requested": "Court B",
    "documents": [],
    "by": "service",
}
_PERSON = {
    "name": "W. Itness",
    "role": "heard",
    "function": "witness",
    "side": "requested",
    "place": "room 1",
    "language": "en",
    "by": JUDGE,
}


def _gap(since: int, until: int) -> dict[str, str]:
    return {"from": stamp(since), "to": stamp(until)}


def _progress(segments: list[Segment], n: int) -> dict[str, Any]:
    data = joined(segments[:n])
    return {"n": n, "len": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _seal_files(record: Draft) -> None:
    end = max(one.ms for one in record.said)
    for track, segments in record.tracks.items():
        record.files.setdefault(f"data/media/{track}-1.pcapng", joined(segments))
        record.files.setdefault(f"data/media/{track}-1.index.jsonl", index(segments))
    for path in sorted(record.files):
        record.say(end + 10, "media.sealed", path=path, sha256=_sha256(record.files[path]))
    record.say(end + 20, "sitting.ended", by=JUDGE)
    record.files["data/minutes/requested.pdf"] = sealed_pdf(court(), end + 25)
    digest = _sha256(record.files["data/minutes/requested.pdf"])
    record.say(end + 25, "minutes.signed", whose="requested", signed="here", sha256="0" * 64, by=JUDGE)
    record.say(end + 30, "minutes.sealed", path="data/minutes/requested.pdf", sha256=digest, by=JUDGE)
    record.say(end + 1000, "hearing.closed", by=JUDGE)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sealed(contents: Contents, *, seal: seals.CourtSeal | None = None, ms: int = 3_600_000) -> bytes:
    out = io.BytesIO()
    package.write(out, contents, seal=seal or court(), at=at(ms))
    return out.getvalue()


@cache
def good() -> bytes:
    return sealed(draft().contents())


def trust(**more: Any) -> bytes:
    return package.trust(court(), **more)


def redacted(contents: Contents, *, seqs: Mapping[int, set[str]], paths: Iterable[str]) -> Contents:
    """The contents without these disclosures (by name; `names` stays) and files, as declared."""
    words = {"ground": "protection of a witness", "decision": "order of 3 March 2026"}
    gone = [Withheld(seq=seq, **words) for seq in seqs] + [Withheld(path=path, **words) for path in paths]
    kept = [
        [one for one in given if tree.read_disclosure(one)[0] not in seqs.get(seq, ())]
        for seq, given in enumerate(contents.disclosures)
    ]
    return replace(
        contents,
        disclosures=kept,
        media={path: data for path, data in contents.media.items() if path not in paths},
        withheld=gone,
    )


# --- taking a package apart, and putting it together again -------------------------------------

Files = dict[str, bytes]


def parts(data: bytes) -> Files:
    """The bag's files by path, read with nothing but the central directory."""
    bundle = container.Bundle(io.BytesIO(data))
    return {path: bundle.whole(f"{bundle.hearing}/{path}") for path in bundle.paths}


def zipped(named: Iterable[tuple[str, bytes]]) -> bytes:
    """A ZIP in the canonical form of whatever files, in the order given."""
    out, entries = io.BytesIO(), []
    for name, data in named:
        entries.append(container.Entry(name, len(data), zlib.crc32(data), out.tell()))
        out.write(container.local_header(entries[-1]) + data)
    return out.getvalue() + container.directory(entries, out.tell())


def repacked(
    files: Mapping[str, bytes],
    *,
    seal: seals.CourtSeal | None = None,
    ms: int = 3_600_000,
    tags: Callable[[Files], Files] = lambda tags: tags,
    manifest: Callable[[bytes], bytes] = lambda manifest: manifest,
    sign: Callable[[bytes], bytes] | None = None,
    order: Callable[[list[tuple[str, bytes]]], list[tuple[str, bytes]]] = lambda named: named,
) -> bytes:
    """A package around these payload files: bag, manifest and container seal are made anew."""
    payload = {path: data for path, data in files.items() if path.startswith("data/")}
    made = {
        "bagit.txt": container.BAGIT,
        "bag-info.txt": container.bag_info(str(HEARING), [len(data) for data in payload.values()]),
        "manifest-sha256.txt": container.bag_manifest(
            {path: _sha256(data) for path, data in payload.items()}
        ),
    }
    made["tagmanifest-sha256.txt"] = container.bag_manifest(
        {path: _sha256(data) for path, data in made.items()}
    )
    bag = {f"{HEARING}/{path}": data for path, data in {**payload, **tags(made)}.items()}
    bag = dict(sorted(bag.items(), key=lambda item: item[0].encode()))
    digests = {name: base64.b64encode(hashlib.sha256(data).digest()).decode() for name, data in bag.items()}
    listed = manifest(container.asic_manifest(digests))
    signature = sign(listed) if sign else (seal or court()).sign(listed, at(ms))
    around = [(container.MANIFEST, listed), (container.SIGNATURE, signature)]
    return zipped(order([("mimetype", container.MIMETYPE), *bag.items(), *around]))


def rows(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.splitlines()]


def unrows(values: Iterable[Any]) -> bytes:
    return b"".join(tree.canonical(value) + b"\n" for value in values)
