"""The connection test: one deadline, one resolution, one mechanism, one password attempt; a message only on request."""

import asyncio
import math
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from bot.providers.recognition import may_be_elsewhere, needs_mx, provider_behind
from bot.smtp.account import Account, Outgoing
from bot.smtp.check.ended import record_failure, report_of
from bot.smtp.check.faults import certificate_failure, failure, old_encryption
from bot.smtp.check.opening import NotPermittedError
from bot.smtp.check.probe import OtherPorts, PortProbe
from bot.smtp.check.report import Fault, Report, StageName
from bot.smtp.check.stage_record import UNTIMED, StageRecord
from bot.smtp.check.stages import Stages
from bot.smtp.dialogue.handshakes import Handshakes
from bot.smtp.dialogue.session import DEFAULT_HELO
from bot.smtp.network.certificate import unverified_context
from bot.smtp.network.connect import Network
from bot.smtp.network.guard import Guard, HostError, normal_host

LOOK_SHARE = 0.75
"""The share of the deadline after which other ports are looked at while the server may still answer on its own."""

LOOK_SECONDS = 1.0
"""How long a look at the server takes at least, even when that is past the deadline."""

PROVIDER_SECONDS = 1.0
"""How long a failed test looks for the provider behind the sender's domain, within its deadline."""

_OPENING_STAGES = (StageName.CONNECT, StageName.GREETING, StageName.ENCRYPTION)
_OLD_OR_NOT = (Fault.TLS_NOTHING_IN_COMMON, Fault.TLS_TOO_OLD, Fault.TLS_FAILED, Fault.TLS_CLOSED)
"""How handshakes fail with a server that is too old; it may be something else."""
_OF_THE_PORT = (Fault.PASSWORD_OVER_CLEAR_TEXT, Fault.SIGN_IN_NOT_OFFERED, Fault.ENCRYPTION_NEEDED)
"""Faults of later stages against which another port may help."""
_OF_THE_NAME = (Fault.ANNOUNCED_NAME_REFUSED, Fault.DEFAULT_NAME_REFUSED)
"""Faults that lead to another announced name, and to no other port."""

Progress = Callable[[Report], None]


class ConnectionTester:
    """Tests accounts; holds what all tests share.

    `timeout` is in seconds for a whole test; `handshakes` is how many TLS handshakes may begin at once; `helo` is what
    EHLO announces for accounts that have no name of their own for it.
    """

    def __init__(
        self,
        *,
        guard: Guard,
        network: Network,
        trust: ssl.SSLContext,
        timeout: float,
        handshakes: int,
        helo: str = DEFAULT_HELO,
    ) -> None:
        self.guard = guard
        self.network = network
        self.trust = trust
        self.timeout = timeout
        self.helo = helo
        self.handshakes = Handshakes(handshakes)

    async def test(self, account: Account, progress: Progress) -> Report:
        """Test one account and return the report; `progress` gets the report so far whenever a stage begins.

        Whatever the server or the network does ends in the report; only cancellation is raised, and what the account's
        permit raises, after `progress` got the report of the test as it was stopped.
        """
        return await _Run(self, account, progress).run()

    async def send(self, account: Account, outgoing: Outgoing, progress: Progress) -> Report:
        """Test one account as `test` does and, when all stages pass, send one message."""
        return await _Run(self, account, progress, outgoing).run()

    def announcing(self, account: Account) -> Account:
        """Return an account with the name that EHLO announces for it."""
        return replace(account, helo=account.helo or self.helo)

    def probe(self, account: Account) -> PortProbe:
        """Return what reaches an account's server; a pinned key is compared later, in place of a verified chain."""
        trust = unverified_context() if account.pin else self.trust
        return PortProbe(self.guard, self.network, trust, self.handshakes, account)


class _Run:
    """One test under way."""

    def __init__(
        self, tester: ConnectionTester, account: Account, progress: Progress, outgoing: Outgoing | None = None
    ) -> None:
        self._tester = tester
        self._account = tester.announcing(account)
        self._progress = progress
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._ends = self._began + tester.timeout
        self._probe = tester.probe(self._account)
        self._record = StageRecord(account, outgoing, self._show_progress)
        self._stages = Stages(
            self._account,
            outgoing,
            own_name=account.helo is not None,
            record=self._record,
            probe=self._probe,
            timeout=tester.timeout,
        )
        self._other_ports = OtherPorts()
        self._provider = ""

    async def run(self) -> Report:
        try:
            await self._run_to_the_end()
        except (asyncio.CancelledError, NotPermittedError) as ended:
            self._record.stop()
            self._show_progress()
            if isinstance(ended, NotPermittedError):
                raise ended.reason from None
            raise
        self._record.close()
        return self._report()

    async def _run_to_the_end(self) -> None:
        failed = asyncio.Event()
        looking = asyncio.create_task(self._look_at_other_ports(failed))
        try:
            async with asyncio.timeout_at(self._ends) as deadline:
                await self._stages.run()
        except NotPermittedError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a server provokes is the report's, not the program's
            examined = await self._examined(error)
            record_failure(self._account, self._record, self._stages, examined, timed_out=deadline.expired())
            opening = self._record.current in _OPENING_STAGES and self._record.fault not in _OF_THE_NAME
            about_the_port = opening or self._record.fault in _OF_THE_PORT
            if about_the_port:
                failed.set()
            await self._look_for_provider(self._ends)
            if about_the_port:
                self._other_ports = await looking
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _look_at_other_ports(self, failed: asyncio.Event) -> OtherPorts:
        """Look once an opening stage has failed, or takes so long that it may fail: it may still pass meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._began + self._tester.timeout * LOOK_SHARE):
                await failed.wait()
        if self._record.current not in _OPENING_STAGES:
            await failed.wait()
        return await self._probe.look(self._stages.addresses, until=self._enough())

    def _enough(self) -> float:
        return max(self._ends, self._clock() + LOOK_SECONDS)

    async def _examined(self, error: Exception) -> Exception:
        """Return what an error really means, after one more look at what a handshake stumbled over."""
        if self._record.current is not StageName.ENCRYPTION or self._stages.address is None:
            return error
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._enough()):
                if isinstance(error, ssl.SSLCertVerificationError):
                    certificate = await self._probe.untrusted_certificate(self._stages.address)
                    self._stages.certificate = self._stages.shown(certificate)
                elif (
                    failure(error, self._record.current, self._stages.redaction, self._stages.evidence()).fault
                    in _OLD_OR_NOT
                ):
                    return old_encryption(error, await self._probe.old_encryption(self._stages.address))
        if isinstance(error, ssl.SSLCertVerificationError):
            return certificate_failure(error, self._stages.certificate)
        return error

    async def _look_for_provider(self, until: float) -> None:
        """Find out who takes mail in for the sender's domain, where the domain does not tell."""
        is_wanted = may_be_elsewhere if self._record.fault is Fault.SIGN_IN_REFUSED else needs_mx
        if self._record.fault is Fault.RESOLVER_UNAVAILABLE or not is_wanted(self._account.host, self._account.address):
            return
        with suppress(TimeoutError, HostError):
            domain = normal_host(self._account.address.rpartition("@")[2])
            async with asyncio.timeout_at(min(until, self._clock() + PROVIDER_SECONDS)):
                provider = provider_behind(await self._tester.network.mail_servers(domain))
                self._provider = provider.label if provider else ""

    def _show_progress(self) -> None:
        self._progress(self._report())

    def _report(self) -> Report:
        return report_of(
            self._account,
            self._record,
            self._stages,
            seconds=self._seconds(),
            other_ports=self._other_ports,
            provider=self._provider,
        )

    def _seconds(self) -> float:
        """Return how long the test has taken; in whole seconds where the time could tell what is not told."""
        seconds = self._clock() - self._began
        return float(math.ceil(seconds)) if self._record.fault in UNTIMED else seconds
