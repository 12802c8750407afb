"""What the workspace says of servers counts first: its rows by domain and by MX, and the servers that it allows."""

from pathlib import Path

from bot.demo.mail import DemoRecords
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import searchable
from tests.scenario.defaults.test_defaults import set_defaults
from tests.scenario.people import ADA, GRACE, open_form, typed

BEHIND_GATEWAY = "MX *.gateway.example = smtp.gateway.example:465 SSL {local}"


class GatewayRecords(DemoRecords):
    """The DNS of a company whose mail a gateway takes in."""

    async def mail_servers(self, domain: str) -> tuple[str, ...]:
        """Return the gateway for the company's domain, and for a stranger's a server of another name."""
        return {"corp.example": ("mx1.gateway.example",), "else.example": ("mx1.notgateway.example",)}.get(domain, ())


async def find(demo: Demo, user: str, address: str) -> str:
    """Return what `/email-profile find` answers."""
    demo.workspace.all_messages.clear()
    await demo.workspace.command(user, "/email-profile", f"find {address}")
    return searchable(await demo.workspace.wait_message(user, "Nothing was saved"))


async def test_a_row_for_a_domain_is_found_before_the_list_of_providers_and_admins_hear_of_both(
    http_demo: Demo,
) -> None:
    await set_defaults(http_demo, Defaults_by_domain="gmail.com = relay.demo.example:2525 TLS {local}")
    told = await find(http_demo, ADA, "countess@gmail.com")
    assert "From your workspace's defaults: mail goes out through `relay.demo.example`." in told
    assert "*SMTP Server Address*  `relay.demo.example`" in told
    assert "*Port*  `2525`" in told
    assert "*User/Login*  `countess`" in told
    assert "What each source said" not in told
    for_admins = await find(http_demo, GRACE, "countess@gmail.com")
    assert "*workspace defaults*: There is a row for gmail.com." in for_admins
    assert "*table of providers*: gmail.com is a domain of Gmail." in for_admins


async def test_a_new_form_says_that_its_values_are_the_row_of_the_workspace(http_demo: Demo) -> None:
    await set_defaults(http_demo, Defaults_by_domain="demo.example = mail.demo.example:465 SSL")
    await open_form(http_demo, ADA)
    form = await http_demo.workspace.wait_view(ADA, "Email profile", containing="From your workspace's defaults")
    assert typed(http_demo, ADA, "SMTP Server Address") == "mail.demo.example"
    assert "Use these" not in str(form.content)


async def test_a_row_by_mx_counts_for_each_domain_whose_mail_such_a_server_takes_in(tmp_path: Path) -> None:
    async with running_demo(tmp_path, dns=GatewayRecords(), discovery="on") as demo:
        workspace = demo.workspace
        await set_defaults(demo, Defaults_by_domain=BEHIND_GATEWAY)
        told = await find(demo, GRACE, "ada@corp.example")
        assert "*SMTP Server Address*  `smtp.gateway.example`" in told
        assert "*User/Login*  `ada`" in told
        assert "There is a row for *.gateway.example, where mail for corp.example comes in." in told
        workspace.all_messages.clear()
        await workspace.command(GRACE, "/email-profile", "find ada@else.example")
        assert "smtp.gateway.example" not in searchable(await workspace.wait_message(GRACE, "else.example"))
        await open_form(demo, ADA)
        await workspace.fill(ADA, "Email Address", "ada@corp.example")
        await workspace.press(ADA, "Find settings")
        await workspace.wait_view(ADA, "Email profile", containing="From your workspace's defaults")
        assert typed(demo, ADA, "SMTP Server Address") == "smtp.gateway.example"
        assert typed(demo, ADA, "Port") == "465"


async def test_a_server_that_the_workspace_does_not_allow_is_told_in_the_answer_and_proposed_in_no_other_way(
    http_demo: Demo,
) -> None:
    await set_defaults(
        http_demo,
        Defaults_by_domain="gmail.com = relay.demo.example:2525 TLS {local}",
        Allowed_servers="relay.demo.example",
    )
    allowed = await find(http_demo, ADA, "countess@gmail.com")
    assert "allow only these servers" not in allowed
    assert "smtp.gmail.com" not in allowed
    refused = await find(http_demo, ADA, "countess@yahoo.com")
    assert "Your admins allow only these servers: relay.demo.example. Use one of them." in refused


async def test_how_one_signs_in_is_told_without_a_link_that_leads_nowhere(http_demo: Demo) -> None:
    proton = await find(http_demo, ADA, "countess@proton.me")
    assert "make one" not in proton
    assert "<https://Proton" not in proton
    outlook = await find(http_demo, ADA, "countess@outlook.com")
    assert outlook.count("app passwords neither") == 1
    assert "made at Fastmail's Settings" in await find(http_demo, ADA, "countess@fastmail.com")


async def test_what_is_no_domain_of_the_internet_is_named_and_no_source_is_said_to_have_spoken(http_demo: Demo) -> None:
    http_demo.workspace.all_messages.clear()
    await http_demo.workspace.command(GRACE, "/email-profile", "find ada@localhost")
    told = searchable(await http_demo.workspace.wait_message(GRACE, "“localhost” is no domain of the Internet"))
    assert "What each source said" not in told
