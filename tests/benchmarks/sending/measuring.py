"""How one side is measured: time for a letter, letters a second, memory; each letter is looked for at the provider."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.figures import UnequalWorkError
from tests.benchmarks.sending.letters import Letter, ProgramSession, SignIn
from tests.benchmarks.sending.provider import Provider, Taken
from tests.benchmarks.sending.sides import Side
from tests.soak.samples import cpu_seconds

DELIVERY_SECONDS = 10.0
"""A queue that has delivered nothing for so long, with letters in it, has failed."""

OPENED_AT_ONCE = 10
LOOK_SECONDS = 0.02


@dataclass
class HandedOver:
    """Letters that a side has taken, each with the time at which it was begun and the seconds until it was taken."""

    letters: dict[str, Letter] = field(default_factory=dict)
    began: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    async def send(self, session: ProgramSession, letter: Letter) -> None:
        """Hand over a letter."""
        self.letters[letter.id] = letter
        self.began[letter.id] = time.monotonic()
        self.seconds[letter.id] = await session.send(letter)

    async def delivered(self, provider: Provider) -> dict[str, Taken]:
        """Wait until the provider has all of them; returns what it took, by the letter's id.

        Raises:
            UnequalWorkError: one did not arrive, arrived twice, or arrived as another.
        """
        arrived: dict[str, list[Taken]] = {}
        ends = time.monotonic() + DELIVERY_SECONDS
        while len(arrived) < len(self.letters) and time.monotonic() < ends:
            for letter, taken in (await provider.taken()).items():
                arrived.setdefault(letter, []).extend(taken)
                ends = time.monotonic() + DELIVERY_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
        self._require_whole(arrived)
        return {letter: taken for letter, (taken,) in arrived.items()}

    def _require_whole(self, arrived: dict[str, list[Taken]]) -> None:
        if lost := len(self.letters.keys() - arrived.keys()):
            raise UnequalWorkError(f"{lost} of {len(self.letters)} letters did not arrive")
        for letter, taken in arrived.items():
            if len(taken) != 1:
                raise UnequalWorkError(f"a letter arrived {len(taken)} times")
            if letter not in self.letters or taken[0].digest != self.letters[letter].digest:
                raise UnequalWorkError("a letter arrived as another")


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Seconds for the first letter of a session, connecting included, and for a later one.

    `…_answered`: until the program was told that it was taken; `…_delivered`: until the provider had it.
    """

    first_answered: float
    first_delivered: float
    later_answered: float
    later_delivered: float


async def latency(side: Side, provider: Provider, *, letters: int) -> Latency:
    """Measure a session with so many letters after the first.

    Raises:
        UnequalWorkError: a letter was not delivered as it was handed over.
    """
    handed = HandedOver()
    began = time.monotonic()
    async with _sessions(side, 1) as ((session, sender),):
        first, *later = (Letter(sender) for _ in range(letters + 1))
        await handed.send(session, first)
        answered = time.monotonic() - began
        for letter in later:
            await handed.send(session, letter)
        taken = await handed.delivered(provider)
    return Latency(
        first_answered=answered,
        first_delivered=taken[first.id].at - began,
        later_answered=statistics.median(handed.seconds[letter.id] for letter in later),
        later_delivered=statistics.median(taken[letter.id].at - handed.began[letter.id] for letter in later),
    )


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Letters a second that the provider had, that were taken, and the processor seconds of the side for one."""

    delivered: float
    taken: float
    computed: float


async def rate(side: Side, provider: Provider, *, sessions: int, letters: int) -> Rate:
    """Measure sessions that send so many letters each, one after the other, all sessions at once and signed in before.

    Raises:
        UnequalWorkError: a letter was not delivered as it was handed over.
    """
    handed = HandedOver()

    async def work(session: ProgramSession, sender: str) -> None:
        for _ in range(letters):
            await handed.send(session, Letter(sender))

    async with _sessions(side, sessions) as opened:
        computed = _computed(side)
        began = time.monotonic()
        await asyncio.gather(*(work(*one) for one in opened))
        taken_after = time.monotonic() - began
        arrived = await handed.delivered(provider)
        computed = _computed(side) - computed
    count = sessions * letters
    delivered_after = max(taken.at for taken in arrived.values()) - began
    return Rate(delivered=count / delivered_after, taken=count / taken_after, computed=computed / count)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Megabytes that a side holds: idle, and at most while it did something."""

    idle: float
    most: float

    @property
    def added(self) -> float:
        """What came on top of the idle side."""
        return self.most - self.idle


async def memory_of_sessions(side: Side, provider: Provider, *, sessions: int) -> Memory:
    """Measure so many sessions at once, all of which hand over a small letter together.

    Raises:
        UnequalWorkError: a letter was not delivered as it was handed over.
    """
    idle = megabytes(side)
    handed = HandedOver()
    async with _watched(side) as most, _sessions(side, sessions) as opened:
        await asyncio.gather(*(handed.send(session, Letter(sender)) for session, sender in opened))
        await handed.delivered(provider)
    return Memory(idle=idle, most=max(most))


async def memory_of_letter(side: Side, provider: Provider, *, size: int) -> Memory:
    """Measure one letter of so many bytes.

    Raises:
        UnequalWorkError: it was not delivered as it was handed over.
    """
    idle = megabytes(side)
    handed = HandedOver()
    async with _watched(side) as most, _sessions(side, 1) as ((session, sender),):
        await handed.send(session, Letter(sender, size))
        await handed.delivered(provider)
    return Memory(idle=idle, most=max(most))


def megabytes(side: Side) -> float:
    """Read what a side holds: of what several of its processes share, each has its part."""
    return sum(_proportional(pid) for pid in side.processes())


def _proportional(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    # It has ended meanwhile.
    return 0.0


@asynccontextmanager
async def _watched(side: Side) -> AsyncIterator[list[float]]:
    """Note what a side holds, again and again, until the block ends."""
    most = [megabytes(side)]

    async def watch() -> None:
        while True:
            most.append(await asyncio.to_thread(megabytes, side))
            await asyncio.sleep(LOOK_SECONDS)

    watching = asyncio.create_task(watch())
    try:
        yield most
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


def _computed(side: Side) -> float:
    return sum(cpu_seconds(pid) for pid in side.processes())


@asynccontextmanager
async def _sessions(side: Side, count: int) -> AsyncIterator[Sequence[tuple[ProgramSession, str]]]:
    """Open sessions, a few at once; yields each with its sender."""
    places = asyncio.Semaphore(OPENED_AT_ONCE)

    async def opened(sign_in: SignIn | None) -> ProgramSession:
        async with places:
            return await ProgramSession.open(side.port, sign_in, side.tls)

    senders = side.fresh(count)
    sessions = await asyncio.gather(*(opened(sign_in) for _, sign_in in senders))
    try:
        yield [(session, sender) for session, (sender, _) in zip(sessions, senders, strict=True)]
    finally:
        for session in sessions:
            session.close()
