"""Many instances and many workspaces: installations, their OAuth states, requests seen, retired keys, copies, one run.

Everything here is added, so the version before goes on reading and writing beside this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ONE_LEFT_RUNNING = """
    UPDATE test_runs SET status = 'interrupted'
    WHERE status = 'running' AND run_id NOT IN (
        SELECT max(run_id) FROM test_runs WHERE status = 'running' GROUP BY workspace
    )
"""


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "installations",
        sa.Column("record_id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False, unique=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_installations_key_id", "installations", ["key_id"])
    for table, key in (("oauth_states", "state_hash"), ("seen_requests", "name")):
        op.create_table(
            table, sa.Column(key, sa.String(64), primary_key=True), sa.Column("ends_at", sa.Float(53), nullable=False)
        )
    op.create_table("unfinished_copies", sa.Column("source", sa.String(64), primary_key=True))
    op.add_column("key_checks", sa.Column("retired_at", sa.DateTime(timezone=True)))
    op.execute(_ONE_LEFT_RUNNING)
    running = sa.text("status = 'running'")
    op.create_index(
        "ux_test_runs_running", "test_runs", ["workspace"], unique=True, sqlite_where=running, postgresql_where=running
    )


def downgrade() -> None:
    """Undo this revision."""
    op.drop_index("ux_test_runs_running", "test_runs")
    op.drop_column("key_checks", "retired_at")
    for table in ("unfinished_copies", "seen_requests", "oauth_states", "installations"):
        op.drop_table(table)
