"""The demo's program: it knows SMTP and six values, and shows what the server answers."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.demo.mail import DemoMail
from bot.demo.run import Demo, running_demo, submission_settings
from tests.named import case
from tests.scenario.people import set_up
from tests.scenario.programs.people import add_program

# What the page shows is the same on every database.
pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo with its submission server."""
    mail = DemoMail()
    async with running_demo(tmp_path, mail=mail, **submission_settings(tmp_path, mail)) as opened:
        yield opened


def six_values(demo: Demo, token: str) -> dict[str, Any]:
    return {
        "address": "ada@demo.example",
        "login": "ada@demo.example",
        "password": token,
        "host": "127.0.0.1",
        "port": str(demo.settings.submission_tls_port),
        "authenticate": True,
        "extras": {"SSL": "Y"},
    }


async def printed(demo: Demo, information: dict[str, Any], *, to: str = "grace@demo.example") -> dict[str, Any]:
    """Send a label as the page asks for it; return what it shows."""
    label = {"information": information, "to": to, "crate": "7"}
    async with (
        aiohttp.ClientSession(demo.workspace.base_url) as session,
        session.post("/label", json=label, headers={"X-Demo": "page"}) as answer,
    ):
        shown: dict[str, Any] = await answer.json()
        return shown


async def test_a_label_goes_out_with_the_six_values_of_a_program(demo: Demo) -> None:
    await set_up(demo, "U0ADA")
    token = await add_program(demo, "Label program")
    shown = await printed(demo, six_values(demo, token))
    assert shown["ok"], shown
    assert shown["answer"].startswith("250 2.0.0 mail.demo.example")
    (mailed,) = demo.mail.mailbox
    assert (mailed.sender, mailed.recipients) == ("ada@demo.example", ("grace@demo.example",))
    assert mailed.subject == "Label for crate 7"
    assert "| CRATE 7" in mailed.text


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"password": "epb_wrong"}, "535 5.7.8"),
    ({"address": "grace@demo.example"}, "553 5.7.1"),
    ({"address": "ada"}, "addr-spec local part with no domain"),
    ({"port": "none"}, "“none” is no port, which is a number such as 465."),
    ({"host": "mail.example.com"}, "This program reaches this machine alone, and mail.example.com is not on it."),
    ({"host": ""}, "This program reaches this machine alone, and no server is not on it."),
    ({"authenticate": False}, "530 5.7.0"),
    ({"extras": {}}, "The server did not greet. Does its port begin with TLS? Add SSL Y."),
)


async def test_what_is_wrong_is_shown_in_the_servers_words_and_nothing_is_sent(demo: Demo) -> None:
    await set_up(demo, "U0ADA")
    token = await add_program(demo)
    for wrong, shows in WRONG:
        with case(str(wrong)):
            shown = await printed(demo, {**six_values(demo, token), **wrong})
            assert not shown["ok"]
            assert shows in shown["answer"]
    assert demo.mail.mailbox == []


async def test_ssl_at_a_port_that_begins_in_clear_is_told_as_that(demo: Demo) -> None:
    shown = await printed(demo, {**six_values(demo, "epb_any"), "port": str(demo.mail.ports[587])})
    assert "The server does not begin with TLS" in shown["answer"]
    assert "Remove SSL Y" in shown["answer"]


async def test_a_label_without_its_values_is_refused(demo: Demo) -> None:
    async with aiohttp.ClientSession(demo.workspace.base_url) as session:
        labels: tuple[Any, ...] = ({}, [], {"information": {}}, {"information": None, "to": 1, "crate": 1})
        for label in labels:
            async with session.post("/label", json=label, headers={"X-Demo": "page"}) as answer:
                assert answer.status == 400
        async with session.post("/label", json={}) as answer:
            assert answer.status == 403
