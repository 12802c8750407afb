"""What the stand-in keeps, and what the bot may do in it: messages, views, triggers, response_urls.

Limits and refusals are Slack's: https://docs.slack.dev/interactivity, https://docs.slack.dev/surfaces/modals.
"""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.demo.stand_in.block_kit import MOST_MESSAGE_CHARACTERS, characters, message_problems, view_problems
from bot.demo.stand_in.delivery import Delivery
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.manifest import manifest
from bot.demo.stand_in.pace import Pace
from bot.demo.stand_in.people import BOT_USER, CHANNEL, PEOPLE, TEAM_NAME, DemoPerson
from bot.demo.stand_in.sign_ins import Account, SignIns
from bot.demo.stand_in.views import MOST_STACKED, Entries, OpenView, PlatformError, number_blocks

TRIGGER_SECONDS = 3.0
RESPONSE_URL_POSTS = 5
RESPONSE_URL_SECONDS = 30 * 60.0
LONGEST_TEXT = 40_000

Found = TypeVar("Found")


@dataclass
class Message:
    """One message. `reader` is the only person who sees it, or None; `revision` counts its replacements.

    `entries` is what each person entered into its blocks, `files` what is attached, as Slack describes files.
    """

    author: str
    channel: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    reader: str | None = None
    ts: str = field(default_factory=lambda: f"{time.time():.6f}")
    revision: int = 1
    entries: dict[str, Entries] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)

    def entries_of(self, user: str) -> Entries:
        """Return what a person entered into the message's blocks."""
        if user not in self.entries:
            self.entries[user] = Entries(self.blocks)
        return self.entries[user]

    def replace(self, text: str, blocks: list[dict[str, Any]]) -> None:
        """Replace text and blocks of the message."""
        number_blocks(blocks)
        self.text, self.blocks = text, blocks
        self.revision += 1
        for entries in self.entries.values():
            entries.show(blocks)


@dataclass(frozen=True)
class UploadedFile:
    """A file that the bot uploaded; `channel` is empty where it was shared nowhere."""

    name: str
    content: bytes
    channel: str


@dataclass
class Trigger:
    """The right to open one view, once, soon."""

    user: str
    until: float
    used: bool = False


@dataclass
class ResponseUrl:
    """The right to answer one interaction: a few posts, for half an hour.

    `message` is the one that was pressed in, the only one that such an address replaces; a command has none
    (https://github.com/slackapi/bolt-python/issues/1268).
    """

    user: str
    channel: str
    until: float
    message: Message | None = None
    posts: int = 0


class Platform:
    """One workspace with one app in it.

    `joined` are the channels that the app is a member of, besides its conversations with people. With `sends_nulls`
    an input that nobody touched since its view was updated has a null state, although its value shows
    (https://github.com/slackapi/bolt-js/issues/1258).
    """

    def __init__(
        self,
        *,
        signing_secret: str,
        bot_token: str,
        app_token: str = "xapp-demo",  # noqa: S107 - opens nothing but this stand-in
        people: Sequence[DemoPerson] = PEOPLE,
        client_id: str = "1815.1852",
        client_secret: str = "demo",  # noqa: S107 - as above
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make a workspace with one app in it; `clock` returns seconds since 1970."""
        self.signing_secret = signing_secret
        self.bot_token = bot_token
        self.app_token = app_token
        self.people = {person.id: person for person in people}
        self.delivery = Delivery(signing_secret)
        self.clock = clock
        self.pace = Pace(clock)
        self.sign_ins = SignIns(client_id=client_id, client_secret=client_secret, clock=clock)
        self.scopes = ",".join(manifest()["oauth_config"]["scopes"]["bot"])
        self.joined: set[str] = set()
        self.sends_nulls = False
        self.all_messages: list[Message] = []
        self.stacks: dict[str, list[OpenView]] = {}
        self.homes: dict[str, OpenView] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.received: list[Any] = []
        self.refusals: list[tuple[str, str]] = []
        self.requests: Counter[str] = Counter()
        self.faults: dict[str, list[Fault]] = {}
        self.files: list[UploadedFile] = []
        self.base_url = ""
        self._changed = asyncio.Condition()
        self.changes = 0

    # What people see

    def messages(self, user: str) -> list[Message]:
        """Return the messages that a person sees, oldest first."""
        return [
            message
            for message in self.all_messages
            if message.reader in (None, user) and message.channel in (CHANNEL, direct_channel(user))
        ]

    async def reload(self, user: str) -> None:
        """Load a person's client anew: messages for them alone are gone, and so are open modals.

        https://docs.slack.dev/reference/methods/chat.postEphemeral: they do not persist between sessions.
        """
        self.all_messages[:] = [message for message in self.all_messages if message.reader != user]
        self.stacks.pop(user, None)
        await self.note_change()

    def view(self, user: str) -> OpenView | None:
        """Return the modal that a person sees, the top of their stack."""
        stack = self.stacks.get(user)
        return stack[-1] if stack else None

    async def wait_message(self, user: str, containing: str, *, timeout: float = 10.0) -> Message:  # noqa: ASYNC109 - a test's patience
        """Wait for a message that holds a text; the latest such one."""

        def found() -> Message | None:
            seen = [message for message in self.messages(user) if containing in searchable(message)]
            return seen[-1] if seen else None

        return await self._wait(found, timeout, f"a message containing {containing!r} for {user}")

    async def wait_view(self, user: str, title: str, *, containing: str = "", timeout: float = 10.0) -> OpenView:  # noqa: ASYNC109
        """Wait for a modal by its title (and a text in it) on top of a person's stack."""

        def found() -> OpenView | None:
            view = self.view(user)
            wanted = view is not None and view.content["title"]["text"] == title and containing in str(view.content)
            return view if wanted else None

        return await self._wait(found, timeout, f"the modal {title!r} containing {containing!r} for {user}")

    async def _wait(self, found: Callable[[], Found | None], timeout: float, what: str) -> Found:  # noqa: ASYNC109
        try:
            async with asyncio.timeout(timeout), self._changed:
                while (thing := found()) is None:
                    await self._changed.wait()
                return thing
        except TimeoutError:
            raise PlatformError(f"waited in vain for {what}") from None

    def calls(self, method: str) -> int:
        """Count the requests that a Web API method (or "response_url") received, those with a fault too."""
        return self.requests[method]

    def next_fault(self, method: str) -> Fault | None:
        """Count a request, and take the first fault that waits for its method."""
        self.requests[method] += 1
        waiting = self.faults.get(method)
        return waiting.pop(0) if waiting else None

    async def note_change(self) -> None:
        """Wake everybody who waits for something to appear."""
        async with self._changed:
            self.changes += 1
            self._changed.notify_all()

    async def wait_change(self, since: int) -> int:
        """Wait until something changed after `since`; return the new count."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.changes != since)
            return self.changes

    # What the bot may do

    def new_trigger(self, user: str) -> str:
        """Make a trigger id, valid once within three seconds, that opens a view for `user`."""
        trigger = f"{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self.triggers[trigger] = Trigger(user=user, until=self.clock() + TRIGGER_SECONDS)
        return trigger

    def use_trigger(self, name: Any) -> str:
        """Use a trigger id up; return the person whose interaction made it.

        Raises:
            PlatformError: it is unknown, used or too old.
        """
        trigger = self.triggers.get(name)
        if trigger is None:
            raise PlatformError("invalid_trigger_id")
        if trigger.used:
            raise PlatformError("exchanged_trigger_id")
        trigger.used = True
        if self.clock() > trigger.until:
            raise PlatformError("expired_trigger_id")
        return trigger.user

    def new_response_url(self, user: str, channel: str, message: Message | None = None) -> tuple[str, ResponseUrl]:
        """Make an unguessable address for answers; `message` is the one that was pressed in."""
        answers = ResponseUrl(user=user, channel=channel, until=self.clock() + RESPONSE_URL_SECONDS, message=message)
        name = secrets.token_urlsafe(24)
        self.response_urls[name] = answers
        return f"{self.base_url}/respond/{name}", answers

    def checked_view(self, method: str, view: Any) -> dict[str, Any]:
        """Check a view as Slack does.

        Raises:
            PlatformError: invalid_arguments, with what is wrong.
        """
        problems = view_problems(view)
        if problems:
            self.refusals.append((method, "; ".join(problems)))
            raise PlatformError("invalid_arguments", problems)
        checked: dict[str, Any] = view
        return checked

    def checked_message(self, method: str, body: dict[str, Any]) -> None:
        """Check a message as Slack does.

        Raises:
            PlatformError: no_text, msg_too_long, invalid_blocks or msg_blocks_too_long.
        """
        if not body.get("text") and not body.get("blocks"):
            raise PlatformError("no_text")
        if len(body.get("text") or "") > LONGEST_TEXT:
            raise PlatformError("msg_too_long")
        problems = message_problems(body.get("blocks") or [])
        if problems:
            self.refusals.append((method, "; ".join(problems)))
            raise PlatformError("invalid_blocks", problems)
        if characters(body.get("blocks")) > MOST_MESSAGE_CHARACTERS:
            raise PlatformError("msg_blocks_too_long")

    async def post(self, message: Message) -> Message:
        """Post a message and notify everybody who waits for it."""
        number_blocks(message.blocks)
        self.all_messages.append(message)
        await self.note_change()
        return message

    async def post_answer(self, answers: ResponseUrl, body: dict[str, Any]) -> None:
        """Post through a response_url (or the acknowledgement): new, or in place of the message that was pressed in.

        Raises:
            PlatformError: used_url, expired_url, or the message is invalid.
        """
        if answers.posts >= RESPONSE_URL_POSTS:
            raise PlatformError("used_url")
        if self.clock() > answers.until:
            raise PlatformError("expired_url")
        answers.posts += 1
        old = answers.message
        if body.get("delete_original") and old is not None:
            self.all_messages[:] = [message for message in self.all_messages if message is not old]
            await self.note_change()
            return
        self.checked_message("response_url", body)
        if body.get("replace_original") and old is not None:
            old.replace(body.get("text") or "", body.get("blocks") or [])
            await self.note_change()
            return
        private = body.get("response_type") != "in_channel"
        await self.post(
            Message(
                author=BOT_USER,
                channel=answers.channel,
                text=body.get("text") or "",
                blocks=body.get("blocks") or [],
                reader=answers.user if private else None,
            )
        )

    def check_member(self, channel: str) -> None:
        """Check that the app may post in a channel.

        Raises:
            PlatformError: channel_not_found, or not_in_channel, which is what it mostly is: nobody invites an app.
        """
        if channel in {direct_channel(user) for user in self.people} | self.joined:
            return
        raise PlatformError("not_in_channel" if channel == CHANNEL else "channel_not_found")

    def own_message(self, channel: Any, ts: Any) -> Message:
        """Find a message of the bot that everybody in its channel sees.

        Raises:
            PlatformError: message_not_found.
        """
        for message in self.all_messages:
            if (message.author, message.reader, message.channel, message.ts) == (BOT_USER, None, channel, ts):
                return message
        raise PlatformError("message_not_found")

    def push(self, user: str, content: dict[str, Any]) -> OpenView:
        """Put a view on top of a person's stack.

        Raises:
            PlatformError: push_limit_reached.
        """
        stack = self.stacks.setdefault(user, [])
        if len(stack) >= MOST_STACKED:
            raise PlatformError("push_limit_reached")
        below = stack[-1] if stack else None
        view = OpenView(
            user=user, content=content, root_id=below.root_id if below else "", previous_id=below.id if below else None
        )
        stack.append(view)
        return view

    def replace_view(self, view: OpenView, content: dict[str, Any]) -> None:
        """Replace a modal's content, as views.update and the acknowledgement of a submission do."""
        view.replace(content)
        if self.sends_nulls:
            view.forget_untouched()

    def find_view(self, view_id: Any) -> OpenView:
        """Find an open view.

        Raises:
            PlatformError: not_found.
        """
        for stack in self.stacks.values():
            for view in stack:
                if view.id == view_id:
                    return view
        raise PlatformError("not_found")

    def account(self, person: DemoPerson) -> Account:
        """Return how a person is signed in to Slack."""
        return Account(user=person.id, name=person.name, team=person.team, team_name=self.team_name)

    def slack_user(self, person: DemoPerson) -> dict[str, Any]:
        """Describe a person as users.info does, with their picture."""
        user = person.slack_user()
        pictures = {"image_72": f"{self.base_url}{person.picture}"} if person.picture else {}
        return {**user, "profile": {**user["profile"], **pictures}}

    @property
    def team_name(self) -> str:
        """The workspace's name."""
        return TEAM_NAME


def direct_channel(user: str) -> str:
    """Return the channel of a person's conversation with the app."""
    return f"D{user[1:]}"


def searchable(message: Message) -> str:
    """Return everything that a message says, as one text."""
    return "\n".join([message.text, *texts(message.blocks)])


def texts(node: Any) -> Iterator[str]:
    """Yield every text in a piece of Block Kit."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "text" and isinstance(value, str):
                yield value
            else:
                yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)
