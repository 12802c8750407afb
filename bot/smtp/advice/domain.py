"""What DNS says of a domain that sends mail: one line each about SPF, DKIM and DMARC, as advice only."""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.providers.providers import Provider
from bot.providers.recognition import provider_of
from bot.smtp.dialogue.cleaning import clean
from bot.smtp.network.dns_records import DNS_TIMEOUT_SECONDS
from bot.smtp.network.guard import HostError, normal_host
from bot.smtp.network.resolver import Resolver

_SELECTORS = ("default", "google", "selector1", "selector2", "mail", "dkim", "k1", "s1", "s2", "fm1", "zmail", "mx")
"""Where providers usually put DKIM keys; any other name is as good, so finding none proves nothing."""

MOST_DMARC_QUERIES = 8
"""RFC 9989, 4.10."""

MOST_SPF_LOOKUPS = 10
"""RFC 7208, 4.6.4."""

_DMARC_VERSION = re.compile(r"[vV][ \t]*=[ \t]*DMARC1[ \t]*(;|$)")
"""RFC 9989, 4.8: the name of a tag is in any case, this value is not."""
_SPF_NAMES = re.compile(r"\+?(?:include:|redirect=)([a-z0-9_.-]+)")
"""Another domain's record that counts here too; one with macros depends on the message, and is left out."""


async def judge(domain: str, host: str, resolver: Resolver) -> tuple[str, ...]:
    """Return three lines about a sender's domain, for SPF, DKIM and DMARC; none when DNS does not answer in time.

    `host` is the server that messages are sent through.
    """
    try:
        name = normal_host(domain)
    except HostError:
        return ()
    try:
        async with asyncio.timeout(DNS_TIMEOUT_SECONDS):
            spf, dkim, dmarc = await asyncio.gather(
                _spf_line(name, provider_of(host), resolver), _dkim_line(name, resolver), _dmarc_line(name, resolver)
            )
    except TimeoutError:
        return ()
    if spf is None or dmarc is None:
        return ()
    return (spf, dkim, dmarc)


# SPF (RFC 7208)


async def _spf_line(name: str, provider: Provider | None, resolver: Resolver) -> str | None:
    texts = await resolver.txt_records(name)
    if texts is None:
        return None
    found = _spf_records(texts)
    if not found:
        return "SPF: none. Receivers cannot tell which servers may send for this domain."
    if len(found) > 1:
        return "SPF: more than one record, which receivers treat as an error."
    ending = found[0].lower().split()[-1]
    if ending in ("+all", "all"):
        return "SPF: it lets every server send, so it protects nothing."
    return await _spf_about(provider, found[0], resolver)


async def _spf_about(provider: Provider | None, record: str, resolver: Resolver) -> str:
    """Return the line about a usable record, held against the provider where its servers are known."""
    shown = clean(record, most=80)
    if provider is None or not provider.value.spf:
        return f"SPF: there is one ({shown}). Your mail server must be in it."
    label, wanted = provider.label, provider.value.spf
    if await _names_one_of(wanted, record, resolver):
        return f"SPF: there is one, and it names the servers of {label}."
    return (
        f"SPF: there is one ({shown}), and it does not name {label} (include:{wanted[0]}). Unless it lists those "
        "servers by their addresses, receivers may take your messages for forged."
    )


def _spf_records(texts: Iterable[str]) -> list[str]:
    # RFC 7208, 4.5: exactly one record that begins with the version.
    return [text for text in texts if text.lower().split(" ")[0] == "v=spf1"]


async def _names_one_of(wanted: Sequence[str], record: str, resolver: Resolver) -> bool:
    """Whether a record names one of these domains, itself or through another record that it names."""
    seen: set[str] = set()
    records = [record]
    while records:
        named = {name for text in records for name in _SPF_NAMES.findall(text.lower())} - seen
        if named & set(wanted):
            return True
        asked = sorted(named)[: MOST_SPF_LOOKUPS - len(seen)]
        seen |= set(asked)
        answers = await asyncio.gather(*(resolver.txt_records(name) for name in asked))
        records = [text for texts in answers for text in _spf_records(texts or ())]
    return False


# DKIM (RFC 6376)


async def _dkim_line(name: str, resolver: Resolver) -> str:
    keys = await asyncio.gather(*(resolver.txt_records(f"{selector}._domainkey.{name}") for selector in _SELECTORS))
    found = [
        selector for selector, texts in zip(_SELECTORS, keys, strict=True) if any("p=" in text for text in texts or ())
    ]
    if found:
        return f"DKIM: a key is published under {', '.join(found)}. See in the message's headers whether it was signed."
    return "DKIM: no key under the usual names; see in the message's headers whether it was signed."


# DMARC (RFC 9989)


@dataclass(frozen=True)
class DmarcRecord:
    """The record that counts for a domain: at which domain it stands, and its tags in lower case."""

    domain: str
    tags: Mapping[str, str]

    def policy(self, name: str, *, exists: bool) -> str:
        """Return the policy for a domain that uses this record: none, quarantine or reject."""
        wanted = ["p"]
        if name != self.domain:
            wanted = ["sp", "p"] if exists else ["np", "sp", "p"]
        given = next((self.tags[tag] for tag in wanted if tag in self.tags), "none")
        return given if given in ("quarantine", "reject") else "none"


def dmarc_names(name: str) -> list[str]:
    """Return the domains whose DMARC record may count, from the domain itself up (RFC 9989, 4.10)."""
    labels = name.split(".")
    parents = labels[1:] if len(labels) <= MOST_DMARC_QUERIES else labels[1 - MOST_DMARC_QUERIES :]
    return [name, *(".".join(parents[first:]) for first in range(len(parents)))]


def dmarc_record(name: str, texts: Mapping[str, Sequence[str]]) -> DmarcRecord | None:
    """Return the record that counts for a domain; None when there is none.

    `texts` are the TXT records of _dmarc below each of `dmarc_names`. The domain's own record comes first, then that
    of its organisational domain, then that of a public suffix (RFC 9989, 4.10.1 and 4.10.2).
    """
    walked: list[DmarcRecord] = []
    for domain in dmarc_names(name):
        found = [text for text in texts.get(domain, ()) if _DMARC_VERSION.match(text)]
        # More than one is as good as none.
        if len(found) != 1:
            continue
        record = DmarcRecord(domain, _tags(found[0]))
        if domain == name:
            return record
        if record.tags.get("psd") == "y" and walked and walked[-1].domain.partition(".")[2] == domain:
            return walked[-1]
        walked.append(record)
        if record.tags.get("psd") in ("y", "n"):
            break
    return walked[-1] if walked else None


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip().lower() for name, equals, value in pairs if equals}


async def _dmarc_line(name: str, resolver: Resolver) -> str | None:
    names = dmarc_names(name)
    answers = await asyncio.gather(*(resolver.txt_records(f"_dmarc.{one}") for one in names))
    if answers[0] is None:
        return None
    record = dmarc_record(name, {one: texts or () for one, texts in zip(names, answers, strict=True)})
    if record is None:
        return "DMARC: none. Large providers ask for one."
    exists = "np" not in record.tags or await resolver.is_used(name)
    policy = record.policy(name, exists=exists)
    where = "there is one" if record.domain == name else f"that of {clean(record.domain, most=80)} counts here"
    return f"DMARC: {where}; {_meaning(policy, in_test=record.tags.get('t') == 'y')}."


def _meaning(policy: str, *, in_test: bool) -> str:
    if policy == "none":
        return "failures are only reported"
    if in_test:
        # RFC 9989: failing messages get one level below the policy at most.
        most = "go to spam at most" if policy == "reject" else "are only reported"
        return f"its policy ({policy}) is in test (t=y) and not applied, so messages that fail SPF and DKIM {most}"
    what = "are refused" if policy == "reject" else "go to spam"
    return f"messages that fail SPF and DKIM {what}"
