"""Alembic migrations, run from the program itself; there is no alembic.ini to keep."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def head_revision() -> str:
    """Give the newest revision that this version of the program ships.

    Raises:
        RuntimeError: the migrations have no single head.
    """
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuntimeError("The program ships no migrations.")
    return head


def is_known(revision: str) -> bool:
    """Tell whether this version of the program ships a revision."""
    return revision in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def current_revision(connection: Connection) -> str | None:
    """Read the revision a database is at; None when it has no schema yet."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run every migration that the database lacks, inside the connection's transaction."""
    command.upgrade(_config_on(connection), to)


def downgrade(connection: Connection, to: str) -> None:
    """Take migrations back as far as revision `to`, or all with "base"; what they added is lost."""
    command.downgrade(_config_on(connection), to)


def _config_on(connection: Connection) -> Config:
    config = _config()
    config.attributes["connection"] = connection
    return config
