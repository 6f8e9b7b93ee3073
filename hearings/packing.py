"""The sealed package of a closed hearing, in each version (`redaction`): made on demand, proved, searched for what it must
not tell, and kept locked like the recordings that are in it.
"""

import base64
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import version as version_of
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from sqlmodel import Session, col, func, select

from consent.instruments import Instrument
from hearings import checklist, leaks, minutes_pdf, package, pades, tokens, verify
from hearings.actors import Actor, service
from hearings.acts import Acts, locked
from hearings.drawing import Sides, draw
from hearings.errors import NotAllowed, NotFound, NotNow, Unreachable
from hearings.events import (
    PUBLIC_MINUTES,
    VERSION,
    CustodyFetched,
    HearingClosed,
    MinutesSealed,
    ProtectionLifted,
    ProtectionOrdered,
)
from hearings.heads import Heads
from hearings.journal import origin
from hearings.listening import Film
from hearings.making import PART, Makings
from hearings.minutes import Minutes
from hearings.recording import MEDIA
from hearings.redaction import (
    MINUTES_FOLDER,
    Case,
    Version,
    about,
    applied,
    blanked,
    masked,
    redact,
    takes,
    terms_of,
)
from hearings.registry import Registry, public_half
from hearings.roles import TAKERS, Side
from hearings.seals import CourtSeal
from hearings.sentences import say
from hearings.states import State, Verb
from hearings.story import Story
from hearings.tables import Authority, FrozenHead, Hearing, JournalLeaf, Participant, RecordFile
from hearings.terms import Terms
from hearings.timestamps import Stamps
from media.locked import Lock, NotOpened, Unwrap, opened
from media.lockedfile import FRAME, LockedFile
from media.storage import Storage

PUBLIC_VERSION = "Public version, made from the signed minutes"
PATIENCE = 25.0  # seconds: somebody waits at a browser, behind a proxy that perhaps waits for thirty


class Packages:
    def __init__(
        self,
        acts: Acts,
        seal: CourtSeal,
        keys: Registry,
        recordings: Path,
        heads: Heads,
        instruments: Mapping[str, Instrument],
        *,
        stamps: Stamps | None = None,
    ) -> None:
        self._acts = acts
        self._heads = heads
        self._stamps = stamps
        self._journal = acts.journal
        self._seal = seal
        self._keys = keys
        self._recordings = recordings
        self._instruments = instruments
        self._making = recordings.parent / "packages"
        self._packages = Storage(self._making)
        self._makings = Makings(self._making)

    def sealed_package(self, actor: Actor, version: Version = Version.FULL) -> Film:
        """A version of the sealed package of a closed hearing; that it is taken is entered in the journal. It lies locked
        like the recordings that are in it.

        Raises: NotFound, NotAllowed, NotNow, NotYet, Unreachable.
        """
        _may_take(actor, version)
        while True:
            film = self._opened(actor.hearing, version, PATIENCE)
            try:
                with self._acts.act(actor, Verb.TAKE_ALONG) as act:
                    stands = self.stands(act.tx, actor.hearing, version, film)
                    if stands:
                        act.write(CustodyFetched(leaves=film.leaves, kind=version.value, by=act.who.handle))
            except BaseException:
                film.stream.close()
                if self._gone(actor.hearing):  # it was destroyed meanwhile
                    self._packages.remove(_name(actor.hearing, film.leaves, version))
                raise
            if stands:
                return film
            film.stream.close()

    def made(self, hearing: UUID, version: str, *, patience: float | None = PATIENCE) -> Film:
        """The package of a closed hearing in this version, for whoever has asked who may have it. Nothing is entered.
        `patience`: seconds; None: without end.

        Raises: NotFound, NotNow, NotYet, Unreachable.
        """
        return self._opened(hearing, Version(version), patience)

    def stands(self, tx: Session, hearing: UUID, version: str, film: Film) -> bool:
        """Whether nothing was ordered since it was drawn up that this version has to follow: a making takes its time."""
        return version == Version.FULL or _ordered(tx, hearing) <= film.leaves

    def file_name(self, actor: Actor, version: Version) -> str:
        """What to call the file: by the reference, unless that tells of somebody whom the version does not name."""
        return package_name(actor.hearing, self.reference(actor.hearing, version), version)

    def reference(self, hearing: UUID, version: str) -> str:
        """How a hearing is called beside its package: its reference, or its number where that tells of somebody."""
        guarded = Version.PARTIES if version == Version.ANNEX else Version(version)
        with self._journal.reading() as tx:
            row = tx.get_one(Hearing, hearing)
            return _reference(row, terms_of(self._case(tx, row, ()), guarded))

    def _opened(self, id_: UUID, version: Version, patience: float | None) -> Film:
        while True:
            film = self._drawn_up(id_, version, patience)
            with self._journal.reading() as tx:
                if self.stands(tx, id_, version, film):
                    return film
            film.stream.close()

    def _drawn_up(self, id_: UUID, version: Version, patience: float | None) -> Film:
        with self._journal.transaction() as tx:
            hearing = locked(tx, id_)
            if hearing.state is not State.CLOSED:
                raise NotNow(say("The package is made when the file is closed."))
            self._keys.prepare(tx, hearing.id, self._journal.clock())  # it may never have been on the record
        if version in (Version.PARTIES, Version.PUBLIC, Version.ANNEX):
            self._publish(id_)
        with self._journal.reading() as tx:
            settled = _settled(tx, id_)
        self._journal.checkpoint(id_)  # the database may have been away when it was to be signed
        head = self._heads.freeze(id_, at_least=settled)
        with self._journal.reading() as tx:
            lock = Lock(base64.b64decode(public_half(tx, id_)))
            contents, terms = self._contents(tx, tx.get_one(Hearing, id_), head, version)
            unwrap = self._keys.opener(tx, id_)
        name = _name(id_, len(contents.leaves), version)
        film = self._kept(name, unwrap)
        if film is None:
            make = partial(self._make, name, contents, lock, unwrap, terms)
            self._makings.made(name, make, patience=patience)
            film = self._kept(name, unwrap)
        if film is None:
            raise Unreachable(say("The package was written, and cannot be read again."))
        return film._replace(leaves=len(contents.leaves))

    # --- public minutes

    def _publish(self, hearing: UUID) -> None:
        """Public minutes that are clean as things stand now: drawn up once, and again when a protection was ordered since.
        What is ordered while they are drawn makes them unclean, and they are drawn again when a version is asked for next.
        """
        with self._journal.reading() as tx:
            row = tx.get_one(Hearing, hearing)
            case = self._case(tx, row, self._minutes(tx, hearing))
            terms = _to_publish(case)
            drawn = self._public_minutes(tx, row, case, terms) if terms is not None else None
        if drawn is None:
            return
        at = self._journal.clock()
        pdf = minutes_pdf.draw_up(drawn)
        sealed = pades.seal_pdf(pdf, self._seal, reason=PUBLIC_VERSION, at=at, stamps=self._stamps)
        data = pades.archive_pdf(sealed.data, self._seal, at=at, stamps=self._stamps).data
        with self._acts.act(service(hearing), Verb.PUBLISH) as act:
            if _to_publish(self._case(act.tx, act.hearing, self._minutes(act.tx, hearing))) is None:
                return
            path, digest = _next_public(act.story), hashlib.sha256(data).hexdigest()
            act.tx.add(RecordFile(hearing_id=hearing, path=path, data=data, sha256=digest, sealed=act.now))
            act.write(MinutesSealed(path=path, sha256=digest, by=act.who.handle))

    def _public_minutes(self, tx: Session, hearing: Hearing, case: Case, terms: Terms) -> Minutes:
        sides = Sides(
            tx.get_one(Authority, hearing.requesting_id), tx.get_one(Authority, hearing.requested_id)
        )
        frame = checklist.frame(hearing, self._instruments[hearing.instrument], *sides)
        drawn = draw(frame, hearing, sides, Side.REQUESTED, masked(case))
        facts = blanked(drawn.model_dump(mode="json"), terms)
        return Minutes.model_validate({**facts, "drawn_up_by": PUBLIC_VERSION})

    def _case(self, tx: Session, hearing: Hearing, minutes: Iterable[RecordFile]) -> Case:
        entries = self._journal.entries(tx, hearing.id)
        addresses = tx.exec(
            select(Participant.handle, Participant.email).where(Participant.hearing_id == hearing.id)
        )
        return Case(
            story=Story().tell(entries),
            entries=entries,
            addresses={handle: (email,) for handle, email in addresses if email},
            documents={file.path: leaks.told_by(file.data) for file in minutes},
        )

    def _minutes(self, tx: Session, hearing: UUID) -> list[RecordFile]:
        rows = tx.exec(select(RecordFile).where(RecordFile.hearing_id == hearing)).all()
        return [row for row in rows if row.path.startswith(MINUTES_FOLDER)]

    def sweep(self) -> None:
        """What a killed service left half made, in the clear."""
        self._makings.sweep()

    def trust(self) -> bytes:
        """The trust file that names this court's seal and the roots of the authority for timestamps, to be handed over apart
        from any package.
        """
        return package.trust(self._seal, timestamp_roots=self._stamps.roots if self._stamps else ())

    def _gone(self, hearing: UUID) -> bool:
        with self._journal.reading() as tx:
            return tx.get_one(Hearing, hearing).state is not State.CLOSED

    def _kept(self, name: str, unwrap: Unwrap) -> Film | None:
        """One that was made before; nothing if it cannot be opened."""
        try:
            if self._packages.size(name) is None:
                return None
            stream = opened(self._packages.open(name), name, unwrap)
        except (OSError, NotOpened):
            return None
        try:
            return Film(stream.size, stream, stream.digest())
        except NotOpened:
            stream.close()
            return None

    def _make(self, name: str, contents: package.Contents, lock: Lock, unwrap: Unwrap, terms: Terms) -> None:
        """Unless another process made it meanwhile."""
        part = self._making / f"{contents.hearing}-{tokens.handle()}{PART}"  # so that it is destroyed, too
        try:
            self._packages.prepare()
            with self._makings.alone(contents.hearing):
                film = self._kept(name, unwrap)
                if film is not None:
                    film.stream.close()
                    return
                with part.open("xb") as file:
                    at = self._journal.clock()
                    package.write(file, contents, seal=self._seal, at=at, stamps=self._stamps)
                self._prove(part)
                _search(part, terms)
                with part.open("rb") as clear, LockedFile(self._packages, name, lock) as locked:
                    while data := clear.read(FRAME):
                        locked.put(data)
                    locked.finish()
                if self._gone(contents.hearing):  # destroyed meanwhile, when this had not its name yet
                    self._packages.remove(name)
        except (OSError, NotOpened) as error:
            raise Unreachable(
                say("The package could not be written: the disk is full, or a recording is missing.")
            ) from error
        finally:
            with suppress(OSError):
                part.unlink()

    def _prove(self, part: Path) -> None:
        """What does not verify is not handed out: a recording may have been altered on our own disk."""
        verdict = verify.verify(part, trust=self.trust(), head=None, at=self._journal.clock())
        if not verdict.accepted:
            raise Unreachable(
                say(
                    "The record does not verify, so it is not handed out. {verdict}", verdict=verdict.sentence
                )
            )

    def _contents(
        self, tx: Session, hearing: Hearing, head: FrozenHead, version: Version
    ) -> tuple[package.Contents, Terms]:
        """What goes into this version, and by what words it is searched before it is handed out. Whatever was written after
        that head makes no other package.
        """
        leaves = tx.exec(
            select(JournalLeaf)
            .where(JournalLeaf.hearing_id == hearing.id, JournalLeaf.seq < head.size)
            .order_by(col(JournalLeaf.seq))
        ).all()
        minutes = self._minutes(tx, hearing.id)
        case = self._case(tx, hearing, minutes)
        case = replace(case, entries=case.entries[: head.size])
        redaction = redact(case, version)
        storage = Storage(self._recordings / str(hearing.id))
        unwrap = self._keys.opener(tx, hearing.id)
        key = json.loads(head.log_key)
        contents = package.Contents(
            reference=_reference(hearing, redaction.terms),
            hearing=hearing.id,
            origin=origin(hearing.id),
            leaves=[leaf.data for leaf in leaves],
            disclosures=[leaf.disclosures for leaf in leaves],
            checkpoint=head.note,
            log_vkey=hearing.log_vkey,
            earlier=[note.encode() for note in head.earlier],
            timestamps=key["timestamps"],
            token=head.token,
            cosigners=key["cosigners"],
            quorum=key["quorum"],
            log_key_seal=head.log_key_seal,
            checkpoint_seal=head.seal,
            root=head.root,
            media={path: partial(_recorded, storage, path, unwrap) for path in case.story.sealed},
            minutes={file.path: file.data for file in minutes},
            tools={
                "vivavoce": version_of("vivavoce"),
                "aiortc": version_of("aiortc"),
                "typst": version_of("typst"),
            },
            about=about(case.story, version),
        )
        return applied(contents, redaction), redaction.terms


def _to_publish(case: Case) -> Terms | None:
    """What public minutes must not tell, where some are to be drawn up: there are minutes, and no public ones that are clean."""
    public = redact(case, Version.PUBLIC)
    if not case.story.minutes or any(path.endswith(PUBLIC_MINUTES) for path in public.files):
        return None
    return public.terms


def _settled(tx: Session, hearing: UUID) -> int:
    """Over how many entries the head of a package is at least: the closing, every order of protection, all minutes."""
    return _up_to(tx, hearing, _SETTLES)


def _ordered(tx: Session, hearing: UUID) -> int:
    """Over how many entries a version is at least that follows every order of protection."""
    return _up_to(tx, hearing, (ProtectionOrdered.type,))


def _up_to(tx: Session, hearing: UUID, types: Collection[str]) -> int:
    """How many entries there are up to the last of these types; 0 if there is none."""
    seqs = select(func.max(JournalLeaf.seq)).where(
        JournalLeaf.hearing_id == hearing, col(JournalLeaf.type).in_(types)
    )
    last = tx.exec(seqs).one()
    return 0 if last is None else last + 1


_SETTLES = (HearingClosed.type, MinutesSealed.type, ProtectionOrdered.type, ProtectionLifted.type)


def _may_take(actor: Actor, version: Version) -> None:
    """Raises: NotFound, NotAllowed."""
    if not TAKERS.intersection(actor.roles):
        raise NotFound(say("There is no such document."))
    if version not in takes(actor.roles):
        raise NotAllowed(say("You cannot take along {version}.", version=VERSION[version]))


def _search(part: Path, terms: Terms) -> None:
    """Raises: Unreachable."""
    with part.open("rb") as file:
        name = leaks.found(file, terms)
    if name is not None:
        raise Unreachable(
            say(
                "Something that this version must not tell was found in {file}, so it is not handed out.",
                file=name.rpartition("/")[2],
            )
        )


def _next_public(story: Story) -> str:
    drawn = sum(path.endswith(PUBLIC_MINUTES) for path in story.minutes)
    return f"{MINUTES_FOLDER}requested{f'-{drawn + 1}' if drawn else ''}{PUBLIC_MINUTES}"


def _reference(hearing: Hearing, terms: Terms) -> str:
    return str(hearing.id) if terms.within(hearing.reference) else hearing.reference


def _name(hearing: UUID, leaves: int, version: Version) -> str:
    return f"{hearing}-{leaves}{'' if version is Version.FULL else f'-{version}'}.asice"


def _recorded(storage: Storage, path: str, unwrap: Unwrap) -> BinaryIO:
    """A recording, or its index, in the clear. Raises: OSError, NotOpened."""
    name = path.removeprefix(f"{MEDIA}/")
    file = storage.open(name)
    return file if name.endswith(".index.jsonl") else opened(file, name, unwrap)


def package_name(hearing: UUID | str, reference: str, version: Version = Version.FULL) -> str:
    """A file name for the package: the reference, as far as it may stand in one, and the version."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in reference).strip(
        "-"
    )
    return f"{kept or hearing}{'' if version is Version.FULL else f'-{version}'}.asice"
