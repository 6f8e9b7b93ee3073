"""letters that can be looked at, come back and are sent again; private feeds"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("about", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("language", sa.String(), nullable=False, server_default="en"))
        batch_op.add_column(sa.Column("shown", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("said", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("returned", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("again", sa.Uuid(), nullable=True))
    op.create_table(
        "feed",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("hearing_id", sa.Uuid(), nullable=True),
        sa.Column("participant_id", sa.Uuid(), nullable=True),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("revoked", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["hearing_id"], ["hearing.id"]),
        sa.ForeignKeyConstraint(["participant_id"], ["participant.id"]),
        sa.PrimaryKeyConstraint("digest"),
    )
    for column in ("account_id", "hearing_id", "participant_id"):
        op.create_index(op.f(f"ix_feed_{column}"), "feed", [column], unique=False)
