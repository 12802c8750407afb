"""Reports in a browser: mend with one press, undo with another; and every row of advice as it is drawn."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, expect
from pydantic import SecretStr

from bot.demo.run import Demo
from bot.demo.stand_in.people import BOT_USER, CHANNEL
from bot.demo.stand_in.platform import Message
from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import account_of
from bot.profiles.connection_tests.results import interpret_report
from bot.slack.views.report import finished
from bot.smtp.account import Encryption
from bot.smtp.advice.advice import ROWS
from bot.smtp.advice.row import When
from bot.smtp.check.report import Certificate, Endpoint, Outcome, Reply, Report, Stage, StageName
from tests.browser.conftest import refused
from tests.browser.test_story import field, fill, save, say
from tests.unit.smtp.test_advice import reply_for

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = "<!channel> <https://evil.example|click> *bold* `code` &lt;b&gt; :x: \u202eevil"


async def test_one_press_mends_and_one_press_undoes(page: Page, demo: Demo) -> None:
    await say(page, "/email-profile edit")
    await fill(page, demo, "ada@demo.example", port="2525")
    await field(page, "Encryption").select_option("SSL")
    await save(page)
    await say(page, "/email-test")
    await expect(page.get_by_role("heading", name="Connection test failed at Connect")).to_be_visible()
    await expect(page.get_by_text("The same server answers with TLS on 587 and SSL on 465.")).to_be_visible()
    await page.get_by_role("button", name="Use TLS on 587 and test again").click()
    await expect(page.get_by_role("heading", name="Connection test passed")).to_be_visible()
    await expect(page.get_by_text("Port 2525 → 587")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Undone: Port 587 → 2525")).to_be_visible()


async def test_a_message_arrives_in_the_mailbox_and_the_transcript_is_shown(page: Page, demo: Demo) -> None:
    await say(page, "/email-profile edit")
    await fill(page, demo, "ada@demo.example", port="587")
    await save(page)
    await say(page, "/email-test")
    await page.get_by_role("button", name="Send me a message").click()
    await expect(page.get_by_text("A message is on its way to").last).to_be_visible()
    await expect(page.get_by_text("Your email profile works", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Transcript").last.click()
    await expect(page.get_by_text("AUTH PLAIN (credentials)").first).to_be_visible()


def report_for(when: When) -> tuple[EmailProfile, Report]:
    """A failing report that a row is about, with as much around it as a report can have."""
    host = "a-rather-long-name-of-a-mail-server.department.example.com"
    if when.provider:
        facts = when.provider.value
        host = (*facts.servers, *facts.own_domain_servers)[0].host
    now = datetime.now(UTC)
    profile = EmailProfile(
        address="a.rather.long.address.of.somebody@department.example.com",
        login="DEPARTMENT\\somebody",
        password=SecretStr("abcd efgh ijkl mnop"),
        password_host=host,
        host=host,
        port=587,
        extras={"TLS": "Y"},
    )
    reply = reply_for(when) or Reply(code=550, enhanced="5.7.1", text=HOSTILE)
    reply = replace(reply, text=f"{reply.text} {HOSTILE}")
    failed = Stage(
        name=StageName.SIGN_IN,
        outcome=Outcome.FAILED,
        seconds=0.2,
        detail=f"{reply.code} {reply.enhanced} {reply.text}",
        facts=("Ways of signing in offered: LOGIN, PLAIN, XOAUTH2",),
    )
    certificate = Certificate(
        names=(host, "*.example.com"),
        issuer="An authority",
        not_before=now - timedelta(days=1),
        not_after=now + timedelta(days=90),
        pin="ab" * 32,
    )
    return profile, Report(
        host=host,
        port=587,
        encryption=Encryption.TLS,
        stages=(*(Stage(name=name, outcome=Outcome.PASSED, seconds=0.01) for name in list(StageName)[:4]), failed),
        seconds=1.2,
        tested_at=now,
        fault=when.fault,
        reply=reply,
        certificate_names=(host,),
        certificate=certificate,
        open_ports=(Endpoint(port=465, encryption=Encryption.SSL),),
        transcript=("C: EHLO",),
    )


CUT = """nodes => nodes.flatMap(node => [node, ...node.querySelectorAll('*')])
    .filter(one => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline')
    .map(one => one.outerHTML.slice(0, 200))"""


async def test_every_row_of_advice_is_drawn_whole_and_nothing_in_it_comes_alive(page: Page, demo: Demo) -> None:
    parts: list[tuple[str, ...]] = []
    for when in ROWS:
        profile, report = report_for(when)
        told = interpret_report(report, account_of(profile), profile)
        payload = finished(account_of(profile), told, owner="U0ADA").payload()
        assert payload["text"].startswith("Connection test failed at Sign-in: ")
        demo.workspace.checked_message("test", payload)
        await demo.workspace.post(
            Message(author=BOT_USER, channel=CHANNEL, text=payload["text"], blocks=payload["blocks"], reader="U0ADA")
        )
        assert told.advice is not None
        parts.append((told.advice.do, told.advice.why, "<!channel>"))
    messages = page.get_by_role("article")
    await expect(messages).to_have_count(len(ROWS))
    for drawn, wanted in zip(await messages.all_text_contents(), parts, strict=True):
        assert all(part in drawn for part in wanted), drawn
    assert await messages.get_by_role("link").count() == 0
    assert await messages.locator(".mention").count() == 0
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 900})
        assert await messages.evaluate_all(CUT) == [], width
    assert not refused(demo)
