"""Runs the migrations with Alembic, from the program itself; there is no alembic.ini to keep."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run every migration that the database lacks, inside the connection's transaction."""
    command.upgrade(_config_on(connection), to)


def downgrade(connection: Connection, to: str) -> None:
    """Undo migrations down to revision `to`, or all with "base"; what they added is lost."""
    command.downgrade(_config_on(connection), to)


def _config_on(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
