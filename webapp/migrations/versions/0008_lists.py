"""indexes: lists and estimates that take no longer the more jobs have ended"""

from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

def upgrade() -> None:

    with op.batch_alter_table('jobs', schema=None) as batch_op:
        batch_op.drop_index('ix_jobs_waiting')
        batch_op.create_index('ix_jobs_waiting', ['state', 'priority', 'owner_id', 'id', 'run_at', 'kind'], unique=False)
        batch_op.create_index('ix_jobs_batch_id_id', ['batch_id', 'id'], unique=False)
        batch_op.create_index('ix_jobs_file_name_id', ['file_name', 'id'], unique=False)
        batch_op.create_index('ix_jobs_kind_id', ['kind', 'id'], unique=False)
        batch_op.create_index('ix_jobs_kind_state_id', ['kind', 'state', 'id'], unique=False)
        batch_op.create_index('ix_jobs_owner_id_batch_id_id', ['owner_id', 'batch_id', 'id'], unique=False)
        batch_op.create_index('ix_jobs_owner_id_state_id', ['owner_id', 'state', 'id'], unique=False)

