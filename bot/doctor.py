"""`check`: what an operator would look at first, one finding a line."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import settings
from bot.app import open_database, open_installations
from bot.metrics import Metrics
from bot.profiles.errors import MendableError
from bot.settings import Settings, SettingsError
from bot.slack.clients import Clients
from bot.slack.ids import SCOPES
from bot.slack.installing import INSTALL_PATH
from storage.copying import UnfinishedCopyError, require_complete
from storage.database import Database
from storage.keys import KeyMismatchError

MOST_EXAMINED = 5
"""Installations whose token is tried; a bot may have hundreds."""


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
        usable = True
        async for finding in _database_findings(database):
            usable = usable and finding.good
            yield finding
        if not loaded.many_workspaces:
            yield await _slack_finding(loaded)
        elif usable:
            async for finding in _installation_findings(loaded, database):
                yield finding
    finally:
        await database.close()


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
    try:
        await require_complete(database)
    except UnfinishedCopyError as error:
        yield Finding("Database", good=False, sentence=str(error))
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
    return await _token_finding(client, "Slack", "reinstall the app from manifest.yml")


async def _token_finding(client: AsyncWebClient, subject: str, remedy: str) -> Finding:
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        return Finding(subject, good=False, sentence=f"it refuses the bot token ({error.response['error']}).")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return Finding(subject, good=False, sentence=f"it does not answer ({type(error).__name__}).")
    granted = {scope.strip() for scope in str(answer.headers.get("x-oauth-scopes", "")).split(",")}
    missing = [scope for scope in SCOPES if scope not in granted]
    if missing:
        return Finding(subject, good=False, sentence=f"the token lacks {', '.join(missing)}; {remedy}.")
    where = answer.get("team") or "its organisation"
    return Finding(subject, good=True, sentence=f"the token works in {where} with every scope.")


async def _installation_findings(loaded: Settings, database: Database) -> AsyncIterator[Finding]:
    where = f"{loaded.public_url or 'the address of this bot'}{INSTALL_PATH}"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        clients = Clients(session, loaded.slack_api_url)
        installations = open_installations(loaded, database, clients, Metrics().count_token_renewal)
        keys = await installations.keys()
        if not keys:
            yield Finding("Installations", good=True, sentence=f"none yet; the app is installed at {where}.")
        for key in keys[:MOST_EXAMINED]:
            subject = f"Slack in {key}"
            try:
                client = await installations.client_for(key)
            except MendableError:
                yield Finding(
                    subject, good=False, sentence=f"there is no token that works; install it again at {where}."
                )
            else:
                yield await _token_finding(client, subject, f"install the app again at {where}")
        if len(keys) > MOST_EXAMINED:
            rest = len(keys) - MOST_EXAMINED
            yield Finding("Installations", good=True, sentence=f"{len(keys)} in all; the other {rest} were not asked.")
        await installations.finish()
