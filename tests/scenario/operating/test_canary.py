"""A password that must be found nowhere: not on disk, in logs, in what Slack gets, in metrics, in tracebacks."""

import base64
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import aiohttp
import pytest

from bot.demo.mail import DemoAccount, DemoMail
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.workspace import Workspace
from storage.tables.profiles import ProfileTable
from tests.scenario.people import ADA, GRACE, fill_form, run_test, set_up
from tests.store import Store

CANARY = 'Kanarienvogel 7f3a & "gelb" ü<e>'
OLD_CANARY = f"{CANARY} von gestern"
LOGIN = "ada@demo.example"


def forms(password: str) -> dict[str, bytes]:
    """Every way in which a password could have been written down."""
    raw = password.encode()
    plain = base64.b64encode(b"\0" + LOGIN.encode() + b"\0" + raw)
    return {
        "as it is": raw,
        "its beginning": raw[:18],
        "JSON": json.dumps(password)[1:-1].encode(),
        "repr": repr(password)[1:-1].encode(),
        "HTML": password.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").encode(),
        "base64": base64.b64encode(raw).rstrip(b"=")[:-1],
        "url-safe base64": base64.urlsafe_b64encode(raw).rstrip(b"=")[:-1],
        "AUTH PLAIN blob": plain.rstrip(b"=")[:-1],
        "its tail inside the blob": plain[len(base64.b64encode(b"\0" + LOGIN.encode() + b"\0")) :].rstrip(b"=")[:-1],
        "percent": quote(password).encode(),
        "form": quote_plus(password).encode(),
        "hex": raw.hex().encode(),
        "reversed": password[::-1].encode(),
    }


def leaks(haystack: bytes) -> list[str]:
    """The forms of the canary found in some bytes, in any case."""
    lowered = haystack.lower()
    return [name for name, form in forms(CANARY).items() if form.lower() in lowered]


@pytest.fixture
def everything_sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every message and view that the stand-in gets from the bot, before it looks at them."""
    sent: list[str] = []
    check_view, check_message = Workspace.checked_view, Workspace.checked_message

    def view(self: Workspace, method: str, content: Any) -> dict[str, Any]:
        sent.append(json.dumps(content, ensure_ascii=False))
        return check_view(self, method, content)

    def message(self: Workspace, method: str, body: dict[str, Any]) -> None:
        sent.append(json.dumps(body, ensure_ascii=False))
        check_message(self, method, body)

    monkeypatch.setattr(Workspace, "checked_view", view)
    monkeypatch.setattr(Workspace, "checked_message", message)
    return sent


async def live(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do everything that a password goes through: form, errors, tests, changes, faults of the program."""
    workspace = demo.workspace
    await workspace.command(ADA, "/email-profile", "edit")
    await workspace.wait_view(ADA, "Email profile")
    await fill_form(demo, ADA, port="no port", password=CANARY)
    assert await workspace.submit(ADA)
    await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Email profile", containing="mend this first")
    await workspace.fill(ADA, "Port", "465")
    await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Email profile", containing="failed at")
    await workspace.fill(ADA, "Port", "587")
    assert await workspace.submit(ADA) == {}
    await workspace.wait_message(ADA, "Your email profile")
    await workspace.command(ADA, "/email-extra", "add TLS Y")
    await workspace.command(ADA, "/email-extra", f"add PASSWORD {CANARY}")
    await workspace.command(ADA, "/email-extra", f"add HELO {CANARY}")
    await workspace.command(ADA, "/email-profile", f"password {CANARY}")
    for mechanism in ("PLAIN", "LOGIN"):
        await workspace.command(ADA, "/email-extra", f"add AUTH {mechanism}")
        await run_test(demo, ADA)
    await fail(demo, monkeypatch)
    await workspace.command(GRACE, "/email-profile", "show @ada")
    await workspace.command(GRACE, "/email-profile", "edit @ada")
    await workspace.wait_view(GRACE, "Email profile")
    await workspace.fill(GRACE, "SMTP Server Address", "smtp.demo.example")
    assert await workspace.submit(GRACE) == {}
    await workspace.wait_message(ADA, "type your password again")
    await workspace.open_home(ADA)


async def fail(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program itself break, with the password at hand, in a test and while saving."""

    async def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("broken on purpose")

    workspace = demo.workspace
    with monkeypatch.context() as patched:
        patched.setattr("bot.smtp.check.opening.sign_in", breaks)
        await run_test(demo, ADA)
        patched.setattr(ProfileTable, "save", breaks)
        await workspace.command(ADA, "/email-profile", "edit")
        await workspace.wait_view(ADA, "Email profile")
        await workspace.fill(ADA, "Password", OLD_CANARY)
        assert "Something went wrong (reference" in str(await workspace.submit(ADA))
        await workspace.cancel(ADA)


async def test_a_password_is_found_nowhere_after_everything_was_done_with_it(
    tmp_path: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    everything_logged: io.StringIO,
    everything_sent: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert len(leaks(b"|".join(forms(CANARY).values()))) == len(forms(CANARY))
    mail = DemoMail([DemoAccount(address=LOGIN, login=LOGIN, password=CANARY)])
    async with running_demo(tmp_path, mail=mail, log_level="debug") as demo:
        await live(demo, monkeypatch)
        files = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        stored = await store.everything()
        assert ADA.encode() in b"".join(stored.values())
        async with aiohttp.ClientSession() as session, session.get(f"{demo.bot_url}/metrics") as answer:
            metrics = await answer.read()
        answers = json.dumps(demo.workspace.received, ensure_ascii=False).encode()
    assert demo.workspace.refusals == []
    files_after = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    logged = everything_logged.getvalue()
    assert "broken on purpose" in logged
    assert "Traceback" in logged
    assert len(everything_sent) > 20
    places = {
        **files,
        **stored,
        **{f"{name} after the stop": content for name, content in files_after.items()},
        "log": logged.encode(),
        "messages and views": "\n".join(everything_sent).encode(),
        "acknowledgements": answers,
        "metrics": metrics,
        "the mail server's own traffic": str(mail.traffic).encode(),
        "standard output and error": "".join(capfd.readouterr()).encode(),
    }
    assert {place: leaks(content) for place, content in places.items() if leaks(content)} == {}
    secrets = (demo.settings.slack_bot_token, demo.settings.slack_signing_secret, demo.settings.encryption_keys)
    for secret in secrets:
        assert secret is not None
        assert not [place for place, content in places.items() if secret.get_secret_value().encode() in content]


async def test_what_may_post_for_half_an_hour_is_neither_stored_nor_logged(
    tmp_path: Path, store: Store, everything_logged: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running_demo(tmp_path, log_level="debug") as demo:
        await set_up(demo, ADA)
        await run_test(demo, ADA)
        card = await set_up(demo, ADA, extra=None)
        await demo.workspace.press(ADA, "Test connection", message=card)
        await demo.workspace.wait_message(ADA, "Connection test passed")
        urls = list(demo.workspace.response_urls)
        stored = await store.everything()
        async with aiohttp.ClientSession() as session, session.get(f"{demo.bot_url}/metrics") as answer:
            metrics = await answer.read()
    assert len(urls) > 3
    places = {**stored, "log": everything_logged.getvalue().encode(), "metrics": metrics}
    places["standard output and error"] = "".join(capfd.readouterr()).encode()
    assert not [(place, url) for place, content in places.items() for url in urls if url.encode() in content]
