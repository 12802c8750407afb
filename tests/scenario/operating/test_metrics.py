"""The metrics: exactly what is documented, labels of fixed lists, and nothing that a person typed."""

import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

import bot.observability.metrics
from bot.demo.run import Demo, running_demo
from bot.observability.log import Outcome
from bot.observability.metrics import SENDS_ENDED
from bot.profiles.people.notices import NoticeKind
from bot.profiles.sending.letters import Outcome as LetterOutcome
from bot.programs.submission.dialogue import SignIn
from bot.programs.submission.session import Ended as SessionEnded
from bot.slack.background.outbox import Ended
from bot.slack.middleware.request_log import KINDS
from bot.smtp.account import Encryption
from bot.smtp.check.report import Outcome as StageOutcome
from bot.smtp.check.report import StageName
from tests.fakes.smtp_client import RawClient, plain
from tests.scenario.operating.test_canary import CANARY, leaks
from tests.scenario.people import ADA, GRACE, notices_sent, run_test, set_up
from tests.store import Store

pytestmark = pytest.mark.databases("sqlite")

_ROW = re.compile(r"^\| `(?P<series>email_profile_bot_\w+)` \|(?P<labels>[^|]*)\|", re.MULTILINE)


def documented() -> dict[str, set[str]]:
    """Each series of the table, with its labels."""
    table = bot.observability.metrics.__doc__ or ""
    return {row["series"]: set(re.findall(r"`(\w+)`", row["labels"])) for row in _ROW.finditer(table)}


async def read(demo: Demo) -> tuple[str, list[Metric]]:
    async with aiohttp.ClientSession() as session, session.get(f"{demo.bot_url}/metrics") as answer:
        text = await answer.text()
    return text, list(text_string_to_metric_families(text))


def series_of(family: Metric) -> str:
    """The name that the table gives a family: with what its kind adds."""
    return {"counter": f"{family.name}_total"}.get(family.type, family.name)


def values(families: list[Metric], name: str, label: str) -> set[str]:
    """Every value that a label of a series has."""
    return {
        sample.labels[label]
        for family in families
        for sample in family.samples
        if series_of(family) == name and label in sample.labels
    }


async def live(demo: Demo) -> None:
    """Let each kind of thing happen that is counted."""
    await set_up(demo, ADA, password=CANARY)
    await run_test(demo, ADA)
    await set_up(demo, GRACE)
    await run_test(demo, GRACE)
    await demo.workspace.command(ADA, "/email-profile", "list")
    await demo.workspace.command(ADA, "/email-extra", f"add HELO {CANARY}")
    await demo.workspace.command(ADA, "/email-profile", CANARY)
    await demo.workspace.open_home(ADA)
    await demo.workspace.command(GRACE, "/email-extra", "add FROM_NAME Ada @ada")
    await notices_sent(demo)
    assert demo.bot.submission is not None
    async with RawClient(demo.bot.submission.ports[Encryption.NONE]) as client:
        await client.greeted()
        await client.say(f"AUTH PLAIN {plain(CANARY, CANARY)}", "QUIT")


@pytest.mark.parametrize("way", ["http", "socket"])
async def test_what_is_documented_is_what_is_emitted_and_labels_are_of_fixed_lists(tmp_path: Path, way: str) -> None:
    given: dict[str, Any] = {"slack_app_token": "xapp-demo"} if way == "socket" else {}
    async with running_demo(tmp_path, submission_port=0, **given) as demo:
        await live(demo)
        text, families = await read(demo)
    emitted = {
        # `le` and the moment of creation are of the format, not of the bot.
        series_of(family): {label for sample in family.samples for label in sample.labels} - {"le"}
        for family in families
        if not family.name.endswith("_created")
    }
    expected = documented()
    if way == "http":
        del expected["email_profile_bot_socket_mode_connected"]
    assert emitted == expected
    bot_requests = "email_profile_bot_request_seconds"
    assert values(families, bot_requests, "outcome") == set(Outcome) - {Outcome.BUSY, Outcome.FAILED}
    assert values(families, bot_requests, "command") <= {*KINDS, "other"}
    assert values(families, "email_profile_bot_slack_requests_total", "kind") <= {*KINDS, "other"}
    assert values(families, "email_profile_bot_ack_seconds", "way") == {way}
    stages = "email_profile_bot_connection_test_stages_total"
    assert values(families, stages, "stage") <= set(StageName)
    assert values(families, stages, "outcome") <= {
        StageOutcome.PASSED,
        StageOutcome.FAILED,
        StageOutcome.WARNED,
        StageOutcome.SKIPPED,
    }
    assert values(families, "email_profile_bot_connection_test_seconds", "ended") == {"Sign-in", "passed"}
    assert values(families, "email_profile_bot_notices_total", "kind") == {*NoticeKind, "other"}
    assert values(families, "email_profile_bot_notices_total", "ended") == set(Ended)
    assert values(families, "email_profile_bot_sends_total", "outcome") == set(SENDS_ENDED)
    assert {outcome.replace(" ", "_") for outcome in LetterOutcome} == set(SENDS_ENDED)
    renewals = "email_profile_bot_token_renewals_total"
    assert values(families, renewals, "ended") == {"renewed", "refused", "failed"}
    assert values(families, "email_profile_bot_submission_sessions_total", "ended") == set(SessionEnded)
    assert values(families, "email_profile_bot_submission_sign_ins_total", "ended") == set(SignIn)
    assert 'email_profile_bot_submission_sign_ins_total{ended="wrong"} 1.0' in text
    assert 'email_profile_bot_build_info{version="' in text
    assert "email_profile_bot_jobs_running 0.0" in text
    assert leaks(text.encode()) == []
    assert not any(name in text.lower() for name in ("u0ada", "grace", "demo.example", "t0demo"))


async def test_a_request_is_counted_once_with_its_outcome(http_demo: Demo) -> None:
    for text in ("help", "list", CANARY):
        await http_demo.workspace.command(ADA, "/email-profile", text)
    text, _ = await read(http_demo)
    assert 'slack_requests_total{kind="/email-profile"} 3.0' in text
    for outcome in ("ok", "refused", "told an error"):
        assert f'request_seconds_count{{command="/email-profile",outcome="{outcome}"}} 1.0' in text
    assert 'ack_seconds_count{way="http"} 3.0' in text


async def test_records_are_told_by_key_and_strange_keys_together_once_a_minute(
    http_demo: Demo, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up(http_demo, ADA)
    await set_up(http_demo, GRACE)
    (key,) = http_demo.bot.database.key_ids
    monkeypatch.setattr("bot.observability.metrics.RECORDS_SECONDS", -1.0)
    assert 'email_profile_bot_records{key="unknown"} 0.0' in (await read(http_demo))[0]
    await store.edit("UPDATE email_profiles SET key_id = 'ffffffff' WHERE user_id = :user", user=ADA)
    monkeypatch.setattr("bot.observability.metrics.RECORDS_SECONDS", 60.0)
    text, families = await read(http_demo)
    assert 'email_profile_bot_records{key="unknown"} 1.0' in text
    assert values(families, "email_profile_bot_records", "key") == {key, "unknown"}
    assert "ffffffff" not in text
    await store.edit("UPDATE email_profiles SET key_id = 'eeeeeeee' WHERE user_id = :user", user=GRACE)
    assert 'email_profile_bot_records{key="unknown"} 1.0' in (await read(http_demo))[0]


async def test_metrics_are_there_when_the_database_is_not(http_demo: Demo, store: Store) -> None:
    await store.edit("DROP TABLE email_profiles")
    text, _ = await read(http_demo)
    assert "email_profile_bot_database_connections " in text
    assert "email_profile_bot_records{" not in text


async def test_socket_mode_is_told_as_connected_until_it_is_not(tmp_path: Path) -> None:
    async with running_demo(tmp_path, slack_app_token="xapp-demo") as demo:
        assert "email_profile_bot_socket_mode_connected 1.0" in (await read(demo))[0]
        demo.workspace.app_token = "xapp-of-another"
        for socket in list(demo.workspace.delivery.sockets):
            await socket.close()
        assert "email_profile_bot_socket_mode_connected 0.0" in (await read(demo))[0]
