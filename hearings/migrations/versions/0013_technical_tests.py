"""technical tests are appointments, with links of their own"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "appointment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hearing_id", sa.Uuid(), nullable=False),
        sa.Column("place_id", sa.Uuid(), nullable=False),
        sa.Column("start", sa.DateTime(), nullable=False),
        sa.Column("wall", sa.String(length=16), nullable=False),
        sa.Column("fold", sa.String(length=7), nullable=True),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("by", sa.String(length=8), nullable=False),
        sa.Column("cancelled", sa.DateTime(), nullable=True),
        sa.Column("held", sa.DateTime(), nullable=True),
        sa.Column("good", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["hearing_id"], ["hearing.id"]),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_appointment_hearing_id", "appointment", ["hearing_id"])
    op.create_index("ix_appointment_place_id", "appointment", ["place_id"])
    op.create_table(
        "ticket",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("place_id", sa.Uuid(), nullable=False),
        sa.Column("issued", sa.DateTime(), nullable=False),
        sa.Column("redeemed", sa.DateTime(), nullable=True),
        sa.Column("revoked", sa.DateTime(), nullable=True),
        sa.Column("login", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointment.id"]),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"]),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_ticket_appointment_id", "ticket", ["appointment_id"])
    op.create_index("ix_ticket_place_id", "ticket", ["place_id"])
