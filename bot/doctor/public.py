"""PUBLIC_URL: whether what browsers and Slack are sent to is this bot."""

import ssl

import aiohttp

from bot.doctor.finding import PUBLIC_URL, SECONDS, Finding, bad, good
from bot.settings import Settings

_LONGEST_ANSWER = 100


async def public_findings(loaded: Settings) -> list[Finding]:
    """Ask for `/healthz` there, as anybody would."""
    if loaded.public_url is None:
        return []
    wrong = await _trouble(f"{loaded.public_url}/healthz")
    if wrong:
        return [bad(PUBLIC_URL, wrong)]
    return [good(PUBLIC_URL, "the bot answers there.")]


async def _trouble(url: str) -> str:
    """Say what is wrong with an address, and what to do; empty when the bot answers there."""
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            # What is sent elsewhere is not served there.
            session.get(url, allow_redirects=False) as answer,
        ):
            body = await answer.content.read(_LONGEST_ANSWER)
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return _of_error(error)
    return _of_answer(status, body)


def _of_error(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            trouble = "its name is unknown. Make a DNS record for it, or correct PUBLIC_URL."
        case aiohttp.ClientSSLError() | ssl.SSLError():
            why = _of_tls(error)
            trouble = f"TLS fails ({why}). Renew or correct the certificate of the proxy in front of the bot."
        case TimeoutError():
            trouble = f"nothing answers within {SECONDS:.0f} s. Open the firewall, or correct PUBLIC_URL."
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            trouble = "the connection is refused: nothing serves there. Start the bot, and the proxy in front of it."
        case aiohttp.ClientConnectorError():
            why = error.os_error.strerror or type(error.os_error).__name__
            trouble = f"no connection comes about ({why}). Open the way there, or correct PUBLIC_URL."
        case _:
            why = type(error).__name__
            trouble = f"what answers there breaks off ({why}). See the log of the proxy in front of the bot."
    return trouble


def _of_tls(error: Exception) -> str:
    certificate = getattr(error, "certificate_error", error)
    return str(getattr(certificate, "verify_message", "") or "no handshake came about")


def _of_answer(status: int, body: bytes) -> str:
    if 300 <= status < 400:
        return f"/healthz is sent elsewhere (status {status}). Let PUBLIC_URL be the address that is served itself."
    if status in (502, 503, 504):
        return f"a proxy answers, but not the bot (status {status}). Start the bot, and lead the proxy to HOST:PORT."
    if status != 200:
        return f"/healthz has status {status}. Let the proxy hand every path on to the bot."
    if body.strip() != b"ok":
        return "something else answers there. Lead this address to the bot's HOST:PORT."
    return ""
