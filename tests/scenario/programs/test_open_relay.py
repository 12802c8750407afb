"""Nobody sends without a token: two hundred ways in are tried, and wrong tokens are all answered alike."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio

from bot.demo.stand_in.people import TEAM
from bot.profiles.tokens.secret_token import SecretToken
from tests.counts import scaled
from tests.fakes.smtp_client import plain
from tests.scenario.people import ADA, GRACE, set_up
from tests.scenario.programs.conftest import ADA_ADDRESS, GRACE_ADDRESS, Reached
from tests.scenario.programs.people import add_program, tokens_of
from tests.scenario.programs.ways_in import WAYS_IN, WayIn, spoken

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="module")]

AT_ONCE = 54
"""Ways that are tried at the same time, each from a network of its own."""


@dataclass(frozen=True)
class Tokens:
    """Tokens with which nobody signs in as Ada, by what is wrong with them."""

    foreign: str
    removed: str
    expired: str
    never: str
    mistyped: str

    def as_words(self) -> dict[str, str]:
        return {
            "foreign": self.foreign,
            "foreign_id": self.foreign[4:12],
            "removed": self.removed,
            "expired": self.expired,
            "wrong_token": self.never,
            "unchecked": self.mistyped,
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tokens(reached: Reached) -> AsyncIterator[Tokens]:
    demo = reached.demo
    await set_up(demo, GRACE)
    foreign = await add_program(demo, "Hers", user=GRACE)
    removed = await add_program(demo, "Old printer")
    await demo.workspace.command(ADA, "/email-profile", "programs remove Old printer")
    async with demo.bot.database.writing() as tx:
        (stored,) = await tx.program_tokens.of(TEAM, ADA)
        document = stored.document or b""
        expired = SecretToken.generate()
        await tx.program_tokens.add(
            TEAM, ADA, token_id=expired.id, digest=expired.digest, ends_at=stored.created_at - 1, document=document
        )
    mistyped = reached.token[:-10] + ("a" if reached.token[-10] != "a" else "b") + reached.token[-9:]
    never = SecretToken.generate().secret().get_secret_value()
    yield Tokens(foreign, removed, expired.secret().get_secret_value(), never, mistyped)


async def attempt(reached: Reached, way: WayIn, words: Mapping[str, str], network: int) -> list[str]:
    """Go one way in from a network of its own; returns what was answered."""
    answers = []
    async with reached.client(local=f"127.{network // 250 + 1}.{network % 250 + 1}.9") as client:
        answers.append(await client.reply())
        for line in way.lines:
            client.send(spoken(line, dict(words)))
            try:
                # A line that is none is not answered, and one that is several has several answers.
                async with asyncio.timeout(0.05 if "\n" in line.replace("\r\n", "") else 5):
                    answers.append(await client.reply())
            except (TimeoutError, ConnectionError):
                continue
            if not answers[-1]:
                break
    return answers


async def test_of_two_hundred_ways_in_without_a_token_none_leads_anywhere(reached: Reached, tokens: Tokens) -> None:
    assert len({way.name for way in WAYS_IN}) >= 200
    words = {
        "address": ADA_ADDRESS,
        "grace": GRACE_ADDRESS,
        "host": "demo.example",
        "token_id": reached.token[4:12],
        "account_password": reached.demo.mail.account(ADA_ADDRESS).password,
        **tokens.as_words(),
    }
    before = len(reached.demo.mail.traffic)
    through = []
    for first in range(0, len(WAYS_IN), AT_ONCE):
        some = WAYS_IN[first : first + AT_ONCE]
        answers = await asyncio.gather(
            *(attempt(reached, way, words, first + number) for number, way in enumerate(some))
        )
        for way, said in zip(some, answers, strict=True):
            if any(answer.startswith(("235", "354", "250 2.1", "250 2.0.0 m")) for answer in said):
                through.append((way.name, said))
    assert through == []
    assert reached.delivered == []
    # The provider was not even asked.
    assert len(reached.demo.mail.traffic) == before
    assert reached.demo.bot.submission is not None
    async with reached.client() as client:
        # The way in with a token still leads somewhere.
        await client.signed_in(ADA_ADDRESS, reached.token)
        assert (await client.say(f"MAIL FROM:<{ADA_ADDRESS}>")).startswith("250")


async def test_wrong_foreign_removed_and_expired_tokens_are_answered_alike_and_in_the_same_time(
    reached: Reached, tokens: Tokens
) -> None:
    kinds = {
        "never one": (ADA_ADDRESS, tokens.never),
        "no token": (ADA_ADDRESS, "password"),
        "mistyped": (ADA_ADDRESS, tokens.mistyped),
        "somebody else's": (ADA_ADDRESS, tokens.foreign),
        "for another address": (GRACE_ADDRESS, reached.token),
        "removed": (ADA_ADDRESS, tokens.removed),
        "expired": (ADA_ADDRESS, tokens.expired),
        "of nobody": ("nobody@demo.example", tokens.never),
    }
    answers: dict[str, set[str]] = {kind: set() for kind in kinds}
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}

    async def ask(kind: str, number: int) -> None:
        async with reached.client(local=f"127.{100 + number}.{list(kinds).index(kind) + 1}.7") as client:
            await client.greeted()
            line = f"AUTH PLAIN {plain(*kinds[kind])}"
            began = time.monotonic()
            answers[kind].add(await client.say(line))
            seconds[kind].append(time.monotonic() - began)

    for number in range(scaled(quick=3, full=40)):
        await asyncio.gather(*(ask(kind, number) for kind in kinds))
    ((reply,),) = {tuple(given) for given in answers.values()}
    assert reply.startswith("535 5.7.8 User and password do not fit.")
    typical = {kind: statistics.median(times) for kind, times in seconds.items()}
    assert max(typical.values()) - min(typical.values()) < 0.05, typical
    assert min(typical.values()) >= tokens_of(reached.demo).refused_after


async def test_a_removed_token_ends_with_the_next_letter_of_a_session_that_it_began(reached: Reached) -> None:
    token = await add_program(reached.demo, "Short-lived")
    async with reached.client() as client:
        await client.signed_in(ADA_ADDRESS, token)
        assert (await client.say(f"MAIL FROM:<{ADA_ADDRESS}>")).startswith("250")
        await client.say("RSET")
        await reached.demo.workspace.command(ADA, "/email-profile", "programs remove Short-lived")
        assert (await client.say(f"MAIL FROM:<{ADA_ADDRESS}>")).startswith("535 5.7.8 ")
        assert (await client.say(f"MAIL FROM:<{ADA_ADDRESS}>")).startswith("530 5.7.0 ")


async def test_after_ten_wrong_tokens_a_network_waits_and_its_right_programs_keep_their_letters(
    reached: Reached,
) -> None:
    async def be_wrong(local: str) -> str:
        wrong = SecretToken.generate().secret().get_secret_value()
        async with reached.client(local=local) as client:
            await client.greeted()
            return (await client.say(f"AUTH PLAIN {plain(ADA_ADDRESS, wrong)}"))[:9]

    assert await asyncio.gather(*(be_wrong(f"127.200.7.{number}") for number in range(1, 11))) == ["535 5.7.8"] * 10
    for local in ("127.200.7.250", "127.200.8.1"):
        async with reached.client(local=local) as client:
            await client.greeted()
            reply = await client.say(f"AUTH PLAIN {plain(ADA_ADDRESS, reached.token)}")
            if local.startswith("127.200.7."):
                assert reply.startswith("454 4.7.0 Ten sign-ins with a wrong user or token came from this network.")
            else:
                assert reply.startswith("235 ")
