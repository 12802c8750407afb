"""One installation of the bot: who it is there, and its token; serialised to be sealed, and parsed again."""

import json
import time
from dataclasses import dataclass

from slack_sdk.oauth.installation_store import Bot

from storage.database import Database
from storage.tables.installations import StoredInstallation

RENEWED_BEFORE_MINUTES = 120
"""A token lives twelve hours (https://docs.slack.dev/authentication/using-token-rotation); this is Bolt's default."""

_EXPIRED_SECONDS = 60
_FIELDS = (
    "app_id",
    "enterprise_id",
    "enterprise_name",
    "team_id",
    "team_name",
    "bot_token",
    "bot_id",
    "bot_user_id",
    "bot_scopes",
    "bot_refresh_token",
    "bot_token_expires_at",
    "is_enterprise_install",
    "installed_at",
)


@dataclass(frozen=True)
class Installed:
    """The bot in one workspace, as stored at `revision`."""

    bot: Bot
    revision: int

    @property
    def expires_soon(self) -> bool:
        """Whether the token should be renewed."""
        return self._ends_within(RENEWED_BEFORE_MINUTES * 60)

    @property
    def is_expired(self) -> bool:
        """Whether the token can no longer be used, or only for seconds."""
        return self._ends_within(_EXPIRED_SECONDS)

    def _ends_within(self, seconds: int) -> bool:
        return self.bot.bot_token_expires_at is not None and self.bot.bot_token_expires_at <= time.time() + seconds


def key_of_bot(bot: Bot) -> str:
    """Return the key of the workspace that a bot is installed in: an organisation's id, or a workspace's."""
    return (bot.enterprise_id if bot.is_enterprise_install else bot.team_id) or ""


def to_document(bot: Bot) -> bytes:
    """Serialise an installation, token and all: to be sealed."""
    return json.dumps({name: getattr(bot, name) for name in _FIELDS}).encode()


async def read_installed(database: Database, workspace: str) -> Installed | None:
    """Return the bot as installed in a workspace; None when it is not, or when the record does not open."""
    async with database.reading() as tx:
        stored = await tx.installations.get(workspace)
    return parse_installation(stored) if stored else None


def parse_installation(stored: StoredInstallation) -> Installed | None:
    """Parse a stored installation; return None when it does not open, or another version wrote it."""
    try:
        return Installed(bot=Bot(**json.loads(stored.document)), revision=stored.revision)
    except (ValueError, TypeError):
        return None
