"""what the court seals is locked for a pair of its own"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.rename_table("recordingkey", "recordingkey_before")
    op.create_table(
        "recordingkey",
        sa.Column("hearing_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["hearing_id"], ["hearing.id"]),
        sa.PrimaryKeyConstraint("hearing_id", "sealed", name="recordingkey_each"),
    )
    op.execute(
        "INSERT INTO recordingkey (hearing_id, sealed, public, secret, created)"
        " SELECT hearing_id, false, public, secret, created FROM recordingkey_before"
    )
    op.drop_table("recordingkey_before")
