"""retention: numbers of jobs that are never given twice, and the order in which jobs ended"""

from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

def upgrade() -> None:

    # SQLite gives a table this at its making only; other databases count like that anyhow.
    sqlite = op.get_bind().dialect.name == 'sqlite'
    with op.batch_alter_table(
        'jobs', recreate='always' if sqlite else 'never', table_kwargs={'sqlite_autoincrement': True}
    ) as batch_op:
        batch_op.create_index('ix_jobs_file_key', ['file_key', 'file_size'], unique=False)
        batch_op.create_index('ix_jobs_finished_at', ['finished_at', 'id', 'state'], unique=False)
