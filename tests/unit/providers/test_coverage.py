"""How much the table of providers knows of what people have."""

import os
import re
from pathlib import Path

import pytest

from bot.discovery.autoconfig import read_autoconfig
from bot.providers.providers import GATEWAYS, Provider
from bot.providers.recognition import gateway_before, provider_behind, provider_of, provider_of_mailbox, server_for
from bot.smtp.network.guard import Guard
from tests import named, providers_page
from tests.well_known import DOMAINS, MX_HOSTS
from tests.well_known import GATEWAYS as GATEWAY_HOSTS

OTHER_HOSTS = {"IONOS": "it still has the names of 1&1, which IONOS replaced"}
OTHER_LOGINS = {"WEB.DE": "the full address is what another collection has, and tries"}
"""Why the table says something else than the public collection, by the label of the provider."""

TEN = ("Gmail", "Microsoft 365", "Zoho", "Fastmail", "iCloud", "IONOS", "OVHcloud", "GoDaddy", "Proton", "Yandex")


def test_the_table_knows_nearly_all_well_known_mailbox_domains_and_the_server_of_each() -> None:
    assert len(set(DOMAINS)) >= 60
    known = {domain: provider for domain in DOMAINS if (provider := provider_of_mailbox(f"ada@{domain}"))}
    assert len(known) >= 0.95 * len(DOMAINS), sorted(set(DOMAINS) - set(known))
    for domain, provider in known.items():
        assert server_for(provider, f"ada@{domain}") or not provider.value.servers, domain


def test_where_a_provider_lets_no_program_send_for_its_own_domains_no_server_is_told() -> None:
    without = {domain for domain in DOMAINS if (one := provider_of_mailbox(f"ada@{domain}")) and not one.value.servers}
    assert without == {"proton.me", "protonmail.com", "pm.me", "tutanota.com", "tuta.com", "hey.com"}
    for domain in without:
        provider = provider_of_mailbox(f"ada@{domain}")
        assert provider is not None
        assert provider.value.first
    own = server_for(Provider.PROTON, "ada@corp.example", near="mail.protonmail.ch")
    assert own is not None
    assert own.host == "smtp.protonmail.ch"


def test_every_mx_host_of_the_large_hosters_is_known() -> None:
    assert set(TEN) <= set(MX_HOSTS)
    assert len(MX_HOSTS) >= 25
    for label, hosts in MX_HOSTS.items():
        for host in hosts.split():
            with named.case(host):
                provider = provider_behind([host])
                assert provider is not None
                assert provider.label == label
                server = server_for(provider, "ada@corp.example", near=host)
                assert server is not None


def test_the_mx_host_tells_which_of_a_providers_servers_it_is() -> None:
    for mx, host in (
        ("mx.zoho.eu", "smtppro.zoho.eu"),
        ("mx2.zoho.com.au", "smtppro.zoho.com.au"),
        ("mx1.mail.ovh.ca", "smtp.mail.ovh.ca"),
        ("mx1.mail.ovh.net", "smtp.mail.ovh.net"),
        ("mx1.ovh.net", "ssl0.ovh.net"),
        ("mx00.kundenserver.de", "smtp.ionos.de"),
        ("mx00.ionos.co.uk", "smtp.ionos.co.uk"),
        ("mx00.perfora.net", "smtp.ionos.com"),
        ("inbound-smtp.eu-west-1.amazonaws.com", "smtp.mail.eu-west-1.awsapps.com"),
        ("corp-example.mail.protection.outlook.com", "smtp.office365.com"),
        ("corp-example.mail.protection.partner.outlook.cn", "smtp.partner.outlook.cn"),
        ("mxbiz1.qq.com", "smtp.exmail.qq.com"),
    ):
        provider = provider_behind([mx])
        assert provider is not None
        server = server_for(provider, "ada@corp.example", near=mx)
        assert server is not None
        assert server.host == host


def test_a_gateway_is_known_by_its_mx_and_taken_for_no_provider() -> None:
    for label, hosts in GATEWAY_HOSTS.items():
        for host in hosts.split():
            gateway = gateway_before(["mx.unknown.example", f"{host.upper()}."])
            assert gateway is not None
            assert gateway.label == label
            assert provider_behind([host]) is None
    assert gateway_before(["aspmx.l.google.com"]) is None
    mx = {name for provider in Provider for name in provider.value.mx}
    assert mx.isdisjoint(name for gateway in GATEWAYS for name in gateway.mx)


def test_the_machines_of_a_hosters_customers_are_not_taken_for_its_mailboxes() -> None:
    for host in ("vps-1a2b3c4d.vps.ovh.net", "ns3012345.ip-1-2-3.eu", "ip-160-153-1-2.ip.secureserver.net"):
        assert provider_behind([host]) is None


def test_the_table_agrees_with_a_public_collection_of_settings_except_where_it_is_known_why() -> None:
    folder = Path(os.environ.get("CORPORA", ""), "ispdb", "ispdb")
    if not os.environ.get("CORPORA") or not folder.is_dir():
        pytest.skip("needs CORPORA, the folder that holds the files of thunderbird/autoconfig as ispdb/ispdb/")
    compared, guard = 0, Guard([], [25, 465, 587])
    for file in sorted(folder.iterdir()):
        content = file.read_bytes()
        for domain in re.findall(r"<domain>([a-z0-9.-]+)</domain>", content.decode()):
            provider = provider_of_mailbox(f"ada@{domain}")
            if provider is None or domain not in provider.value.domains:
                continue
            server = server_for(provider, f"ada@{domain}")
            with named.case(domain):
                assert server is not None
                settings = read_autoconfig(content, domain, guard)
                named_there = content.decode().replace("%EMAILDOMAIN%", domain)
                assert f"<hostname>{server.host}<" in named_there or provider.label in OTHER_HOSTS
                assert provider_of(settings.host) is provider
                assert settings.login == provider.value.login_pattern or provider.label in OTHER_LOGINS
            compared += 1
    assert compared > 250


def test_the_page_of_providers_is_the_one_that_the_table_makes() -> None:
    assert providers_page.PAGE.read_text(encoding="utf-8") == providers_page.page(), (
        "run .venv/bin/python -m tests.providers_page"
    )
