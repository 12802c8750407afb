"""Documents that domains publish for mail programs, and the TXT record that vouches for one."""

import base64
import hashlib
from collections.abc import Iterable

DOMAIN = "lovelace.example"


def server(
    host: str = f"smtp.{DOMAIN}",
    *,
    port: object = 465,
    socket_type: str = "SSL",
    login: str = "%EMAILADDRESS%",
    ways: Iterable[str] = ("<authentication>password-cleartext</authentication>",),
    kind: str = "smtp",
) -> str:
    """Return an element for an outgoing server."""
    return (
        f'<outgoingServer type="{kind}"><hostname>{host}</hostname><port>{port}</port>'
        f"<socketType>{socket_type}</socketType><username>{login}</username>{''.join(ways)}</outgoingServer>"
    )


def document(*servers: str, before: str = '<?xml version="1.0"?>') -> str:
    """Return a document of autoconfig."""
    return (
        f'{before}<clientConfig version="1.1"><emailProvider id="{DOMAIN}"><domain>{DOMAIN}</domain>'
        f'<incomingServer type="imap"><hostname>imap.{DOMAIN}</hostname></incomingServer>'
        f"{''.join(servers or (server(),))}</emailProvider></clientConfig>"
    )


def vouching(content: str, *, way: str = "sha256") -> str:
    """Return the TXT record that vouches for a document by its digest, as in a zone file."""
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f'"v=UAAC1; a={way}; d={digest}"'
