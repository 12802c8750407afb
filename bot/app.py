"""The composition root: settings in, everything wired and handed out; nothing is built at import."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from pydantic import SecretStr
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient

from bot.health import Health, State
from bot.keys import keyring_of
from bot.observability.metrics import CountingTester, Metrics
from bot.observability.tracing import Traces
from bot.profiles.account.changes import ChangeEvents
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.account.private_links import PrivateLinks
from bot.profiles.people.access import Access
from bot.profiles.people.default_moves import DefaultMoves
from bot.profiles.people.defaults import WorkspaceDefaults
from bot.profiles.people.history import History
from bot.profiles.people.people_list import PeopleList
from bot.profiles.people.retention import Retention
from bot.profiles.tests.bulk_tests import BulkTests
from bot.profiles.tests.connection_tests import ConnectionTests
from bot.settings import EXAMPLES, PasswordEntrySetting, Settings, SettingsError
from bot.slack.app import app_of_many, app_of_one, complete
from bot.slack.background.home_tabs import HomeTabs
from bot.slack.background.housekeeping import Housekeeping
from bot.slack.background.user_sync import UserSync
from bot.slack.commands import Commands
from bot.slack.listeners.services import Services
from bot.slack.middleware.body_parser import repair_body_parsing
from bot.slack.middleware.deduplication import Deduplicator
from bot.slack.middleware.request_log import ServedApp
from bot.slack.register import register
from bot.slack.replies.connection_tests import Testing
from bot.slack.replies.jobs import Jobs
from bot.slack.replies.owner_notices import OwnerNotices
from bot.slack.replies.password_set import PasswordSetNotice
from bot.slack.replies.profile_forms import ProfileForms
from bot.slack.views.form import PasswordEntry
from bot.slack.web_api.call_health import SlackCalls
from bot.slack.web_api.clients import Clients, slack_session
from bot.slack.web_api.errors import SLACK_FAILS, is_busy, refusal
from bot.slack.workspaces.installations import Installations, StateStore
from bot.slack.workspaces.oauth import INSTALL_PATH, InstallFlow, install_flow
from bot.slack.workspaces.token_rotation import OnRenewal, TokenRotation
from bot.slack.workspaces.users import SlackDirectory
from bot.slack.workspaces.workspaces import OneWorkspace, Workspaces
from bot.smtp.check.stages import ConnectionTester
from bot.smtp.network.connect import Network, OpenNetwork
from bot.smtp.network.domain import DnsTextRecords, TextRecords, judge
from bot.smtp.network.guard import Guard
from bot.smtp.network.trust import trust_store
from bot.web.pages import Pages
from bot.web.password_page import PasswordPage
from storage.database import Database, OutdatedSchemaError, UnknownSchemaError
from storage.engines.unavailable import DatabaseUnavailableError
from storage.maintenance.copy import UnfinishedCopyError, require_complete

log = logging.getLogger(__name__)

RUNNING_TESTS = 50
"""Connection tests under way at once in one process; one more is politely refused."""

HANDSHAKES = 32
"""TLS handshakes at once: each costs about 3 ms of CPU, and the event loop should not wait for many."""


class StartError(Exception):
    """The bot cannot start. `str(error)` is one line for the operator."""


class TemporaryStartError(StartError):
    """Slack or the database does not answer: the same start may succeed a little later."""


@dataclass(frozen=True, kw_only=True)
class Bot:
    """Everything that serving needs.

    `page` is None without a public address, `installing` and `installations` when the bot has one workspace.
    """

    slack: ServedApp
    connections: ConnectionTests
    database: Database
    jobs: Jobs
    metrics: Metrics
    pages: Pages
    page: PasswordPage | None
    installing: InstallFlow | None
    installations: Installations | None
    housekeeping: Housekeeping
    tabs: HomeTabs
    health: Health


async def open_database(settings: Settings) -> Database:
    """Make the database object from the settings, its keys unwrapped; the database is not connected yet.

    Raises:
        SettingsError: no usable key, or an unusable database address.
    """
    keyring = await keyring_of(settings)
    try:
        return Database.connect(settings.database_url.get_secret_value(), keyring)
    except ValueError as error:
        raise SettingsError({"DATABASE_URL": str(error)}) from None


async def prepare_database(database: Database) -> None:
    """Bring the schema up to date where that is ours to do, and hold the keys against the records.

    Raises:
        StartError: the schema is outdated or newer than this version, or a copy into the database was cut short.
        TemporaryStartError: the database cannot be used.
        KeyMismatchError: a key is missing, wrong or retired.
    """
    try:
        if database.is_sqlite:
            await database.upgrade()
        else:
            await database.require_schema()
        await require_complete(database)
        await database.check_keys()
    except (OutdatedSchemaError, UnknownSchemaError, UnfinishedCopyError) as error:
        raise StartError(str(error)) from None
    except DatabaseUnavailableError as error:
        example = EXAMPLES["DATABASE_URL"]
        raise TemporaryStartError(
            f"DATABASE_URL: the database cannot be used: {error.fault}. Example: {example}"
        ) from None


@asynccontextmanager
async def open_bot(
    settings: Settings,
    *,
    network: Network | None = None,
    records: TextRecords | None = None,
    traces: Traces | None = None,
) -> AsyncIterator[Bot]:
    """Wire the bot, and close everything in reverse order when the block ends.

    `network` and `records` replace the open network and the DNS in the demo and in tests; `traces` follow what
    the bot does.

    Raises:
        SettingsError: a setting is missing or wrong.
        StartError: Slack refuses the token, or the schema is outdated.
        TemporaryStartError: Slack or the database does not answer.
        KeyMismatchError: a key is missing, wrong or retired.
    """
    settings.require_slack()
    repair_body_parsing()
    database = await open_database(settings)
    try:
        await prepare_database(database)
        calls = SlackCalls()
        watching = [calls.watching(), *([traces.slack_calls()] if traces else [])]
        async with slack_session(*watching) as session:
            bot = await _wire(settings, database, session, calls, network or OpenNetwork(), records or DnsTextRecords())
            if traces is not None:
                traces.follow(bot.slack, database, bot.metrics)
            try:
                async with _by_itself(bot.housekeeping.keep_house, bot.tabs.keep_up):
                    yield bot
            finally:
                if bot.installations is not None:
                    await bot.installations.finish()
    finally:
        await database.close()


@asynccontextmanager
async def _by_itself(*works: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Let works go on beside the block, and end them with it."""
    tasks = [asyncio.create_task(work(), name=work.__name__) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _wire(  # noqa: PLR0917 - each is of its own type
    settings: Settings,
    database: Database,
    session: aiohttp.ClientSession,
    calls: SlackCalls,
    network: Network,
    records: TextRecords,
) -> Bot:
    metrics, jobs, changes = Metrics(), Jobs(most=RUNNING_TESTS), ChangeEvents()
    metrics.watch_jobs(lambda: jobs.running)
    metrics.watch_database(database)
    health = Health(database, calls)
    calls.observe(metrics.count_slack_call)
    metrics.watch_health(State, health.troubles)
    history = timedelta(days=settings.history_days)
    upkeep = Retention(database=database, history=history, clock=database.now, on_change=changes.publish)
    pages = Pages(https=urlsplit(settings.public_url or "").scheme == "https")
    house = await _house(settings, database, Clients(session, settings.slack_api_url), upkeep, metrics, pages)
    services = _services(
        settings, database, house.workspaces, jobs, changes, _tester(settings, network, metrics), records
    )
    tabs = HomeTabs(services=services, database=database, workspaces=house.workspaces)
    changes.subscribe(tabs.changed)
    roster = UserSync(
        database=database,
        workspaces=house.workspaces,
        directory=services.directory,
        clock=database.now,
        on_change=changes.publish,
    )
    house.slack.observe(metrics.observe_request)
    commands = Commands()
    register(house.slack, commands, services, tabs=tabs, roster=roster)
    complete(house.slack, commands, workspaces=house.workspaces, once=Deduplicator(database))
    return Bot(
        slack=house.slack,
        connections=services.connections,
        database=database,
        jobs=jobs,
        metrics=metrics,
        pages=pages,
        page=_page(services, house.workspaces, pages),
        installing=house.installing,
        installations=house.installations,
        housekeeping=Housekeeping(
            workspaces=house.workspaces,
            database=database,
            roster=roster,
            upkeep=upkeep,
            bulk=services.bulk,
        ),
        tabs=tabs,
        health=health,
    )


@dataclass(frozen=True, kw_only=True)
class SlackConnection:
    """Where the bot works, and Bolt's app for it; the rest is None in one workspace."""

    workspaces: Workspaces
    slack: ServedApp
    installing: InstallFlow | None = None
    installations: Installations | None = None


async def _house(  # noqa: PLR0917 - each is of its own type
    settings: Settings, database: Database, clients: Clients, upkeep: Retention, metrics: Metrics, pages: Pages
) -> SlackConnection:
    # Socket Mode requests carry no signature: their trust is the connection's.
    secret = None if settings.slack_app_token else settings.slack_signing_secret or SecretStr("")
    client = clients.patient(None)
    if settings.many_workspaces:
        installations = open_installations(settings, database, clients, metrics.count_token_renewal)
        client_id, client_secret = _oauth(settings)
        flow = install_flow(
            client_id=client_id,
            client_secret=client_secret,
            public_url=settings.public_url,
            client=clients.quick(None),
            states=StateStore(database),
            installations=installations,
            page=pages.html,
        )
        slack = app_of_many(installations, flow, client=client, signing_secret=secret)
        return SlackConnection(workspaces=installations, slack=slack, installing=flow, installations=installations)
    token = settings.slack_bot_token.get_secret_value() if settings.slack_bot_token else None
    identity = await _identity(clients.patient(token))
    workspace = OneWorkspace(
        identity.enterprise_id or identity.team_id or "", clients=clients, token=token, upkeep=upkeep
    )
    slack = app_of_one(workspace, identity, client=client, signing_secret=secret)
    return SlackConnection(workspaces=workspace, slack=slack)


def open_installations(
    settings: Settings, database: Database, clients: Clients, on_renewal: OnRenewal
) -> Installations:
    """Give the installations in a database, with tokens that are renewed when that is due.

    Raises:
        SettingsError: the settings are for one workspace.
    """
    client_id, client_secret = _oauth(settings)
    rotator = AsyncTokenRotator(
        client_id=client_id, client_secret=client_secret.get_secret_value(), client=clients.quick(None)
    )
    renewals = TokenRotation(database=database, rotator=rotator, on_renewal=on_renewal)
    url = f"{settings.public_url}{INSTALL_PATH}" if settings.public_url else None
    return Installations(database=database, clients=clients, renewals=renewals, install_url=url)


def _oauth(settings: Settings) -> tuple[str, SecretStr]:
    if settings.slack_client_id is None or settings.slack_client_secret is None:
        raise SettingsError({"SLACK_CLIENT_ID": "it is not set, so the bot has one workspace."})
    return settings.slack_client_id, settings.slack_client_secret


def now() -> datetime:
    """Give the time now, aware UTC."""
    return datetime.now(UTC)


def _tester(settings: Settings, network: Network, metrics: Metrics) -> CountingTester:
    tester = ConnectionTester(
        guard=Guard(settings.smtp_allowed_networks, settings.smtp_allowed_ports),
        network=network,
        trust=trust_store(settings.smtp_ca_file),
        timeout=settings.smtp_timeout,
        handshakes=HANDSHAKES,
    )
    return CountingTester(tester, metrics)


def _services(  # noqa: PLR0917 - each is of its own type
    settings: Settings,
    database: Database,
    workspaces: Workspaces,
    jobs: Jobs,
    changes: ChangeEvents,
    tester: CountingTester,
    records: TextRecords,
) -> Services:
    """Make the rules, and what listeners work with."""
    directory = SlackDirectory(workspaces)
    access = Access(directory, settings.admin_user_ids)
    for_admins: dict[str, Any] = {"database": database, "access": access}
    changing: dict[str, Any] = {**for_admins, "clock": now, "on_change": changes.publish}
    typing: dict[str, Any] = {**changing, "password_in_form": settings.password_entry is PasswordEntrySetting.FORM}
    profiles = EmailProfiles(**typing)
    connections = ConnectionTests(**typing, tester=tester, judge=lambda domain: judge(domain, records))
    listing = PeopleList(**for_admins)
    entry = _password_entry(settings)
    links = None
    if settings.public_url:
        links = PrivateLinks(
            database=database,
            access=access,
            public_url=settings.public_url,
            clock=now,
            on_change=changes.publish,
        )
    return Services(
        profiles=profiles,
        connections=connections,
        listing=listing,
        bulk=BulkTests(database=database, access=access, people_list=listing, connections=connections),
        history=History(**for_admins),
        defaults=WorkspaceDefaults(**for_admins, on_change=changes.publish),
        moves=DefaultMoves(**changing),
        links=links,
        jobs=jobs,
        directory=directory,
        owners=OwnerNotices(jobs),
        testing=Testing(jobs=jobs, profiles=profiles, connections=connections),
        opening=ProfileForms(profiles=profiles, directory=directory, entry=entry),
        entry=entry,
    )


def _password_entry(settings: Settings) -> PasswordEntry:
    if settings.password_entry is PasswordEntrySetting.PRIVATE:
        return PasswordEntry.PRIVATE
    return PasswordEntry.EITHER if settings.public_url else PasswordEntry.IN_FORM


def _page(services: Services, workspaces: Workspaces, pages: Pages) -> PasswordPage | None:
    if services.links is None:
        return None
    after = PasswordSetNotice(workspaces, services.jobs, services.entry)
    return PasswordPage(services.links, pages, after.show)


async def _identity(client: AsyncWebClient) -> AuthorizeResult:
    """Ask Slack once who the bot is, so that no request has to wait for it."""
    try:
        answer = await client.auth_test()
    except SLACK_FAILS as error:
        if isinstance(error, SlackApiError) and not is_busy(error):
            why = f"Slack refuses this token ({refusal(error)}); copy it again."
            raise StartError(f"SLACK_BOT_TOKEN: {why} Example: {EXAMPLES['SLACK_BOT_TOKEN']}") from None
        raise TemporaryStartError(
            f"SLACK_API_URL: {client.base_url} does not answer ({type(error).__name__}). "
            f"Example: {EXAMPLES['SLACK_API_URL']}"
        ) from None
    return AuthorizeResult.from_auth_test_response(auth_test_response=answer, bot_token=client.token)
