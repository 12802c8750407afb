"""The table of published Home tabs: a digest of each, so that the same content is not published twice."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from storage.models import HomeRow
from storage.tables.upsert import insert_or_replace


class HomeTable:
    """The Home tabs, inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        """Work through `connection`."""
        self._connection = connection

    async def digest(self, workspace: str, user: str) -> str | None:
        """Give the digest of what a person's Home tab shows; None when none was published."""
        digest: str | None = await self._connection.scalar(
            select(col(HomeRow.digest)).where(col(HomeRow.workspace) == workspace, col(HomeRow.user_id) == user)
        )
        return digest

    async def note(self, workspace: str, user: str, digest: str, *, shows_everybody: bool) -> None:
        """Note what was published, and whether it shows everybody's profiles or one's own alone."""
        row = HomeRow(workspace=workspace, user_id=user, digest=digest, shows_everybody=shows_everybody)
        await insert_or_replace(self._connection, HomeRow, row.model_dump(), key=("workspace", "user_id"))

    async def users(self, workspace: str, *, owners: Collection[str], limit: int) -> list[str]:
        """Give those whose published tabs show any of these owners: they themselves, and who sees everybody."""
        found = await self._connection.scalars(
            select(col(HomeRow.user_id))
            .where(
                col(HomeRow.workspace) == workspace,
                col(HomeRow.shows_everybody) | col(HomeRow.user_id).in_(owners),
            )
            .order_by(col(HomeRow.user_id))
            .limit(limit)
        )
        return list(found)
