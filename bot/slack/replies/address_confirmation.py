"""Mailing a code in the background, while the modal in which it is typed is open already."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.connection_tests.running_tests import RunningTest, StoppedTestError
from bot.profiles.people.access import Person
from bot.slack.replies.connection_tests import ConnectionTestReplies
from bot.slack.replies.modals import update_modal
from bot.slack.replies.reply import OpenedModalReply
from bot.slack.views import report as reports
from bot.slack.views.address_confirmation import TITLE, CodeStatus, code_modal
from bot.slack.web_api.errors import SLACK_ERRORS

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class CodeReplies:
    """Mails codes as jobs; the open modal tells what has become of each."""

    tests: ConnectionTestReplies

    async def start(self, client: AsyncWebClient, body: Mapping[str, Any], *, view_id: str, caller: Person) -> None:
        """Mail a code to the address of the caller's profile; `view_id` is the modal that waits for it."""
        reply = OpenedModalReply(client, body, view_id=view_id, title=TITLE)

        async def mail() -> None:
            try:
                mailed = await self.tests.connections.mail_code(caller=caller, progress=_unseen)
            except StoppedTestError as stopped:
                await reply.show(reports.stopped(stopped.test, stopped_by=stopped.stopped_by.user, owner=caller.user))
                return
            if mailed.test.report.message_taken:
                await _tell_mailed(client, view_id, mailed.address)
            else:
                await reply.show(reports.no_code(mailed.test.account, mailed.test, owner=caller.user))

        await self.tests.start_pressed(reply, lambda: self.tests.start(reply, caller, caller, mail))


def _unseen(_test: RunningTest) -> None:
    """Show nothing of a test under way: a modal that is drawn anew could lose what is being typed."""


async def _tell_mailed(client: AsyncWebClient, view_id: str, address: str) -> None:
    """Say that the code was mailed; a modal that does not change takes it all the same."""
    try:
        await update_modal(client, view_id, code_modal(address, CodeStatus.MAILED))
    except SLACK_ERRORS as error:
        log.info("A modal was not changed (%s).", type(error).__name__)
