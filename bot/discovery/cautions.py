"""What a person has to be told of what was found, beyond what each source knows by itself."""

from collections.abc import Sequence
from dataclasses import replace

from bot.discovery.domain_names import may_deceive
from bot.discovery.findings import Caution, Found, Source, SourceAnswer

_PUBLISHED = (Source.AUTOCONFIG, Source.WELL_KNOWN, Source.PACC)
"""Sources in which the domain's owner names a server."""


def with_cautions(domain: str, answers: Sequence[SourceAnswer]) -> list[SourceAnswer]:
    """Return the answers, what was found with the cautions that follow from the domain and from all of them."""
    by_mx = next((answer.found for answer in answers if answer.source is Source.MX), None)
    if by_mx is not None and Caution.GATEWAY in by_mx.cautions:
        # A hint is too little to disagree with what is published.
        by_mx = None
    return [
        answer if answer.found is None else replace(answer, found=_judged(answer.found, domain, by_mx))
        for answer in answers
    ]


def _judged(found: Found, domain: str, by_mx: Found | None) -> Found:
    if found.source in _PUBLISHED and by_mx is not None and found.provider is not by_mx.provider:
        found = _with(found, Caution.DISAGREEMENT)
    return _with(found, Caution.MIXED_SCRIPTS) if may_deceive(domain) else found


def _with(found: Found, caution: Caution) -> Found:
    return found if caution in found.cautions else replace(found, cautions=(*found.cautions, caution))
