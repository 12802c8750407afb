"""The DMARC record that counts, on made-up zones, held against checkdmarc, a widely used judge of domains."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import dns.resolver
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.smtp.advice.domain import dmarc_names, dmarc_record
from tests.counts import scaled

_NAME = "d.c.b.a.example"
_RECORDS = st.sampled_from(
    [
        *("", "", "v=DMARC1; p=none", "v=DMARC1; p=reject; sp=quarantine", "v = DMARC1 ;p=quarantine;", "unrelated"),
        *("v=DMARC1; p=reject; psd=y", "v=DMARC1; p=none; psd=n", "v=DMARC1; p=quarantine; np=reject; t=y"),
        *("v=DMARC10; p=reject", "V=DMARC1; sp=reject", "v=DMARC1; p=reject; psd=u", "v=dmarc1; p=reject"),
    ]
)


class Zone(dns.resolver.Resolver):
    """A resolver for checkdmarc that knows TXT records and asks nobody."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        super().__init__(configure=False)
        self._texts = texts

    def resolve(self, qname: Any, rdtype: Any = "A", *_: Any, **__: Any) -> Any:
        text = self._texts.get(str(qname))
        if text is None or rdtype != "TXT":
            raise dns.resolver.NoAnswer
        return [SimpleNamespace(strings=(text.encode(),))]


@given(texts=st.lists(_RECORDS, min_size=5, max_size=5))
@settings(max_examples=scaled(quick=60, full=1000), deadline=None)
def test_the_record_that_counts_is_the_one_that_checkdmarc_finds(texts: list[str]) -> None:
    # Here, so that not every process that collects tests spends a second on it.
    from checkdmarc import dmarc, utils

    utils.DNS_CACHE.clear()
    zone = {f"_dmarc.{name}": text for name, text in zip(dmarc_names(_NAME), texts, strict=True) if text}
    ours = dmarc_record(_NAME, {name.removeprefix("_dmarc."): [text] for name, text in zone.items()})
    try:
        theirs = dmarc.query_dmarc_record(_NAME, resolver=Zone(zone), ignore_unrelated_records=True)
    except dmarc.DMARCRecordNotFound:
        assert ours is None
    else:
        assert ours is not None
        assert (ours.domain, zone[f"_dmarc.{ours.domain}"]) == (theirs["location"], theirs["record"])
