"""People, search, workspaces, private links, test runs, Home tabs and leases; history by workspace and time."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    _people()
    _workspaces()
    _work()
    op.create_index("ix_audit_entries_workspace", "audit_entries", ["workspace", "id"])
    op.create_index("ix_audit_entries_at", "audit_entries", ["at"])


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("record_id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deactivated_at", sa.DateTime(timezone=True)),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("workspace", "user_id", name="uq_people_owner"),
    )
    op.create_index("ix_people_position", "people", ["workspace", "position"])
    op.create_index("ix_people_deactivated", "people", ["deactivated_at"])
    op.create_index("ix_people_key_id", "people", ["key_id"])
    op.create_table(
        "search_entries",
        sa.Column("workspace", sa.String(64), primary_key=True),
        sa.Column("token", sa.String(16), primary_key=True),
        sa.Column("state", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.String(64), primary_key=True),
    )
    op.create_index("ix_search_entries_person", "search_entries", ["workspace", "user_id"])
    op.create_table(
        "state_counts",
        sa.Column("workspace", sa.String(64), primary_key=True),
        sa.Column("state", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("people", sa.Integer(), nullable=False),
    )


def _workspaces() -> None:
    op.create_table(
        "workspaces",
        sa.Column("record_id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False, unique=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_workspaces_key_id", "workspaces", ["key_id"])


def _work() -> None:
    op.create_table(
        "password_links",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("ends_at", sa.Float(53), nullable=False),
    )
    op.create_table(
        "test_runs",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("message_ts", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("alive_at", sa.Float(53), nullable=False),
    )
    op.create_index("ix_test_runs_status", "test_runs", ["status"])
    op.create_table(
        "home_tabs",
        sa.Column("workspace", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("shows_everybody", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "leases", sa.Column("name", sa.String(64), primary_key=True), sa.Column("ends_at", sa.Float(53), nullable=False)
    )


def downgrade() -> None:
    """Undo this revision."""
    op.drop_index("ix_audit_entries_at", "audit_entries")
    op.drop_index("ix_audit_entries_workspace", "audit_entries")
    for table in (
        "leases",
        "home_tabs",
        "test_runs",
        "password_links",
        "workspaces",
        "state_counts",
        "search_entries",
        "people",
    ):
        op.drop_table(table)
