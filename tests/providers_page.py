"""Writes docs/providers.md, what is known of mail providers: `.venv/bin/python -m tests.providers_page`."""

from collections.abc import Iterator, Sequence

from bot.providers.providers import GATEWAYS, Facts, Provider, SignIn
from bot.providers.recognition import provider_of_mailbox, server_for
from tests.documents import ROOT
from tests.well_known import DOMAINS

PAGE = ROOT / "docs" / "providers.md"

_INTRODUCTION = (
    "# Mail providers\n\n"
    "What the program knows of mail providers. It proposes these servers in the form, says how to sign in, and advises "
    "by them after a failed test. A source is the page of the provider, or of a public collection of settings, on "
    "which this is written; the day is when the row was last checked. This page is generated from "
    "`bot/providers/providers.py`; write it anew with `.venv/bin/python -m tests.providers_page`.\n\n"
    "- A row is out of date? Change it there, with its source and the day. After 400 days the tests warn of it.\n"
    "- A domain of your own is known by its MX records. Where they say too little, admins give rows by domain or MX in "
    "the defaults of the workspace.\n"
)


def page() -> str:
    """Return the text of the page."""
    parts = (
        _INTRODUCTION,
        "## Servers and signing in\n",
        *_table(
            (
                "provider",
                "server",
                "User/Login",
                "sign in with",
                "before the first sign-in",
                "this way ends",
                "source",
                "checked",
            ),
            (_provider(provider.value) for provider in Provider),
        ),
        "## Mailboxes by domain\n",
        *_table(
            ("provider", "domains"),
            ((one.label, ", ".join(one.value.domains)) for one in Provider if one.value.domains),
        ),
        "## Domains of others by MX\n",
        "An asterisk stands for one part of a name, and every name below one of these counts, too.\n",
        *_table(("provider", "MX hosts"), ((one.label, ", ".join(one.value.mx)) for one in Provider if one.value.mx)),
        "## Security gateways and forwarding\n",
        "They take mail in for mailboxes that are elsewhere, so their MX does not tell the provider.\n",
        *_table(
            ("gateway", "kind", "MX hosts", "source", "checked"),
            ((one.label, one.kind, ", ".join(one.mx), one.source, one.checked.isoformat()) for one in GATEWAYS),
        ),
        "## Well-known mailbox domains\n",
        f"{len(DOMAINS)} domains that many people have, listed apart from the table to measure it.\n",
        *_table(("domain", "provider", "server", "sign in with"), (_well_known(domain) for domain in DOMAINS)),
    )
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""


def _provider(facts: Facts) -> tuple[str, ...]:
    made = f", made at {facts.page}" if facts.page else ""
    link = f" ({facts.first_link})" if facts.first_link else ""
    return (
        facts.label,
        _servers(facts),
        facts.login_words if facts.all_servers else "",
        f"{_sign_in(facts)}{made}",
        f"{facts.first}{link}",
        f"{facts.ending.on} ({facts.ending.source})" if facts.ending else "",
        facts.source,
        facts.checked.isoformat(),
    )


def _servers(facts: Facts) -> str:
    if not facts.all_servers:
        return "none"
    first = facts.all_servers[0].host
    told = " or ".join(f"{one.port} {one.encryption}" for one in facts.all_servers if one.host == first)
    more = len({one.host for one in facts.all_servers}) - 1
    words = [f"{first} {told}"]
    if not facts.servers:
        words.append("for a domain of one's own alone")
    if more:
        words.append(f"and {more} more, by domain, country or region")
    return " ".join(words)


def _sign_in(facts: Facts) -> str:
    return {SignIn.OAUTH: "OAuth alone", SignIn.NONE: "not possible"}.get(facts.sign_in, facts.sign_in.value)


def _well_known(domain: str) -> tuple[str, ...]:
    provider = provider_of_mailbox(f"ada@{domain}")
    if provider is None:
        return (domain, "not known", "", "")
    server = server_for(provider, f"ada@{domain}")
    return (
        domain,
        provider.label,
        server.host if server else "none",
        _sign_in(provider.value) if server else "not possible",
    )


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
