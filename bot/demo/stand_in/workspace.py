"""A stand-in for a Slack workspace: what people type and press in it goes to the bot.

The demo's page and the tests drive this one implementation.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from bot.demo.stand_in.controls import beside, button, by_action_id, by_ids
from bot.demo.stand_in.delivery import DeliveryError
from bot.demo.stand_in.manifest import manifest
from bot.demo.stand_in.people import CHANNEL, TEAM
from bot.demo.stand_in.platform import Message, direct_channel
from bot.demo.stand_in.requests import Holder, WorkspaceRequests, entries_of
from bot.demo.stand_in.views import OpenView, PlatformError, key_of, option_of, sends_while_typed

_ADDRESS = re.compile(r"(?<![\w<:.@])([\w.+-]+@[\w-]+(?:\.[\w-]+)+)")
_LINK = re.compile(r"(?<![<|\w])(https?://[^\s<>|]+)")
_HANDLE = re.compile(r"(?<![\w@])@([a-z][\w.-]*)")


def slash_commands() -> Sequence[Mapping[str, Any]]:
    """Return the commands of the app's manifest."""
    commands: list[dict[str, Any]] = manifest()["features"]["slash_commands"]
    return commands


def message_shortcuts() -> Sequence[Mapping[str, Any]]:
    """Return the shortcuts of the app's manifest that stand in a message's menu."""
    shortcuts: list[dict[str, Any]] = manifest()["features"]["shortcuts"]
    return [shortcut for shortcut in shortcuts if shortcut["type"] == "message"]


def as_phones_type(text: str) -> str:
    """Make quotes curly, as phones and macOS do by themselves (https://github.com/stripe-contrib/pagerbot/issues/28)."""
    opened = re.sub(r"(^|[\s(])\"", r"\1“", text).replace('"', "”")
    return re.sub(r"(^|[\s(“])'", r"\1‘", opened).replace("'", "’")


class Workspace(WorkspaceRequests):
    """The stand-in workspace, from the side of its people.

    `is_read_only` says whether people cannot type in their conversation with the app, `bot_events` what the app is
    notified of: both as in its manifest, until they are changed here. With `types_curly_quotes` people type on phones.
    """

    def __init__(self, **given: Any) -> None:
        """`given` is what a Platform takes."""
        super().__init__(**given)
        self.is_read_only: bool = manifest()["features"]["app_home"]["messages_tab_read_only_enabled"]
        self.bot_events: set[str] = set(manifest()["settings"]["event_subscriptions"]["bot_events"])
        self.types_curly_quotes = False

    async def command(
        self, user: str, command: str, text: str = "", *, team: str = TEAM, channel: str = CHANNEL
    ) -> None:
        """Type a slash command into a channel; `team` is the workspace that the request names."""
        if command not in {entry["command"] for entry in slash_commands()}:
            raise PlatformError(f"{command} is not a valid command")
        self._check_writable(user, channel)
        typed = as_phones_type(text) if self.types_curly_quotes else text
        await self.send_command(user, command, self.as_slack_escapes(typed), team, channel)

    async def say(self, user: str, text: str, *, channel: str = CHANNEL) -> Message:
        """Type a plain message into a channel; the app is notified of what it subscribed and may read."""
        self._check_writable(user, channel)
        message = await self.post(Message(author=user, channel=channel, text=self.as_slack_escapes(text)))
        if channel == direct_channel(user) and "message.im" in self.bot_events and "im:history" in self.scopes:
            await self.send_message(user, message)
        return message

    async def shortcut(self, user: str, name: str, message: Message) -> None:
        """Use a shortcut from a message's menu; a message for one person alone has none.

        https://docs.slack.dev/interactivity/implementing-shortcuts#messages
        """
        callback_id = next((entry["callback_id"] for entry in message_shortcuts() if entry["name"] == name), None)
        if callback_id is None or message.reader is not None or message not in self.messages(user):
            raise PlatformError(f"there is no shortcut {name!r} in this message's menu")
        await self.send_shortcut(user, callback_id, message)

    def _check_writable(self, user: str, channel: str) -> None:
        # https://docs.slack.dev/surfaces/app-home: read-only, it takes no commands either.
        if self.is_read_only and channel == direct_channel(user):
            raise PlatformError("sending messages to this app has been turned off")

    async def press(
        self, user: str, label: str, *, message: Message | None = None, row: str | None = None, confirm: bool = True
    ) -> None:
        """Press a button by its text: in a message, or in the modal on top; `row` is text of the block before it.

        With `confirm` false a confirmation dialog is declined.
        """
        holder: Holder | None = message or self.view(user)
        if holder is None:
            raise PlatformError("there is nothing to press")
        block, element = button(holder.blocks, label, row)
        if element.get("confirm") and not confirm:
            return
        await self.send_action(user, holder, block, element)

    async def press_home(self, user: str, label: str, *, row: str | None = None) -> None:
        """Press a button on the Home tab."""
        home = self.home(user)
        await self.send_action(user, home, *button(home.blocks, label, row))

    async def press_url(self, user: str, label: str, *, message: Message | None = None) -> str:
        """Press a button that opens an address, and return the address; without a message as `select` does."""
        holder = self.in_front(user, message)
        block, element = button(holder.blocks, label, None)
        if not element.get("url"):
            raise PlatformError(f"the button {label!r} opens no address")
        await self.send_action(user, holder, block, element)
        return str(element["url"])

    def sign_in(self, user: str, url: str) -> str:
        """Follow a link to “Sign in with Slack” and press “Allow”; return where Slack sends the browser back to."""
        return self.sign_ins.allow(self._asked_at(url), self.account(self.people[user]))

    def cancel_sign_in(self, url: str) -> str:
        """As `sign_in`, but press “Cancel”."""
        return self.sign_ins.deny(self._asked_at(url))

    def _asked_at(self, url: str) -> dict[str, str]:
        page, _, query = url.partition("?")
        if page != f"{self.base_url}/openid/connect/authorize":
            raise PlatformError(f"{page} is no page of Slack's")
        return dict(parse_qsl(query))

    async def choose(self, user: str, row_text: str, option: str, *, message: Message | None = None) -> None:
        """Choose from the menu beside a section that holds `row_text`: in a message, or in the modal on top.

        `option` is an option's value or its words.
        """
        holder: Holder | None = message or self.view(user)
        if holder is None:
            raise PlatformError("there is nothing to choose from")
        await self._choose(user, holder, *beside(holder.blocks, row_text), option)

    async def choose_home(self, user: str, row_text: str, option: str) -> None:
        """Choose from the menu beside a section of the Home tab."""
        home = self.home(user)
        await self._choose(user, home, *beside(home.blocks, row_text), option)

    async def select(self, user: str, action_id: str, option: str, *, message: Message | None = None) -> None:
        """Choose in an actions block: in a message, else in the modal on top, else on the Home tab."""
        holder = self.in_front(user, message)
        await self._choose(user, holder, *by_action_id(holder.blocks, action_id), option)

    async def fill(self, user: str, label: str, value: Any) -> None:
        """Type into (or choose in) an input of the modal on top: a text, True/False, or an option's value.

        What is typed is sent at once only by an input that sends each character.
        """
        view = self._modal(user)
        block, _ = view.labelled(label)
        if sends_while_typed(block):
            await self._enter(user, view, label, value)
        else:
            self._type(user, view, label, value)

    async def enter(self, user: str, label: str, value: Any) -> None:
        """Type into an input of the modal on top and, where it dispatches, press Enter."""
        await self._enter(user, self._modal(user), label, value)

    def _modal(self, user: str) -> OpenView:
        view = self.view(user)
        if view is None:
            raise PlatformError("no modal is open")
        return view

    async def enter_in(self, user: str, label: str, value: Any, *, message: Message) -> None:
        """Type into (or choose in) an input of a message and, where it dispatches, press Enter."""
        await self._enter(user, message, label, value)

    async def enter_home(self, user: str, label: str, value: Any) -> None:
        """Type into (or choose in) an input of the Home tab and, where it dispatches, press Enter."""
        await self._enter(user, self.home(user), label, value)

    async def press_at(self, user: str, where: dict[str, Any]) -> None:
        """Press (or choose in) an element by its ids, as the page does: in a message, a modal or the Home tab."""
        holder = self.holder_at(user, where)
        if holder is None:
            raise PlatformError("there is nothing to press")
        block, element = by_ids(holder.blocks, where.get("block_id"), where.get("action_id"))
        chosen = option_of(element, where.get("option")) if element["type"] == "overflow" else None
        await self.send_action(user, holder, block, element, chosen)

    def holder_at(self, user: str, where: dict[str, Any]) -> Holder | None:
        """Find what the page names: a message by its ts, the Home tab, or else the modal on top."""
        if where.get("ts"):
            return next((message for message in self.messages(user) if message.ts == where["ts"]), None)
        return self.homes.get(user) if where.get("home") else self.view(user)

    def home(self, user: str) -> OpenView:
        """Return a person's Home tab.

        Raises:
            PlatformError: the bot has published none.
        """
        if user not in self.homes:
            raise PlatformError("there is no Home tab yet")
        return self.homes[user]

    def in_front(self, user: str, message: Message | None) -> Holder:
        """Return the message, else the modal on top, else the Home tab."""
        return message or self.view(user) or self.home(user)

    async def _choose(
        self, user: str, holder: Holder, block: dict[str, Any], element: dict[str, Any], wanted: str
    ) -> None:
        option = option_of(element, wanted)
        if element["type"] == "overflow":
            await self.send_action(user, holder, block, element, option)
            return
        entries_of(user, holder).enter(key_of(block, element), element, option["value"])
        await self.send_action(user, holder, block, element)

    def _type(self, user: str, holder: Holder, label: str, value: Any) -> dict[str, Any]:
        """Type into an input, and return its block."""
        entries = entries_of(user, holder)
        block, key = entries.labelled(label)
        if self.types_curly_quotes and isinstance(value, str) and "options" not in block["element"]:
            value = as_phones_type(value)
        entries.enter(key, block["element"], value)
        return block

    async def _enter(self, user: str, holder: Holder, label: str, value: Any) -> None:
        block = self._type(user, holder, label, value)
        if block.get("dispatch_action"):
            await self.send_action(user, holder, block, block["element"])

    async def submit(self, user: str) -> dict[str, str]:
        """Press the modal's submit button; return the errors by label, empty when it was taken."""
        view = self.view(user)
        errors = await self.submit_by_block(user)
        if view is None:
            return errors
        labels = {block["block_id"]: block.get("label", {}).get("text", "") for block in view.content["blocks"]}
        return {labels.get(block_id, block_id): sentence for block_id, sentence in errors.items()}

    async def submit_by_block(self, user: str) -> dict[str, str]:
        """Press the modal's submit button; return the errors by block id."""
        view = self.view(user)
        if view is None or not view.content.get("submit"):
            raise PlatformError("there is no form to submit")
        return view.missing() or await self._submitted(user, view)

    async def cancel(self, user: str) -> None:
        """Close the modal on top."""
        stack = self.stacks.get(user) or []
        if not stack:
            raise PlatformError("no modal is open")
        closed = stack.pop()
        await self.note_change()
        if closed.content.get("notify_on_close"):
            await self.send_closed(user, closed)

    async def open_home(self, user: str) -> OpenView | None:
        """Visit the app's Home tab."""
        await self.visit(user, "home")
        return self.homes.get(user)

    async def open_messages(self, user: str) -> None:
        """Visit the app's Messages tab, which is the conversation with it."""
        await self.visit(user, "messages")

    async def _submitted(self, user: str, view: OpenView) -> dict[str, str]:
        try:
            answer = await self.send_submission(user, view)
        except DeliveryError:
            self.refusals.append(("view_submission", "no acknowledgement"))
            return {"": "We had some trouble connecting. Try again?"}
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
                self.replace_view(view, self.checked_view("view_submission", answer.get("view")))
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

    def as_slack_escapes(self, text: str) -> str:
        """Write a command's text as Slack does with should_escape: entities, mentions, links, addresses."""
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        handles = {person.handle: person.id for person in self.people.values()}
        text = _HANDLE.sub(
            lambda match: f"<@{handles[match[1]]}|{match[1]}>" if match[1] in handles else match[0], text
        )
        text = _LINK.sub(lambda match: f"<{match[1]}|{match[1].split('://', 1)[1]}>", text)
        return _ADDRESS.sub(lambda match: f"<mailto:{match[1]}|{match[1]}>", text)
