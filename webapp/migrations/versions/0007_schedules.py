"""schedules: jobs that are made again and again"""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

def upgrade() -> None:
    op.create_table('schedules',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('owner_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('params', sa.JSON(), nullable=False),
    sa.Column('priority', sa.String(), nullable=False),
    sa.Column('cron', sa.String(), nullable=False),
    sa.Column('zone', sa.String(), nullable=False),
    sa.Column('overlaps', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('next_at', sa.DateTime(), nullable=True),
    sa.Column('due_at', sa.DateTime(), nullable=True),
    sa.Column('taken_at', sa.DateTime(), nullable=True),
    sa.Column('skipped_at', sa.DateTime(), nullable=True),
    sa.Column('skipped_because', sa.String(), nullable=True),
    sa.Column('paused_by', sa.String(), nullable=True),
    sa.Column('file_key', sa.String(), nullable=True),
    sa.Column('file_name', sa.String(), nullable=True),
    sa.Column('file_size', sa.Integer(), nullable=True),
    sa.Column('file_sha256', sa.String(), nullable=True),
    sa.Column('file_type', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['owner_id'], ['users.id'], name=op.f('fk_schedules_owner_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_schedules')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('schedules', schema=None) as batch_op:
        batch_op.create_index('ix_schedules_file_key', ['file_key'], unique=False)
        batch_op.create_index('ix_schedules_next_at', ['next_at'], unique=False)
        batch_op.create_index('ix_schedules_owner_id', ['owner_id'], unique=False)

    # SQLite takes a constraint at a table's making only.
    sqlite = op.get_bind().dialect.name == 'sqlite'
    made = sa.text('schedule_id IS NOT NULL')
    with op.batch_alter_table(
        'jobs', recreate='always' if sqlite else 'never', table_kwargs={'sqlite_autoincrement': True}
    ) as batch_op:
        batch_op.add_column(sa.Column('schedule_id', sa.Integer(), nullable=True))
        batch_op.create_foreign_key('fk_jobs_schedule_id', 'schedules', ['schedule_id'], ['id'], ondelete='SET NULL')
        batch_op.create_index(
            'ix_jobs_schedule_id', ['schedule_id', 'id'], unique=False, sqlite_where=made, postgresql_where=made
        )
