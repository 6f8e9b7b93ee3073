"""Writes the sealed package: one canonical ASiC-E container around a BagIt bag (FORMAT.md). Pure but for reading.

The order of things is fixed by the format, so the same contents under the same seals give the same bytes.
Nothing is held whole but text: each recording is read twice, once for its digest, once to be copied, and
must be the same both times. What was sealed before (log key, head) is put in as it is: sealing again would
make another record.
"""

import base64
import hashlib
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hearings.container import (
    BAGIT,
    CHUNK,
    MANIFEST,
    MIMETYPE,
    SIGNATURE,
    Entry,
    asic_manifest,
    bag_info,
    bag_manifest,
    check_layout,
    directory,
    local_header,
)
from hearings.errors import Refusal
from hearings.seals import CourtSeal
from hearings.sentences import say
from hearings.timestamps import Stamps
from hearings.tree import canonical, read_checkpoint
from hearings.verify_page import page

Source = bytes | Path | Callable[[], BinaryIO]
"""Bytes, a file, or what opens a stream anew each time (for recordings that are encrypted on disk)."""


@dataclass(frozen=True)
class Withheld:
    """What a redacted record lacks: a leaf's disclosures (`seq`) or a file (`path`); on what ground, by whom."""

    ground: str
    decision: str
    seq: int | None = None
    path: str | None = None

    def declared(self) -> dict[str, Any]:
        what = {"seq": self.seq} if self.path is None else {"path": self.path}
        return {**what, "ground": self.ground, "decision": self.decision}


@dataclass(frozen=True)
class Contents:
    """A record as it goes into a package. Paths of media and minutes are those in the bag, from `data/`.

    `page`: the verifier for the browser, or none. `disclosures`: for each leaf, those that are given. `log_key_seal`, `checkpoint_seal`: where they exist
    already (always when a record is redacted), with `root` and `certificates` (PEM) of who made them. `about`: what the
    README says of this version.
    """

    reference: str
    hearing: UUID
    origin: str
    leaves: Sequence[bytes]
    disclosures: Sequence[Sequence[str]]
    checkpoint: bytes
    log_vkey: str
    earlier: Sequence[bytes] = ()
    media: Mapping[str, Source] = field(default_factory=dict)
    minutes: Mapping[str, Source] = field(default_factory=dict)
    withheld: Sequence[Withheld] = ()
    tools: Mapping[str, str] = field(default_factory=dict)
    timestamps: bool = False
    token: bytes | None = None
    cosigners: Sequence[str] = ()
    quorum: int = 0
    log_key_seal: bytes | None = None
    checkpoint_seal: bytes | None = None
    root: bytes | None = None
    certificates: Sequence[bytes] = ()
    crls: Sequence[bytes] = ()
    policy: bytes | None = None
    page: bytes | None = field(default_factory=page)
    about: str = ""


def write(
    out: BinaryIO, contents: Contents, *, seal: CourtSeal, at: datetime, stamps: Stamps | None = None
) -> None:
    """Writes the package to `out`, from its place on, without seeking; `at` is the signing time. A seal on the head that is
    made now bears a timestamp, if `stamps` answer.

    Raises: Refusal if the contents make no package, or a file changed between the two readings.
    """
    files: dict[str, Source] = {**_texts(contents, seal, at, stamps), **contents.media, **contents.minutes}
    facts = {path: _facts(source) for path, source in sorted(files.items(), key=_by_name)}
    files |= _tags(str(contents.hearing), facts)
    facts |= {path: _facts(files[path]) for path in files.keys() - facts.keys()}
    bag = dict(sorted(((f"{contents.hearing}/{path}", files[path]) for path in files), key=_by_name))
    known = {name: facts[name.partition("/")[2]] for name in bag}
    manifest = asic_manifest({name: base64.b64encode(one.digest).decode() for name, one in known.items()})
    around = {MANIFEST: manifest, SIGNATURE: seal.sign(manifest, at)}
    check_layout(["mimetype", *bag, *around])
    _zip(out, {"mimetype": MIMETYPE, **bag, **around}, known)


def log_key(contents: Contents) -> bytes:
    """log-key.json: what the court's seal says of the journal's key, the same bytes every time."""
    return _json(
        {
            "v": 1,
            "hearing": f"urn:uuid:{contents.hearing}",
            "origin": contents.origin,
            "vkey": contents.log_vkey,
            "timestamps": contents.timestamps,
            "cosigners": list(contents.cosigners),
            "quorum": contents.quorum,
        }
    )


def trust_in(certificate: x509.Certificate) -> bytes:
    """A trust file that lists this seal certificate of another court, and nothing else."""
    cert = certificate.public_bytes(Encoding.PEM).decode()
    return _json({"v": 1, "courts": [{"cert": cert, "roles": ["seal", "release"]}]})


def trust(
    seal: CourtSeal,
    *,
    log_keys: Iterable[str] = (),
    cosigners: Iterable[str] = (),
    quorum: int = 0,
    timestamp_roots: Iterable[x509.Certificate] = (),
    heads: Iterable[bytes] = (),
) -> bytes:
    """A trust file that lists this seal certificate, for sealing and for releasing, and what else is given."""
    cert = seal.certificate.public_bytes(Encoding.PEM).decode()
    return _json(
        {
            "v": 1,
            "logKeys": list(log_keys),
            "courts": [{"cert": cert, "roles": ["seal", "release"]}],
            "cosigners": list(cosigners),
            "quorum": quorum,
            "timestampRoots": [one.public_bytes(Encoding.PEM).decode() for one in timestamp_roots],
            "heads": [head.decode() for head in heads],
        }
    )


def _by_name(item: tuple[str, Any]) -> bytes:
    return item[0].encode()


def _json(value: Any) -> bytes:
    return canonical(value) + b"\n"


# --- the texts ---------------------------------------------------------------------------------


def _texts(contents: Contents, seal: CourtSeal, at: datetime, stamps: Stamps | None) -> dict[str, Source]:
    key = log_key(contents)
    head_seal = contents.checkpoint_seal or seal.sign(contents.checkpoint, at, stamps)
    journal: dict[str, Source] = {
        "data/README.txt": _readme(contents).encode(),
        "data/record.json": _record(contents),
        "data/journal/leaves.jsonl": b"".join(leaf + b"\n" for leaf in contents.leaves),
        "data/journal/disclosures.jsonl": _disclosures(contents.disclosures),
        "data/journal/checkpoint.txt": contents.checkpoint,
        "data/journal/checkpoint.court.p7s": head_seal,
        "data/trust/log-key.json": key,
        "data/trust/log-key.court.p7s": contents.log_key_seal or seal.sign(key, at),
        "data/trust/certs/root.pem": contents.root or seal.root.public_bytes(Encoding.PEM),
    }
    for note in contents.earlier:
        journal[f"data/journal/checkpoints/{read_checkpoint(note).size}.txt"] = note
    for number, pem in enumerate(_other_certificates(contents, seal), 1):
        journal[f"data/trust/certs/{number}.pem"] = pem
    for number, crl in enumerate(contents.crls, 1):
        journal[f"data/trust/crl/{number}.crl"] = crl
    if contents.token is not None:
        journal["data/journal/checkpoint.tst"] = contents.token
    if contents.policy is not None:
        journal["data/trust/policy.txt"] = contents.policy
    if contents.page is not None:
        journal["data/verify.html"] = contents.page
    return journal


def _other_certificates(contents: Contents, seal: CourtSeal) -> list[bytes]:
    """Those given, and the root of who seals the container, where it is another than the court's."""
    root = seal.root.public_bytes(Encoding.PEM)
    extra = [] if contents.root in (None, root) else [root]
    return [*contents.certificates, *(one for one in extra if one not in contents.certificates)]


def _disclosures(disclosures: Sequence[Sequence[str]]) -> bytes:
    rows = ({"seq": seq, "d": list(given)} for seq, given in enumerate(disclosures) if given)
    return b"".join(_json(row) for row in rows)


def _record(contents: Contents) -> bytes:
    head = read_checkpoint(contents.checkpoint)
    withheld = sorted(
        contents.withheld, key=lambda item: (item.path is not None, item.seq or 0, item.path or "")
    )
    return _json(
        {
            "v": 1,
            "hearing": f"urn:uuid:{contents.hearing}",
            "origin": contents.origin,
            "size": head.size,
            "root": head.root.hex(),
            "kind": "redacted" if withheld else "full",
            "sd_alg": "sha-256",
            "withheld": [item.declared() for item in withheld],
            "tools": dict(contents.tools),
        }
    )


def _readme(contents: Contents) -> str:
    reference = " ".join(contents.reference.split())
    return _README.format(hearing=contents.hearing, reference=reference, about=contents.about)


_README = """\
THE RECORD OF A HEARING BY VIDEO LINK
Reference: {reference}
Hearing: urn:uuid:{hearing}
{about}--
What this is. The file that you unpacked holds the journal of the hearing (every entry, from the request on),
the recordings of sound and picture, the minutes, and the seals of the court.
How to verify it with the program:
    vivavoce verify RECORD.asice --trust trust.json
How to check it in a browser, without a network: open verify.html and choose the file that you unpacked. Take that page from
the court: one that came with a record cannot vouch for it. It leaves the seals to the program.
How to verify it by hand, with tools that every system has. Unpack it, then go into this folder's parent:
    sha256sum -c manifest-sha256.txt
    sha256sum -c tagmanifest-sha256.txt
    openssl cms -verify -binary -inform DER -in data/journal/checkpoint.court.p7s \\
        -content data/journal/checkpoint.txt -CAfile data/trust/certs/root.pem -purpose any -out /dev/null
    openssl cms -verify -binary -inform DER -in data/trust/log-key.court.p7s \\
        -content data/trust/log-key.json -CAfile data/trust/certs/root.pem -purpose any -out /dev/null
Then compare the fingerprint of the seal certificate with one that you got from the court by another way:
    openssl pkcs7 -inform DER -in data/journal/checkpoint.court.p7s -print_certs | openssl x509 -fingerprint -sha256
The journal. Each line of data/journal/leaves.jsonl is one leaf of a Merkle tree (RFC 6962, SHA-256); its root is the
third line of data/journal/checkpoint.txt. What a leaf conceals is in data/journal/disclosures.jsonl: the SHA-256 of
each string there stands in the leaf, in base64url. The entries media.sealed and minutes.sealed name every other file
with its digest.
What this cannot show. That nothing was left off at the end: a court could make a shorter record of the same hearing,
and nobody could tell who has not kept a later head (the three lines of checkpoint.txt and their signature). This is
why the other State's service signs the heads as well, and why you should keep the head that you were given.
Nor can it show what nobody said to the journal, nor that a clock was right; the verifier says whose clock it is.
"""


# --- the bag and the ZIP -----------------------------------------------------------------------


class _Facts(NamedTuple):
    size: int
    crc: int
    digest: bytes


def _facts(source: Source) -> _Facts:
    size, crc, digest = 0, 0, hashlib.sha256()
    for chunk in _chunks(source):
        size += len(chunk)
        crc = zlib.crc32(chunk, crc)
        digest.update(chunk)
    return _Facts(size, crc, digest.digest())


def _tags(hearing: str, facts: Mapping[str, _Facts]) -> dict[str, Source]:
    tags = {
        "bag-info.txt": bag_info(hearing, [one.size for one in facts.values()]),
        "bagit.txt": BAGIT,
        "manifest-sha256.txt": bag_manifest({path: one.digest.hex() for path, one in facts.items()}),
    }
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in tags.items()}
    return {**tags, "tagmanifest-sha256.txt": bag_manifest(digests)}


def _zip(out: BinaryIO, files: Mapping[str, Source], known: Mapping[str, _Facts]) -> None:
    entries: list[Entry] = []
    place = 0
    for name, source in files.items():
        facts = known.get(name) or _facts(source)
        entry = Entry(name, facts.size, facts.crc, place)
        header = local_header(entry)
        out.write(header)
        _copy(out, name, source, facts)
        entries.append(entry)
        place += len(header) + facts.size
    out.write(directory(entries, place))


def _copy(out: BinaryIO, name: str, source: Source, facts: _Facts) -> None:
    digest = hashlib.sha256()
    for chunk in _chunks(source):
        digest.update(chunk)
        out.write(chunk)
    if digest.digest() != facts.digest:
        raise Refusal(say("{name} changed while the package was being written.", name=name))


def _chunks(source: Source) -> Iterator[bytes]:
    with _opened(source) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


@contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        stream: BinaryIO = io.BytesIO(source)
    else:
        stream = source.open("rb") if isinstance(source, Path) else source()
    with stream:
        yield stream
