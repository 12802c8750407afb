"""What strangers reach of a running bot: no metrics, nothing of what is wrong, and no say in where they come from."""

import asyncio
import logging
import socket
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.app import StartError
from bot.demo.run import Demo, running_demo
from bot.doctor.public import served_findings
from bot.exit_codes import EX_TEMPFAIL
from bot.profiles.connection_tests.limits import LINK_ATTEMPTS
from bot.settings import GivenSettings
from storage.crypto.keyring import generate_key
from tests.benchmarks.program import free_port
from tests.counts import scaled
from tests.scenario.operating.test_command_line import GOOD
from tests.scenario.started_before import StartedBefore
from tests.scenario.starting import program
from tests.store import Store

pytestmark = pytest.mark.databases("sqlite")

LOOPBACK = (ip_network("127.0.0.0/8"),)
SERVING = "Serving Slack over "


async def get(address: str, path: str, **headers: str) -> tuple[int, str]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with aiohttp.ClientSession() as session, session.get(f"{address}{path}", headers=sent) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize("way_in", [{}, {"slack_app_token": "xapp-demo"}], ids=["http", "socket"])
async def test_health_and_metrics_can_be_served_where_the_internet_does_not_reach(
    started: StartedBefore, tmp_path: Path, store: Store, way_in: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    with caplog.at_level(logging.INFO):
        async with running_demo(tmp_path, encryption_keys=started.key, metrics_port=port, **way_in) as demo:
            inside = f"http://127.0.0.1:{port}"
            assert await get(inside, "/readyz") == (200, "ready")
            assert (await get(inside, "/metrics"))[1].startswith("# HELP")
            for hidden in ("/slack/events", "/password/U0ADA/x", "/private/password.css"):
                assert (await get(inside, hidden))[0] == 404
            assert (await get(demo.bot_url, "/metrics"))[0] == 404
            assert await get(demo.bot_url, "/healthz") == await get(inside, "/healthz") == (200, "ok")
            assert await get(demo.bot_url, "/readyz") == (200, "ready")
            await store.edit("DROP TABLE key_checks")
            assert await get(inside, "/readyz") == (503, "the database does not answer")
            # The same answer, without a word of what is wrong.
            assert await get(demo.bot_url, "/readyz") == (503, "not ready")
            said = next(record.getMessage() for record in caplog.records if record.getMessage().startswith(SERVING))
            assert said.endswith(f"everybody else at {demo.bot_url}; health and metrics at {inside}")
        with pytest.raises(aiohttp.ClientConnectorError):
            await get(inside, "/healthz")


async def test_a_port_for_metrics_that_is_taken_ends_the_start_with_its_name(
    started: StartedBefore, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartError) as error:
        async with running_demo(tmp_path, encryption_keys=started.key, metrics_port=taken.getsockname()[1]):
            pass
    assert str(error.value).startswith("METRICS_PORT: nothing can be served on 127.0.0.1:")
    assert str(error.value).endswith("Example: METRICS_PORT=9100")


async def test_the_database_is_looked_at_once_however_often_readiness_is_asked_for(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.health.LOOK_SECONDS", 3.0)
    looks = 0
    ping = http_demo.bot.database.ping

    async def counted() -> None:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0.05)
        await ping()

    monkeypatch.setattr(http_demo.bot.database, "ping", counted)
    answers = await asyncio.gather(*(get(http_demo.bot_url, "/readyz") for _ in range(40)))
    assert (set(answers), looks) == ({(200, "ready")}, 1)
    # What the process knows of itself is told at once.
    http_demo.bot.health.draining = True
    assert (await get(http_demo.bot_url, "/readyz"), looks) == ((503, "stopping"), 1)


async def places(demo: Demo, *addresses: str) -> list[int]:
    """Open a private page that does not exist, from several places as a header has them; gives the statuses."""
    return [(await get(demo.bot_url, "/password/U0ADA/x", X_Forwarded_For=each))[0] for each in addresses]


async def test_nobody_chooses_by_a_header_by_whose_limit_they_are_counted(
    started: StartedBefore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = tuple(replace(limit, max_uses=2) for limit in LINK_ATTEMPTS)
    monkeypatch.setattr("bot.profiles.account.private_links.LINK_ATTEMPTS", few)
    async with running_demo(tmp_path, encryption_keys=started.key) as demo:
        assert await places(demo, "203.0.113.1", "203.0.113.2", "203.0.113.3") == [404, 404, 429]
    async with running_demo(tmp_path, encryption_keys=started.key, trusted_proxies=LOOPBACK) as demo:
        assert await places(demo, *["203.0.113.1"] * 3) == [404, 404, 429]
        # Whatever stands before the last address that the proxy did not vouch for is the visitor's own invention.
        assert await places(demo, "198.51.100.7, 203.0.113.1", "203.0.113.2, 203.0.113.1, 127.0.0.5") == [429, 429]
        assert await places(demo, "203.0.113.2") == [404]
        # One customer's addresses of IPv6 are one place, another customer's are another.
        assert await places(demo, "2001:db8:0:1::1", "2001:db8:0:1:ffff::9", "2001:db8:0:1:a:b:c:d") == [404, 404, 429]
        assert await places(demo, "2001:db8:0:2::1") == [404]


HTTPS = {"public_url": "https://email.example.com"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, {}),
        ({"public_url": "http://127.0.0.1:3000"}, {}),
        (HTTPS, {"Proxies": "TRUSTED_PROXIES is not set", "Metrics": "127.0.0.1:3000, with all that the internet"}),
        (
            {**HTTPS, "trusted_proxies": LOOPBACK, "metrics_port": 9100},
            {"Proxies": "counts from 127.0.0.0/8.", "Metrics": "127.0.0.1:9100 alone"},
        ),
    ],
)
def test_check_says_who_is_believed_and_where_metrics_are_served(given: dict[str, Any], said: dict[str, str]) -> None:
    found = {finding.subject: finding for finding in served_findings(GivenSettings(**given))}
    assert set(found) == set(said)
    assert all(found[subject].good and part in found[subject].sentence for subject, part in said.items())


SURE = "nothing makes sure that what answers at ip6-localhost is your PostgreSQL"


MODES = [("", True), ("?sslmode=require", True), ("?sslmode=verify-full", False)]


@pytest.mark.parametrize(("sslmode", "warned"), scaled(quick=MODES[1:], full=MODES))
def test_a_postgresql_that_anybody_could_stand_in_for_is_warned_of(tmp_path: Path, sslmode: str, warned: bool) -> None:
    # A name of this machine that does not say so, and a port on which nothing listens.
    given = {
        **GOOD,
        "ENCRYPTION_KEYS": generate_key(),
        "DATABASE_URL": f"postgresql://bot:canary@ip6-localhost:9/profiles{sslmode}",
        "SLACK_API_URL": "http://127.0.0.1:9/api/",
    }
    code, _, log = program(tmp_path, "run", given=given)
    assert (code, SURE in log, "canary" in log) == (EX_TEMPFAIL, warned, False)
    _, out, _ = program(tmp_path, "check", given=given)
    assert (f"ok     Database: a warning: {SURE}" in out, "canary" in out) == (warned, False)
