"""What DNS says of a domain that sends mail: SPF, DKIM and DMARC, judged in one line each, as advice only."""

import asyncio
from typing import Protocol

import idna

from bot.smtp.dialogue.replies import clean

_PATIENCE = 3.0
"""Seconds for all lookups together; the message is sent already, so nobody should wait long for advice."""

_SELECTORS = ("default", "google", "selector1", "selector2", "mail", "dkim", "k1", "s1", "s2", "fm1", "zmail", "mx")
"""Where providers usually put DKIM keys; any other name is as good, so finding none proves nothing."""


class TextRecords(Protocol):
    """Looks up TXT records."""

    async def texts(self, name: str) -> list[str] | None:
        """Give a name's TXT records, none for a name without; None when the name service does not answer."""
        ...


class DnsTextRecords:
    """Asks the system's resolvers."""

    async def texts(self, name: str) -> list[str] | None:
        """Ask once."""
        import dns.asyncresolver  # noqa: PLC0415 - slow to import, and wanted after a sent message only
        import dns.exception  # noqa: PLC0415 - as above
        import dns.resolver  # noqa: PLC0415 - as above

        try:
            answer = await dns.asyncresolver.Resolver().resolve(f"{name}.", "TXT", lifetime=_PATIENCE)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError):
            return None
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


async def judge(domain: str, records: TextRecords) -> tuple[str, ...]:
    """Judge a sender's domain: three lines, one each for SPF, DKIM and DMARC; empty when DNS does not answer."""
    try:
        name = idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return ()
    names = [name, f"_dmarc.{name}", *(f"{selector}._domainkey.{name}" for selector in _SELECTORS)]
    try:
        async with asyncio.timeout(_PATIENCE):
            spf, dmarc, *keys = await asyncio.gather(*(records.texts(one) for one in names))
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
