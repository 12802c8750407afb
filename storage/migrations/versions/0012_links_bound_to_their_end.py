"""Private links are sealed for the moment at which they end.

Those of the version before are bound to none, so they go: each is good for ten minutes, and a press makes another.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.execute("DELETE FROM password_links")


def downgrade() -> None:
    """Undo this revision: the version before does not open links of this one either."""
    op.execute("DELETE FROM password_links")
