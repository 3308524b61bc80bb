"""embeds: what voids their links"""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('jobs', sa.Column('embed_version', sa.Integer(), server_default='0', nullable=False))
