"""The minutes as a file: drawn up as PDF, then sealed.

- The same minutes give the same bytes, on the same fonts: the file's date is `drawn_up`. A digest of
  unsigned minutes could therefore be guessed by who knows the facts; only sealed ones are published.
- The file is PDF/A-3a and PDF/UA-1, with the facts attached as canonical JSON (`minutes.json`), because
  text taken out of a page in Arabic comes in scrambled runs: machines read the attachment.
- A character that no installed font has stops the drawing (a blank box would be a falsified name), and
  the refusal says what to install. The facts stay in the journal; nothing is lost.
- The seal is a certification over the whole file. Afterwards further seals, signatures and timestamps
  may be added, and nothing else.

Both functions block for a tenth of a second or so: call them in a thread.

Sources: ISO 19005-3 (PDF/A-3), ISO 14289-1 (PDF/UA-1), ISO 32000-2 12.8.2.2 (DocMDP), EN 319 142-1
(PAdES B-B).
"""

import asyncio
import json
import re
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path

import typst
from asn1crypto import keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import Certificate
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko_certvalidator.registry import SimpleCertificateStore

from hearings.errors import Unreachable
from hearings.minutes import Minutes
from hearings.minutes_page import page

SEAL_FIELD = "Seal"
"""Name of the signature field that `seal_pdf` fills."""

BREAK_HERE = "\u200b"
"""Set by the template into long runs; it has no glyph and needs none."""

_TEMPLATE = Path(__file__).with_name("minutes.typ")
_PREFERRED_FONTS = (
    *("Libertinus Serif", "Noto Serif", "Noto Naskh Arabic", "Noto Serif Hebrew", "Noto Serif CJK SC"),
    *("Noto Sans CJK SC", "Droid Sans Fallback", "Noto Serif Devanagari", "Noto Serif Bengali"),
    *("Noto Serif Tamil", "Noto Serif Thai", "Noto Serif Georgian", "Noto Serif Armenian"),
    *("Noto Serif Ethiopic", "Noto Sans", "DejaVu Sans"),
)
_DRAWABLE = frozenset(map(chr, range(0x20, 0x7F)))


def draw_up(minutes: Minutes) -> bytes:
    """The minutes as an unsigned PDF.

    It ends with a newline, which PDF/A wants before what a seal appends. A symbol that no font here can draw
    is shown by its Unicode number (the attached facts have it as it was said); so is a letter of a script for
    which there is no font even in the package that should have it.
    Raises: Unreachable if a font can be installed for a character, naming all such and the package.
    """
    numbered: frozenset[str] = frozenset()
    while True:
        try:
            return _drawn(minutes, numbered)
        except typst.TypstError as error:
            _fonts.cache_clear()  # so that a font that is installed now is found at the next attempt
            missing = _missing(error.diagnostic)
            if not missing or missing <= numbered or any(_can_be_installed(char) for char in missing):
                raise _refusal(missing, error.diagnostic) from error
            numbered |= missing


def _drawn(minutes: Minutes, numbered: frozenset[str]) -> bytes:
    fonts = _fonts()
    pdf = typst.compile(
        _TEMPLATE,
        format="pdf",
        font_paths=fonts,
        sys_inputs=_inputs(minutes, set(fonts.families()), numbered),
        pdf_standards=["a-3a", "ua-1"],
        timestamp=int(minutes.drawn_up.timestamp()),
    )
    return bytes(pdf) + b"\n"


def _inputs(minutes: Minutes, families: set[str], numbered: frozenset[str]) -> dict[str, str]:
    return {
        "page": json.dumps(page(minutes, numbered=numbered), ensure_ascii=False),
        "facts": minutes.canonical().decode(),
        "fonts": json.dumps([family for family in _PREFERRED_FONTS if family in families]),
    }


def seal_pdf(
    pdf: bytes,
    *,
    key: EllipticCurvePrivateKey,
    certificate: Certificate,
    chain: Sequence[Certificate],
    reason: str,
    at: datetime,
) -> bytes:
    """The PDF under a seal over the whole file (PAdES B-B), said to be made `at` (aware).

    `chain` holds the intermediate certificates, which go into the seal.
    """
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call] # its own omission
    store.register_multiple([_for_pyhanko(each) for each in chain])
    signer = SimpleSigner(
        signing_cert=_for_pyhanko(certificate),
        signing_key=keys.PrivateKeyInfo.load(
            key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        ),
        cert_registry=store,
        embed_roots=False,
    )
    with ThreadPoolExecutor(1) as pool:  # pyHanko is asynchronous; this works inside a running loop as well
        return pool.submit(asyncio.run, _sealed(pdf, signer, reason=reason, at=at)).result()


async def _sealed(pdf: bytes, signer: SimpleSigner, *, reason: str, at: datetime) -> bytes:
    meta = PdfSignatureMetadata(
        field_name=SEAL_FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        reason=reason,
        certify=True,
        docmdp_permissions=MDPPerm.FILL_FORMS,
    )
    session = PdfSigner(meta, signer).init_signing_session(IncrementalPdfFileWriter(BytesIO(pdf)))
    session.system_time = at
    space = await session.estimate_signature_container_size(validation_info=None)
    document = session.prepare_tbs_document(validation_info=None, bytes_reserved=space)
    output = BytesIO()
    prepared, _ = document.digest_tbs_document(output=output)
    await document.perform_signature(
        document_digest=prepared.document_digest,
        pdf_cms_signed_attrs=PdfCMSSignedAttributes(signing_time=at),
    )
    return output.getvalue()


def _for_pyhanko(certificate: Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))


def _missing(diagnostic: str) -> frozenset[str]:
    clusters = re.findall(r'text `"(.+?)"` could not', diagnostic)
    return frozenset({char for cluster in clusters for char in _read(cluster)} - {BREAK_HERE} - _DRAWABLE)


def _can_be_installed(char: str) -> bool:
    """Whether it is a letter, of a script whose package of fonts is not here yet."""
    marks = {"fonts-noto-cjk": ("Noto Sans CJK", "Noto Serif CJK"), "fonts-noto-core": ("Noto Naskh Arabic",)}
    here = any(family.startswith(marks.get(_package(char), ())) for family in _fonts().families())
    return unicodedata.category(char).startswith("L") and not here


def _refusal(missing: frozenset[str], diagnostic: str) -> Unreachable:
    if not missing:
        return Unreachable("The minutes could not be laid out. Nothing is lost.", hints=(diagnostic,))
    named = ", ".join(f"{char} (U+{ord(char):04X})" for char in sorted(missing))
    packages = " and ".join(sorted({_package(char) for char in missing}))
    return Unreachable(
        f"The minutes cannot be drawn up yet: no font on this machine has {named}. Nothing is lost; "
        f"whoever runs the service must install {packages}, then draw them up again."
    )


def _read(text: str) -> str:
    return re.sub(r"\\u\{([0-9a-f]+)\}", lambda found: chr(int(found[1], 16)), text)


def _package(char: str) -> str:
    """The Debian package with a font for the script."""
    eastern = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")
    if unicodedata.name(char, "").startswith(eastern):
        return "fonts-noto-cjk"
    if ord(char) >= 0x1F000:
        return "fonts-symbola"
    return "fonts-noto-core"


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts()
