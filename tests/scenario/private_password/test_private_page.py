"""The private password page over real HTTP: used once, by one person, from its own form, and shown to nobody."""

import asyncio
import hashlib
import io
import json
import logging
import re
import secrets
from collections import Counter
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request

from bot.demo.mail import DemoAccount, DemoMail
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import searchable
from bot.demo.stand_in.views import OpenView
from bot.profiles.account.private_links import LinkSubject, PrivateLink, PrivateLinks
from bot.profiles.people.access import Person
from bot.profiles.people.defaults import Defaults, StoredDefaults
from bot.slack.ids import ActionId
from bot.smtp.account import Encryption
from bot.web.pages import Pages
from bot.web.password_page import PasswordPage
from storage.tables.table import now
from tests.counts import scaled
from tests.scenario.operating.test_canary import CANARY, LOGIN, leaks
from tests.scenario.people import ADA, GRACE, fill_form, profile_of, run_test, set_up
from tests.scenario.private_password.browsers import (
    BUTTON,
    PASSWORD,
    Browser,
    Reply,
    link_from_form,
    new_link,
    open_form,
    password_of_ada,
)
from tests.store import Store

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def set_from_form(demo: Demo, browser: Browser) -> OpenView:
    """Set the password from the form's button, and close the modal with the link: the form below has learnt of it."""
    assert (await browser.set(await link_from_form(demo), PASSWORD)).status == 200
    await demo.workspace.cancel(ADA)
    return await demo.workspace.wait_view(ADA, "Email profile", containing="Your password is set.")


async def test_from_the_card_over_the_page_to_a_card_that_is_up_to_date(demo: Demo, browser: Browser) -> None:
    url = await new_link(demo)
    assert url.startswith(f"{demo.bot_url}/password/{ADA}/")
    page = (await browser.ask("GET", url)).text
    parts = ('name="password" type="password"', ">ada@demo.example</strong>", ">mail.demo.example</strong>")
    assert all(part in page for part in parts)
    demo.workspace.all_messages.clear()
    done = await browser.set(url, PASSWORD)
    assert (done.status, "Your password is set" in done.text, PASSWORD in done.text) == (200, True, False)
    assert "*Password*  set on <!date" in searchable(await demo.workspace.wait_message(ADA, "is set."))
    assert searchable(await run_test(demo, ADA)).startswith("Connection test passed")


@pytest.mark.parametrize(("before", "host"), [(None, "mail.demo.example"), ("for the old one", "smtp.demo.example")])
async def test_a_form_for_a_server_not_stored_yet_learns_of_the_password_and_needs_none(
    demo: Demo, browser: Browser, before: str | None, host: str
) -> None:
    workspace = demo.workspace
    defaults = Defaults(host="mail.demo.example", port=587, encryption=Encryption.TLS)
    policy = StoredDefaults(defaults=defaults, previous=defaults, revision=1)
    async with demo.bot.database.writing() as tx:
        await tx.workspaces.save("T0DEMO", policy.to_document(), expected_revision=0)
    if before:
        await set_up(demo, ADA, password=before)
    await open_form(demo)
    await workspace.fill(ADA, "SMTP Server Address", "no server")
    await workspace.press(ADA, BUTTON)
    assert "Fill in the SMTP Server Address first." in str(workspace.stacks[ADA].pop().content)
    await fill_form(demo, ADA)
    await workspace.fill(ADA, "Password", "")
    await workspace.fill(ADA, "SMTP Server Address", f" https://{host.upper()}:587/x")
    form = await set_from_form(demo, browser)
    assert form.values[form.labelled("Email Address")[1]] == "ada@demo.example"
    assert await workspace.submit(ADA) == {}
    # Without TLS, which comes from the defaults, nobody could sign in.
    assert searchable(await run_test(demo, ADA)).startswith("Connection test passed")
    assert (await profile_of(demo)).password_host == host


async def test_what_waits_for_save_and_what_is_typed_outlives_the_private_page(
    http_demo: Demo, browser: Browser
) -> None:
    workspace = http_demo.workspace
    await open_form(http_demo)
    await fill_form(http_demo, ADA, port="465", encryption="SSL")
    await workspace.fill(ADA, "Password", "")
    await workspace.press(ADA, "Extra Configurations")
    await workspace.wait_view(ADA, "Extra configurations")
    await workspace.press(ADA, "Add")
    await workspace.wait_view(ADA, "Add configuration")
    await workspace.fill(ADA, "Value", "Ada Lovelace")
    assert await workspace.submit(ADA) == {}
    await workspace.cancel(ADA)
    workspace.sends_nulls = True
    form = await set_from_form(http_demo, browser)
    assert "`FROM_NAME Ada Lovelace` (waits for Save)" in str(form.content)
    assert form.content["blocks"][0]["type"] == "alert"
    assert (await profile_of(http_demo)).extras == {}
    await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Email profile", containing="nothing is saved yet")
    assert await workspace.submit(ADA) == {}
    await workspace.wait_message(ADA, "Works — tested")
    kept = await profile_of(http_demo)
    assert (kept.port, kept.extras) == (465, {"SSL": "Y", "FROM_NAME": "Ada Lovelace"})


async def test_a_checkbox_set_since_the_link_was_made_shows_what_is_saved(http_demo: Demo, browser: Browser) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA, password="wrong")
    await open_form(http_demo)
    url = await link_from_form(http_demo)
    await workspace.cancel(ADA)
    await workspace.fill(ADA, "Authentication Required", False)
    assert (await browser.set(url, PASSWORD)).status == 200
    form = await workspace.wait_view(ADA, "Email profile", containing="Your password is set.")
    shown = bool(form.values[form.labelled("Authentication Required")[1]])
    assert await workspace.submit(ADA) == {}
    await workspace.wait_message(ADA, "Your email profile")
    assert shown == (await profile_of(http_demo)).authenticate


async def test_a_form_that_was_closed_meanwhile_is_no_loss(http_demo: Demo, browser: Browser) -> None:
    await set_up(http_demo, ADA, password="wrong")
    await open_form(http_demo)
    url = await link_from_form(http_demo)
    http_demo.workspace.stacks[ADA].clear()
    assert (await browser.set(url, PASSWORD)).status == 200
    assert "set on" in searchable(await http_demo.workspace.wait_message(ADA, "Your password is set."))
    assert http_demo.workspace.refusals.pop() == ("views.update", "not_found")


async def test_previews_and_others_use_no_link_up_and_its_owner_once(http_demo: Demo, browser: Browser) -> None:
    url = await new_link(http_demo)
    mark = await browser.mark(url)
    for number in range(100):
        assert (await browser.ask("GET" if number % 4 else "HEAD", url)).status == 200
    for other in (GRACE, ADA.lower(), "U0NOBODY"):
        stolen = url.replace(f"/{ADA}/", f"/{other}/")
        assert (await browser.ask("GET", stolen)).status == 404
        assert (await browser.ask("POST", stolen, data={"mark": mark, "password": "stolen"})).status == 404
    assert (await browser.ask("POST", url, data={"mark": mark, "password": PASSWORD})).status == 200
    for method, data in (("POST", {"mark": mark, "password": "another"}), ("GET", None), ("HEAD", None)):
        assert (await browser.ask(method, url, data=data)).status == 404
    assert await password_of_ada(http_demo) == PASSWORD


async def test_a_link_is_refused_after_ten_minutes(
    http_demo: Demo, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await new_link(http_demo)
    monkeypatch.setattr("storage.tables.password_links.now", lambda connection: now(connection) + 570)
    mark = await browser.mark(url)
    monkeypatch.setattr("storage.tables.password_links.now", lambda connection: now(connection) + 601)
    late = await browser.ask("POST", url, data={"mark": mark, "password": PASSWORD})
    assert (late.status, "too old" in late.text, await password_of_ada(http_demo)) == (404, True, "wrong")
    assert (await browser.ask("GET", url)).status == 404


async def test_of_twenty_at_once_one_wins_although_slack_cannot_be_told(http_demo: Demo, browser: Browser) -> None:
    url = await new_link(http_demo)
    mark = await browser.mark(url)
    await http_demo.bot.jobs.drain(5)
    replies = await asyncio.gather(
        *(browser.ask("POST", url, data={"mark": mark, "password": f"try {number}"}) for number in range(20))
    )
    assert Counter(reply.status for reply in replies) == {200: 1, 404: 19}
    winner = next(number for number, reply in enumerate(replies) if reply.status == 200)
    assert await password_of_ada(http_demo) == f"try {winner}"


async def test_after_fifty_wrong_guesses_from_one_place_all_fail(tmp_path: Path, browser: Browser) -> None:
    async with running_demo(tmp_path, trusted_proxies=(ip_network("127.0.0.1"),)) as demo:
        await _guess_until_locked(await new_link(demo), browser)


async def _guess_until_locked(url: str, browser: Browser) -> None:
    mark = await browser.mark(url)

    async def guess(number: int) -> Reply:
        # Whoever asks may write anything in front; the last entry is that of one's own proxy.
        where = {"X-Forwarded-For": f"198.51.100.{number % 250}, 203.0.113.7"}
        data = {"mark": mark, "password": "guess"} if number % 2 else None
        guessed = url if number < 0 else f"{url.rpartition('/')[0]}/{secrets.token_urlsafe(16)}"
        return await browser.ask("POST" if data else "GET", guessed, data=data, headers=where)

    guesses = scaled(quick=120, full=1000)
    replies = await asyncio.gather(*(guess(number) for number in range(guesses)))
    assert Counter(reply.status for reply in replies) == {404: 50, 429: guesses - 50}
    assert all(540 < int(reply.headers["Retry-After"]) <= 601 for reply in replies if reply.status == 429)
    for right in (await guess(-1), await guess(-2)):
        assert (right.status, "Please try again in 10 minutes." in right.text) == (429, True)
    assert (await browser.set(url, PASSWORD)).status == 200


async def test_the_page_refers_to_nothing_foreign_and_is_a_plain_form(http_demo: Demo, browser: Browser) -> None:
    url = await new_link(http_demo)
    await http_demo.workspace.command(ADA, "/email-extra", "add FROM_NAME <script>alert(1)</script>")
    page = (await browser.ask("GET", url)).text
    references = re.findall(r"""(?:src|href|action|srcset|data)=["']?([^"'\s>]*)""", page)
    assert sorted(references) == ["/private/password.css", "/private/password.js"]
    assert re.findall(r"<form[^>]*>", page) == ['<form method="post" autocomplete="off">']
    assert '<button type="submit"' in page
    # Neither would run or show under this policy.
    assert not re.search(r"<style|\son\w+=|\sstyle=|<script>|javascript:", page)
    for reference in references:
        asset = await browser.ask("GET", f"{http_demo.bot_url}{reference}")
        assert not re.search(r"https?:|@import|url\(|fetch|XMLHttp|localStorage|cookie|innerHTML", asset.text)


def test_whatever_a_profile_holds_is_shown_as_text_and_https_is_insisted_on() -> None:
    nasty = "<script>$mark ${error}</script>\"'&"
    link = PrivateLink(
        owner=Person("T", "U"), address=nasty, host=nasty, port=587, pinned_by="V", view_id="", revision=0
    )
    subject = LinkSubject(name=nasty, picture=f"https://x.test/{nasty}", workspace=nasty, pinned_by=nasty)
    request = make_mocked_request("GET", "/", headers={"Cookie": "password-form=<script>1</script>aaaaaaaaaaaaaaa"})
    page = PasswordPage(cast("PrivateLinks", None), Pages(https=True), lambda _: None)
    answer = page._drawn(request, link, subject, "<b>no</b>", 422)
    text = answer.text or ""
    assert text.count("&lt;script&gt;$mark ${error}&lt;/script&gt;&quot;&#x27;&amp;") == 5
    assert "<img" not in text
    assert "&lt;b&gt;no&lt;/b&gt;" in text
    assert re.findall(r"<script[^>]*>", text) == ['<script src="/private/password.js" defer>']
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.cookies["password-form"]["secure"]


async def test_a_password_from_elsewhere_is_refused_and_the_link_stays(http_demo: Demo, browser: Browser) -> None:
    url = await new_link(http_demo)
    mark = await browser.mark(url)
    sent = f"mark={mark}&password=x"
    for body, headers in (
        ("mark=00000000000000000000000000000000&password=x", FORM),
        ("password=x", FORM),
        (f"mark={mark}", FORM),
        (f"{sent}{'x' * 20_000}", FORM),
        (sent, {"Content-Type": "text/plain"}),
        (sent, {**FORM, "Sec-Fetch-Site": "cross-site"}),
        (sent, {**FORM, "Sec-Fetch-Site": "same-site"}),
        (sent, {**FORM, "Cookie": ""}),
        ("mark=&password=x", {**FORM, "Cookie": "password-form="}),
    ):
        if "Cookie" in headers:
            browser.session.cookie_jar.clear()
        refused = await browser.ask("POST", url, data=body, headers=headers)
        assert (refused.status, "Not from this page" in refused.text) == (403, True)
    assert await password_of_ada(http_demo) == "wrong"
    assert (await browser.set(url, PASSWORD)).status == 200


async def test_a_request_that_no_browser_makes_is_refused_like_any_other(http_demo: Demo, browser: Browser) -> None:
    page, form = f"{http_demo.bot_url}/password/{ADA}/token", FORM["Content-Type"]
    for method, url, body, kind in (
        ("GET", f"{http_demo.bot_url}/private/other.js", b"", form),
        ("PUT", page, b"", form),
        ("POST", page, b"x" * 2**21, form),
        ("POST", page, b"mark=\xff&password=\xff", form),
        ("POST", page, b"mark=x&password=y", f"{form}; charset=none"),
        ("POST", page, b"x", "multipart/form-data"),
    ):
        # In chunks, so that no length is sent before.
        given: dict[str, Any] = {"data": io.BytesIO(body), "chunked": True} if body else {}
        refused = await browser.ask(method, url, headers={"Content-Type": kind}, **given)
        assert refused.status in (400, 403, 404, 405, 413)


async def test_what_is_no_password_keeps_the_link_and_a_good_one_arrives_as_typed(
    http_demo: Demo, browser: Browser
) -> None:
    for password in ("  blanks at both ends ", "%2B+&=;#\\\"'<é漢🔑>\u00a0", "x" * 1000):
        http_demo.workspace.all_messages.clear()
        url = await new_link(http_demo)
        for bad, why in (("", "is missing"), ("a\0b", "control"), ("tab\t", "control"), ("x" * 1001, "at most 1000")):
            again = await browser.set(url, bad)
            assert (again.status, why in again.text, 'role="alert"' in again.text) == (422, True, True)
            assert not bad or bad not in again.text
        done = await browser.set(url, password)
        assert done.status == 200
        assert await password_of_ada(http_demo) == password
        named = password.strip() != password
        assert ("It is kept as it was typed." in done.text) is named
        card = searchable(await http_demo.workspace.wait_message(ADA, "Your password is set."))
        assert ("The password ends with a blank. It is kept as it was typed." in card) is named


async def test_a_server_that_is_no_longer_allowed_is_told_before_any_fault_of_the_password(
    http_demo: Demo, browser: Browser
) -> None:
    url = await new_link(http_demo)
    policy = StoredDefaults(defaults=Defaults(allowed_servers=("smtp.demo.example",)), previous=Defaults(), revision=1)
    async with http_demo.bot.database.writing() as tx:
        await tx.workspaces.save("T0DEMO", policy.to_document(), expected_revision=0)
    refused = await browser.set(url, "a\0b")
    assert (refused.status, "allow only these servers: smtp.demo.example" in refused.text) == (409, True)
    assert "control characters" not in refused.text
    assert await password_of_ada(http_demo) == "wrong"


async def test_neither_password_nor_token_is_found_anywhere(
    tmp_path: Path, store: Store, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    async def kept() -> bytes:
        files = [path.read_bytes() for path in tmp_path.iterdir() if path.is_file()]
        return b"".join([*files, *(await store.everything()).values()])

    caplog.set_level(logging.DEBUG)
    # At DEBUG these write down whole requests, so the bot never lets them; the link is in some.
    for name in ("slack_sdk", "slack_bolt"):
        caplog.set_level(logging.INFO, logger=name)
    accounts = [DemoAccount(address=LOGIN, login=LOGIN, password=CANARY)]
    async with running_demo(tmp_path, mail=DemoMail(accounts)) as demo:
        url = await new_link(demo)
        token = url.rpartition("/")[2].encode()
        seen = await kept()
        elsewhere = await browser.ask("POST", url, data={"mark": "no", "password": CANARY})
        replies = [elsewhere, await browser.set(url, f"{CANARY}\x07"), await browser.set(url, CANARY)]
        assert [reply.status for reply in replies] == [403, 422, 200]
        await demo.workspace.wait_message(ADA, "Your password is set.")
        assert searchable(await run_test(demo, ADA)).startswith("Connection test passed")
        metrics = await (await browser.session.get(f"{demo.bot_url}/metrics")).read()
        assert hashlib.sha256(token).hexdigest().encode() in seen
        seen += await kept()
    seen += await kept() + caplog.text.encode() + str(replies).encode() + metrics
    sent = json.dumps(demo.workspace.received, ensure_ascii=False).encode()
    assert (leaks(seen), leaks(sent)) == ([], [])
    assert (token in seen, token in sent) == (False, True)


async def test_with_private_entry_a_form_takes_not_even_a_forged_password(tmp_path: Path, browser: Browser) -> None:
    async with running_demo(tmp_path, password_entry="private") as demo:
        workspace = demo.workspace
        await workspace.command(ADA, "/email-extra", "add SSL Y")
        form = await open_form(demo)
        assert "password" not in form.state()
        assert "*Password:* not set. You set the password on a private page of the bot." in str(form.content)
        values = {"Email Address": LOGIN, "User/Login": LOGIN, "SMTP Server Address": demo.mail.host, "Port": "465"}
        for label, value in values.items():
            await workspace.fill(ADA, label, value)
        forged = form.payload()
        forged["state"]["values"]["password"] = {ActionId.VALUE: {"type": "plain_text_input", "value": PASSWORD}}
        press = {"action_id": ActionId.FORM_TEST, "block_id": "form_buttons", "type": "button"}
        sent = {**workspace._actor(ADA), "trigger_id": workspace.new_trigger(ADA), "view": forged, "actions": [press]}
        await workspace.raw("interactive", {"type": "block_actions", **sent})
        await workspace.wait_view(ADA, "Email profile", containing="no password is stored")
        assert await workspace.raw("interactive", {"type": "view_submission", **sent}) == {"response_action": "clear"}
        assert BUTTON in str((await workspace.wait_message(ADA, "Password missing")).blocks)
        assert await password_of_ada(demo) is None
        assert not any("AUTH " in line.text for line in demo.mail.traffic if line.speaker == "client")
        others = await open_form(demo, GRACE, "edit @ada")
        assert "The owner sets the password on a private page of the bot." in str(others.content)
        assert ("password" in others.state(), BUTTON in str(others.content)) == (False, False)
        await open_form(demo)
        await workspace.fill(ADA, "SMTP Server Address", "smtp.demo.example")
        assert "*Password:* set on" in str((await set_from_form(demo, browser)).content)
        assert await workspace.submit(ADA) == {}
        assert searchable(await run_test(demo, ADA)).startswith("Connection test passed")


async def test_without_a_public_address_no_private_way_is_offered_or_open(tmp_path: Path) -> None:
    async with running_demo(tmp_path, public_url=None) as demo:
        card = await set_up(demo, ADA)
        form = await open_form(demo)
        assert "What you type is visible and passes through Slack." in str(form.content)
        assert "privately" not in str(form.content) + searchable(card) + str(card.blocks)
        async with aiohttp.ClientSession() as session, session.get(f"{demo.bot_url}/password/{ADA}/x") as answer:
            assert answer.status == 404


async def test_what_somebody_saved_meanwhile_is_not_undone_unasked(http_demo: Demo, browser: Browser) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await open_form(http_demo)
    url = await link_from_form(http_demo)
    await open_form(http_demo, GRACE, "edit @ada")
    await workspace.fill(GRACE, "Encryption", "SSL")
    assert await workspace.submit(GRACE) == {}
    assert (await browser.set(url, PASSWORD)).status == 200
    await workspace.wait_message(ADA, "Your password is set.")
    await workspace.cancel(ADA)
    await workspace.submit(ADA)
    await workspace.wait_view(ADA, "Email profile", containing="Use theirs: SSL")
    assert (await profile_of(http_demo)).extras == {"SSL": "Y"}
