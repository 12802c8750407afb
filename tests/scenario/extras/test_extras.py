"""Extra configurations: by command and in modals, of which three are the most; SSL and TLS exclude each other."""

from bot.demo.platform import searchable
from bot.demo.run import Demo
from tests.scenario.people import ADA, fill_form, open_form, set_up


async def test_extra_configurations_are_added_on_the_third_modal_and_the_form_stays_as_typed(demo: Demo) -> None:
    workspace = demo.workspace
    await open_form(demo, ADA)
    await fill_form(demo, ADA)
    await workspace.press(ADA, "Extra Configurations")
    await workspace.wait_view(ADA, "Extra configurations", containing="None yet")
    await workspace.press(ADA, "Add")
    await workspace.wait_view(ADA, "Add configuration")
    assert len(workspace.stacks[ADA]) == 3
    await workspace.fill(ADA, "Configuration", "FROM_NAME")
    await workspace.wait_view(ADA, "Add configuration", containing="the name recipients see")
    await workspace.fill(ADA, "Value", "x" * 71)
    assert "1 to 70 characters" in (await workspace.submit(ADA))["Value"]
    await workspace.fill(ADA, "Value", "Ada Lovelace")
    assert await workspace.submit(ADA) == {}
    await workspace.wait_view(ADA, "Extra configurations", containing="Ada Lovelace")
    await workspace.press(ADA, "Remove", row="FROM_NAME")
    await workspace.wait_view(ADA, "Extra configurations", containing="None yet")
    await workspace.press(ADA, "Add")
    await workspace.wait_view(ADA, "Add configuration")
    await workspace.fill(ADA, "Value", "Y")
    assert await workspace.submit(ADA) == {}
    await workspace.cancel(ADA)
    view = await workspace.wait_view(ADA, "Email profile", containing="TLS (STARTTLS, required)")
    assert view.values[view.labelled("Port")[1]] == "587"
    assert await workspace.submit(ADA) == {}
    assert "Port 587 goes with TLS, and" not in searchable(await workspace.wait_message(ADA, "Your email profile"))


async def test_ssl_beside_tls_is_refused_with_a_button_that_switches(demo: Demo) -> None:
    workspace = demo.workspace
    await set_up(demo, ADA)
    await workspace.command(ADA, "/email-extra", "add ssl on")
    refusal = await workspace.wait_message(ADA, "cannot both be on")
    await workspace.press(ADA, "Use SSL instead", message=refusal)
    card = searchable(await workspace.wait_message(ADA, "SSL (TLS from the first byte)"))
    assert "Port 587 goes with TLS, and the profile says SSL" in card
    assert "TLS Y" not in card.split("Extra configurations")[1].split("\n")[0]


async def test_ssl_beside_tls_in_the_modal_is_settled_inside_it(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await open_form(http_demo, ADA)
    for answer, left in (("Keep TLS", "TLS Y"), ("Use SSL instead", "SSL Y")):
        await workspace.press(ADA, "Extra Configurations")
        await workspace.wait_view(ADA, "Extra configurations")
        await workspace.press(ADA, "Add")
        await workspace.wait_view(ADA, "Add configuration")
        await workspace.fill(ADA, "Configuration", "SSL")
        await workspace.wait_view(ADA, "Add configuration", containing="465")
        await workspace.fill(ADA, "Value", "Y")
        await workspace.submit(ADA)
        await workspace.wait_view(ADA, "Add configuration", containing="cannot both be on")
        await workspace.press(ADA, answer)
        await workspace.cancel(ADA)
        await workspace.wait_view(ADA, "Extra configurations", containing=left)
        await workspace.cancel(ADA)
