"""What is typed in commands and in the modal, as phones, pasting and Slack make it: understood, or asked about."""

from bot.demo.run import Demo
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import searchable
from tests.scenario.people import ADA, GRACE, open_form, set_up

SLACK_WRITES = [
    ("add TLS=Y", "`TLS Y`"),
    ("add TLS: N", "`TLS N`"),
    ("add tls on", "`TLS Y`"),
    ("add TLS no.", "`TLS N`"),
    ("add\u00a0TLS\u200byes\u2060", "`TLS Y`"),
    ("“add TLS N”", "`TLS N`"),
    ("add TLS “Y”", "`TLS Y`"),
    ("add FROM_NAME “Ada Lovelace”", "`FROM_NAME Ada Lovelace`"),
    ("add FROM_NAME « Ada »", "`FROM_NAME Ada`"),
    ("add FROM_NAME „Ada“", "`FROM_NAME Ada`"),
    ("add FROM_NAME 'O'Hara'", "`FROM_NAME O'Hara`"),
    ("add FROM_NAME <!here> and <#C0GENERAL|general>", "`FROM_NAME @here and #general`"),
    ("add FROM_NAME <!subteam^S0STAFF|@staff>", "`FROM_NAME @staff`"),
    ("add FROM_NAME Ada :rocket:", "`FROM_NAME Ada 🚀`"),
    ("add FROM_NAME <@U0GRACE|grace>", "`FROM_NAME @grace`"),
    ("add HELO <https://pc17.example.com/x|pc17.example.com/x>", "`HELO pc17.example.com`"),
    ("add HELO <smtp://pc18.example.com:587>", "`HELO pc18.example.com`"),
]


async def answer(demo: Demo, user: str, text: str) -> str:
    """Send a command's text just as Slack writes it; return what is answered."""
    demo.workspace.all_messages.clear()
    await demo.workspace.send_command(user, "/email-extra", text, TEAM)
    return searchable(demo.workspace.messages(user)[-1])


async def test_what_phones_pasting_and_slack_make_of_a_value_becomes_what_was_meant(http_demo: Demo) -> None:
    for text, shown in SLACK_WRITES:
        said = await answer(http_demo, ADA, text)
        assert shown in said, text
        assert "This is no value" not in said
    assert "Grace" not in await answer(http_demo, GRACE, "")


async def test_a_name_typed_on_a_phone_is_kept_without_the_quotes_around_it(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    workspace.types_curly_quotes = True
    await workspace.command(ADA, "/email-extra", 'add FROM_NAME "Ada\'s"')
    said = searchable(workspace.messages(ADA)[-1])
    assert "`FROM_NAME Ada’s`" in said
    assert "“" not in said


async def test_a_person_named_last_is_the_owner_and_never_part_of_a_value_that_is_there(http_demo: Demo) -> None:
    assert "`FROM_NAME Ada L.`" in await answer(http_demo, GRACE, "add FROM_NAME Ada L. <@U0ADA|ada>")
    assert "None yet" in await answer(http_demo, GRACE, "")
    assert "`FROM_NAME Ada L.`" in await answer(http_demo, ADA, "")
    refused = await answer(http_demo, ADA, "add FROM_NAME Love <@U0GRACE|grace>")
    assert "FROM_NAME Love" not in refused
    assert "`FROM_NAME Ada L.`" in await answer(http_demo, ADA, "")


async def test_what_is_nearly_a_command_is_answered_with_the_command_that_was_meant(http_demo: Demo) -> None:
    assert "Did you mean `/email-extra add TLS Y`?" in await answer(http_demo, ADA, "TLS Y")
    assert "Did you mean `/email-extra add TLS on`?" in await answer(http_demo, ADA, "tls=on")
    assert "Write the name without @ or #" in await answer(http_demo, ADA, "add FROM_NAME <@U0GRACE>")
    secret = await answer(http_demo, ADA, "TLS password=canary")
    assert "canary" not in secret
    assert "None yet" in await answer(http_demo, ADA, "")


async def test_the_modal_understands_the_same_as_the_command(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    for name, value, shown in (
        ("FROM_NAME", "“Ada Lovelace” :rocket:", "“Ada Lovelace” 🚀"),
        ("FROM_NAME", "\u200b„Ada“\u00a0", "FROM_NAME Ada`"),
        ("HELO", "HELO: https://pc17.example.com:587/", "HELO pc17.example.com`"),
        ("REPLY_TO", "« office@demo.example »", "REPLY_TO office@demo.example`"),
    ):
        await open_form(http_demo, ADA)
        await workspace.press(ADA, "Extra Configurations")
        await workspace.wait_view(ADA, "Extra configurations")
        await workspace.press(ADA, "Add")
        await workspace.wait_view(ADA, "Add configuration")
        await workspace.fill(ADA, "Configuration", name)
        await workspace.wait_view(ADA, "Add configuration", containing=f"example {name}")
        await workspace.fill(ADA, "Value", value)
        assert await workspace.submit(ADA) == {}
        await workspace.wait_view(ADA, "Extra configurations", containing=shown)
        await workspace.cancel(ADA)
        await workspace.cancel(ADA)
