"""Plays a case through the front door: what its person types and presses, and how the bot's answers have to be."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import BOT_USER, PEOPLE
from bot.demo.stand_in.platform import Message
from tests.cases.case import Case, Expectation, Step
from tests.cases.certificates import CaseCertificates
from tests.cases.read import Answer
from tests.cases.real import real
from tests.cases.world import CaseNetwork, TrustedMail, World, scripted
from tests.fakes.names import answering

PERSON, ADMIN = "U0ADA", "U0GRACE"
FEW = [person for person in PEOPLE if person.id in (PERSON, ADMIN, BOT_USER)]
"""Nobody else: the bot reads everybody when it starts, and a case is over before it has read many."""

SETTINGS = {"SMTP_ALLOWED_NETWORKS": "127.0.0.0/8", "SMTP_ALLOWED_PORTS": "25,465,587,1025,2525", "SMTP_TIMEOUT": "15"}
SILENT_TIMEOUT = "1.5"
"""For cases with a server that falls silent: what is said of it does not depend on how long it was waited for."""

PATIENCE_SECONDS = 40


@dataclass(frozen=True)
class Outcome:
    """What is wrong with the bot's answers, each in one line, and the last one of them."""

    wrong: Sequence[str]
    answer: str


async def play(case: Case, certificates: CaseCertificates, folder: Path, **settings: Any) -> Outcome:
    """Play a case with a bot of its own, whose files are in a folder; the case's settings stand above those given."""
    if case.real:
        with real(case) as world:
            return await play_in(world, case, folder, **settings)
    async with scripted(case, certificates) as world:
        return await play_in(world, case, folder, **settings)


async def play_in(world: World, case: Case, folder: Path, **settings: Any) -> Outcome:
    """Play a case with what is around the bot set up already."""
    async with _demo(case, world, folder, settings) as demo:
        playing = Play(case, demo)
        wrong = await playing.run()
    password = case.profile.password.encode()
    if password and password in world.in_clear:
        wrong.append("the password was sent unencrypted")
    return Outcome(wrong, playing.answer.shown)


@asynccontextmanager
async def _demo(case: Case, world: World, folder: Path, settings: Mapping[str, Any]) -> AsyncIterator[Demo]:
    silent = "TIMEOUT" in case.dns.values() or any(
        "{silent}" in text or server.pipelining == "swallows" for server in case.servers for text in server.texts
    )
    values = SETTINGS | ({"SMTP_TIMEOUT": SILENT_TIMEOUT} if silent else {}) | dict(case.settings)
    given: dict[str, Any] = {**settings, **{name.lower(): value for name, value in values.items()}}
    mail, network = TrustedMail(world.authority), CaseNetwork(world.ports)
    with answering(world.names):
        async with running_demo(folder, mail=mail, network=network, people=FEW, **given) as demo:
            yield demo


@dataclass
class Play:
    """One case under way, and the last answer of the bot."""

    case: Case
    demo: Demo
    message: Message | None = None

    async def run(self) -> list[str]:
        """Take the steps in order until one goes wrong."""
        steps = list(self.case.right)
        first = steps.pop(0) if steps[0].do == "save" else Step(do="save", verdict="saved")
        errors = await self._save()
        if wrong := _judge_saving(first, errors):
            return wrong
        if errors:
            return []
        for name, value in self.case.extras:
            if (name, value) == (self.case.encryption, "Y"):
                continue
            await self._type("/email-extra", f"add {name} {value}")
        for step in steps:
            answer = await self._take(step)
            if answer is None:
                continue
            if wrong := await self._judge(step, answer):
                return [f"{step.do}: {sentence}" for sentence in wrong]
        return []

    async def _save(self) -> dict[str, str]:
        workspace, profile = self.demo.workspace, self.case.profile
        await workspace.command(PERSON, "/email-profile", "edit")
        await workspace.wait_view(PERSON, "Email profile")
        for label, value in profile.model_dump(by_alias=True).items():
            await workspace.fill(PERSON, label, str(value) if label == "Port" else value)
        await workspace.fill(PERSON, "Encryption", self.case.encryption)
        errors = await workspace.submit(PERSON)
        await self._settle()
        return errors

    async def _type(self, command: str, text: str) -> None:
        self.demo.workspace.all_messages.clear()
        await self.demo.workspace.command(PERSON, command, text)
        await self._settle()

    async def _settle(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.demo.bot.jobs.running:
                await asyncio.sleep(0.002)
        messages = self.demo.workspace.messages(PERSON)
        self.message = messages[-1] if messages else None

    async def _take(self, step: Step) -> Answer | None:
        """Do what a step says; None where it falls away."""
        if step.do.startswith("press "):
            pattern = step.do.removeprefix("press ").removesuffix(" if offered")
            label = _first(pattern, self.answer.buttons)
            if label is None:
                return None if step.do.endswith(" if offered") else Answer("(no such button was offered)", [])
            await self._press(label)
        else:
            command, _, text = step.do.partition(" ")
            await self._type(command, text)
        return self.answer

    async def _press(self, label: str) -> None:
        """Press a button; where it opens the form, type the password and test, as a person would."""
        workspace = self.demo.workspace
        await workspace.press(PERSON, label, message=self.message)
        await self._settle()
        if workspace.view(PERSON) is not None:
            await workspace.fill(PERSON, "Password", self.case.profile.password)
            await workspace.submit(PERSON)
            await self._type("/email-test", "")

    @property
    def answer(self) -> Answer:
        """The last answer of the bot."""
        if self.message is None:
            return Answer("(the bot said nothing)", [])
        return Answer.of(self.message.text, self.message.blocks)

    async def _judge(self, step: Step, answer: Answer) -> list[str]:
        """Return what is wrong by the expectation that is met best."""
        wrong = [[*self._unmet(one, answer), *await self._roster(one)] for one in step.expectations]
        return min(wrong, key=len)

    def _unmet(self, wanted: Expectation, answer: Answer) -> list[str]:
        own, shown = answer.own_words(self.case.texts), answer.shown
        wrong = [*_judge_verdict(wanted, answer)]
        wrong += [f"does not say /{one}/" for one in wanted.must_say if not _found(one, own)]
        wrong += [f"says /{one}/: {_found(one, own)}" for one in wanted.must_not_say if _found(one, own)]
        wrong += [f"does not show /{one}/" for one in wanted.must_show if not _found(one, shown)]
        wrong += [f"shows /{one}/: {_found(one, shown)}" for one in wanted.must_not_show if _found(one, shown)]
        wrong += [f"does not offer /{one}/" for one in wanted.must_offer if _first(one, answer.buttons) is None]
        offered = [(one, _first(one, answer.buttons)) for one in wanted.must_not_offer]
        return [*wrong, *(f"offers /{one}/: {label}" for one, label in offered if label is not None)]

    async def _roster(self, wanted: Expectation) -> list[str]:
        """Judge what the admin's list says of the person."""
        if wanted.roster is None:
            return []
        await self.demo.workspace.command(ADMIN, "/email-profile", "list")
        shown = await self.demo.workspace.wait_message(ADMIN, "Work with email")
        rows = [str(block["text"]["text"]) for block in shown.blocks if f"<@{PERSON}>" in str(block.get("text"))]
        if any(_found(wanted.roster, row) for row in rows):
            return []
        return [f"the list does not say /{wanted.roster}/ but {rows[0].splitlines()[0] if rows else 'nothing'}"]


def _judge_saving(wanted: Step, errors: dict[str, str]) -> list[str]:
    said = "\n".join(errors.values())
    if errors and wanted.verdict == "saved":
        return [f"save: refused: {said}"]
    if not errors and wanted.verdict == "refused":
        return ["save: saved"]
    # What has to be said is said where something is refused.
    return [f"save: does not say /{one}/ but {said}" for one in wanted.must_say if errors and not _found(one, said)]


def _judge_verdict(wanted: Expectation, answer: Answer) -> list[str]:
    if wanted.verdict is None:
        return []
    headline = "failed" if wanted.verdict == "failed" else "passed"
    if answer.verdict != headline:
        where = f" at {answer.failed_stage}" if answer.failed_stage else ""
        return [f"{answer.verdict or 'no report'}{where}: {_gist(answer)}"]
    stages = answer.outcomes("warned") if wanted.verdict == "warned" else [answer.failed_stage or ""]
    if wanted.verdict == "warned" and not stages:
        return ["passed without a warning"]
    if wanted.stage and not any(re.fullmatch(wanted.stage, stage) for stage in stages):
        return [f"at {', '.join(stages)} instead of {wanted.stage}"]
    return []


def _gist(answer: Answer) -> str:
    lines = [line for line in answer.text.splitlines() if line.strip()]
    return lines[0][:160] if lines else "(empty)"


def _first(pattern: str, labels: Sequence[str]) -> str | None:
    return next((label for label in labels if _found(pattern, label)), None)


def _found(pattern: str, text: str) -> str:
    """Return what a pattern finds, in any case; empty where it finds nothing."""
    found = re.search(pattern, text, re.IGNORECASE)
    return (found[0] or pattern) if found else ""
