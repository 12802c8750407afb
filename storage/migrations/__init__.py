"""The schema's revisions: which there are, and at which a database is.

Alembic runs the migrations (`upgrade`). It is slow to import, and most starts find the schema up to date.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text


def revisions() -> list[str]:
    """Return the revisions of this version of the program, oldest first: the beginnings of their files' names."""
    return sorted(file.name.partition("_")[0] for file in (Path(__file__).parent / "versions").glob("[0-9]*_*.py"))


def head_revision() -> str:
    """Return the newest revision of this version of the program."""
    return revisions()[-1]


def current_revision(connection: Connection) -> str | None:
    """Read the revision a database is at; None when it has no schema yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def has_table(connection: Connection, name: str) -> bool:
    """Return whether a database has a table."""
    return bool(inspect(connection).has_table(name))
