"""consultation and interpretation"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("place", schema=None) as batch_op:
        batch_op.add_column(sa.Column("consults", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("channel", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("interpreting", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("hears", sa.String(), nullable=True))
