"""One token in an Enterprise Grid: people and admins are judged by the workspace that the token is of."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import doctor
from bot.app import StartError, open_bot
from bot.doctor.finding import TOKEN
from bot.settings import Settings
from tests.databases import Maker
from tests.fakes.many_slacks import ManySlacks
from tests.fakes.slack_places import Place, User
from tests.scenario.many import Many, addresses, many_settings, open_many, save

ORGANISATION = "E0ORG"
ADA, GRACE, LINUS, KEN, ROOT = "U0ADA", "U0GRACE", "U0LINUS", "U0KEN", "U0ROOT"
REFUSALS = ("Only admins can work", "Email profiles are for members", "Nobody in this", "belongs to another")


@pytest.fixture
async def slacks() -> AsyncIterator[ManySlacks]:
    """An organisation of two workspaces: in each a member and an admin, and in the first an admin of the whole."""
    async with ManySlacks().serving() as serving:
        ada, grace = User(ADA, "Ada", "ada@red.example"), User(GRACE, "Grace", "grace@red.example", is_admin=True)
        root = User(ROOT, "Root", "root@red.example", organisation_admin=True)
        serving.team("T0RED", ada, grace, root, organisation=ORGANISATION)
        linus, ken = User(LINUS, "Linus", "linus@blue.example"), User(KEN, "Ken", "ken@blue.example", is_admin=True)
        serving.team("T0BLUE", linus, ken, organisation=ORGANISATION)
        yield serving


@pytest.fixture
async def database_url(maker: Maker, tmp_path: Path) -> AsyncIterator[str]:
    with maker.upgraded(tmp_path / "x.db") as address:
        yield address


def one_token(slacks: ManySlacks, database_url: str, *, whole: bool = False) -> Settings:
    token = slacks.one_token(Place(slacks.teams["T0RED"], whole=whole))
    given = {"slack_bot_token": token, "slack_client_id": None, "slack_client_secret": None}
    return many_settings(slacks, database_url, **given)


@pytest.fixture
async def red(slacks: ManySlacks, database_url: str) -> AsyncIterator[Many]:
    """A bot with the one token of the first workspace, in which everybody of both has a profile."""
    async with open_many(slacks, one_token(slacks, database_url)) as opened:
        for user in (ADA, GRACE, ROOT):
            assert await save(opened, Place(slacks.teams["T0RED"]), user, f"{user}@red.example") == {
                "response_action": "clear"
            }
        async with opened.bot.database.writing() as tx:
            document = b'{"address": "linus@blue.example", "host": "smtp.blue.example", "port": 25}'
            await tx.profiles.save(ORGANISATION, LINUS, document, replacing=None)
        await opened.bot.housekeeping.user_sync.read_everybody(ORGANISATION)
        yield opened


ACTS = (
    ("/email-profile", "show"),
    ("/email-profile", "edit"),
    ("/email-profile", "delete"),
    ("/email-profile", "history"),
    ("/email-extra", "list"),
    ("/email-extra", "add HELO pc.example.com"),
    ("/email-extra", "remove HELO"),
    ("/email-test", "test"),
    ("/email-test", "send"),
    ("/email-test", "transcript"),
)
REACHING_OUT = ("test", "send")
"""What looks for a mail server when it is allowed, of which there is none here."""
FOR_ADMINS = (("/email-profile", "list"), ("/email-profile", "defaults"))


def was_refused(said: str) -> bool:
    return any(refusal in said for refusal in REFUSALS)


async def test_people_and_admins_of_one_workspace_of_an_organisation_are_that_workspaces_alone(red: Many) -> None:
    where, sister = Place(red.slacks.teams["T0RED"]), Place(red.slacks.teams["T0BLUE"])
    rows = [(ADA, ADA, where, True), (GRACE, ADA, where, True), (ROOT, ADA, where, True), (ADA, GRACE, where, False)]
    # People of another workspace of the organisation: in a channel that both share, or where they are at home.
    rows += [(user, user, place, False) for user in (LINUS, KEN) for place in (where, sister)]
    rows += [(KEN, ADA, where, False), (KEN, ADA, sister, False), (KEN, LINUS, sister, False)]
    rows += [(GRACE, LINUS, where, False), (ROOT, LINUS, where, False), (GRACE, ADA, sister, False)]
    before = await addresses(red, ORGANISATION)
    for caller, owner, place, may in rows:
        for command, text in ACTS:
            if may and text in REACHING_OUT:
                continue
            named = text if caller == owner else f"{text} <@{owner}>"
            said = await red.command(place, caller, command, named)
            assert was_refused(said) is not may, (caller, owner, place.team.id, command, text, said)
            await red.settled()
    for caller, place, may in ((GRACE, where, True), (ROOT, where, True), (ADA, where, False), (KEN, where, False)):
        for command, text in FOR_ADMINS:
            assert was_refused(await red.command(place, caller, command, text)) is not may, (caller, text)
    assert await addresses(red, ORGANISATION) == before
    listed = await red.command(where, GRACE, "/email-profile", "list")
    assert "3 people" in listed
    assert "blue.example" not in listed


async def test_a_token_of_a_whole_organisation_ends_the_start_with_the_mode_to_use(
    slacks: ManySlacks, database_url: str
) -> None:
    with pytest.raises(StartError, match="SLACK_BOT_TOKEN: this token is one of a whole organisation") as ended:
        async with open_bot(one_token(slacks, database_url, whole=True)):
            pass
    assert "SLACK_CLIENT_ID and SLACK_CLIENT_SECRET" in str(ended.value)
    assert len(str(ended.value).splitlines()) == 1


async def test_the_doctor_says_the_same_of_a_token_of_a_whole_organisation(
    slacks: ManySlacks, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = one_token(slacks, database_url, whole=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLACK_API_URL", settings.slack_api_url)
    for name in ("slack_bot_token", "slack_signing_secret", "database_url", "encryption_keys"):
        monkeypatch.setenv(name.upper(), getattr(settings, name).get_secret_value())
    (finding,) = [found for found in await doctor.examine() if found.subject == TOKEN]
    assert not finding.good
    assert "set SLACK_CLIENT_ID and SLACK_CLIENT_SECRET" in finding.sentence
