"""Examines whether PUBLIC_URL, where browsers and Slack are sent, leads to this bot, and what is served to whom."""

import ssl

import aiohttp

from bot.doctor.finding import ANSWER_TIMEOUT_SECONDS, METRICS, PROXIES, PUBLIC_URL, Finding, bad, good
from bot.settings import Settings

_MOST_ANSWER_BYTES = 100


async def public_findings(loaded: Settings) -> list[Finding]:
    """Fetch `/healthz` from there, as a browser would."""
    if loaded.public_url is None:
        return []
    fault = await _fault(f"{loaded.public_url}/healthz")
    return [bad(PUBLIC_URL, fault) if fault else good(PUBLIC_URL, "the bot answers there.")]


def served_findings(loaded: Settings) -> list[Finding]:
    """Say who is believed about where requests come from, and where health and metrics are served.

    Where PUBLIC_URL is https there is a proxy, because the bot itself serves no TLS, and it is reached from outside.
    """
    proxied = (loaded.public_url or "").startswith("https://")
    found = []
    if loaded.trusted_proxies:
        named = ", ".join(map(str, loaded.trusted_proxies))
        found.append(good(PROXIES, f"X-Forwarded-For counts from {named}."))
    elif proxied:
        why = "TRUSTED_PROXIES is not set, so limits by network address take the proxy for one visitor"
        found.append(good(PROXIES, f"{why}; name its network there."))
    if loaded.monitoring_address is not None:
        host, port = loaded.monitoring_address
        found.append(good(METRICS, f"they are served at {host}:{port} alone, with what /readyz says."))
    elif proxied:
        there = f"they are served at {loaded.host}:{loaded.port}, with all that the internet reaches"
        found.append(good(METRICS, f"{there}; METRICS_PORT serves them, and what /readyz says, apart."))
    return found


async def _fault(url: str) -> str:
    """Return what is wrong with an address and what to do; empty when the bot answers there."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url, allow_redirects=False) as answer:
            body = await answer.content.read(_MOST_ANSWER_BYTES)
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return _fault_of_error(error)
    return _fault_of_answer(status, body)


def _fault_of_error(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            fault = "its name is unknown. Make a DNS record for it, or correct PUBLIC_URL."
        case aiohttp.ClientSSLError() | ssl.SSLError():
            why = _tls_reason(error)
            fault = f"TLS fails ({why}). Renew or correct the certificate of the proxy in front of the bot."
        case TimeoutError():
            fault = f"nothing answers within {ANSWER_TIMEOUT_SECONDS:.0f} s. Open the firewall, or correct PUBLIC_URL."
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            fault = "the connection is refused: nothing serves there. Start the bot, and the proxy in front of it."
        case aiohttp.ClientConnectorError():
            why = error.os_error.strerror or type(error.os_error).__name__
            fault = f"no connection comes about ({why}). Open the way there, or correct PUBLIC_URL."
        case _:
            why = type(error).__name__
            fault = f"what answers there breaks off ({why}). See the log of the proxy in front of the bot."
    return fault


def _tls_reason(error: Exception) -> str:
    certificate = getattr(error, "certificate_error", error)
    return str(getattr(certificate, "verify_message", "") or "no handshake came about")


def _fault_of_answer(status: int, body: bytes) -> str:
    if 300 <= status < 400:
        return f"/healthz is sent elsewhere (status {status}). Let PUBLIC_URL be the address that is served itself."
    if status in (502, 503, 504):
        return f"a proxy answers, but not the bot (status {status}). Start the bot, and lead the proxy to HOST:PORT."
    if status != 200:
        return f"/healthz has status {status}. Let the proxy hand every path on to the bot."
    if body.strip() != b"ok":
        return "something else answers there. Lead this address to the bot's HOST:PORT."
    return ""
