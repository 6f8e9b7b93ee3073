"""The registry's keys: what is recorded of a hearing is locked for it, and opened here alone.

Each hearing has a key pair of its own, and another for what the court seals. The recorder is given the public half and can therefore not read back what an
earlier start of it wrote; the secret half lies in the database under the service key. Destroying it destroys the
recording wherever its files may have been copied to, but not what was taken along in a package.
"""

import base64
import hashlib
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, select

from hearings.errors import Unreachable
from hearings.sentences import say
from hearings.servicekey import ServiceKey
from hearings.tables import RecordingKey
from media.locked import Unwrap, new_pair, unwrapping


class Registry:
    def __init__(self, key: ServiceKey) -> None:
        self._key = key

    def prepare(self, tx: Session, hearing: UUID, at: datetime, *, sealed: bool = False) -> None:
        """The hearing has this pair from now on, if it had none."""
        if tx.get(RecordingKey, (hearing, sealed)) is None:
            public, secret = new_pair()
            wrapped = self._key.wrap(secret, _purpose(hearing, sealed=sealed))
            tx.add(RecordingKey(hearing_id=hearing, sealed=sealed, public=public, secret=wrapped, created=at))

    def opener(self, tx: Session, hearing: UUID, *, sealed: bool = False) -> Unwrap:
        """What opens the recordings of this hearing (`media.locked.opened`). Raises: Unreachable, Unverifiable."""
        pair = tx.get(RecordingKey, (hearing, sealed))
        if pair is None:
            raise Unreachable(say("The key of this recording is not there."))
        return unwrapping(self._key.unwrap(pair.secret, _purpose(hearing, sealed=sealed)))


def destroy(tx: Session, hearing: UUID) -> list[str]:
    """Both pairs of the hearing are gone with this transaction: nothing that was locked for them can be read any more,
    wherever its files were copied to. The SHA-256 of their public halves, to be written down.
    """
    pairs = tx.exec(select(RecordingKey).where(RecordingKey.hearing_id == hearing)).all()
    for pair in pairs:
        tx.delete(pair)
    tx.flush()
    return sorted(hashlib.sha256(pair.public).hexdigest() for pair in pairs)


def public_half(tx: Session, hearing: UUID, *, sealed: bool = False) -> str:
    """In base64, as the recorder is given it. The hearing has been on the record."""
    return base64.b64encode(tx.get_one(RecordingKey, (hearing, sealed)).public).decode()


def _purpose(hearing: UUID, *, sealed: bool) -> str:
    return f"{'sealed' if sealed else 'recording'} {hearing}"
