"""how long recordings are kept"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("authority", schema=None) as batch_op:
        batch_op.add_column(sa.Column("keeps", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("gone", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("rule", sa.String(), nullable=False, server_default=""))
