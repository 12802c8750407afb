"""What a workspace sends to the bot: commands, interactions and events, as Slack words them."""

import secrets
from typing import Any

from bot.demo.stand_in.delivery import DeliveryError
from bot.demo.stand_in.people import BOT_USER, CHANNEL, TEAM, DemoPerson
from bot.demo.stand_in.platform import Message, Platform, direct_channel
from bot.demo.stand_in.views import Entries, OpenView

Holder = Message | OpenView
"""What holds buttons and inputs."""


def entries_of(user: str, holder: Holder) -> Entries:
    """Return what a person entered into a message or view."""
    return holder.entries_of(user) if isinstance(holder, Message) else holder


def _name_of(channel: str) -> str:
    return "general" if channel == CHANNEL else "directmessage"


class WorkspaceRequests(Platform):
    """The workspace as the bot's counterpart: builds every request and reads its acknowledgement."""

    async def raw(self, kind: str, payload: dict[str, Any]) -> Any:
        """Send any payload, signed; return what the acknowledgement carries.

        `kind` is slash_commands, interactive or events_api.

        Raises:
            DeliveryError: the bot did not acknowledge it.
        """
        return await self.delivery.send(kind, payload)

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

    async def change_person(self, person: DemoPerson) -> None:
        """Add a person, or replace the one with the same id, and notify the bot by user_change."""
        self.people[person.id] = person
        await self.note_change()
        now = self.clock()
        await self.event(
            {"type": "user_change", "user": person.slack_user(), "cache_ts": int(now), "event_ts": f"{now:.6f}"}
        )

    async def visit(self, user: str, tab: str) -> None:
        """Notify the bot that a person opened a tab of it: "home" or "messages"."""
        event: dict[str, Any] = {
            "type": "app_home_opened",
            "user": user,
            "channel": direct_channel(user),
            "tab": tab,
            "event_ts": f"{self.clock():.6f}",
        }
        if tab == "home" and user in self.homes:
            event["view"] = self.homes[user].payload()
        await self.event(event)

    async def send_message(self, user: str, message: Message) -> None:
        """Notify the bot of a message in a person's conversation with it."""
        await self.event(
            {
                "type": "message",
                "channel_type": "im",
                "channel": message.channel,
                "user": user,
                "text": message.text,
                "ts": message.ts,
                "event_ts": message.ts,
                "client_msg_id": secrets.token_hex(16),
                "team": TEAM,
            }
        )

    async def send_command(self, user: str, command: str, text: str, team: str, channel: str = CHANNEL) -> None:
        """Send a slash command, and show what the acknowledgement says."""
        url, answers = self.new_response_url(user, channel)
        payload = {
            "token": "deprecated",
            "team_id": team,
            "team_domain": "analytical-engines",
            "channel_id": channel,
            "channel_name": _name_of(channel),
            "user_id": user,
            "user_name": self.people[user].handle,
            "command": command,
            "text": text,
            "api_app_id": "A0DEMO",
            "is_enterprise_install": "false",
            "response_url": url,
            "trigger_id": self.new_trigger(user),
        }
        try:
            answer = await self.delivery.send("slash_commands", payload)
        except DeliveryError as error:
            self.refusals.append(("slash_commands", str(error)))
            await self.post(
                Message(author="slack", channel=channel, reader=user, text=f'{command} failed with the error "{error}"')
            )
            return
        self.received.append(answer)
        if isinstance(answer, dict) and (answer.get("text") or answer.get("blocks")):
            await self.post_answer(answers, answer)

    async def send_submission(self, user: str, view: OpenView) -> Any:
        """Send a modal that was submitted; return the acknowledgement.

        Raises:
            DeliveryError: the bot did not acknowledge it.
        """
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
        self.received.append(answer)
        return answer

    async def send_closed(self, user: str, view: OpenView) -> None:
        """Notify the bot that a modal was closed."""
        await self.delivery.send("interactive", {"type": "view_closed", **self._actor(user), "view": view.payload()})

    async def send_action(
        self,
        user: str,
        holder: Holder,
        block: dict[str, Any],
        element: dict[str, Any],
        chosen: dict[str, Any] | None = None,
    ) -> None:
        """Send block_actions for one element; `chosen` is the option picked from an overflow menu."""
        state = entries_of(user, holder).state()
        payload: dict[str, Any] = {"type": "block_actions", **self._actor(user), "trigger_id": self.new_trigger(user)}
        if isinstance(holder, Message):
            payload |= self._from_message(user, holder, state)
        else:
            payload |= {"container": {"type": "view", "view_id": holder.id}, "view": holder.payload()}
        told = {name: value for name, value in element.items() if name != "options"}
        value = (
            {"selected_option": chosen} if chosen else state.get(block["block_id"], {}).get(told.get("action_id", ""))
        )
        payload["actions"] = [
            {**told, **(value or {}), "block_id": block["block_id"], "action_ts": f"{self.clock():.6f}"}
        ]
        try:
            self.received.append(await self.delivery.send("interactive", payload))
        except DeliveryError as error:
            self.refusals.append(("block_actions", str(error)))

    async def send_shortcut(self, user: str, callback_id: str, message: Message) -> None:
        """Send the use of a message shortcut; its response_url answers below the message, which it does not replace.

        https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload
        """
        url, _ = self.new_response_url(user, message.channel)
        about: dict[str, Any] = {
            "type": "message",
            "ts": message.ts,
            "user": message.author,
            "text": message.text,
            "team": TEAM,
        }
        typed = {"type": "rich_text_section", "elements": [{"type": "text", "text": message.text}]}
        about["blocks"] = message.blocks or [{"type": "rich_text", "block_id": "typed", "elements": [typed]}]
        about |= {"files": message.files} if message.files else {}
        payload = {
            "type": "message_action",
            **self._actor(user),
            "callback_id": callback_id,
            "action_ts": f"{self.clock():.6f}",
            "trigger_id": self.new_trigger(user),
            "response_url": url,
            "message_ts": message.ts,
            "channel": {"id": message.channel, "name": _name_of(message.channel)},
            "message": about,
        }
        try:
            self.received.append(await self.delivery.send("interactive", payload))
        except DeliveryError as error:
            self.refusals.append(("message_action", str(error)))

    def _from_message(self, user: str, message: Message, state: dict[str, Any]) -> dict[str, Any]:
        url, _ = self.new_response_url(user, message.channel, message)
        return {
            "response_url": url,
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
                "is_ephemeral": message.reader is not None,
            },
            "channel": {"id": message.channel, "name": _name_of(message.channel)},
            "message": {"type": "message", "ts": message.ts, "text": message.text, "blocks": message.blocks},
            "state": {"values": state},
        }

    def _actor(self, user: str) -> dict[str, Any]:
        person = self.people[user]
        return {
            "team": {"id": TEAM, "domain": "analytical-engines"},
            "user": {"id": user, "username": person.handle, "name": person.handle, "team_id": person.team},
            "api_app_id": "A0DEMO",
            "token": "deprecated",
            "enterprise": None,
            "is_enterprise_install": False,
        }
