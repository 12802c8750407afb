"""The sources that ask the network."""

import ssl
from collections.abc import Mapping

from bot.discovery.autoconfig import Autoconfig
from bot.discovery.fetch import Web
from bot.discovery.findings import Source
from bot.discovery.knock import Knock
from bot.discovery.pacc import Pacc
from bot.discovery.records import ask_mx, ask_srv
from bot.discovery.search import AskSource
from bot.smtp.dialogue.handshakes import Handshakes


def network_sources(*, trust: ssl.SSLContext, handshakes: Handshakes, helo: str) -> Mapping[Source, AskSource]:
    """Return all of them; `trust`, `handshakes` and `helo` are those of connection tests."""
    web = Web(trust=trust)
    autoconfig = Autoconfig(web=web)
    return {
        Source.AUTOCONFIG: autoconfig.at_autoconfig_host,
        Source.WELL_KNOWN: autoconfig.at_well_known,
        Source.PACC: Pacc(web=web).ask,
        Source.MX: ask_mx,
        Source.SRV: ask_srv,
        Source.KNOCK: Knock(trust=trust, handshakes=handshakes, helo=helo).ask,
    }
