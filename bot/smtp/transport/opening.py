"""Opens connections for letters, as a connection test begins."""

import asyncio
from contextlib import AsyncExitStack

from bot.smtp.account import Account
from bot.smtp.check.ended import record_failure, report_of
from bot.smtp.check.opening import NotPermittedError, Opening
from bot.smtp.check.stage_record import StageRecord
from bot.smtp.check.tester import ConnectionTester
from bot.smtp.transport.connection import COMMAND_SECONDS, NotConnectedError, ProviderConnection, SignInRefusedError


async def open_connection(
    account: Account, tester: ConnectionTester, *, command_seconds: float = COMMAND_SECONDS
) -> ProviderConnection:
    """Open a connection as the connection test does: guarded, pinned, verified, with one sign-in in one deadline.

    Raises:
        SignInRefusedError: the sign-in was refused, or came to no end.
        NotConnectedError: it did not come so far.
        Exception: what the account's permit raises.
    """
    own_name = account.helo is not None
    account = tester.announcing(account)
    clock = asyncio.get_running_loop().time
    record, began = StageRecord(account, None, lambda: None), clock()
    opening = Opening(account, own_name=own_name, record=record, probe=tester.probe(account), timeout=tester.timeout)
    async with AsyncExitStack() as opened:
        try:
            async with asyncio.timeout(tester.timeout) as deadline:
                address, dialogue = await opening.connect()
                await opened.enter_async_context(dialogue)
                await opening.sign_in(address, dialogue)
        except NotPermittedError as ended:
            raise ended.reason from None
        except Exception as error:  # noqa: BLE001 - whatever a server provokes is the report's, not the program's
            record_failure(account, record, opening, error, timed_out=deadline.expired())
            record.close()
            report = report_of(account, record, opening, seconds=clock() - began)
            raise (SignInRefusedError if report.sign_in_refused else NotConnectedError)(report) from None
        dialogue.end_transcript()
        return ProviderConnection(
            dialogue,
            opening.redaction,
            opened.pop_all(),
            command_seconds=command_seconds,
            seconds_waited=clock() - began,
        )
