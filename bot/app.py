"""The composition root: settings in, everything made and handed out; nothing is built at import."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient

from bot.discovery.discovery import Discovery
from bot.discovery.sources import network_sources
from bot.encryption_keys import load_keyring
from bot.health import Health, State
from bot.observability.metrics import CountingTester, Metrics
from bot.observability.tracing import Traces
from bot.profiles.account.address_confirmations import AddressConfirmations
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.account.private_links import PrivateLinks
from bot.profiles.account.settings_finder import SettingsFinder
from bot.profiles.account.settings_searches import SettingsSearches
from bot.profiles.connection_tests.bulk_fixes import BulkFixes
from bot.profiles.connection_tests.bulk_tests import BulkTests
from bot.profiles.connection_tests.connection_tests import ConnectionTests
from bot.profiles.connection_tests.running_tests import RunningTests
from bot.profiles.people.access import Access
from bot.profiles.people.history import History
from bot.profiles.people.members import ChangeEvents
from bot.profiles.people.notices import Notices
from bot.profiles.people.people_list import PeopleList
from bot.profiles.people.reminders import Reminders
from bot.profiles.people.retention import Retention
from bot.profiles.people.workspace_defaults import WorkspaceDefaults
from bot.profiles.sending.daily_history import DailyHistory
from bot.profiles.sending.emailed_messages import EmailedMessages
from bot.profiles.sending.provider_connections import ProviderConnections
from bot.profiles.sending.sending import Sending
from bot.profiles.tokens.program_tokens import ProgramTokens
from bot.programs.program_settings import Endpoints, ServerSettings
from bot.programs.submission.certificate import CertificateError, ServerCertificate
from bot.programs.submission.server import Place, SubmissionServer
from bot.settings import EXAMPLES, PasswordEntrySetting, ProgramsSetting, Settings, SettingsError
from bot.slack.app import SlackApp, bolt_app, slack_app
from bot.slack.background.home_tabs import HomeTabs
from bot.slack.background.housekeeping import Housekeeping
from bot.slack.background.outbox import Outbox
from bot.slack.background.user_sync import UserSync
from bot.slack.listeners.services import Services
from bot.slack.middleware.body_parser import repair_body_parsing
from bot.slack.middleware.deduplication import Deduplicator
from bot.slack.replies.address_confirmation import CodeReplies
from bot.slack.replies.connection_tests import ConnectionTestReplies
from bot.slack.replies.conversation import Conversation
from bot.slack.replies.form_searches import FormSearches
from bot.slack.replies.jobs import Jobs
from bot.slack.replies.password_set import PasswordSetNotice
from bot.slack.replies.profile_forms import ProfileForms
from bot.slack.views.password_entry import PasswordEntry
from bot.slack.web_api.call_health import SlackCalls
from bot.slack.web_api.clients import Clients, slack_session
from bot.slack.web_api.errors import SLACK_ERRORS, error_code, is_temporary
from bot.slack.workspaces.installations import InstallationAuthorize, Installations, StateStore
from bot.slack.workspaces.oauth import INSTALL_PATH, InstallFlow, install_flow
from bot.slack.workspaces.sign_in import SIGN_IN_PATH, SlackSignIn
from bot.slack.workspaces.token_rotation import OnRenewal, TokenRotation
from bot.slack.workspaces.users import SlackDirectory
from bot.slack.workspaces.workspaces import (
    ORGANISATION_WIDE,
    OneWorkspace,
    Workspaces,
    authorize_as,
    is_organisation_wide,
)
from bot.smtp.account import Encryption
from bot.smtp.advice.domain import judge
from bot.smtp.check.tester import ConnectionTester
from bot.smtp.dialogue.session import DEFAULT_HELO
from bot.smtp.network.certificate import trust_store
from bot.smtp.network.connect import Network
from bot.smtp.network.dns_records import DnsRecords
from bot.smtp.network.guard import Guard
from bot.smtp.network.machine import full_host_name
from bot.web.pages import Pages
from bot.web.password_page import PasswordPage
from bot.web.program_values import ProgramValues
from bot.web.sign_in import SignInPages
from storage.crypto.key_checks import KeyMismatchError
from storage.database import Database, OutdatedSchemaError, UnknownSchemaError
from storage.engines.transactions import DatabaseUnavailableError
from storage.maintenance.copy import UnfinishedCopyError, require_complete

log = logging.getLogger(__name__)

RUNNING_TESTS = 50
"""Connection tests under way at once in one process; one more is politely refused."""

HANDSHAKES = 32
"""TLS handshakes that begin at once: each costs about 3 ms of CPU, and the event loop should not wait for many."""


class StartError(Exception):
    """The bot cannot start. `str(error)` is one line for the operator."""


class TemporaryStartError(StartError):
    """Slack or the database does not answer: the same start may succeed a little later."""


@dataclass(frozen=True, kw_only=True)
class Bot:
    """Everything that serving needs.

    `page` is None without a public address, `installing` and `installations` when the bot has one workspace, `programs`
    where programs are switched off, `submission` where no submission server runs.
    """

    slack: SlackApp
    connections: ConnectionTests
    sending: Sending
    database: Database
    jobs: Jobs
    metrics: Metrics
    pages: Pages
    page: PasswordPage | None
    installing: InstallFlow | None
    installations: Installations | None
    housekeeping: Housekeeping
    user_sync: UserSync
    tabs: HomeTabs
    outbox: Outbox
    health: Health
    programs: ProgramTokens | None
    submission: SubmissionServer | None


async def open_database(settings: Settings) -> Database:
    """Return the database of the settings with its keys; it is not connected yet.

    Raises:
        SettingsError: no usable key, or an unusable database address.
    """
    keyring = await load_keyring(settings)
    try:
        return Database.connect(settings.database_url.get_secret_value(), keyring)
    except ValueError as error:
        raise SettingsError({"DATABASE_URL": str(error)}) from None


def unverified_sentence(database: Database) -> str:
    """Return what is to be said of a database beyond this machine that anybody could stand in for; else nothing."""
    if not database.unverified_hosts:
        return ""
    hosts = " and ".join(database.unverified_hosts)
    return (
        f"nothing makes sure that what answers at {hosts} is your PostgreSQL, so who sits between could read and "
        "change what passes. Add sslmode=verify-full and sslrootcert=… to DATABASE_URL."
    )


async def prepare_database(database: Database) -> list[str]:
    """Upgrade the schema of SQLite, require that of PostgreSQL, and check the keys against the records.

    Returns the workspaces whose defaults and allowed servers cannot be read.

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
        return await database.check_workspaces()
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
    traces: Traces | None = None,
    dns: DnsRecords | None = None,
    trust: ssl.SSLContext | None = None,
) -> AsyncIterator[Bot]:
    """Make the bot, and close everything in reverse order when the block ends.

    `network` replaces the machine's network and DNS in the demo and in tests, and `dns` the DNS that settings are
    looked for in; `traces` records spans; `trust` replaces the authorities of the system and of SMTP_CA_FILE.

    Raises:
        SettingsError: a setting is missing or wrong.
        StartError: Slack refuses the token, or the schema is outdated.
        TemporaryStartError: Slack or the database does not answer.
        KeyMismatchError: a key is missing, wrong or retired.
    """
    settings.require_slack()
    repair_body_parsing()
    database = await open_database(settings)
    if unverified := unverified_sentence(database):
        log.warning("The connection to the database: %s", unverified)
    try:
        unreadable = await prepare_database(database)
        calls = SlackCalls()
        watching = [calls.trace_config(), *([traces.slack_calls()] if traces else [])]
        async with slack_session(*watching) as session:
            clients = Clients(session, settings.slack_api_url)
            wiring = _Wiring(settings, database, clients, calls, traces)
            network = network or Network()
            tester = ConnectionTester(
                guard=Guard(settings.smtp_allowed_networks, settings.smtp_allowed_ports),
                network=network,
                trust=trust or trust_store(settings.smtp_ca_file),
                timeout=settings.smtp_timeout,
                handshakes=HANDSHAKES,
                helo=settings.smtp_helo or await full_host_name() or DEFAULT_HELO,
            )
            discovery = Discovery(
                guard=tester.guard,
                network=network,
                dns=dns or DnsRecords(),
                sources=network_sources(trust=tester.trust, handshakes=tester.handshakes, helo=tester.helo),
                setting=settings.discovery,
            )
            bot = await wiring.bot(tester, network, discovery)
            bot.health.note_unreadable(unreadable)
            try:
                async with _in_background(bot.housekeeping.run, bot.user_sync.run, bot.tabs.run, bot.outbox.run):
                    yield bot
            finally:
                await bot.sending.close()
                if bot.installations is not None:
                    await bot.installations.finish()
    except (StartError, SettingsError, KeyMismatchError):
        await database.close_failed()
        raise
    finally:
        await database.close()


@asynccontextmanager
async def _in_background(*works: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run works beside the block, and cancel them at its end."""
    tasks = [asyncio.create_task(work(), name=work.__name__) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True, kw_only=True)
class SlackConnection:
    """The workspaces that the bot serves, and Bolt's app for them; the rest is None in one workspace."""

    workspaces: Workspaces
    bolt: AsyncApp
    installing: InstallFlow | None = None
    installations: Installations | None = None


class _Wiring:
    """The parts of a bot, made one after the other."""

    def __init__(
        self, settings: Settings, database: Database, clients: Clients, calls: SlackCalls, traces: Traces | None
    ) -> None:
        self._settings = settings
        self._database = database
        self._clients = clients
        self._traces = traces
        self._metrics = Metrics()
        self._jobs = Jobs(most=RUNNING_TESTS)
        self._changes = ChangeEvents()
        self._health = Health(database, calls)
        self._retention = Retention(
            database=database,
            history=timedelta(days=settings.history_days),
            clock=database.now,
            on_change=self._changes.publish,
        )
        self._pages = Pages(https=urlsplit(settings.public_url or "").scheme == "https")
        self._metrics.watch_jobs(lambda: self._jobs.running)
        self._metrics.watch_database(database)
        self._metrics.watch_health(State, self._health.faults)
        self._metrics.watch_workspaces(lambda: len(self._health.unreadable_workspaces))
        calls.observe(self._metrics.count_slack_call)
        if traces is not None:
            traces.follow(database, self._metrics)

    async def bot(self, tester: ConnectionTester, network: Network, discovery: Discovery) -> Bot:
        """Make everything."""
        connection = await self._connect()
        workspaces = connection.workspaces
        directory = SlackDirectory(workspaces)
        sending = self._sending(tester)
        services = self._services(
            directory, workspaces, tester=tester, network=network, discovery=discovery, sending=sending
        )
        tabs = self._home_tabs(services, workspaces)
        user_sync = self._user_sync(directory, workspaces)
        slack = slack_app(
            connection.bolt,
            observer=self._metrics.observe_request,
            tracer=self._traces.request if self._traces else None,
            deduplicator=Deduplicator(self._database),
            services=services,
            tabs=tabs,
            conversation=Conversation(database=self._database, profiles=services.profiles, jobs=self._jobs),
            user_sync=user_sync,
        )
        return Bot(
            slack=slack,
            connections=services.connections,
            sending=sending,
            database=self._database,
            jobs=self._jobs,
            metrics=self._metrics,
            pages=self._pages,
            page=self._password_page(services, workspaces),
            installing=connection.installing,
            installations=connection.installations,
            housekeeping=Housekeeping(
                workspaces=workspaces,
                database=self._database,
                user_sync=user_sync,
                retention=self._retention,
                bulk=services.bulk,
                days=DailyHistory(database=self._database, clock=self._database.now),
            ),
            user_sync=user_sync,
            tabs=tabs,
            outbox=self._outbox(services, workspaces),
            health=self._health,
            programs=services.programs,
            submission=self._submission(services.programs, sending),
        )

    def _home_tabs(self, services: Services, workspaces: Workspaces) -> HomeTabs:
        """Make the Home tabs, which are drawn anew after each change."""
        tabs = HomeTabs(
            profiles=services.profiles,
            programs=services.programs,
            connections=services.connections,
            listing=services.listing,
            defaults=services.defaults,
            history=services.history,
            entry=services.entry,
            database=self._database,
            workspaces=workspaces,
        )
        self._changes.subscribe(tabs.changed)
        return tabs

    def _user_sync(self, directory: SlackDirectory, workspaces: Workspaces) -> UserSync:
        """Make the reading of people, who are in the list as soon as they act."""
        user_sync = UserSync(
            database=self._database,
            workspaces=workspaces,
            directory=directory,
            clock=self._database.now,
            on_change=self._changes.publish,
        )
        self._changes.subscribe(user_sync.acted)
        return user_sync

    def _outbox(self, services: Services, workspaces: Workspaces) -> Outbox:
        """Make the outbox, which looks after each change whether it told somebody something."""
        outbox = Outbox(
            database=self._database,
            workspaces=workspaces,
            notices=Notices(database=self._database),
            entry=services.entry,
            count=self._metrics.count_notice,
        )
        self._changes.subscribe(outbox.wake)
        return outbox

    async def _connect(self) -> SlackConnection:
        """Ask Slack who the bot is, or prepare for many workspaces."""
        settings, clients = self._settings, self._clients
        # Socket Mode requests carry no signature: their trust is the connection's.
        secret = None if settings.slack_app_token else settings.slack_signing_secret or SecretStr("")
        client = clients.with_retries(None)
        if settings.many_workspaces:
            installations = open_installations(settings, self._database, clients, self._metrics.count_token_renewal)
            client_id, client_secret = _oauth(settings)
            flow = install_flow(
                client_id=client_id,
                client_secret=client_secret,
                public_url=settings.public_url,
                client=clients.without_retries(None),
                states=StateStore(self._database),
                installations=installations,
                page=self._pages.html,
            )
            bolt = bolt_app(
                installations,
                client=client,
                signing_secret=secret,
                authorize=InstallationAuthorize(installations),
                oauth_flow=flow,
                # Without them Bolt would make its own from the environment, with stores that keep tokens in files.
                oauth_settings=flow.settings,
            )
            return SlackConnection(workspaces=installations, bolt=bolt, installing=flow, installations=installations)
        token = settings.slack_bot_token.get_secret_value() if settings.slack_bot_token else None
        identity = await _identity(clients.with_retries(token))
        workspace = OneWorkspace(identity, clients=clients, token=token, retention=self._retention)
        bolt = bolt_app(workspace, client=client, signing_secret=secret, authorize=authorize_as(identity))
        return SlackConnection(workspaces=workspace, bolt=bolt)

    def _services(
        self,
        directory: SlackDirectory,
        workspaces: Workspaces,
        *,
        tester: ConnectionTester,
        network: Network,
        discovery: Discovery,
        sending: Sending,
    ) -> Services:
        """Make the rules, and where their answers appear."""
        settings, database, on_change = self._settings, self._database, self._changes.publish
        access = Access(directory, settings.admin_user_ids)
        profiles = EmailProfiles(
            database=database,
            access=access,
            clock=_utc_now,
            on_change=on_change,
            password_in_form=settings.password_entry is PasswordEntrySetting.FORM,
        )
        running = RunningTests(database=database, access=access)
        connections = self._connection_tests(access, profiles, running, tester=tester, network=network, sending=sending)
        finder = SettingsFinder(access=access, searches=SettingsSearches(database=database, discovery=discovery))
        form_searches = FormSearches(finder=finder, jobs=self._jobs)
        listing = PeopleList(database=database, access=access, clock=_utc_now)
        entry = _password_entry(settings)
        test_replies = ConnectionTestReplies(timeout=settings.smtp_timeout, jobs=self._jobs, connections=connections)
        return Services(
            profiles=profiles,
            connections=connections,
            running=running,
            finder=finder,
            listing=listing,
            reminders=Reminders(database=database, access=access, people_list=listing, on_change=on_change),
            bulk=BulkTests(
                database=database, access=access, people_list=listing, connections=connections, clock=_utc_now
            ),
            bulk_fixes=BulkFixes(database=database, access=access, profiles=profiles, on_change=on_change),
            history=History(database=database, access=access),
            defaults=WorkspaceDefaults(database=database, access=access, clock=_utc_now, on_change=on_change),
            emails=EmailedMessages(database=database, access=access, sending=sending, clock=_utc_now),
            links=self._private_links(access, workspaces),
            jobs=self._jobs,
            test_replies=test_replies,
            confirmations=AddressConfirmations(database=database, access=access, on_change=on_change),
            code_replies=CodeReplies(tests=test_replies),
            forms=ProfileForms(profiles=profiles, directory=directory, entry=entry, searches=form_searches),
            form_searches=form_searches,
            entry=entry,
            programs=self._programs(access),
            endpoints=endpoints(settings),
        )

    def _programs(self, access: Access) -> ProgramTokens | None:
        """Make the rules of programs' tokens, unless they are switched off."""
        if self._settings.programs is ProgramsSetting.OFF:
            return None
        return ProgramTokens(database=self._database, access=access, clock=_utc_now, on_change=self._changes.publish)

    def _connection_tests(
        self,
        access: Access,
        profiles: EmailProfiles,
        running: RunningTests,
        *,
        tester: ConnectionTester,
        network: Network,
        sending: Sending,
    ) -> ConnectionTests:
        """Make the rules of tests, each of which is counted."""
        return ConnectionTests(
            database=self._database,
            access=access,
            profiles=profiles,
            running=running,
            clock=_utc_now,
            on_change=self._changes.publish,
            password_in_form=profiles.password_in_form,
            tester=CountingTester(tester, self._metrics),
            judge=lambda domain, host: judge(domain, host, network),
            message_place=sending.place,
        )

    def _sending(self, tester: ConnectionTester) -> Sending:
        """Make what sends letters of programs."""
        sending = Sending(
            database=self._database,
            connections=ProviderConnections(
                database=self._database,
                tester=tester,
                on_change=self._changes.publish,
                count_sign_in=self._metrics.count_send_sign_in,
                named_admins=frozenset(self._settings.admin_user_ids),
            ),
            server=tester.helo,
            clock=_utc_now,
            observe=self._metrics.observe_send,
        )
        places, held = sending.places, sending.bytes_in_flight
        self._metrics.watch_letters(lambda: places.taken, lambda: places.waiting, lambda: held.held)
        return sending

    def _submission(self, tokens: ProgramTokens | None, sending: Sending) -> SubmissionServer | None:
        """Make the server that programs send to, which is not open yet."""
        settings = self._settings
        if tokens is None or not settings.submission_runs:
            return None
        place = Place(
            host=settings.submission_host,
            port=settings.submission_port,
            tls_port=settings.submission_tls_port,
            name=settings.submission_name or settings.submission_host,
        )
        certificate = _submission_certificate(settings)
        return SubmissionServer(place, certificate=certificate, tokens=tokens, sending=sending, observer=self._metrics)

    def _private_links(self, access: Access, workspaces: Workspaces) -> PrivateLinks | None:
        """Make the rules of private pages, which need an address of their own."""
        if not self._settings.public_url:
            return None
        return PrivateLinks(
            database=self._database,
            access=access,
            public_url=self._settings.public_url,
            workspace_name=workspaces.name_of,
            clock=_utc_now,
            on_change=self._changes.publish,
            sign_in_first=self._settings.sign_in_first,
        )

    def _password_page(self, services: Services, workspaces: Workspaces) -> PasswordPage | None:
        if services.links is None:
            return None
        notice = PasswordSetNotice(workspaces, self._jobs, services.entry, finds=services.forms.finds)
        sign_in = self._sign_in_pages(services.links)
        programs = ProgramValues(tokens=services.programs, endpoints=services.endpoints) if services.programs else None
        return PasswordPage(services.links, self._pages, notice.show, sign_in, programs)

    def _sign_in_pages(self, links: PrivateLinks) -> SignInPages | None:
        if not links.sign_in_first:
            return None
        client_id, client_secret = _oauth(self._settings)
        client = self._clients.without_retries(None)
        provider = SlackSignIn(
            client_id=client_id, client_secret=client_secret, public_url=links.public_url, client=client
        )
        return SignInPages(provider, links, self._pages, SIGN_IN_PATH)


def open_installations(
    settings: Settings, database: Database, clients: Clients, on_renewal: OnRenewal
) -> Installations:
    """Return the installations in a database, with tokens that are renewed when that is due.

    Raises:
        SettingsError: the settings are for one workspace.
    """
    client_id, client_secret = _oauth(settings)
    rotator = AsyncTokenRotator(
        client_id=client_id, client_secret=client_secret.get_secret_value(), client=clients.without_retries(None)
    )
    rotation = TokenRotation(database=database, rotator=rotator, on_renewal=on_renewal)
    url = f"{settings.public_url}{INSTALL_PATH}" if settings.public_url else None
    return Installations(database=database, clients=clients, rotation=rotation, install_url=url)


def _submission_certificate(settings: Settings) -> ServerCertificate | None:
    if settings.submission_cert_file is None or settings.submission_key_file is None:
        return None
    try:
        return ServerCertificate(settings.submission_cert_file, settings.submission_key_file)
    except CertificateError as error:
        why = f"certificate and key (SUBMISSION_KEY_FILE) cannot be used: {error}."
        raise SettingsError({"SUBMISSION_CERT_FILE": why}) from None


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _oauth(settings: Settings) -> tuple[str, SecretStr]:
    if settings.slack_client_id is None or settings.slack_client_secret is None:
        raise SettingsError({"SLACK_CLIENT_ID": "it is not set, so the bot has one workspace."})
    return settings.slack_client_id, settings.slack_client_secret


def _password_entry(settings: Settings) -> PasswordEntry:
    if settings.password_entry is PasswordEntrySetting.PRIVATE:
        return PasswordEntry.PRIVATE
    return PasswordEntry.EITHER if settings.public_url else PasswordEntry.IN_FORM


async def _identity(client: AsyncWebClient) -> AuthorizeResult:
    """Ask Slack who the bot is, at the start, so that no request has to wait for it."""
    try:
        answer = await client.auth_test()
    except SLACK_ERRORS as error:
        if isinstance(error, SlackApiError) and not is_temporary(error):
            why = f"Slack refuses this token ({error_code(error)}); copy it again."
            raise StartError(f"SLACK_BOT_TOKEN: {why} Example: {EXAMPLES['SLACK_BOT_TOKEN']}") from None
        raise TemporaryStartError(
            f"SLACK_API_URL: {client.base_url} does not answer ({type(error).__name__}). "
            f"Example: {EXAMPLES['SLACK_API_URL']}"
        ) from None
    if is_organisation_wide(answer):
        raise StartError(f"SLACK_BOT_TOKEN: {ORGANISATION_WIDE} Example: {EXAMPLES['SLACK_BOT_TOKEN']}")
    return AuthorizeResult.from_auth_test_response(auth_test_response=answer, bot_token=client.token)


def endpoints(settings: Settings) -> Endpoints:
    """Return how programs reach the bot; without an address for all, the send API from this machine alone."""
    every, loopback = ("::", "::1") if ":" in settings.host else ("0.0.0.0", "127.0.0.1")  # noqa: S104 - nothing is bound
    host = loopback if settings.host == every else settings.host
    host = f"[{host}]" if ":" in host else host
    return Endpoints(server=server_settings(settings), api_url=settings.public_url or f"http://{host}:{settings.port}")


def server_settings(settings: Settings) -> ServerSettings | None:
    """Return how programs reach the submission server, over implicit TLS where it has both; None where none runs."""
    if not settings.submission_runs:
        return None
    host = settings.submission_name or settings.submission_host
    if settings.submission_tls_port is not None:
        return ServerSettings(host=host, port=settings.submission_tls_port, encryption=Encryption.SSL)
    encryption = Encryption.TLS if settings.submission_cert_file else Encryption.NONE
    return ServerSettings(host=host, port=settings.submission_port or 0, encryption=encryption)
