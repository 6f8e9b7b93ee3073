"""The texts of notices and declarations: read, and approved for an authority. For administrators."""

from typing import Any

from litestar import Controller, get, post

from consent import notices
from consent.notices import Text
from frontend.shown import Done, Shown
from hearings.accounts import Accounts, Staff
from hearings.approvals import Approvals, NewApproval
from hearings.events import DECLARED
from hearings.tables import Approval


class NoticePages(Controller):
    tags = ["staff"]
    path = "/notices"

    @get("/", sync_to_thread=True)
    def show(self, staff: Staff, accounts: Accounts, approvals: Approvals) -> Shown:
        """Every text in every language, with its digest, and which authority has approved it."""
        approved = approvals.approved(staff)
        told = [
            _told(text, language, approved) for text in notices.load().values() for language in text.wording
        ]
        return Shown(
            told,
            "notices.html",
            who=staff.name,
            role=staff.role,
            whats=DECLARED,
            texts=list(notices.load().values()),
            authorities={str(row.id): row for row in accounts.authorities()},
            people={str(row.id): row.name for row in accounts.accounts(staff)},
        )

    @post("/approve", sync_to_thread=True, status_code=200)
    def approve(self, data: NewApproval, staff: Staff, approvals: Approvals) -> Done:
        approvals.approve(staff, data)
        return Done({"approved": data.sha256})


def _told(text: Text, language: str, approved: list[Approval]) -> dict[str, Any]:
    digest = notices.digest(text, language)
    return {
        "text": text.id,
        "version": text.version,
        "language": language,
        "sha256": digest,
        "approved": [
            {
                "authority": str(row.authority_id),
                "by": str(row.account_id),
                "at": row.approved.isoformat(),
            }
            for row in approved
            if (row.text, row.version, row.language, row.sha256) == (text.id, text.version, language, digest)
        ],
    }
