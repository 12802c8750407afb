"""A request of Slack's as it arrives over HTTP, and its answer: commands with what commands need, all else as Bolt's.

Bolt's own request takes longer to be made than a profile to be read: it looks in a dozen places for what a command
names in one.
"""

from aiohttp import web
from pydantic_core import to_json
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from yarl import query_to_pairs

from bot.slack.ids import COMMANDS
from bot.slack.middleware.overload import BusyError
from bot.slack.views.message import notice

FORM = "application/x-www-form-urlencoded"
TIMESTAMP, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"

_COMMAND = b"command=%2F"

_IDS = ("team_id", "enterprise_id", "user_id", "channel_id")


class CommandRequest(AsyncBoltRequest):
    """Bolt's request of a slash command."""

    def __init__(self, body: str, fields: dict[str, str], *, timestamp: str, signature: str) -> None:
        """Take a form's text and its fields, and how it is signed."""
        self.raw_body = body
        self.query = {}
        self.headers = {TIMESTAMP.lower(): [timestamp], SIGNATURE.lower(): [signature]}
        self.content_type = FORM
        self.body = fields
        self.context = AsyncBoltContext({name: fields[name] for name in _IDS if fields.get(name)})
        self.context["is_enterprise_install"] = fields.get("is_enterprise_install") == "true"
        self.lazy_only = False
        self.lazy_function_name = None
        self.mode = "http"


def turned_away() -> web.Response:
    """Answer a command for which there is no room, without reading it: there may be many."""
    told = notice(str(BusyError())).payload()
    return web.Response(body=to_json(told), headers={"Content-Type": "application/json;charset=utf-8"})


async def is_command(request: web.Request) -> bool:
    """Tell by its first looks whether a request is a slash command, signed or not."""
    return _COMMAND in await request.read()


async def read_request(request: web.Request) -> AsyncBoltRequest:
    """Read a request.

    Raises:
        ValueError, LookupError: it is no form, no JSON, or not UTF-8.
    """
    body = await request.text()
    headers = request.headers
    if "command=" in body and headers.get("Content-Type", "").startswith(FORM):
        fields = dict(query_to_pairs(body))
        if fields.get("command") in COMMANDS and "payload" not in fields:
            timestamp, signature = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
            return CommandRequest(body, fields, timestamp=timestamp, signature=signature)
    return AsyncBoltRequest(body=body, query=request.query_string, headers=headers)  # type: ignore[arg-type]


def to_answer(response: BoltResponse) -> web.Response:
    """Give Bolt's response as aiohttp's; answers to Slack carry no cookies."""
    kind = response.headers["content-type"][0]
    return web.Response(status=response.status, body=response.body.encode(), headers={"Content-Type": kind})
