"""`check`: what an operator would look at first, one finding a line."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import settings
from bot.app import open_database
from bot.settings import Settings, SettingsError
from bot.slack.ids import SCOPES
from storage.database import Database
from storage.keys import KeyMismatchError


@dataclass(frozen=True)
class Finding:
    """One thing examined: whether it is good, and a sentence that says what was found."""

    subject: str
    good: bool
    sentence: str


async def examine() -> list[Finding]:
    """Examine settings, database, keys and Slack's token, in that order; never raises for what it finds."""
    return [finding async for finding in _findings()]


async def _findings() -> AsyncIterator[Finding]:
    try:
        loaded = settings.load()
        loaded.require_slack()
        database = await open_database(loaded)
    except SettingsError as error:
        for line in str(error).splitlines():
            yield Finding("Settings", good=False, sentence=line)
        return
    yield Finding("Settings", good=True, sentence="complete and well-formed.")
    try:
        async for finding in _database_findings(database):
            yield finding
    finally:
        await database.close()
    yield await _slack_finding(loaded)


async def _database_findings(database: Database) -> AsyncIterator[Finding]:
    try:
        await database.ping()
        revision = await database.schema_revision()
    except Exception as error:  # noqa: BLE001 - whatever the driver raised is the finding
        # Its text may name credentials, its type does not.
        yield Finding("Database", good=False, sentence=f"it does not answer ({type(error).__name__}).")
        return
    if revision != database.head_revision:
        yield Finding(
            "Database",
            good=False,
            sentence=f"its schema is at {revision or 'nothing'}; run `email-profile-bot db upgrade`.",
        )
        return
    yield Finding("Database", good=True, sentence=f"it answers, and its schema is at {revision}.")
    try:
        await database.check_keys()
    except KeyMismatchError as error:
        yield Finding("Keys", good=False, sentence=str(error))
        return
    usage = await database.key_usage()
    yield Finding("Keys", good=True, sentence=f"they open all {sum(usage.values())} records.")


async def _slack_finding(loaded: Settings) -> Finding:
    token = loaded.slack_bot_token.get_secret_value() if loaded.slack_bot_token else ""
    client = AsyncWebClient(token=token, base_url=loaded.slack_api_url, timeout=10)
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        return Finding("Slack", good=False, sentence=f"it refuses the bot token ({error.response['error']}).")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return Finding("Slack", good=False, sentence=f"it does not answer ({type(error).__name__}).")
    granted = {scope.strip() for scope in str(answer.headers.get("x-oauth-scopes", "")).split(",")}
    missing = [scope for scope in SCOPES if scope not in granted]
    if missing:
        return Finding(
            "Slack",
            good=False,
            sentence=f"the token lacks {', '.join(missing)}; reinstall the app from manifest.yml.",
        )
    return Finding("Slack", good=True, sentence=f"the token works in {answer['team']} with every scope.")
