"""batches: jobs that belong together"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

def upgrade() -> None:
    # SQLite takes a constraint at a table's making only.
    sqlite = op.get_bind().dialect.name == 'sqlite'
    with op.batch_alter_table(
        'jobs', recreate='always' if sqlite else 'never', table_kwargs={'sqlite_autoincrement': True}
    ) as batch_op:
        batch_op.add_column(sa.Column('batch_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('entry', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('is_open', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.create_foreign_key('fk_jobs_batch_id', 'jobs', ['batch_id'], ['id'], ondelete='CASCADE')
        batch_op.create_index('ix_jobs_batch_id_state', ['batch_id', 'state'], unique=False)
        batch_op.create_index('ix_jobs_batch_id_entry', ['batch_id', 'entry'], unique=True)
