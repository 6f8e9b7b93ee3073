"""The closed form of a package: canonical ZIP, closed layout, ASiC manifest and BagIt bag. Pure but for reading.

A package is an ASiC-E container (EN 319 162-1) whose one folder is a BagIt 1.0 bag (RFC 8493). No byte of
it is free: every header follows from names, sizes, checksums and places, so the writer makes them and the
verifier makes them again and compares (APPNOTE.TXT 6.3, sections 4.3 and 4.5.3). Limits are held before
memory is used: nothing is unpacked, since everything is stored.
"""

import hashlib
import re
import struct
import xml.parsers.expat
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import BinaryIO, NamedTuple
from xml.sax.saxutils import quoteattr

from hearings.errors import Unverifiable
from hearings.sentences import say

MOST_ENTRIES = 100_000
LARGEST_TEXT = 64 * 1024 * 1024
LONGEST_NAME = 255
LONGEST_LINE = 1024 * 1024
CHUNK = 1024 * 1024

MIMETYPE = b"application/vnd.etsi.asic-e+zip"
MANIFEST, SIGNATURE = "META-INF/ASiCManifest001.xml", "META-INF/signature001.p7s"
TAG_FILES = ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")
BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_STEP = r"[A-Za-z0-9][A-Za-z0-9._-]*"
MEDIA = re.compile(
    r"data/media/(?P<track>[a-z2-7]{8}-[a-z]+)-(?P<stretch>[1-9][0-9]{0,8})\.(?P<kind>pcapng|index\.jsonl|webm)"
)
MINUTES = re.compile(rf"data/minutes/(requested\.pdf|requesting\.pdf|{_STEP}\.public\.pdf)")
_JOINT_WEBM = r"data/media/[a-z2-7]{8}-[1-9][0-9]{0,8}\.webm"
_OTHERS = (
    r"tagmanifest-sha256\.txt|data/verify\.html|data/journal/checkpoint\.tst"
    r"|data/journal/checkpoints/(0|[1-9][0-9]{0,8})\.txt"
    rf"|data/trust/certs/{_STEP}\.pem|data/trust/crl/{_STEP}\.crl|data/trust/policy\.txt"
)
_LAYOUT = re.compile("|".join((MEDIA.pattern, MINUTES.pattern, _JOINT_WEBM, _OTHERS)))
REQUIRED = frozenset(
    {
        *TAG_FILES,
        "tagmanifest-sha256.txt",
        "data/README.txt",
        "data/record.json",
        "data/journal/leaves.jsonl",
        "data/journal/disclosures.jsonl",
        "data/journal/checkpoint.txt",
        "data/journal/checkpoint.court.p7s",
        "data/trust/log-key.json",
        "data/trust/log-key.court.p7s",
        "data/trust/certs/root.pem",
    }
)


# --- canonical ZIP -----------------------------------------------------------------------------

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR = struct.Struct("<4sIQI")
_SHORT, _LONG = 0xFFFF, 0xFFFFFFFF
_DATE = 0x0021  # the first of January 1980


class Entry(NamedTuple):
    """One file of the ZIP: its name, bytes, CRC-32, and where its local header begins."""

    name: str
    size: int
    crc: int
    offset: int


def _field64(*values: int) -> bytes:
    return struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values) if values else b""


def _central_field(entry: Entry) -> bytes:
    sizes = (entry.size, entry.size) if entry.size >= _LONG else ()
    return _field64(*sizes, *((entry.offset,) if entry.offset >= _LONG else ()))


def _version(entry: Entry) -> int:
    return 45 if _central_field(entry) else 20


def local_header(entry: Entry) -> bytes:
    name, size = entry.name.encode("ascii"), min(entry.size, _LONG)
    extra = _field64(entry.size, entry.size) if entry.size >= _LONG else b""
    fixed = (b"PK\x03\x04", _version(entry), 0, 0, 0, _DATE, entry.crc, size, size, len(name), len(extra))
    return _LOCAL.pack(*fixed) + name + extra


def _central_header(entry: Entry) -> bytes:
    name, size, extra = entry.name.encode("ascii"), min(entry.size, _LONG), _central_field(entry)
    version = _version(entry)
    fixed = (b"PK\x01\x02", version, version, 0, 0, 0, _DATE, entry.crc, size, size, len(name), len(extra))
    return _CENTRAL.pack(*fixed, 0, 0, 0, 0, min(entry.offset, _LONG)) + name + extra


def directory(entries: Sequence[Entry], start: int) -> bytes:
    """Everything behind the last file: central headers, the ZIP64 end iff needed, the end record."""
    headers = b"".join(_central_header(entry) for entry in entries)
    count, size = len(entries), len(headers)
    end64 = b""
    if count >= _SHORT or size >= _LONG or start >= _LONG:
        end64 = _END64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
        end64 += _LOCATOR.pack(b"PK\x06\x07", 0, start + size, 1)
    few = min(count, _SHORT)
    return headers + end64 + _END.pack(b"PK\x05\x06", 0, 0, few, few, min(size, _LONG), min(start, _LONG), 0)


def entries_of(file: BinaryIO) -> list[Entry]:
    """The files of a canonical ZIP; their bytes and checksums are not read yet. Raises: Unverifiable."""
    length = file.seek(0, 2)
    count, size, start = _end_of(_read_at(file, max(0, length - 98), min(length, 98)))
    if count > MOST_ENTRIES or size > count * (_CENTRAL.size + LONGEST_NAME + 28) or start + size > length:
        raise Unverifiable(say("The package's table of contents has no possible size."))
    behind = _read_at(file, start, min(length - start, size + 98))
    entries = list(_central_entries(behind[:size], count))
    if length - start > size + 98 or directory(entries, start) != behind:
        raise Unverifiable(say("The package's table of contents is not in the canonical form."))
    place = 0
    for entry in entries:
        header = local_header(entry)
        if entry.offset != place or _read_at(file, place, len(header)) != header:
            raise Unverifiable(say("The header of {name} is not in the canonical form.", name=entry.name))
        place += len(header) + entry.size
    if place != start:
        raise Unverifiable(say("There are bytes in the package that belong to no file."))
    return entries


def _read_at(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def _end_of(tail: bytes) -> tuple[int, int, int]:
    if len(tail) < _END.size or not tail[-_END.size :].startswith(b"PK\x05\x06"):
        raise Unverifiable(say("This is not a package: it does not end as a ZIP without comment does."))
    count, size, start = _END.unpack(tail[-_END.size :])[4:7]
    if (count, size, start) < (_SHORT, 0, 0) and _LONG not in (size, start):
        return count, size, start
    if len(tail) < _END64.size + _LOCATOR.size + _END.size or not tail.startswith(b"PK\x06\x06"):
        raise Unverifiable(say("The ZIP64 end of the package is missing."))
    count, size, start = _END64.unpack(tail[: _END64.size])[7:]
    return count, size, start


def _central_entries(data: bytes, count: int) -> Iterator[Entry]:
    place = 0
    try:
        for _ in range(count):
            fields = _CENTRAL.unpack_from(data, place)
            name_at, (named, extended) = place + _CENTRAL.size, fields[10:12]
            extra_at = name_at + named
            place = extra_at + extended
            yield _central_entry(fields, data[name_at:extra_at].decode("ascii"), data[extra_at:place])
    except (struct.error, UnicodeError) as error:
        raise Unverifiable(say("The package's table of contents cannot be read.")) from error


def _central_entry(fields: Sequence[int], name: str, extra: bytes) -> Entry:
    crc, size, offset = fields[7], fields[9], fields[16]
    values = list(struct.unpack(f"<{len(extra[4:]) // 8}Q", extra[4 : 4 + len(extra[4:]) // 8 * 8]))
    if size == _LONG and len(values) >= 2:
        size = values[0]
        values = values[2:]
    if offset == _LONG and values:
        offset = values[0]
    return Entry(name, size, crc, offset)


# --- the package as read -----------------------------------------------------------------------


class Bundle:
    """An open package in canonical form: its hearing, and its files by their path in the bag."""

    def __init__(self, file: BinaryIO) -> None:
        """Reads everything once, in constant memory. Raises: Unverifiable, OSError."""
        self._file = file
        self.entries = entries_of(file)
        self.hearing = check_layout([entry.name for entry in self.entries])
        self._files = {entry.name: entry for entry in self.entries}
        self._check_sizes()
        self.digests = {entry.name: self._digest(entry) for entry in self.entries}
        if self.whole("mimetype") != MIMETYPE:
            raise Unverifiable(say("The package does not say that it is an ASiC-E container."))

    @property
    def paths(self) -> list[str]:
        """The paths of the bag's files, in byte order."""
        return [entry.name.removeprefix(f"{self.hearing}/") for entry in self.entries[1:-2]]

    def __contains__(self, path: str) -> bool:
        return f"{self.hearing}/{path}" in self._files

    def size(self, path: str) -> int:
        return self._files[f"{self.hearing}/{path}"].size

    def sha256(self, path: str) -> str:
        return self.digests[f"{self.hearing}/{path}"]

    def read(self, path: str) -> bytes:
        """A file of the bag that is no recording, whole; at most 64 MiB."""
        return self.whole(f"{self.hearing}/{path}")

    def whole(self, name: str) -> bytes:
        entry = self._files[name]
        return _read_at(self._file, entry.offset + len(local_header(entry)), entry.size)

    def slice(self, path: str, offset: int, length: int) -> bytes:
        """Part of a file of the bag; the caller has held `length` to the limits."""
        entry = self._files[f"{self.hearing}/{path}"]
        start = entry.offset + len(local_header(entry)) + offset
        return _read_at(self._file, start, max(0, min(length, entry.size - offset)))

    def lines(self, path: str) -> list[bytes]:
        """The lines of a record file, each ended by LF, none empty. Raises: Unverifiable."""
        data = self.read(path)
        if not data:
            return []
        *lines, rest = data.split(b"\n")
        if rest or b"\r" in data or not all(0 < len(line) <= LONGEST_LINE for line in lines):
            raise Unverifiable(
                say("The lines of {path} do not end as they must, or one is empty or too long.", path=path)
            )
        return lines

    def _check_sizes(self) -> None:
        for entry in self.entries:
            limit = LONGEST_LINE if entry.name.endswith((".p7s", ".tst")) else LARGEST_TEXT
            if entry.size > limit and not entry.name.endswith((".pcapng", ".webm")):
                raise Unverifiable(say("{name} is larger than the format allows.", name=entry.name))

    def _digest(self, entry: Entry) -> str:
        digest, crc, left = hashlib.sha256(), 0, entry.size
        self._file.seek(entry.offset + len(local_header(entry)))
        while left and (chunk := self._file.read(min(CHUNK, left))):
            digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
            left -= len(chunk)
        if left or crc != entry.crc:
            raise Unverifiable(
                say("{name} was altered: its checksum is not that of its bytes.", name=entry.name)
            )
        return digest.hexdigest()


def check_layout(names: Sequence[str]) -> str:
    """The hearing's UUID, if these names in this order are a package. Raises: Unverifiable."""
    if len(names) < 4 or names[0] != "mimetype" or tuple(names[-2:]) != (MANIFEST, SIGNATURE):
        raise Unverifiable(say("The package does not begin and end with the files of an ASiC-E container."))
    hearing = names[1].partition("/")[0]
    if not re.fullmatch(UUID, hearing):
        raise Unverifiable(say("The package has no folder that is named by the hearing."))
    bag = names[1:-2]
    if any(one.encode() >= other.encode() for one, other in pairwise(bag)):
        raise Unverifiable(say("The files of the package are not in their order."))
    paths = [name.removeprefix(f"{hearing}/") for name in bag]
    for name, path in zip(bag, paths, strict=True):
        known = path in REQUIRED or _LAYOUT.fullmatch(path)
        if name == path or not known or len(name) > LONGEST_NAME:
            raise Unverifiable(say("The layout has no place for {name}.", name=name))
    if missing := sorted(REQUIRED - set(paths)):
        raise Unverifiable(say("{name} is missing.", name=missing[0]))
    if len({path.lower() for path in paths}) != len(paths):
        raise Unverifiable(say("Two files of the package differ only by capital letters."))
    return hearing


# --- the ASiC manifest -------------------------------------------------------------------------

_ASIC, _DS = "http://uri.etsi.org/02918/v1.2.1#", "http://www.w3.org/2000/09/xmldsig#"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_ROOT, _SIGNATURE = f"{_ASIC} ASiCManifest", f"{_ASIC} SigReference"
_OBJECT, _METHOD, _VALUE = f"{_ASIC} DataObjectReference", f"{_DS} DigestMethod", f"{_DS} DigestValue"
_CHILDREN = {"": (_ROOT,), _ROOT: (_SIGNATURE, _OBJECT), _OBJECT: (_METHOD, _VALUE)}
_ATTRIBUTES = {_SIGNATURE: "URI", _OBJECT: "URI", _METHOD: "Algorithm"}


def asic_manifest(digests: Mapping[str, str]) -> bytes:
    """The manifest over these files, in this order; `digests` are base64 by name."""
    references = "".join(
        f"  <asic:DataObjectReference URI={quoteattr(name)}>\n"
        f'    <ds:DigestMethod Algorithm="{_SHA256}"/>\n'
        f"    <ds:DigestValue>{digest}</ds:DigestValue>\n"
        "  </asic:DataObjectReference>\n"
        for name, digest in digests.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<asic:ASiCManifest xmlns:asic="{_ASIC}" xmlns:ds="{_DS}">\n'
        f'  <asic:SigReference URI="{SIGNATURE}"/>\n{references}</asic:ASiCManifest>\n'
    ).encode()


def read_asic_manifest(data: bytes) -> list[tuple[str, str]]:
    """Name and base64 digest of every file that a manifest lists, in its order. Raises: Unverifiable."""
    reading = _Manifest()
    try:
        data.decode()
        reading.parse(data)
    except (xml.parsers.expat.ExpatError, UnicodeError) as error:
        raise Unverifiable(say("The manifest of the container is not well-formed XML in UTF-8.")) from error
    return reading.listed


class _Manifest:
    """Takes the elements that are needed, in the order of the schema, and refuses everything else."""

    def __init__(self) -> None:
        self.listed: list[tuple[str, str]] = []
        self._open: list[str] = [""]
        self._seen: list[list[str]] = [[]]
        self._name = self._text = ""

    def parse(self, data: bytes) -> None:
        parser = xml.parsers.expat.ParserCreate("UTF-8", namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
        parser.CommentHandler = parser.ProcessingInstructionHandler = _refuse
        parser.DefaultHandler = _between
        parser.StartNamespaceDeclHandler = _namespace
        parser.XmlDeclHandler = _declaration
        parser.Parse(data, True)
        if self._seen[0] != [_ROOT]:
            _refuse()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        before = self._seen[-1]
        if name not in _CHILDREN.get(self._open[-1], ()) or (name != _OBJECT and name in before):
            _refuse()
        self._check_order(name, before)
        wanted = _ATTRIBUTES.get(name)
        if set(attributes) - {"MimeType"} != ({wanted} if wanted else set()):
            _refuse()
        if "MimeType" in attributes and name not in (_SIGNATURE, _OBJECT):
            _refuse()
        self._check_value(name, attributes)
        before.append(name)
        self._open.append(name)
        self._seen.append([])
        self._text = ""

    def _check_order(self, name: str, before: list[str]) -> None:
        first = {_OBJECT: _SIGNATURE, _VALUE: _METHOD}.get(name)
        if (first and first not in before) or (name == _SIGNATURE and before):
            _refuse()

    def _check_value(self, name: str, attributes: dict[str, str]) -> None:
        if name == _SIGNATURE and attributes["URI"] != SIGNATURE:
            _refuse()
        if name == _METHOD and attributes["Algorithm"] != _SHA256:
            raise Unverifiable(
                say("The manifest of the container uses a digest that the format does not know.")
            )
        if name == _OBJECT:
            self._name = attributes["URI"]

    def _end(self, name: str) -> None:
        if (name == _OBJECT and self._seen[-1] != [_METHOD, _VALUE]) or (
            name == _ROOT and _SIGNATURE not in self._seen[-1]
        ):
            _refuse()
        if name == _VALUE:
            self.listed.append((self._name, self._text))
        elif self._text.strip(" \n\t"):
            _refuse()
        self._open.pop()
        self._seen.pop()
        self._text = ""

    def _characters(self, text: str) -> None:
        self._text += text
        if self._open[-1] != _VALUE and text.strip(" \n\t"):
            _refuse()


def _refuse(*_: object) -> None:
    raise Unverifiable(say("The manifest of the container has a part that the format does not know."))


def _between(text: str) -> None:
    if text.strip(" \n\t"):
        _refuse()


def _namespace(_: str | None, uri: str) -> None:
    if uri not in (_ASIC, _DS):
        _refuse()


def _declaration(version: str, encoding: str | None, standalone: int) -> None:
    if version != "1.0" or (encoding or "UTF-8").upper() != "UTF-8" or standalone == 1:
        _refuse()


# --- the bag -----------------------------------------------------------------------------------


def bag_manifest(digests: Mapping[str, str]) -> bytes:
    """BagIt manifest lines `digest  path`, sorted by path, as `sha256sum -c` reads them."""
    ordered = sorted(digests.items(), key=lambda item: item[0].encode())
    return "".join(f"{digest}  {path}\n" for path, digest in ordered).encode()


def bag_info(hearing: str, sizes: Sequence[int]) -> bytes:
    return f"External-Identifier: urn:uuid:{hearing}\nPayload-Oxum: {sum(sizes)}.{len(sizes)}\n".encode()


def check_bag(bundle: Bundle) -> str:
    """Raises: Unverifiable unless the folder is a BagIt 1.0 bag in its canonical form."""
    payload = {path: bundle.sha256(path) for path in bundle.paths if path.startswith("data/")}
    if bundle.read("bagit.txt") != BAGIT:
        raise Unverifiable(say("bagit.txt does not say BagIt 1.0 in UTF-8."))
    if bundle.read("manifest-sha256.txt") != bag_manifest(payload):
        raise Unverifiable(
            say("manifest-sha256.txt does not list exactly the files in data with their digests.")
        )
    tags = {path: bundle.sha256(path) for path in TAG_FILES}
    if bundle.read("tagmanifest-sha256.txt") != bag_manifest(tags):
        raise Unverifiable(say("tagmanifest-sha256.txt does not list exactly the three other tag files."))
    _check_bag_info(bundle, [bundle.size(path) for path in payload])
    return f"The bag lists its {len(payload)} files, each with the right digest."


def _check_bag_info(bundle: Bundle, sizes: Sequence[int]) -> None:
    try:
        pairs = [line.decode().split(": ", 1) for line in bundle.lines("bag-info.txt")]
        labels = [label.lower() for label, _ in pairs]
        found = {(label, value) for label, value in pairs}
    except ValueError as error:
        raise Unverifiable(say("bag-info.txt cannot be read.")) from error
    wanted = {tuple(line.split(": ", 1)) for line in bag_info(bundle.hearing, sizes).decode().splitlines()}
    once = all(labels.count(label) == 1 for label in ("external-identifier", "payload-oxum"))
    if not wanted <= found or not once:
        raise Unverifiable(
            say("bag-info.txt does not name this hearing, or not the true size of its payload.")
        )
