"""The table of people's tabs: a digest of each Home tab that was published, and who was welcomed on Messages."""

from collections.abc import Collection

from sqlmodel import col, select, update

from storage.models import HomeRow
from storage.tables.table import Table, insert_new, insert_or_replace, is_one_of


class HomeTable(Table):
    """The Home tabs, inside one transaction."""

    async def digest(self, workspace: str, user: str) -> str | None:
        """Return the digest of what a person's Home tab shows; None when none was published."""
        digest: str | None = await self._connection.scalar(
            select(HomeRow.digest).filter_by(workspace=workspace, user_id=user)
        )
        return digest

    async def note(self, workspace: str, user: str, digest: str, *, shows_everybody: bool) -> None:
        """Store what was published, and whether it shows everybody's profiles or one's own alone."""
        row = HomeRow(workspace=workspace, user_id=user, digest=digest, shows_everybody=shows_everybody)
        values = row.model_dump(exclude={"welcomed"})
        await insert_or_replace(self._connection, HomeRow, values, key=("workspace", "user_id"))

    async def welcome(self, workspace: str, user: str) -> bool:
        """Store that a person is welcomed now; False when they were before."""
        row = HomeRow(workspace=workspace, user_id=user, digest="", shows_everybody=False, welcomed=True)
        if await insert_new(self._connection, HomeRow, row.model_dump()):
            return True
        # Of two instances one changes the row; the other finds it changed.
        unwelcomed = update(HomeRow).filter_by(workspace=workspace, user_id=user, welcomed=False)
        return (await self._connection.execute(unwelcomed.values(welcomed=True))).rowcount == 1

    async def users(self, workspace: str, *, owners: Collection[str], limit: int) -> list[str]:
        """Return those whose published tabs show any of these owners: they themselves, and who sees everybody."""
        found = await self._connection.scalars(
            select(HomeRow.user_id)
            .filter_by(workspace=workspace)
            .where(col(HomeRow.shows_everybody) | is_one_of(self._connection, col(HomeRow.user_id), owners))
            .order_by(col(HomeRow.user_id))
            .limit(limit)
        )
        return list(found)
