"""which process arms the clock; files of more than two gigabytes"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    if op.get_bind().dialect.name == "sqlite":
        return  # where every whole number has eight bytes
    for table, column in (("segment", "off"), ("copy", "size"), ("cursor", "n")):
        op.alter_column(table, column, type_=sa.BigInteger(), existing_type=sa.Integer())
