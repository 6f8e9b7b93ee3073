"""Which texts of notices and declarations an authority has approved: exactly these words, by whom and when.

An approval is for the hearings of that authority, on either side. A text whose words change is another one, whatever
its version says, since the digest is approved. For administrators.
"""

from collections.abc import Mapping
from uuid import UUID

from pydantic import Field
from sqlmodel import Session, col, select

from consent import notices
from consent.notices import Text
from hearings.accounts import ADMINISTRATOR, Staff
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotValid
from hearings.journal import Journal
from hearings.said import Said
from hearings.sentences import say
from hearings.tables import Approval, Authority, Hearing


class NewApproval(Said):
    """`sha256`: the digest of the words that were read."""

    authority: UUID
    text: str = Field(min_length=1, max_length=100)
    version: str = Field(min_length=1, max_length=20)
    language: str = Field(pattern=r"^[a-z]{2,3}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Approvals:
    def __init__(self, journal: Journal, texts: Mapping[str, Text]) -> None:
        self._journal = journal
        self._texts = texts

    def approve(self, staff: Staff, new: NewApproval) -> None:
        """Raises: NotAllowed, NotFound, AlreadyDone, and NotValid if other words were read than stand here now."""
        _administrator(staff)
        text = self._texts.get(new.text)
        if text is None or new.language not in text.wording:
            raise NotFound(say("There is no such text."))
        if (new.version, new.sha256) != (text.version, notices.digest(text, new.language)):
            raise NotValid(say("This text has changed since you read it. Read it again."), field="sha256")
        with self._journal.transaction() as tx:
            if tx.get(Authority, new.authority) is None:
                raise NotValid(say("Say for which authority."), field="authority")
            key = (new.text, new.version, new.language, new.sha256, new.authority)
            if tx.get(Approval, key) is not None:
                raise AlreadyDone(say("This text is approved already."))
            tx.add(
                Approval(
                    text=new.text,
                    version=new.version,
                    language=new.language,
                    sha256=new.sha256,
                    authority_id=new.authority,
                    account_id=staff.account,
                    approved=self._journal.clock(),
                )
            )

    def approved(self, staff: Staff) -> list[Approval]:
        """All of them, the newest first."""
        _administrator(staff)
        with self._journal.reading() as tx:
            return list(tx.exec(select(Approval).order_by(col(Approval.approved).desc())))


def holds(tx: Session, hearing: Hearing, text: Text, language: str) -> bool:
    """Whether one of the two authorities of this hearing has approved exactly these words."""
    sides = [hearing.requesting_id, hearing.requested_id]
    found = tx.exec(
        select(Approval).where(
            Approval.text == text.id,
            Approval.version == text.version,
            Approval.language == language,
            Approval.sha256 == notices.digest(text, language),
            col(Approval.authority_id).in_(sides),
        )
    )
    return found.first() is not None


def _administrator(staff: Staff) -> None:
    if staff.role != ADMINISTRATOR:
        raise NotAllowed(say("That is for an administrator."))
