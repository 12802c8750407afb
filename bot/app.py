"""The composition root: settings in, everything wired and handed out; nothing is built at import."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.keys import keyring_of
from bot.metrics import CountingTester, Metrics
from bot.profiles.bulk import BulkTests
from bot.profiles.changes import Changes
from bot.profiles.connections import ConnectionTests
from bot.profiles.defaults import WorkspaceDefaults
from bot.profiles.history import History
from bot.profiles.listing import WorkWithEmail
from bot.profiles.moving import Moves
from bot.profiles.private_links import PrivateLinks
from bot.profiles.service import EmailProfiles
from bot.profiles.upkeep import Upkeep
from bot.settings import EXAMPLES, PasswordEntrySetting, Settings, SettingsError
from bot.slack.afterwards import AfterPassword
from bot.slack.body import repair_body_parsing
from bot.slack.directory import SlackDirectory
from bot.slack.home import HomeTabs
from bot.slack.housekeeping import Housekeeping
from bot.slack.ids import COMMANDS
from bot.slack.jobs import Jobs
from bot.slack.once import once
from bot.slack.opening import Opening
from bot.slack.owners import Owners
from bot.slack.register import register
from bot.slack.roster import Roster
from bot.slack.services import Services
from bot.slack.testing import Testing
from bot.slack.views.form import PasswordEntry
from bot.smtp.check import Tester
from bot.smtp.domain import DnsTextRecords, TextRecords, judge
from bot.smtp.guard import Guard
from bot.smtp.network import Network, OpenNetwork
from bot.smtp.trust import trust_store
from bot.web.password_page import PasswordPage
from storage.copying import UnfinishedCopyError, require_complete
from storage.database import Database, OutdatedSchemaError, UnknownSchemaError
from storage.keys import KeyMismatchError
from storage.outages import DatabaseUnavailableError

log = logging.getLogger(__name__)

RUNNING_TESTS = 50
"""Connection tests under way at once in one process; one more is politely refused."""

HANDSHAKES = 32
"""TLS handshakes at once: each costs about 3 ms of CPU, and the event loop should not wait for many."""


class StartError(Exception):
    """The bot cannot start. `str(error)` is one line for the operator."""


class AwayError(StartError):
    """Slack or the database does not answer: the same start may succeed a little later."""


@dataclass(frozen=True, kw_only=True)
class Bot:
    """Everything that serving needs; `page` is None without a public address."""

    slack: AsyncApp
    connections: ConnectionTests
    database: Database
    jobs: Jobs
    metrics: Metrics
    page: PasswordPage | None
    housekeeping: Housekeeping
    tabs: HomeTabs

    async def unready(self) -> str | None:
        """Say in a few words why the database or the keys do not work; None when they do."""
        try:
            await self.database.ping()
            await self.database.check_keys()
        except KeyMismatchError as error:
            return str(error)
        except DatabaseUnavailableError as error:
            return f"the database cannot be used: {error.trouble}"
        except Exception as error:  # noqa: BLE001 - any driver's error means the same to a load balancer
            # Its text may name hosts or parameters, so only its type is told.
            log.warning("The database does not answer: %s", type(error).__name__)
            return "the database does not answer"
        return None


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
        AwayError: the database cannot be used.
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
        raise AwayError(f"DATABASE_URL: the database cannot be used: {error.trouble}. Example: {example}") from None


@asynccontextmanager
async def open_bot(
    settings: Settings, *, network: Network | None = None, records: TextRecords | None = None
) -> AsyncIterator[Bot]:
    """Wire the bot, and close everything in reverse order when the block ends.

    `network` and `records` replace the open network and the DNS in the demo and in tests.

    Raises:
        SettingsError: a setting is missing or wrong.
        StartError: Slack refuses the token, or the schema is outdated.
        AwayError: Slack or the database does not answer.
        KeyMismatchError: a key is missing, wrong or retired.
    """
    settings.require_slack()
    repair_body_parsing()
    database = await open_database(settings)
    try:
        await prepare_database(database)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            bot = await _wire(settings, database, session, network or OpenNetwork(), records or DnsTextRecords())
            async with _by_itself(bot.housekeeping.keep_house, bot.tabs.keep_up):
                yield bot
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


async def _wire(
    settings: Settings,
    database: Database,
    session: aiohttp.ClientSession,
    network: Network,
    records: TextRecords,
) -> Bot:
    metrics = Metrics()
    jobs = Jobs(most=RUNNING_TESTS)
    metrics.watch_jobs(lambda: jobs.running)
    client = _web_client(settings, session, token=settings.slack_bot_token)
    identity = await _identity(client)
    workspace = identity.enterprise_id or identity.team_id or ""
    changes = Changes()
    services = _services(
        settings, database, session, workspace, jobs, changes, _tester(settings, network, metrics), records
    )
    # Home tabs count their tries themselves.
    tabs = HomeTabs(services=services, database=database, client=_quick_client(settings, session))
    changes.listen(tabs.changed)
    history = timedelta(days=settings.history_days)
    upkeep = Upkeep(database=database, history=history, clock=database.now, on_change=changes.tell)
    roster = Roster(
        database=database,
        client=client,
        directory=services.directory,
        upkeep=upkeep,
        clock=database.now,
        on_change=changes.tell,
    )
    slack = _bolt(settings, session, identity)
    slack.middleware(_counted(metrics))
    slack.middleware(once(database))
    register(slack, services, tabs=tabs, roster=roster)
    return Bot(
        slack=slack,
        connections=services.connections,
        database=database,
        jobs=jobs,
        metrics=metrics,
        page=_page(settings, services, client),
        housekeeping=Housekeeping(
            workspace=workspace,
            database=database,
            roster=roster,
            upkeep=upkeep,
            bulk=services.bulk,
            client=client,
        ),
        tabs=tabs,
    )


def now() -> datetime:
    """Give the time now, aware UTC."""
    return datetime.now(UTC)


def _tester(settings: Settings, network: Network, metrics: Metrics) -> CountingTester:
    tester = Tester(
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
    session: aiohttp.ClientSession,
    workspace: str,
    jobs: Jobs,
    changes: Changes,
    tester: CountingTester,
    records: TextRecords,
) -> Services:
    """Make the rules, and what listeners work with."""
    for_admins: dict[str, Any] = {"database": database, "admin_user_ids": settings.admin_user_ids}
    changing: dict[str, Any] = {**for_admins, "clock": now, "on_change": changes.tell}
    typing: dict[str, Any] = {**changing, "password_in_form": settings.password_entry is PasswordEntrySetting.FORM}
    profiles = EmailProfiles(**typing)
    connections = ConnectionTests(**typing, tester=tester, judge=lambda domain: judge(domain, records))
    listing = WorkWithEmail(**for_admins)
    directory = SlackDirectory(_quick_client(settings, session), workspace)
    entry = _password_entry(settings)
    links = None
    if settings.public_url:
        links = PrivateLinks(
            database=database,
            directory=directory,
            public_url=settings.public_url,
            clock=now,
            on_change=changes.tell,
        )
    return Services(
        profiles=profiles,
        connections=connections,
        listing=listing,
        bulk=BulkTests(database=database, listing=listing, connections=connections),
        history=History(**for_admins),
        defaults=WorkspaceDefaults(**for_admins, on_change=changes.tell),
        moves=Moves(**changing),
        links=links,
        jobs=jobs,
        directory=directory,
        owners=Owners(jobs),
        testing=Testing(jobs=jobs, profiles=profiles, connections=connections, directory=directory),
        opening=Opening(profiles=profiles, directory=directory, entry=entry),
        entry=entry,
    )


def _password_entry(settings: Settings) -> PasswordEntry:
    if settings.password_entry is PasswordEntrySetting.PRIVATE:
        return PasswordEntry.PRIVATE
    return PasswordEntry.EITHER if settings.public_url else PasswordEntry.IN_FORM


def _page(settings: Settings, services: Services, client: AsyncWebClient) -> PasswordPage | None:
    if services.links is None or settings.public_url is None:
        return None
    after = AfterPassword(client, services.jobs, services.entry)
    return PasswordPage(services.links, settings.public_url, after.show)


def _web_client(settings: Settings, session: aiohttp.ClientSession, *, token: SecretStr | None) -> AsyncWebClient:
    client = AsyncWebClient(
        token=token.get_secret_value() if token else None,
        base_url=settings.slack_api_url,
        timeout=30,
        session=session,
    )
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=2))
    return client


def _quick_client(settings: Settings, session: aiohttp.ClientSession) -> AsyncWebClient:
    """Make a client that never waits and tries again by itself: Slack waits for our answer meanwhile."""
    client = _web_client(settings, session, token=settings.slack_bot_token)
    client.retry_handlers = []
    return client


def _bolt(settings: Settings, session: aiohttp.ClientSession, identity: AuthorizeResult) -> AsyncApp:
    async def authorize(**_: Any) -> AuthorizeResult:
        return identity

    secret = settings.slack_signing_secret
    return AsyncApp(
        # Without a token of its own: each request's client gets the one that `authorize` gives.
        client=_web_client(settings, session, token=None),
        authorize=authorize,
        # Socket Mode requests carry no signature: their trust is the connection's.
        signing_secret=secret.get_secret_value() if secret else None,
        request_verification_enabled=settings.slack_app_token is None,
        # Listeners acknowledge and hand slow work to `Jobs`, so waiting for them is short; it also
        # spares Bolt's 10 ms ack poll.
        process_before_response=True,
    )


async def _identity(client: AsyncWebClient) -> AuthorizeResult:
    """Ask Slack once who the bot is, so that no request has to wait for it."""
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        why = f"Slack refuses this token ({error.response['error']}); copy it again."
        raise StartError(f"SLACK_BOT_TOKEN: {why} Example: {EXAMPLES['SLACK_BOT_TOKEN']}") from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise AwayError(
            f"SLACK_API_URL: {client.base_url} does not answer ({type(error).__name__}). "
            f"Example: {EXAMPLES['SLACK_API_URL']}"
        ) from None
    return AuthorizeResult.from_auth_test_response(auth_test_response=answer, bot_token=client.token)


def _counted(metrics: Metrics) -> Callable[..., Awaitable[None]]:
    async def count(body: dict[str, Any], next: Callable[[], Awaitable[None]]) -> None:  # noqa: A002 - Bolt's name
        kind = body.get("command") or body.get("type") or "other"
        known = {*COMMANDS, "block_actions", "view_submission", "view_closed", "event_callback"}
        metrics.count_request(kind if kind in known else "other")
        await next()

    return count
