"""Looks through a package for what must not be in it, after it was written: the rule may be wrong, and its writer.

What the service makes by itself (digests, handles, times) is passed over: short names stand in it by chance. Looked
through are every disclosure, decoded; the words of `record.json`; of a PDF the facts that are attached, its strings, and
what its streams hold when they are inflated; and, for whole names, addresses and long parts of names, every byte of
every file as it lies there, in UTF-8 and UTF-16.

The letters of a page are numbers of glyphs and cannot be searched so. A page is drawn from the facts attached, and from
nothing else.
"""

import json
import re
import zlib
from collections.abc import Collection, Iterator
from contextlib import suppress
from io import BytesIO
from typing import Any, BinaryIO

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader

from hearings.container import CHUNK, LARGEST_TEXT, Entry, entries_of, local_header
from hearings.redaction import BOUND, free_texts
from hearings.terms import NOBODY, Terms, texts
from hearings.tree import read_disclosure

_STREAM = re.compile(rb"stream\r?\n")
_BASE64 = re.compile(rb"[a-z0-9+/=_-]*")
_IN_BASE64 = 10
_DEEPEST = 40


def found(package: BinaryIO, terms: Terms) -> str | None:
    """The name of a file of the package that tells of somebody, or None. Raises: Unverifiable, OSError."""
    if terms == NOBODY:
        return None
    for entry in entries_of(package):
        name = entry.name.encode()
        if raw_within(name, terms) or _in_bytes(package, entry, terms) or _in_text(package, entry, terms):
            return entry.name
    return None


def raw_within(data: bytes, terms: Terms) -> bool:
    return _is_within(data, terms.raw)


def _is_within(data: bytes, needles: Collection[bytes]) -> bool:
    lowered = data.lower()
    return any(needle in lowered for needle in needles)


def _telling(name: str, terms: Terms) -> list[bytes]:
    """What does not stand in such a file by chance: recordings are long, and texts of the record mostly base64."""
    if name.endswith((".pcapng", ".webm")):
        return list(terms.few)
    if name.endswith(".pdf"):
        return list(terms.raw)
    return [needle for needle in terms.raw if len(needle) >= _IN_BASE64 or not _BASE64.fullmatch(needle)]


def told_by(pdf: bytes) -> list[str]:
    """What minutes say: the texts of the facts that are attached to them."""
    return [text for stream in streams(pdf) for text in _attached(stream)]


def streams(pdf: bytes) -> Iterator[bytes]:
    """Every stream of every revision, inflated as far as it can be; at most 64 MiB each."""
    for begun in _STREAM.finditer(pdf):
        try:
            end = pdf.find(b"endstream", begun.end())
            yield zlib.decompressobj().decompress(pdf[begun.end() : end], LARGEST_TEXT)
        except zlib.error:
            yield pdf[begun.end() : end]


def _in_bytes(package: BinaryIO, entry: Entry, terms: Terms) -> bool:
    """A part at a time, each with the end of the one before."""
    needles = _telling(entry.name, terms)
    longest = max(map(len, needles), default=1)
    place, left, tail = entry.offset + len(local_header(entry)), entry.size, b""
    while left > 0:
        package.seek(place)
        part = package.read(min(CHUNK, left))
        if not part:
            return False
        if _is_within(tail + part, needles):
            return True
        place, left, tail = place + len(part), left - len(part), (tail + part)[1 - longest :]
    return False


def _in_text(package: BinaryIO, entry: Entry, terms: Terms) -> bool:
    path = entry.name.partition("/")[2]
    if not path.endswith((".pdf", "data/journal/disclosures.jsonl", "data/record.json")):
        return False
    package.seek(entry.offset + len(local_header(entry)))
    data = package.read(entry.size)
    if path.endswith(".pdf"):
        return _in_pdf(data, terms)
    if path.endswith("record.json"):
        return any(terms.in_phrases(text) for text in texts(json.loads(data)))
    return any(_in_disclosure(one, terms) for line in data.splitlines() for one in json.loads(line)["d"])


def _in_disclosure(disclosure: str, terms: Terms) -> bool:
    name, value = read_disclosure(disclosure)
    return name not in BOUND and terms.within(value)


def _in_pdf(pdf: bytes, terms: Terms) -> bool:
    return (
        terms.within(told_by(pdf))
        or any(raw_within(stream, terms) for stream in streams(pdf))
        or any(terms.in_phrases(text) for text in _strings(pdf))
    )


def _attached(stream: bytes) -> Iterator[str]:
    if stream.startswith(b"{"):
        with suppress(ValueError):
            yield from free_texts(json.loads(stream))


def _strings(pdf: bytes) -> Iterator[str]:
    """Titles, names and other strings of the document's objects, as they stand last."""
    reader = PdfFileReader(BytesIO(pdf), strict=False)
    for number in range(1, int(reader.trailer["/Size"])):
        with suppress(PdfReadError):  # a number without an object
            held = reader.get_object(generic.Reference(number, 0, reader))  # type: ignore[no-untyped-call]  # its own omission
            yield from _texts_of(held, 0)


def _texts_of(held: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    match held:
        case generic.TextStringObject():
            yield str(held)
        case generic.DictionaryObject():
            for name, item in held.items():
                if name != "/Contents":
                    yield from _texts_of(item, depth + 1)
        case generic.ArrayObject():
            for item in held:
                yield from _texts_of(item, depth + 1)
