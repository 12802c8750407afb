"""Bolt's app with its middleware and listeners, and the way of a request through it."""

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.observability.log import Observer, Tracer
from bot.slack.background.home_tabs import HomeTabs
from bot.slack.background.user_sync import UserSync
from bot.slack.listeners.address_confirmation import AddressConfirmationListeners
from bot.slack.listeners.bulk_tests import BulkTestListeners
from bot.slack.listeners.connection_tests import ConnectionTestListeners
from bot.slack.listeners.conversation import ConversationListeners
from bot.slack.listeners.defaults import DefaultsListeners
from bot.slack.listeners.emailed_message import EmailedMessageListeners
from bot.slack.listeners.extras import ExtraListeners
from bot.slack.listeners.find_settings import FindSettingsListeners
from bot.slack.listeners.form_tests import FormTestListeners
from bot.slack.listeners.help import HelpListeners
from bot.slack.listeners.history import HistoryListeners
from bot.slack.listeners.home import HomeListeners
from bot.slack.listeners.people_list import PeopleListListeners
from bot.slack.listeners.private_password import PrivatePasswordListeners
from bot.slack.listeners.profile import ProfileListeners
from bot.slack.listeners.programs import ProgramListeners
from bot.slack.listeners.reminders import ReminderListeners
from bot.slack.listeners.services import Services
from bot.slack.listeners.workspace_events import WorkspaceEventListeners
from bot.slack.middleware.caller import identify_caller, identify_owner
from bot.slack.middleware.deduplication import Deduplicator
from bot.slack.middleware.error_handler import answer_error
from bot.slack.middleware.late_ack import post_late_acks
from bot.slack.middleware.overload import Dispatch, Overload
from bot.slack.middleware.request_log import log_requests
from bot.slack.replies.conversation import Conversation
from bot.slack.workspaces.workspaces import Workspaces


def bolt_app(
    workspaces: Workspaces, *, client: AsyncWebClient, signing_secret: SecretStr | None, **authorization: Any
) -> AsyncApp:
    """Return Bolt's app without listeners; `authorization` is what Bolt needs to find the bot of a workspace.

    `client` has no token of its own: each request's client gets the one that `authorize` finds. Without a signing
    secret requests come over Socket Mode: they carry no signature, their trust is the connection's.
    """
    return AsyncApp(
        # Without a name Bolt looks for one in the source of every frame below, which takes longer than all the rest.
        name="email-profile-bot",
        client=client,
        signing_secret=signing_secret.get_secret_value() if signing_secret else None,
        request_verification_enabled=signing_secret is not None,
        before_authorize=identify_caller(workspaces),
        # Bolt waits for the listener, which acknowledges and leaves slow work to jobs; without this it looks for the
        # acknowledgement every 10 ms.
        process_before_response=True,
        # What no listener knows gets its answer like every other error.
        raise_error_for_unhandled_request=True,
        **authorization,
    )


@dataclass(frozen=True, kw_only=True)
class SlackApp:
    """What serves Slack's requests; `serve` is Bolt's dispatch with what goes around it."""

    bolt: AsyncApp
    overload: Overload
    serve: Dispatch


def slack_app(
    bolt: AsyncApp,
    *,
    observer: Observer,
    tracer: Tracer | None,
    deduplicator: Deduplicator,
    services: Services,
    tabs: HomeTabs,
    conversation: Conversation,
    user_sync: UserSync,
) -> SlackApp:
    """Put middleware and listeners onto Bolt's app; `observer` and `tracer` see every request."""
    overload = Overload()
    bolt.middleware(overload.admit)
    bolt.middleware(identify_owner)
    bolt.middleware(deduplicator.middleware)
    register_listeners(bolt, services, tabs=tabs, conversation=conversation, user_sync=user_sync)
    # Bolt's own middleware ends before the listener begins; what has to see the answer goes around Bolt.
    logged = log_requests(bolt.async_dispatch, observer=observer, tracer=tracer)
    return SlackApp(bolt=bolt, overload=overload, serve=overload.around(post_late_acks(logged, bolt.client)))


def register_listeners(
    bolt: AsyncApp, services: Services, *, tabs: HomeTabs, conversation: Conversation, user_sync: UserSync
) -> None:
    """Register every listener; commands first, because Bolt asks one after the other, and people wait for these."""
    with_commands = (
        ProfileListeners(services),
        FindSettingsListeners(services),
        ExtraListeners(services),
        ConnectionTestListeners(services),
        PeopleListListeners(services),
        HistoryListeners(services),
        DefaultsListeners(services),
        ProgramListeners(services),
    )
    for listeners in (*with_commands, HelpListeners()):
        listeners.register_commands(bolt)
    for interactive in (
        *with_commands,
        FormTestListeners(services),
        AddressConfirmationListeners(services),
        BulkTestListeners(services),
        EmailedMessageListeners(services),
        ReminderListeners(services),
        PrivatePasswordListeners(services),
        HomeListeners(tabs, conversation),
        ConversationListeners(conversation),
        WorkspaceEventListeners(user_sync),
    ):
        interactive.register(bolt)
    bolt.error(answer_error)
