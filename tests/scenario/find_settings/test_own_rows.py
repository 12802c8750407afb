"""Rows of the workspace's defaults are what is found first, by domain and by the servers that take the mail in."""

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
        assert "There is a row for *.gateway.example, and mail for corp.example comes in at mx1.gateway.example" in told
        workspace.all_messages.clear()
        await workspace.command(GRACE, "/email-profile", "find ada@else.example")
        assert "smtp.gateway.example" not in searchable(await workspace.wait_message(GRACE, "else.example"))
        await open_form(demo, ADA)
        await workspace.fill(ADA, "Email Address", "ada@corp.example")
        await workspace.press(ADA, "Find settings")
        await workspace.wait_view(ADA, "Email profile", containing="From your workspace's defaults")
        assert typed(demo, ADA, "SMTP Server Address") == "smtp.gateway.example"
        assert typed(demo, ADA, "Port") == "465"
