"""What DNS says of a domain that sends mail: one line each about SPF, DKIM and DMARC, as advice only."""

import asyncio

import idna

from bot.smtp.dialogue.replies import clean
from bot.smtp.network.resolver import DNS_TIMEOUT_SECONDS, Resolver

_SELECTORS = ("default", "google", "selector1", "selector2", "mail", "dkim", "k1", "s1", "s2", "fm1", "zmail", "mx")
"""Where providers usually put DKIM keys; any other name is as good, so finding none proves nothing."""


async def judge(domain: str, resolver: Resolver) -> tuple[str, ...]:
    """Return three lines about a sender's domain, for SPF, DKIM and DMARC; none when DNS does not answer in time."""
    try:
        name = idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return ()
    names = [name, f"_dmarc.{name}", *(f"{selector}._domainkey.{name}" for selector in _SELECTORS)]
    try:
        async with asyncio.timeout(DNS_TIMEOUT_SECONDS):
            spf, dmarc, *keys = await asyncio.gather(*(resolver.txt_records(one) for one in names))
    except TimeoutError:
        return ()
    if spf is None or dmarc is None:
        return ()
    return (_spf(spf), _dkim(keys), _dmarc(dmarc))


def _spf(texts: list[str]) -> str:
    # RFC 7208, 4.5: exactly one record that begins with the version.
    found = [text for text in texts if text.lower().split(" ")[0] == "v=spf1"]
    if not found:
        return "SPF: none. Receivers cannot tell which servers may send for this domain."
    if len(found) > 1:
        return "SPF: more than one record, which receivers treat as an error."
    ending = found[0].lower().split()[-1]
    if ending in ("+all", "all"):
        return "SPF: it lets every server send, so it protects nothing."
    return f"SPF: there is one ({clean(found[0], most=80)}). Your mail server must be in it."


def _dkim(keys: list[list[str] | None]) -> str:
    found = [
        selector for selector, texts in zip(_SELECTORS, keys, strict=True) if any("p=" in text for text in texts or ())
    ]
    if found:
        return f"DKIM: a key is published under {', '.join(found)}. See in the message's headers whether it was signed."
    return "DKIM: no key under the usual names; see in the message's headers whether it was signed."


def _dmarc(texts: list[str]) -> str:
    found = next((text for text in texts if text.lower().replace(" ", "").startswith("v=dmarc1")), None)
    if found is None:
        return "DMARC: none. Large providers ask for one."
    tags = dict(part.strip().partition("=")[::2] for part in found.split(";") if "=" in part)
    policy = next((value for name, value in tags.items() if name.strip().lower() == "p"), "none").strip().lower()
    meaning = {
        "reject": "messages that fail SPF and DKIM are refused",
        "quarantine": "messages that fail SPF and DKIM go to spam",
    }.get(policy, "failures are only reported")
    return f"DMARC: there is one; {meaning}."
