"""heads are cosigned, and frozen for packages"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cosigning",
        sa.Column("hearing_id", sa.Uuid(), nullable=False),
        sa.Column("cosigner", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("away", sa.DateTime(), nullable=True),
        sa.Column("ahead", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["hearing_id"], ["hearing.id"]),
        sa.PrimaryKeyConstraint("hearing_id", "cosigner"),
    )
    op.create_table(
        "cosignature",
        sa.Column("hearing_id", sa.Uuid(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("cosigner", sa.String(), nullable=False),
        sa.Column("line", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["hearing_id"], ["hearing.id"]),
        sa.PrimaryKeyConstraint("hearing_id", "size", "cosigner"),
    )
    op.create_table(
        "frozenhead",
        sa.Column("hearing_id", sa.Uuid(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("signer", sa.String(length=64), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.Column("log_key", sa.LargeBinary(), nullable=False),
        sa.Column("log_key_seal", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("earlier", sa.JSON(), nullable=False),
        sa.Column("frozen", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["hearing_id"], ["hearing.id"]),
        sa.PrimaryKeyConstraint("hearing_id", "size", "signer"),
    )
    op.create_table(
        "cosignedlog",
        sa.Column("vkey", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("introduced", sa.DateTime(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("cosigned", sa.DateTime(), nullable=True),
        sa.Column("trouble", sa.String(), nullable=True),
        sa.Column("shown", sa.LargeBinary(), nullable=True),
        sa.Column("noticed", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("vkey"),
    )
    op.create_index("ix_cosignedlog_origin", "cosignedlog", ["origin"])
    op.create_index("ix_cosignedlog_service", "cosignedlog", ["service"])
