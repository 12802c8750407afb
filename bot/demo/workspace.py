"""A stand-in for a Slack workspace: what people type and press goes to the bot, what the bot answers is kept.

The demo's page and the tests drive this one implementation. Limits and refusals are Slack's:
https://docs.slack.dev/interactivity, https://docs.slack.dev/surfaces/modals.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import yaml

from bot.demo.block_kit import message_problems, view_problems
from bot.demo.delivery import Delivery, DeliveryError
from bot.demo.people import BOT_USER, CHANNEL, PEOPLE, TEAM, TEAM_NAME, DemoPerson
from bot.demo.views import MOST_STACKED, OpenView, PlatformError

TRIGGER_SECONDS = 3.0
RESPONSE_URL_POSTS = 5
RESPONSE_URL_SECONDS = 30 * 60.0
LONGEST_TEXT = 40_000

_ADDRESS = re.compile(r"(?<![\w<:.@])([\w.+-]+@[\w-]+(?:\.[\w-]+)+)")
_LINK = re.compile(r"(?<![<|\w])(https?://[^\s<>|]+)")
_HANDLE = re.compile(r"(?<![\w@])@([a-z][\w.-]*)")


@dataclass
class Message:
    """One message. `reader` is the only person who sees it, or None; `revision` counts its replacements."""

    author: str
    channel: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    reader: str | None = None
    ts: str = field(default_factory=lambda: f"{time.time():.6f}")
    revision: int = 1


@dataclass
class Trigger:
    """The right to open one view, once, soon."""

    user: str
    until: float
    used: bool = False


@dataclass
class ResponseUrl:
    """The right to answer one interaction: a few posts, for half an hour."""

    user: str
    channel: str
    until: float
    posts: int = 0
    message: Message | None = None


class Workspace:
    """The stand-in workspace: its people, messages and views."""

    def __init__(
        self,
        *,
        signing_secret: str,
        bot_token: str,
        app_token: str = "xapp-demo",  # noqa: S107 - opens nothing but this stand-in
        people: Sequence[DemoPerson] = PEOPLE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make a workspace with one app in it; `clock` gives seconds."""
        self.signing_secret = signing_secret
        self.bot_token = bot_token
        self.app_token = app_token
        self.people = {person.id: person for person in people}
        self.delivery = Delivery(signing_secret)
        self.clock = clock
        self.all_messages: list[Message] = []
        self.stacks: dict[str, list[OpenView]] = {}
        self.homes: dict[str, OpenView] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.received: list[Any] = []
        self.refusals: list[tuple[str, str]] = []
        self.base_url = ""
        self._changed = asyncio.Condition()
        self.changes = 0
        manifest = yaml.safe_load(resources.files("bot").joinpath("manifest.yml").read_text(encoding="utf-8"))
        self.commands: list[dict[str, Any]] = manifest["features"]["slash_commands"]

    # What people see

    def messages(self, user: str) -> list[Message]:
        """Give the messages that a person sees, oldest first."""
        return [
            message
            for message in self.all_messages
            if message.reader in (None, user) and message.channel in (CHANNEL, direct_channel(user))
        ]

    def view(self, user: str) -> OpenView | None:
        """Give the modal that a person sees, the top of their stack."""
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

    async def _wait(self, found: Callable[[], Any], timeout: float, what: str) -> Any:  # noqa: ASYNC109
        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(lambda: found() is not None)
                return found()
        except TimeoutError:
            raise PlatformError(f"waited in vain for {what}") from None

    async def note_change(self) -> None:
        """Wake everybody who waits for something to appear."""
        async with self._changed:
            self.changes += 1
            self._changed.notify_all()

    async def wait_change(self, since: int) -> int:
        """Wait until something changed after `since`; gives the new count."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.changes != since)
            return self.changes

    # What people do

    async def command(self, user: str, command: str, text: str = "") -> None:
        """Type a slash command into the channel."""
        if command not in {entry["command"] for entry in self.commands}:
            raise PlatformError(f"{command} is not a valid command")
        url, answers = self.new_response_url(user, CHANNEL)
        payload = {
            "token": "deprecated",
            "team_id": TEAM,
            "team_domain": "analytical-engines",
            "channel_id": CHANNEL,
            "channel_name": "general",
            "user_id": user,
            "user_name": self.people[user].handle,
            "command": command,
            "text": self.as_slack_escapes(text),
            "api_app_id": "A0DEMO",
            "is_enterprise_install": "false",
            "response_url": url,
            "trigger_id": self.new_trigger(user),
        }
        try:
            answer = await self.delivery.send("slash_commands", payload)
        except DeliveryError as error:
            await self.post(
                Message(author="slack", channel=CHANNEL, reader=user, text=f'{command} failed with the error "{error}"')
            )
            return
        self.received.append(answer)
        if isinstance(answer, dict) and (answer.get("text") or answer.get("blocks")):
            await self.post_answer(answers, answer)

    async def press(
        self, user: str, label: str, *, message: Message | None = None, row: str | None = None, confirm: bool = True
    ) -> None:
        """Press a button by its text: in a message, or in the modal on top; `row` is text of the block before it.

        With `confirm` false a confirmation dialog is declined.
        """
        holder: Message | OpenView | None = message or self.view(user)
        if holder is None:
            raise PlatformError("there is nothing to press")
        blocks = holder.blocks if isinstance(holder, Message) else holder.content["blocks"]
        block, element = _button(blocks, label, row)
        if element.get("confirm") and not confirm:
            return
        await self._block_actions(user, holder, block, element)

    async def press_home(self, user: str, label: str) -> None:
        """Press a button on the Home tab."""
        home = self.homes[user]
        block, element = _button(home.content["blocks"], label, None)
        await self._block_actions(user, home, block, element)

    async def fill(self, user: str, label: str, value: Any) -> None:
        """Type into (or choose in) an input of the modal on top: a text, True/False, or an option's value."""
        view = self.view(user)
        if view is None:
            raise PlatformError("no modal is open")
        block, key = view.labelled(label)
        view.values[key] = _entered(block["element"], value)
        if block.get("dispatch_action"):
            await self._block_actions(user, view, block, block["element"])

    async def submit(self, user: str) -> dict[str, str]:
        """Press the modal's submit button; gives the errors by label, empty when it was taken."""
        view = self.view(user)
        if view is None or not view.content.get("submit"):
            raise PlatformError("there is no form to submit")
        errors = view.missing()
        if not errors:
            errors = await self._submitted(user, view)
        labels = {block["block_id"]: block.get("label", {}).get("text", "") for block in view.content["blocks"]}
        return {labels.get(block_id, block_id): sentence for block_id, sentence in errors.items()}

    async def cancel(self, user: str) -> None:
        """Close the modal on top."""
        stack = self.stacks.get(user) or []
        if not stack:
            raise PlatformError("no modal is open")
        closed = stack.pop()
        await self.note_change()
        if closed.content.get("notify_on_close"):
            await self.delivery.send(
                "interactive", {"type": "view_closed", **self._actor(user), "view": closed.payload()}
            )

    async def open_home(self, user: str) -> OpenView | None:
        """Visit the app's Home tab."""
        event: dict[str, Any] = {
            "type": "app_home_opened",
            "user": user,
            "channel": direct_channel(user),
            "tab": "home",
            "event_ts": f"{self.clock():.6f}",
        }
        if user in self.homes:
            event["view"] = self.homes[user].payload()
        await self.event(event)
        return self.homes.get(user)

    async def event(self, event: dict[str, Any]) -> None:
        """Send one event of the Events API."""
        authorization = {"enterprise_id": None, "team_id": TEAM, "user_id": BOT_USER, "is_bot": True}
        await self.delivery.send(
            "events_api",
            {
                "token": "deprecated",
                "team_id": TEAM,
                "api_app_id": "A0DEMO",
                "event": event,
                "type": "event_callback",
                "event_id": f"Ev{secrets.token_hex(6).upper()}",
                "event_time": int(self.clock()),
                "authorizations": [{**authorization, "is_enterprise_install": False}],
            },
        )

    async def _submitted(self, user: str, view: OpenView) -> dict[str, str]:
        try:
            answer = await self.delivery.send(
                "interactive",
                {
                    "type": "view_submission",
                    **self._actor(user),
                    "trigger_id": self.new_trigger(user),
                    "view": view.payload(),
                    "response_urls": [],
                },
            )
        except DeliveryError:
            self.refusals.append(("view_submission", "no acknowledgement"))
            return {"": "We had some trouble connecting. Try again?"}
        self.received.append(answer)
        errors = self._after_submission(user, view, answer or {})
        await self.note_change()
        return errors

    def _after_submission(self, user: str, view: OpenView, answer: dict[str, Any]) -> dict[str, str]:
        stack = self.stacks.get(user, [])
        match answer.get("response_action"):
            case None:
                if view in stack:
                    stack.remove(view)
            case "clear":
                stack.clear()
            case "errors":
                return self._field_errors(view, answer.get("errors") or {})
            case "update":
                view.replace(self.checked_view("view_submission", answer.get("view")))
            case "push":
                self.push(user, self.checked_view("view_submission", answer.get("view")))
            case other:
                self.refusals.append(("view_submission", f"response_action {other!r}"))
        return {}

    def _field_errors(self, view: OpenView, errors: dict[str, str]) -> dict[str, str]:
        inputs = {block_id for (block_id, _), _ in view.inputs()}
        strangers = set(errors) - inputs
        if strangers or not errors:
            self.refusals.append(("view_submission", f"errors for no input: {sorted(strangers)}"))
            return {"": "We had some trouble connecting. Try again?"}
        return errors

    async def _block_actions(
        self, user: str, holder: Message | OpenView, block: dict[str, Any], element: dict[str, Any]
    ) -> None:
        payload: dict[str, Any] = {"type": "block_actions", **self._actor(user), "trigger_id": self.new_trigger(user)}
        state: dict[str, Any] = {}
        if isinstance(holder, Message):
            url, answers = self.new_response_url(user, holder.channel)
            answers.message = holder
            payload |= {
                "response_url": url,
                "container": {
                    "type": "message",
                    "message_ts": holder.ts,
                    "channel_id": holder.channel,
                    "is_ephemeral": holder.reader is not None,
                },
                "channel": {"id": holder.channel, "name": "general"},
                "message": {"type": "message", "ts": holder.ts, "text": holder.text, "blocks": holder.blocks},
            }
        else:
            view = holder.payload()
            state = view["state"]["values"].get(block["block_id"], {}).get(element.get("action_id", ""), {})
            payload |= {"container": {"type": "view", "view_id": holder.id}, "view": view}
        action = {**element, **state, "block_id": block.get("block_id", ""), "action_ts": f"{self.clock():.6f}"}
        payload["actions"] = [action]
        try:
            self.received.append(await self.delivery.send("interactive", payload))
        except DeliveryError as error:
            self.refusals.append(("block_actions", str(error)))

    def _actor(self, user: str) -> dict[str, Any]:
        person = self.people[user]
        return {
            "team": {"id": TEAM, "domain": "analytical-engines"},
            "user": {"id": user, "username": person.handle, "name": person.handle, "team_id": TEAM},
            "api_app_id": "A0DEMO",
            "token": "deprecated",
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def as_slack_escapes(self, text: str) -> str:
        """Write a command's text as Slack does with should_escape: entities, mentions, links, addresses."""
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        handles = {person.handle: person.id for person in self.people.values()}
        text = _HANDLE.sub(
            lambda match: f"<@{handles[match[1]]}|{match[1]}>" if match[1] in handles else match[0], text
        )
        text = _LINK.sub(lambda match: f"<{match[1]}|{match[1].split('://', 1)[1]}>", text)
        return _ADDRESS.sub(lambda match: f"<mailto:{match[1]}|{match[1]}>", text)

    # What the bot may do

    def new_trigger(self, user: str) -> str:
        """Make a trigger id, good once within three seconds, for a view in front of `user`."""
        trigger = f"{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self.triggers[trigger] = Trigger(user=user, until=self.clock() + TRIGGER_SECONDS)
        return trigger

    def use_trigger(self, name: Any) -> str:
        """Use a trigger id up; gives the person whose interaction made it.

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

    def new_response_url(self, user: str, channel: str) -> tuple[str, ResponseUrl]:
        """Make an unguessable address for answers."""
        answers = ResponseUrl(user=user, channel=channel, until=self.clock() + RESPONSE_URL_SECONDS)
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
            PlatformError: no_text, msg_too_long or invalid_blocks.
        """
        if not body.get("text") and not body.get("blocks"):
            raise PlatformError("no_text")
        if len(body.get("text") or "") > LONGEST_TEXT:
            raise PlatformError("msg_too_long")
        problems = message_problems(body.get("blocks") or [])
        if problems:
            self.refusals.append((method, "; ".join(problems)))
            raise PlatformError("invalid_blocks", problems)

    async def post(self, message: Message) -> Message:
        """Put a message where its readers see it."""
        self.all_messages.append(message)
        await self.note_change()
        return message

    async def post_answer(self, answers: ResponseUrl, body: dict[str, Any]) -> None:
        """Post through a response_url (or the acknowledgement): new, or in place of what it belongs to.

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
            self.all_messages.remove(old)
            await self.note_change()
            return
        self.checked_message("response_url", body)
        if body.get("replace_original") and old is not None:
            old.text, old.blocks = body.get("text") or "", body.get("blocks") or []
            old.revision += 1
            await self.note_change()
            return
        private = body.get("response_type") != "in_channel"
        answers.message = await self.post(
            Message(
                author=BOT_USER,
                channel=answers.channel,
                text=body.get("text") or "",
                blocks=body.get("blocks") or [],
                reader=answers.user if private else None,
            )
        )

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
            user=user,
            content=content,
            root_id=below.root_id if below else "",
            previous_id=below.id if below else None,
        )
        stack.append(view)
        return view

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

    @property
    def team_name(self) -> str:
        """The workspace's name."""
        return TEAM_NAME


def direct_channel(user: str) -> str:
    """Give the channel of a person's conversation with the app."""
    return f"D{user[1:]}"


def searchable(message: Message) -> str:
    """Give everything that a message says, as one text."""
    return "\n".join([message.text, *_texts(message.blocks)])


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "text" and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)


def _button(blocks: list[dict[str, Any]], label: str, row: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    before = ""
    for block in blocks:
        if row is None or row in before:
            for element in [*(block.get("elements") or []), block.get("accessory")]:
                if isinstance(element, dict) and element.get("type") == "button" and element["text"]["text"] == label:
                    return block, element
        before = "\n".join(_texts(block))
    raise PlatformError(f"there is no button {label!r}")


def _entered(element: dict[str, Any], value: Any) -> Any:
    match element["type"]:
        case "checkboxes":
            return list(element["options"]) if value is True else [] if value is False else value
        case "static_select" | "radio_buttons":
            for option in element["options"]:
                if option["value"] == value:
                    return option
            raise PlatformError(f"there is no option {value!r}")
        case _:
            return value
