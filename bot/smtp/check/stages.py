"""The stages of a test: name, connection, greeting, encryption, sign-in, sender, and a message on request."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress

from aiosmtplib.errors import SMTPException
from aiosmtplib.response import SMTPResponse

from bot.smtp.account import Account, Outgoing
from bot.smtp.check.capabilities import envelope, envelope_path
from bot.smtp.check.evidence import Command
from bot.smtp.check.faults import StageFailedError
from bot.smtp.check.one_by_one import SecondConnection, replies
from bot.smtp.check.opening import NotPermittedError, Opening
from bot.smtp.check.probe import PortProbe
from bot.smtp.check.refusals.table import classify
from bot.smtp.check.report import Outcome, Reply, StageName
from bot.smtp.check.stage_record import Finding, StageRecord
from bot.smtp.dialogue.session import Dialogue, GarbledReplyError
from bot.smtp.network.guard import Address
from bot.smtp.transport.connection import ConnectionBrokenError, OutcomeUnknownError, ProviderConnection

GOODBYE_TIMEOUT_SECONDS = 1.0
"""How long RSET and QUIT may take; the result does not depend on them."""

_NOBODY_NAMED = "No recipient named: nobody signs in here, and no address is known to be the owner's."


class Stages(Opening):
    """All stages of a test, as `Opening`: after the sign-in the sender and, on request, a message."""

    def __init__(
        self,
        account: Account,
        outgoing: Outgoing | None,
        *,
        own_name: bool,
        record: StageRecord,
        probe: PortProbe,
        timeout: float,
    ) -> None:
        """Arguments as `Opening`; `outgoing` is the message."""
        known = (outgoing.recipient,) if outgoing else ()
        super().__init__(account, own_name=own_name, record=record, probe=probe, timeout=timeout, known=known)
        if outgoing is not None and outgoing.secret is not None:
            self.redaction.add(outgoing.secret)
        self._outgoing = outgoing
        self._one_by_one = True
        self._opened = AsyncExitStack()

    async def run(self) -> None:
        """Go through all stages. Raises whatever one of them fails with."""
        address, dialogue = await self.connect()
        async with dialogue, self._opened:
            with self._leaving(dialogue):
                await self.sign_in(address, dialogue)
                if self._outgoing is not None:
                    await self._send(dialogue, self._outgoing)
                else:
                    await self._try_envelope(address, dialogue)

    @contextmanager
    def _leaving(self, dialogue: Dialogue) -> Iterator[None]:
        """Say QUIT when the test is stopped, out of time or not permitted to sign in, and wait for nothing.

        Only where the server can take it: in place of a greeting, of credentials or within a message it would be
        something else; and what was sent together ends with it.
        """
        try:
            yield
        except (asyncio.CancelledError, NotPermittedError):
            if self._command is Command.EHLO or (self._command in (Command.MAIL, Command.RCPT) and self._one_by_one):
                dialogue.leave()
            raise

    @property
    def _recipient(self) -> str | None:
        """Whom RCPT names. Where nobody signs in, naming any address would tell strangers which mailboxes there are."""
        if self._outgoing is not None:
            return self._outgoing.recipient
        return self._account.address if self._account.authenticate else self._account.recipient

    async def _try_envelope(self, address: Address, dialogue: Dialogue) -> None:
        """Name sender and recipient, and say goodbye, without a message."""
        with self._record.stage(StageName.SENDER) as finding:
            sender, parameters = envelope_path(self._account.address, dialogue.extensions)
            to = None
            if self._recipient:
                to, also = envelope_path(self._recipient, dialogue.extensions)
                parameters = parameters or also
            self._command = Command.MAIL
            answers = self._replies_to(address, dialogue, envelope(sender, to, parameters))
            await self._judge_envelope(finding, answers, named=to is not None)
        with suppress(SMTPException, GarbledReplyError, OSError):
            async with asyncio.timeout(GOODBYE_TIMEOUT_SECONDS):
                async for _ in answers:
                    # What RSET and QUIT are answered changes nothing.
                    pass

    async def _judge_envelope(self, finding: Finding, answers: AsyncIterator[SMTPResponse], *, named: bool) -> None:
        reply = self._parsed(await anext(answers))
        if reply.code == 250 and not named:
            finding.detail = f"{self._account.address} accepted as sender, no recipient named"
            finding.facts = (_NOBODY_NAMED,)
            return
        if reply.code == 250:
            self._command = Command.RCPT
            reply = self._parsed(await anext(answers))
            finding.facts = self._about_recipient()
        self._judge_recipient(finding, reply)

    def _judge_recipient(self, finding: Finding, reply: Reply) -> None:
        """Judge the reply to RCPT, or the one with which MAIL was refused."""
        if self._command is Command.RCPT and reply.code in (250, 251, 252):
            finding.detail = f"{self._account.address} accepted"
        else:
            self._judge(reply, finding)

    def _about_recipient(self) -> tuple[str, ...]:
        """Return whom RCPT named, where people would expect the account's own address."""
        address = self._account.address
        if self._outgoing is not None or not self._recipient or self._recipient.casefold() == address.casefold():
            return ()
        return (f"Recipient named: {self._recipient}, because {address} is not confirmed as the owner's address.",)

    def _judge(self, reply: Reply, finding: Finding) -> None:
        fault, outcome = classify(reply, self.evidence())
        if outcome is Outcome.FAILED:
            raise StageFailedError(fault, str(reply), reply=reply)
        finding.outcome, finding.fault, finding.reply, finding.detail = outcome, fault, reply, str(reply)

    def _replies_to(
        self, address: Address, dialogue: Dialogue, commands: tuple[bytes, ...]
    ) -> AsyncIterator[SMTPResponse]:
        """Send MAIL and RCPT, and the goodbye with them."""
        # What is sent together is told apart by the replies to MAIL and to RCPT.
        self._one_by_one = self._recipient is None or "pipelining" not in dialogue.extensions
        commands += (b"RSET", b"QUIT")
        if self._one_by_one:
            return dialogue.one_by_one(commands)
        second = SecondConnection(
            network=self._network,
            account=self._account,
            trust=self._trust,
            first=dialogue,
            transcript=self.transcript,
            stack=self._opened,
            signed_in_with=self._signed_in_with,
        )
        return replies(dialogue, commands, patience=self._timeout / 4, second=second, address=address)

    async def _send(self, dialogue: Dialogue, outgoing: Outgoing) -> None:
        """Send a message as letters of programs are sent, and say goodbye."""
        connection = ProviderConnection(dialogue, self.redaction, AsyncExitStack(), command_seconds=self._timeout)
        with self._record.stage(StageName.SENDER) as finding:
            _, parameters = envelope_path(self._account.address, dialogue.extensions)
            _, also = envelope_path(outgoing.recipient, dialogue.extensions)
            self._command = Command.MAIL
            reply = await _as_it_was(connection.mail(self._account.address, utf8=bool(parameters or also)))
            if reply.code == 250:
                self._command = Command.RCPT
                reply = await _as_it_was(connection.rcpt(outgoing.recipient))
            self._judge_recipient(finding, reply)
        if self._record.passed(StageName.SENDER):
            await self._send_content(connection, outgoing.content)
        else:
            self._record.skip(StageName.MESSAGE, "not sent, because the server did not take sender or recipient")
        await connection.close()

    async def _send_content(self, connection: ProviderConnection, content: bytes) -> None:
        with self._record.stage(StageName.MESSAGE) as finding:
            self._command = Command.DATA
            try:
                reply = await _as_it_was(connection.data(content))
            finally:
                self._command = Command.MESSAGE if connection.sends_content else Command.DATA
            if reply.code < 400:
                finding.detail, finding.said = reply.text or "accepted", reply
                return
            self._judge(reply, finding)


async def _as_it_was(asking: Awaitable[Reply]) -> Reply:
    """Wait for a reply. Raises what ended the dialogue, by which the test judges."""
    try:
        return await asking
    except (ConnectionBrokenError, OutcomeUnknownError) as broken:
        raise broken.reason from None
