"""an oath is asked for expressly"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("hearing", schema=None) as batch_op:
        batch_op.add_column(sa.Column("oath", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("oath_by", sa.String(), nullable=True))
