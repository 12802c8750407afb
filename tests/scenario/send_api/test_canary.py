"""A token and the lines of letters: found nowhere but at the provider, whatever was sent and whatever broke."""

import base64
import io
import json
import quopri
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.scenario.operating.test_canary import everything_sent
from tests.scenario.people import notices_sent
from tests.scenario.send_api.conftest import MakeProgram
from tests.scenario.send_api.programs import OWN, SendingProgram
from tests.store import Store

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="package")]

__all__ = ["everything_sent"]

CANARY = "Kanarienvogel 9c2e ü"
KEY = "Schlüsselvogel-51d0".replace("ü", "ue")


def forms(secret: str) -> dict[str, bytes]:
    """Every way in which a line of a letter could have been written down."""
    raw = secret.encode()
    return {
        "as it is": raw,
        "its beginning": raw[:16],
        "JSON": json.dumps(secret)[1:-1].encode(),
        "repr": ascii(secret)[1:-1].encode(),
        "base64": base64.b64encode(raw)[:-4],
        "quoted-printable": quopri.encodestring(raw).strip(),
        "hex": raw.hex().encode(),
    }


def found_in(places: dict[str, bytes], secrets: list[str]) -> list[tuple[str, str]]:
    known = {f"{name} of {secret[:6]}": form for secret in secrets for name, form in forms(secret).items()}
    return [(place, name) for place, content in places.items() for name, form in known.items() if form in content]


async def send_everything(program: SendingProgram, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Send letters that are taken and refused, and let the program itself break; return all answers but the last's."""
    letter: dict[str, Any] = {
        "to": f"{CANARY} <grace@mail.test>",
        "subject": CANARY,
        "text": f"{CANARY}\n",
        "html": f"<p>{CANARY}</p>",
        "headers": {"X-Canary": CANARY},
        "attachments": [{"filename": f"{CANARY}.txt", "content": base64.b64encode(CANARY.encode()).decode()}],
    }
    raw = f"From: {OWN}\r\nTo: grace@mail.test\r\nSubject: {CANARY}\r\n\r\n{CANARY}\r\n".encode()
    answers = [
        await program.send(letter, Idempotency_Key=KEY),
        await program.send(letter, Idempotency_Key=KEY),
        await program.send_raw(raw, Idempotency_Key=KEY),
        await program.send_raw(raw),
        await program.send_raw(raw.replace(b"\r\n\r\n", b"\n\n")),
        await program.send({**letter, "from": "eve@mail.test"}),
        await program.send({**letter, "text": 5, "zzz": CANARY}),
        await program.send({**letter, "to": CANARY}),
        await program.send(json.dumps(letter).encode()[:-1]),
        await program.send(letter, token=f"{program.token}x"),
    ]
    program.provider.acts = {**program.provider.acts, "END": b"554 5.7.1 this looks like spam\r\n"}
    answers.append(await program.send(letter))

    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError(f"broken on purpose with {CANARY} and {program.token}")

    with monkeypatch.context() as patched:
        patched.setattr("bot.programs.send_api.asked_letters.write_letter", breaks)
        answers.append(await program.send(letter))
    assert [answer.status for answer in answers] == [200, 200, 409, 200, 400, 403, 400, 400, 400, 401, 422, 500]
    assert [b"9c2e" in one for one in program.letters[:2]] == [True, True]
    return [json.dumps(answer.members) for answer in answers]


async def test_a_token_and_the_lines_of_letters_are_found_nowhere(
    make_program: MakeProgram,
    tmp_path: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    everything_logged: io.StringIO,
    everything_sent: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with make_program(log_level="debug") as program:
        # The form shows a token once, to its owner.
        everything_sent.clear()
        answers = await send_everything(program, monkeypatch)
        await notices_sent(program.demo)
        stored = await store.everything()
        async with aiohttp.ClientSession() as session, session.get(f"{program.demo.bot_url}/metrics") as answer:
            metrics = await answer.read()
        files = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    logged = everything_logged.getvalue()
    assert "A request of a program failed (RuntimeError in breaks" in logged
    places = {
        **files,
        **stored,
        "log": logged.encode(),
        "messages and views": "\n".join(everything_sent).encode(),
        "metrics": metrics,
        "answers": "\n".join(answers).encode(),
        "standard output and error": "".join(capfd.readouterr()).encode(),
    }
    secret = program.token[4:]
    assert found_in(places, [CANARY, program.token, secret.partition("_")[2], KEY]) == []
