"""The sources that ask the network."""

import ssl
from collections.abc import Mapping

from bot.discovery.findings import Source
from bot.discovery.knock import Knock
from bot.discovery.records import ask_mx, ask_srv
from bot.discovery.search import AskSource
from bot.smtp.dialogue.handshakes import Handshakes


def network_sources(*, trust: ssl.SSLContext, handshakes: Handshakes, helo: str) -> Mapping[Source, AskSource]:
    """Return all of them; `trust`, `handshakes` and `helo` are those of connection tests."""
    knock = Knock(trust=trust, handshakes=handshakes, helo=helo)
    return {Source.MX: ask_mx, Source.SRV: ask_srv, Source.KNOCK: knock.ask}
