"""What two services say to each other when a record goes from one to the other: sealed statements, and who is believed.

Services know each other by their settings alone: a name, an address, and the SHA-256 of the certificate with which the
other court seals. Whatever comes is sealed (CAdES, as checkpoints are) and read only if its signer is one of these; a
first message makes nobody known. Statements are JCS, of four kinds:

- `lock`: the public half for which whatever is sent to this court is locked. It is asked for before each sending.
- `announcement`: what is coming, before it comes: the package's digest and size, the digest of each piece of the locked
  file, and the file's name, to which it is bound (`media.locked`). The key stands in the file's head.
- `receipt`: of an announcement (`submission`), of the whole package with what its verification said (`delivery`), of the
  first time that somebody opened it (`retrieval`). After ERDS evidence, ETSI EN 319 522-1, clause 6.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hearings.errors import Unverifiable
from hearings.sentences import say
from hearings.signatures import Certificate, Signed, fingerprint, leads_to, read_seal, title
from hearings.tree import canonical, read_canonical, stamp

PIECE = 8 * 1024 * 1024
"""Bytes of the locked file that are fetched and checked together; the last piece is shorter."""
MOST_PIECES = 40_000
LARGEST = 4 * 1024 * 1024  # bytes of a statement

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Urn = Annotated[str, Field(pattern=r"^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
Size = Annotated[int, Field(ge=1, le=2**53 - 1)]


class Sealer(Protocol):
    """A court's seal (`seals.CourtSeal`)."""

    @property
    def certificate(self) -> Certificate: ...

    def sign(self, content: bytes, at: datetime) -> bytes: ...


# --- who is believed ---------------------------------------------------------------------------


class Partner(NamedTuple):
    """Another court's service. `seals`: the SHA-256 of each certificate with which it may seal."""

    name: str
    address: str
    seals: frozenset[str]


# --- statements --------------------------------------------------------------------------------


class Sealed(NamedTuple):
    """A statement as it is kept: its bytes, and the seal over them."""

    document: bytes
    seal: bytes

    def told(self) -> dict[str, str]:
        return {
            "document": base64.b64encode(self.document).decode(),
            "seal": base64.b64encode(self.seal).decode(),
        }


def read_told(told: Any) -> Sealed:
    """As `Sealed.told` has it. Raises: Unverifiable."""
    try:
        document, seal = (base64.b64decode(told[name], validate=True) for name in ("document", "seal"))
    except (TypeError, KeyError, ValueError, binascii.Error) as error:
        raise Unverifiable(say("This is no sealed statement.")) from error
    return Sealed(document, seal)


class Statement(BaseModel):
    """`from` and `to`: the SHA-256 of the certificates of the courts' seals."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    kinds: ClassVar[frozenset[str]]

    v: Literal[1]
    kind: str
    sender: Digest = Field(alias="from")
    time: Time


class LockTold(Statement):
    """`public`: base64 of the public half of a pair (`media.locked.PUBLIC`)."""

    kinds = frozenset({"lock"})

    public: str = Field(max_length=4096)


class Announcement(Statement):
    """`size` and `sha256` are the package's, `length` and `pieces` those of the locked file, which is `file`."""

    kinds = frozenset({"announcement"})

    id: Number
    hearing: Urn
    reference: str = Field(min_length=1, max_length=100)
    version: str = Field(pattern=r"^[a-z]{1,20}$")
    size: Size
    sha256: Digest
    file: str = Field(pattern=r"^[a-z2-7]{8}$")
    length: Size
    pieces: list[Digest] = Field(min_length=1, max_length=MOST_PIECES)
    to: Digest

    @property
    def name(self) -> str:
        """To which the locked file is bound; of no file of ours."""
        return bound_name(UUID(self.hearing.removeprefix("urn:uuid:")), UUID(self.id), self.file)


class Receipt(Statement):
    """`digest`: of the announcement; `package`: of the package; of a delivery what its verification said."""

    kinds = frozenset({"submission", "delivery", "retrieval"})

    announcement: Number
    digest: Digest
    hearing: Urn
    package: Digest
    to: Digest
    accepted: bool | None = None
    verdict: str | None = Field(default=None, max_length=4000)


T = TypeVar("T", bound=Statement)


class Read(NamedTuple):
    """A statement that is believed, by whom it is, and the certificate that it was sealed with."""

    partner: Partner
    signer: Certificate


def bound_name(hearing: UUID, sending: UUID, file: str) -> str:
    return f"{hearing}-{sending}-{file}.sent"


def sealed(seal: Sealer, kind: str, at: datetime, **members: Any) -> Sealed:
    """A statement of this court; members that are None are left out."""
    told = {name: value for name, value in members.items() if value is not None}
    document = canonical(
        {"v": 1, "kind": kind, "from": fingerprint(seal.certificate), "time": stamp(at), **told}
    )
    return Sealed(document, seal.sign(document, at))


def read(statement: Sealed, kind: type[T], partners: Iterable[Partner], at: datetime) -> tuple[T, Read]:
    """What a partner says. Raises: Unverifiable, whoever else says it and whatever it is."""
    if len(statement.document) > LARGEST:
        raise Unverifiable(say("This statement is larger than the format allows."))
    signed = read_seal(statement.seal, statement.document)
    partner = known(signed, partners)
    leads_to((signed.signer,), (), at)
    try:
        told = kind.model_validate(read_canonical(statement.document))
    except ValidationError as error:
        raise Unverifiable(say("This statement is not of the form.")) from error
    if told.kind not in kind.kinds:
        raise Unverifiable(say("This is a statement of another kind."))
    if told.sender != fingerprint(signed.signer):
        raise Unverifiable(say("The statement names another court than the one that sealed it."))
    return told, Read(partner, signed.signer)


def known(signed: Signed, partners: Iterable[Partner]) -> Partner:
    """Raises: Unverifiable for a court that the settings do not name."""
    key = fingerprint(signed.signer)
    for partner in partners:
        if key in partner.seals:
            return partner
    raise Unverifiable(
        say(
            "This is sealed by “{owner}”, which is not among the partners of this service. SHA-256: {key}",
            owner=title(signed.signer),
            key=key,
        )
    )


def check_pieces(announced: Announcement) -> None:
    """Raises: Unverifiable if there are not as many pieces as the file is long."""
    if len(announced.pieces) != -(-announced.length // PIECE):
        raise Unverifiable(say("The announcement names another number of pieces than the file has."))


def piece_length(announced: Announcement, n: int) -> int:
    """Bytes of the piece with this number, from 0."""
    return min(PIECE, announced.length - n * PIECE)


def in_order(statements: Mapping[str, Sealed]) -> Sequence[Sealed]:
    """Receipts in the order in which they are given."""
    return [statements[kind] for kind in ("submission", "delivery", "retrieval") if kind in statements]
