"""`/email-profile programs`: adding a program, its token shown once, and what it is told to type."""

from bot.demo.run import Demo
from bot.demo.stand_in.platform import searchable
from tests.scenario.people import ADA, history, set_up, settled
from tests.scenario.programs.people import TOKEN, listed, on_top, sign_in


async def test_a_program_is_added_by_form_and_its_token_signs_in(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    empty = await listed(http_demo)
    assert "Programs that send with your profile" in searchable(empty)
    assert "None yet." in searchable(empty)
    await workspace.press(ADA, "Add a program", message=empty)
    await workspace.wait_view(ADA, "Add a program")
    await workspace.fill(ADA, "Name of the program", "Label printer")
    assert await workspace.submit(ADA) == {}
    (token,) = TOKEN.findall(on_top(http_demo))
    await workspace.cancel(ADA)
    await settled(http_demo)
    sender = await sign_in(http_demo, token)
    assert (sender.person.user, sender.program.name) == (ADA, "Label printer")
    after = searchable(await listed(http_demo))
    assert "Label printer" in after
    assert "10.1.4.7" in after
    assert "0 today, 500 allowed" in after
    assert token not in after
    assert (ADA, "added a program") in await history(http_demo)
