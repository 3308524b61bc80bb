"""priorities and rules of the queue"""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

def upgrade() -> None:

    op.create_table('rules',
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('at_most', sa.Integer(), nullable=True),
    sa.Column('paused_by', sa.String(), nullable=True),
    sa.Column('paused_at', sa.DateTime(), nullable=True),
    sa.PrimaryKeyConstraint('kind', name=op.f('pk_rules'))
    )
    with op.batch_alter_table('jobs', schema=None) as batch_op:
        batch_op.add_column(sa.Column('priority', sa.Integer(), server_default='1', nullable=False))
        batch_op.create_index('ix_jobs_owner_id_started_at', ['owner_id', 'started_at'], unique=False)
        batch_op.create_index('ix_jobs_waiting', ['state', 'priority', 'owner_id', 'id'], unique=False)

