"""The connection test alone: an account of the scripted servers, and a tester for whatever network leads to one."""

import ssl
from ipaddress import ip_network

from pydantic import SecretStr

from bot.smtp.account import Account, Encryption, Outgoing
from bot.smtp.check.report import Report
from bot.smtp.check.tester import ConnectionTester, Progress
from bot.smtp.dialogue.session import DEFAULT_HELO
from bot.smtp.network.connect import Network
from bot.smtp.network.guard import Guard
from tests.fakes.smtp_server import HOST, LOGIN, PASSWORD

ACCOUNT = Account(
    address=LOGIN,
    host=HOST,
    port=587,
    encryption=Encryption.TLS,
    authenticate=True,
    login=LOGIN,
    password=SecretStr(PASSWORD),
)
LOOPBACK = Guard([ip_network("127.0.0.0/8")], (25, 465, 587, 2525))


class OwnersTester(ConnectionTester):
    """A tester whose reports are in full, as only the account's owner sees them."""

    async def test(self, account: Account, progress: Progress) -> Report:
        return (await super().test(account, progress)).in_full

    async def send(self, account: Account, outgoing: Outgoing, progress: Progress) -> Report:
        return (await super().send(account, outgoing, progress)).in_full


def a_tester(
    network: Network, trust: ssl.SSLContext, *, timeout: float, guard: Guard = LOOPBACK, helo: str = DEFAULT_HELO
) -> ConnectionTester:
    """Return a tester that reaches the usual ports of this machine; `timeout` is in seconds for a whole test."""
    return OwnersTester(guard=guard, network=network, trust=trust, timeout=timeout, handshakes=4, helo=helo)
