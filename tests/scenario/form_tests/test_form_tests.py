"""The test inside the form: it tries what is typed, and saves nothing."""

from bot.demo.platform import searchable
from bot.demo.run import Demo
from tests.scenario.people import ADA, fill_form, open_form, typed


async def test_the_test_in_the_form_tries_what_is_typed_keeps_it_and_saves_nothing(demo: Demo) -> None:
    workspace = demo.workspace
    await workspace.command(ADA, "/email-extra", "add TLS Y")
    await open_form(demo, ADA)
    await fill_form(demo, ADA, password="wrong")
    await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Email profile", containing="Connection test failed at Sign-in")
    assert typed(demo, ADA, "Password") == "wrong"
    await workspace.fill(ADA, "Password", demo.mail.account("ada@demo.example").password)
    await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Email profile", containing="nothing is saved yet")
    await workspace.cancel(ADA)
    await workspace.command(ADA, "/email-profile")
    assert "no email profile yet" in searchable(workspace.messages(ADA)[-1])


async def test_the_test_in_the_form_lists_what_must_be_mended_first(http_demo: Demo) -> None:
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA, port="x")
    await http_demo.workspace.press(ADA, "Test connection")
    view = await http_demo.workspace.wait_view(ADA, "Email profile", containing="mend this first")
    assert "x is not a port" in str(view.content)
