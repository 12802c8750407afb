"""Sign in with Slack where one bot has many workspaces, and where a workspace belongs to an Enterprise Grid."""

from collections.abc import AsyncIterator

import pytest

from bot.profiles.people.access import Person
from tests.fakes.many_slacks import ManySlacks
from tests.fakes.slack_places import Place, User
from tests.scenario.many import Browser, Many, install, many_settings, open_many, save
from tests.scenario.private_password.browsers import sign_in_link
from tests.store import Store

ADA, GRACE = "U0ADA", "U0GRACE"
URL = "https://email.example.com"


@pytest.fixture
async def many(store: Store) -> AsyncIterator[Many]:
    """A bot in a workspace, in a whole organisation, and in a workspace of another organisation."""
    async with ManySlacks().serving() as slacks:
        for key, organisation in (("T0ONE", None), ("T0RED", "E0RED"), ("T0PINK", "E0RED"), ("T0BLUE", "E0BLUE")):
            slacks.team(key, User(ADA, f"Ada of {key}"), User(GRACE, "Grace", is_admin=True), organisation=organisation)
        slacks.sign_ins.redirect_urls = [f"{URL}/slack/oauth_redirect"]
        async with open_many(slacks, many_settings(slacks, store.url, public_url=URL)) as opened:
            for place in places(slacks):
                await install(opened, place)
            yield opened


def places(slacks: ManySlacks) -> list[Place]:
    teams = slacks.teams
    return [Place(teams["T0ONE"]), Place(teams["T0RED"], whole=True), Place(teams["T0BLUE"])]


async def new_link(many: Many, place: Place) -> str:
    """Return the path of a link for Ada."""
    assert await save(many, place, ADA, "ada@lovelace.example") == {"response_action": "clear"}
    assert many.bot.page is not None
    url = await many.bot.page.links.create_link(owner=Person(place.key, ADA))
    return url.removeprefix(URL)


async def come_back(many: Many, browser: Browser, path: str, team: str, user: str) -> tuple[int, str]:
    """Open a link, sign in as somebody of a team, and come back."""
    _, page = await browser.get(path)
    back = many.slacks.sign_in(sign_in_link(page), many.slacks.teams[team], user)
    return await browser.get(back.removeprefix(URL))


async def test_only_the_person_in_that_workspace_or_organisation_gets_to_the_page(many: Many) -> None:
    ours = {"T0ONE": {"T0ONE"}, "E0RED": {"T0RED", "T0PINK"}, "T0BLUE": {"T0BLUE"}}
    for place in places(many.slacks):
        path = await new_link(many, place)
        for team in many.slacks.teams:
            for user in (ADA, GRACE):
                browser = Browser(many)
                status, page = await come_back(many, browser, path, team, user)
                allowed = user == ADA and team in ours[place.key]
                assert status == (303 if allowed else 403), (place.key, team, user)
                assert "lovelace.example" not in page
                status, page = await browser.get(path)
                assert (status, "ada@lovelace.example" in page) == (200, allowed), (place.key, team, user)


async def test_the_page_names_the_workspace_or_the_whole_organisation(many: Many) -> None:
    for place, name in zip(
        places(many.slacks), ("Team T0ONE", "The &lt;b&gt;Org&lt;/b&gt;", "Team T0BLUE"), strict=True
    ):
        path, browser = await new_link(many, place), Browser(many)
        await come_back(many, browser, path, place.team.id, ADA)
        _, page = await browser.get(path)
        assert f"<strong>Ada of {place.team.id}</strong><br>{name}</p>" in page


async def test_of_an_organisation_whoever_signs_in_chooses_a_workspace(many: Many) -> None:
    one, whole, _ = places(many.slacks)
    for place, named in ((one, True), (whole, False)):
        _, page = await Browser(many).get(await new_link(many, place))
        assert (f"team={place.key}" in sign_in_link(page)) is named


async def test_by_https_the_cookie_is_this_hosts_alone(many: Many) -> None:
    browser = Browser(many)
    await come_back(many, browser, await new_link(many, places(many.slacks)[0]), "T0ONE", ADA)
    cookie = browser.headers["Set-Cookie"]
    assert cookie.startswith("__Host-sign-in=")
    assert all(word in cookie for word in ("; Secure", "; HttpOnly", "; Path=/", "; SameSite=Lax"))
    assert "Domain" not in cookie


async def test_no_token_of_a_sign_in_is_kept_or_logged(
    many: Many, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    path, browser = await new_link(many, places(many.slacks)[0]), Browser(many)
    before = len(many.slacks.secrets)
    await come_back(many, browser, path, "T0ONE", ADA)
    stored = b"".join((await store.everything()).values())
    assert len(many.slacks.secrets) == before + 2
    for secret in [*many.slacks.secrets[before:], path.rpartition("/")[2], browser.cookies["__Host-sign-in"][:43]]:
        assert secret.encode() not in stored
        assert secret not in caplog.text


async def test_whoever_cannot_be_asked_is_told_so(many: Many) -> None:
    many.slacks.client_secret = many.slacks.sign_ins.client_secret = "another"
    path = await new_link(many, places(many.slacks)[0])
    status, page = await come_back(many, Browser(many), path, "T0ONE", ADA)
    assert (status, "Slack did not confirm who you are." in page) == (502, True)
