"""What people do with programs again and again, and how a program signs in."""

import re
from dataclasses import replace

from pydantic import SecretStr

from bot.demo.run import Demo
from bot.demo.stand_in.platform import Message, texts
from bot.profiles.tokens.program import Sender
from bot.profiles.tokens.program_tokens import ProgramTokens
from tests.scenario.people import ADA, settled

TOKEN = re.compile(r"epb_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}")
FROM = "10.1.4.7"


def tokens_of(demo: Demo) -> ProgramTokens:
    """Return the rules of the running bot."""
    assert demo.bot.programs is not None
    return demo.bot.programs


def on_top(demo: Demo, user: str = ADA) -> str:
    """Return what the modal on top says."""
    view = demo.workspace.view(user)
    assert view is not None
    return "\n".join(texts(view.content))


async def listed(demo: Demo, text: str = "programs", user: str = ADA) -> Message:
    """Type the subcommand, and return the answer."""
    await demo.workspace.command(user, "/email-profile", text)
    return demo.workspace.messages(user)[-1]


async def add_program(demo: Demo, name: str = "Label printer", user: str = ADA, **filled: str) -> str:
    """Add a program by command and form; return its token, as the modal shows it, which is closed then."""
    await demo.workspace.command(user, "/email-profile", f"programs add {name}")
    await demo.workspace.wait_view(user, "Add a program")
    for label, value in filled.items():
        await demo.workspace.fill(user, label, value)
    assert await demo.workspace.submit(user) == {}
    (token,) = TOKEN.findall(on_top(demo, user))
    await demo.workspace.cancel(user)
    await settled(demo)
    return str(token)


async def sign_in(demo: Demo, token: str, username: str | None = "ada@demo.example", address: str = FROM) -> Sender:
    """Sign in as a program does; who is refused does not wait for the answer."""
    quick = replace(tokens_of(demo), refused_after=0.0)
    return await quick.authenticate(username, SecretStr(token), address)
