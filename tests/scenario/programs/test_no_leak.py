"""A token is shown once: it is found in no log at debug, no table, no metric and no other message."""

import io
import json
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from bot.demo.run import Demo
from bot.profiles.connection_tests.limits import RateLimitedError
from bot.profiles.tokens.program_tokens import WrongTokenError
from bot.profiles.tokens.secret_token import SecretToken
from tests.scenario.people import ADA, GRACE, notices_sent, set_up, settled
from tests.scenario.programs.people import add_program, listed, sign_in, tokens_of
from tests.store import Store


async def test_a_token_is_found_nowhere_but_in_the_one_answer_that_shows_it(
    http_demo: Demo, store: Store, everything_logged: io.StringIO, tmp_path: Path
) -> None:
    await set_up(http_demo, ADA)
    token = await add_program(http_demo)
    wrong = [SecretToken.generate().secret().get_secret_value() for _ in range(10)]
    await sign_in(http_demo, token)
    quick = replace(tokens_of(http_demo), refused_after=0.0)
    for guess in wrong:
        with pytest.raises(WrongTokenError) as refused:
            await quick.authenticate("ada@demo.example", SecretStr(guess), "192.0.2.1")
    with pytest.raises(RateLimitedError) as blocked:
        await quick.authenticate("ada@demo.example", SecretStr(token), "192.0.2.1")
    await listed(http_demo)
    await listed(http_demo, "programs @ada", GRACE)
    await http_demo.workspace.open_home(ADA)
    await http_demo.workspace.command(ADA, "/email-profile", "history")
    await listed(http_demo, "programs remove Label printer")
    await settled(http_demo)
    await notices_sent(http_demo)
    async with aiohttp.ClientSession() as session, session.get(f"{http_demo.bot_url}/metrics") as answer:
        metrics = await answer.text()
    sent = [json.dumps(entry, default=str) for entry in http_demo.workspace.received]
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())
    for secret in (one.split("_")[2] for one in (token, *wrong)):
        assert sum(secret in entry for entry in sent) == (1 if secret in token else 0)
        for place in (everything_logged.getvalue(), metrics, str(refused.value), repr(refused), str(blocked.value)):
            assert secret not in place
            assert secret[:20] not in place
        assert secret.encode() not in stored
        assert secret not in repr(await store.contents())
    assert "Ten wrong sign-ins of programs came from 192.0.2.0/24" in everything_logged.getvalue()
    assert "Label printer" not in everything_logged.getvalue()
    assert b"Label printer" not in stored
