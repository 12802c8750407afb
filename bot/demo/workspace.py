"""A stand-in for a Slack workspace: what people type and press in it goes to the bot.

The demo's page and the tests drive this one implementation.
"""

import re
import secrets
from importlib import resources
from typing import Any

import yaml

from bot.demo.delivery import DeliveryError
from bot.demo.people import BOT_USER, CHANNEL, TEAM
from bot.demo.platform import Message, Platform, direct_channel, texts
from bot.demo.views import OpenView, PlatformError

_ADDRESS = re.compile(r"(?<![\w<:.@])([\w.+-]+@[\w-]+(?:\.[\w-]+)+)")
_LINK = re.compile(r"(?<![<|\w])(https?://[^\s<>|]+)")
_HANDLE = re.compile(r"(?<![\w@])@([a-z][\w.-]*)")


def slash_commands() -> list[dict[str, Any]]:
    """Read the commands from the app's manifest."""
    text = resources.files("bot").joinpath("manifest.yml").read_text(encoding="utf-8")
    commands: list[dict[str, Any]] = yaml.safe_load(text)["features"]["slash_commands"]
    return commands


class Workspace(Platform):
    """The stand-in workspace, from the side of its people."""

    async def command(self, user: str, command: str, text: str = "") -> None:
        """Type a slash command into the channel."""
        if command not in {entry["command"] for entry in slash_commands()}:
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
        view.enter(key, block["element"], value)
        if block.get("dispatch_action"):
            await self._block_actions(user, view, block, block["element"])

    async def press_at(self, user: str, where: dict[str, Any]) -> None:
        """Press (or choose in) an element by its ids, as the page does: in a message, a modal or the Home tab."""
        holder: Message | OpenView | None = self.view(user)
        if where.get("ts"):
            holder = next((message for message in self.messages(user) if message.ts == where["ts"]), None)
        elif where.get("home"):
            holder = self.homes.get(user)
        if holder is None:
            raise PlatformError("there is nothing to press")
        for block in holder.blocks if isinstance(holder, Message) else holder.content["blocks"]:
            for element in [*(block.get("elements") or []), block.get("accessory"), block.get("element")]:
                ids = (block.get("block_id"), element.get("action_id")) if isinstance(element, dict) else None
                if ids == (where.get("block_id"), where.get("action_id")):
                    await self._block_actions(user, holder, block, element)
                    return
        raise PlatformError("there is no such button")

    async def submit(self, user: str) -> dict[str, str]:
        """Press the modal's submit button; gives the errors by label, empty when it was taken."""
        view = self.view(user)
        errors = await self.submit_by_block(user)
        if view is None:
            return errors
        labels = {block["block_id"]: block.get("label", {}).get("text", "") for block in view.content["blocks"]}
        return {labels.get(block_id, block_id): sentence for block_id, sentence in errors.items()}

    async def submit_by_block(self, user: str) -> dict[str, str]:
        """Press the modal's submit button; gives the errors by block id."""
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


def _button(blocks: list[dict[str, Any]], label: str, row: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    before = ""
    for block in blocks:
        if row is None or row in before:
            for element in [*(block.get("elements") or []), block.get("accessory")]:
                if isinstance(element, dict) and element.get("type") == "button" and element["text"]["text"] == label:
                    return block, element
        before = "\n".join(texts(block))
    raise PlatformError(f"there is no button {label!r}")
