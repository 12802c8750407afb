"""How much the table of providers knows of what people have."""

from bot.providers.providers import GATEWAYS, Provider, SignIn
from bot.providers.recognition import gateway_before, provider_behind, provider_of_mailbox, server_for
from tests import named, providers_page
from tests.well_known import DOMAINS, MX_HOSTS
from tests.well_known import GATEWAYS as GATEWAY_HOSTS

TEN = ("Gmail", "Microsoft 365", "Zoho", "Fastmail", "iCloud", "IONOS", "OVHcloud", "GoDaddy", "Proton", "Yandex")


def test_the_table_knows_nearly_all_well_known_mailbox_domains_and_the_server_of_each() -> None:
    assert len(set(DOMAINS)) >= 60
    known = {domain: provider for domain in DOMAINS if (provider := provider_of_mailbox(f"ada@{domain}"))}
    assert len(known) >= 0.95 * len(DOMAINS), sorted(set(DOMAINS) - set(known))
    for domain, provider in known.items():
        possible = provider.value.sign_in is not SignIn.NONE
        assert (server_for(provider, f"ada@{domain}") is not None) is possible, domain


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


def test_the_page_of_providers_is_the_one_that_the_table_makes() -> None:
    assert providers_page.PAGE.read_text(encoding="utf-8") == providers_page.page(), (
        "run .venv/bin/python -m tests.providers_page"
    )
