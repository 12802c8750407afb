"""One connection to an account's server, signed in, over which letters are sent one after the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.smtp.account import Account
from bot.smtp.check.report import Reply, Report
from bot.smtp.check.tester import ConnectionTester


class NotConnectedError(Exception):
    """No connection could be opened; `report` is as that of a test that ended there."""

    def __init__(self, report: Report) -> None:
        super().__init__("no connection could be opened")
        self.report = report


class SignInRefusedError(NotConnectedError):
    """The server was asked to sign in the account, and did not."""


class ConnectionBrokenError(Exception):
    """The connection broke, or what came is no SMTP; the letter was not given to the server to its end."""


class OutcomeUnknownError(Exception):
    """The letter was given to the server to its end, and no answer came."""


class ProviderConnection:
    """A connection that is signed in; every method returns the server's reply, cleaned and without secrets."""

    async def mail(self, sender: str, *, size: int = 0, utf8: bool = False) -> Reply:
        """Send MAIL FROM. Raises ConnectionBrokenError."""
        raise NotImplementedError

    async def rcpt(self, address: str) -> Reply:
        """Send RCPT TO. Raises ConnectionBrokenError."""
        raise NotImplementedError

    async def data(self, *parts: bytes) -> Reply:
        """Send DATA and the parts of a letter, one behind the other, and return the final reply, or that to DATA.

        Raises:
            ConnectionBrokenError: the letter was not given to its end.
            OutcomeUnknownError: it was, and no answer came.
        """
        raise NotImplementedError

    async def rset(self) -> Reply:
        """Send RSET. Raises ConnectionBrokenError."""
        raise NotImplementedError


@asynccontextmanager
async def open_connection(account: Account, tester: ConnectionTester) -> AsyncIterator[ProviderConnection]:
    """Open a connection as the connection test does: guarded, pinned, verified, one sign-in; close it at the end.

    Raises:
        SignInRefusedError: the sign-in was refused.
        NotConnectedError: it did not come so far.
    """
    raise NotImplementedError(account, tester)
    yield
