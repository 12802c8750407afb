"""A test of many profiles: its progress, its result by cause, and the buttons that act on those of a cause."""

import math
from collections.abc import Sequence

from slack_sdk.models.blocks import ConfirmObject, PlainTextObject

from bot.profiles.account.fixes import fix_label
from bot.profiles.connection_tests.bulk_fixes import BulkChange
from bot.profiles.connection_tests.bulk_progress import BulkProgress, ProfileToTest, queues_of
from bot.profiles.connection_tests.limits import duration_words
from bot.profiles.connection_tests.run_results import FailureGroup, RunResult
from bot.profiles.people.people_list import ListQuery
from bot.slack.ids import ActionId
from bot.slack.views.message import (
    Block,
    Button,
    Message,
    actions,
    button,
    code,
    context,
    escape,
    format_clock,
    notice,
    people,
    section,
    truncate,
)
from bot.slack.views.people_list import encode_query
from bot.slack.views.private_metadata import OutdatedFormError

_BAR_LENGTH = 20
_MAX_CAUSES = 10
_MAX_NAMES = 10
_MAX_REASONS = 5
_MAX_WAITS = 3


def profiles(count: int) -> str:
    """Return "15 email profiles"."""
    return f"{count} email {'profile' if count == 1 else 'profiles'}"


def question(to_test: Sequence[ProfileToTest], query: ListQuery) -> Message:
    """Return the one question before many profiles are tested, with the number in its button."""
    expected = BulkProgress(total=len(to_test), queues=queues_of(to_test)).expected_seconds
    text = f"Test {profiles(len(to_test))}? It takes about {_rounded_words(expected)}."
    advice = (
        "Only profiles that are set up, with a password where one is needed, are tested. Members come "
        "first: whoever tests their own profile meanwhile does not wait for it. It can be stopped at any moment."
    )
    test = button(
        f"Test {len(to_test)} profiles", ActionId.TEST_THESE, value=encode_query(query.first_page()), style="primary"
    )
    return Message(text=f"{text} {advice}", blocks=[section(text), actions(test), context(advice)])


def progress(so_far: BulkProgress, *, run_id: str, before: RunResult) -> Message:
    """Return a run under way: how far, how long still, what it waits for, and the button that stops it."""
    left_out = f" · {so_far.skipped.total()} left out" if so_far.skipped else ""
    found = f"{so_far.passed} work · {so_far.failed} fail{left_out}"
    left = _time_left(so_far.seconds_left)
    bar = _bar(so_far.done, so_far.total)
    waits = [
        context(f":hourglass_flowing_sand: {code(wait.server)} waits until {format_clock(wait.until)}: {wait.sentence}")
        for wait in so_far.waits[:_MAX_WAITS]
    ]
    return Message(
        text=f"Testing {profiles(so_far.total)}: {so_far.done} done{left}.",
        blocks=[
            *_changed(before),
            section(f"*Testing {profiles(so_far.total)}*\n{bar}{left}\n{found}"),
            *waits,
            actions(button("Stop", ActionId.RUN_STOP, value=run_id, style="danger")),
        ],
    )


def changing(so_far: BulkChange, *, run_id: str) -> Message:
    """Return a change of many profiles under way."""
    left = _time_left(so_far.seconds_left)
    return Message(
        text=f"Changing {profiles(so_far.total)}: {so_far.done} done{left}.",
        blocks=[
            section(f"*Changing {profiles(so_far.total)}*\n{_bar(so_far.done, so_far.total)}{left}"),
            actions(button("Stop", ActionId.RUN_STOP, value=run_id, style="danger")),
        ],
    )


def undoing(so_far: BulkChange) -> Message:
    """Return a change of many profiles that is being put back."""
    left = _time_left(so_far.seconds_left)
    return Message(
        text=f"Putting {profiles(so_far.total)} back: {so_far.done} done{left}.",
        blocks=[section(f"*Putting {profiles(so_far.total)} back*\n{_bar(so_far.done, so_far.total)}{left}")],
    )


def undone(change: BulkChange) -> Message:
    """Return what became of putting a change back."""
    text = f"Put back for {people(len(change.changed))}: {'; '.join(change.descriptions) or 'nothing'}."
    return Message(
        text=text, blocks=[section(f"*{escape(text)}*"), *_left_alone(dict(change.left_alone), "not put back")]
    )


def undo_broken_off(change: BulkChange, *, why: str) -> Message:
    """Return what became of putting a change back that broke off; `why` is a sentence."""
    if not change.done:
        return notice(why)
    so_far = undone(change)
    advice = f"{why} Press Undo again for the rest." if change.done < change.total else why
    return Message(text=f"{so_far.text} {advice}", blocks=[*so_far.blocks, section(escape(advice))])


def finished(result: RunResult, *, run_id: str) -> Message:
    """Return how many profiles work, and the rest by cause, each with what can be done for all of them."""
    text = _tested(result)
    if result.cancelled:
        text = f"Stopped: {text}" if _only_changed(result) else f"Stopped after {result.done} of {result.total}. {text}"
    return Message(
        text=text, blocks=[*_changed(result, run_id), section(f"*{escape(text)}*"), *_causes(result, run_id)]
    )


def causes(result: RunResult, *, run_id: str) -> Message:
    """Return why people fail, from their last tests."""
    text = f"Why {people(result.failed)} fail, as the last tests say."
    if result.failed == 1:
        text = "Why 1 person fails, as the last test says."
    return Message(text=text, blocks=[section(f"*{escape(text)}*"), *_causes(result, run_id)])


def interrupted(result: RunResult, *, run_id: str, done: int, why: str) -> Message:
    """Return what a run changed and found before it broke off, after so many profiles; `why` is a sentence."""
    text = f"The test of {profiles(result.total)} was interrupted after {done}."
    if _only_changed(result):
        text = f"Interrupted: {_tested(result)}"
    advice = f"{why} What was done so far is kept."
    return Message(
        text=f"{text} {advice}",
        blocks=[*_changed(result, run_id), section(escape(f"{text} {advice}")), *_causes(result, run_id)],
    )


def _only_changed(result: RunResult) -> bool:
    return result.fix is not None and not (result.passed or result.failed)


def _tested(result: RunResult) -> str:
    if _only_changed(result):
        total = max(result.total, result.changed_in_all + sum(result.left_alone.values()))
        return f"{result.changed_in_all} of {profiles(total)} changed, none tested."
    tested = result.passed + result.failed
    return f"Of {tested} tested email profiles {result.passed} work and {result.failed} fail."


def _causes(result: RunResult, run_id: str) -> list[Block]:
    blocks: list[Block] = []
    for number, group in enumerate(result.groups[:_MAX_CAUSES]):
        if group.users:
            blocks += [section(_cause(group)), actions(*_buttons(group, encode_group(run_id, number)))]
    rest = result.groups[_MAX_CAUSES:]
    if rest:
        blocks.append(section(f"{sum(len(group.users) for group in rest)} more fail for {len(rest)} other reasons."))
    skipped = sorted(result.skipped.items(), key=lambda item: -item[1])
    blocks += [
        section(f":heavy_minus_sign: {count} not tested: {escape(truncate(sentence, 500))}")
        for sentence, count in skipped[:_MAX_REASONS]
    ]
    return blocks


def _cause(group: FailureGroup) -> str:
    users = group.users
    names = ", ".join(f"<@{user}>" for user in users[:_MAX_NAMES])
    more = f" and {len(users) - _MAX_NAMES} more" if len(users) > _MAX_NAMES else ""
    verb = "fails" if len(users) == 1 else "fail"
    return f":x: *{len(users)} {verb} {escape(truncate(group.cause, 500))}*\n{names}{more}"


def _buttons(group: FailureGroup, value: str) -> list[Button]:
    buttons = [button("Show these", ActionId.RUN_SHOW, value=value)]
    if group.fix is not None and group.fits:
        buttons.append(button("Fix these", ActionId.RUN_FIX, value=value, confirm=_question(group)))
    buttons.append(button("Test these again", ActionId.RUN_TEST, value=value))
    return buttons


def _question(group: FailureGroup) -> ConfirmObject:
    """Return the one question before many profiles are changed, with the number in its button."""
    count = len(group.fits)
    what = fix_label(group.fix, port=group.port).removesuffix(" and test again") if group.fix else ""
    of = f" of these {len(group.users)}" if count < len(group.users) else ""
    text = (
        f"{what}: for {people(count)}{of}, and test again. Address, login, password and server stay as they are. "
        "Each owner is told. It can be undone for all at once."
    )
    return ConfirmObject(
        title=f"Change {profiles(count)}?",
        text=PlainTextObject(text=truncate(text, 300)),
        confirm=f"Fix these {count}",
        deny="Cancel",
    )


def _changed(result: RunResult, run_id: str = "") -> list[Block]:
    """Return what a run changed before it tested, with the button that puts it back."""
    if result.fix is None:
        return []
    count = len(result.changed)
    what = "; ".join(code(line) for line in result.descriptions) or "nothing"
    left = f" · {count} left to put back" if result.put_back and count and not result.undone else ""
    blocks: list[Block] = [section(f":wrench: Changed for {people(result.changed_in_all)}: {what}{left}")]
    blocks += _left_alone(result.left_alone, "not changed")
    if run_id and count and not result.undone:
        question = ConfirmObject(
            title=f"Put {profiles(count)} back?",
            text=PlainTextObject(text="Whoever changed their profile since keeps it as it is. Each owner is told."),
            confirm=f"Undo for {count}",
            deny="Cancel",
        )
        undo = button(f"Undo for {people(count)}", ActionId.RUN_UNDO, value=run_id, confirm=question)
        blocks.append(actions(undo))
    return blocks


def _left_alone(reasons: dict[str, int], what: str) -> list[Block]:
    lines = [
        f":heavy_minus_sign: {count} {what}: {escape(truncate(sentence, 300))}"
        for sentence, count in sorted(reasons.items(), key=lambda item: -item[1])[:_MAX_REASONS]
    ]
    return [context("\n".join(lines))] if lines else []


def _bar(done: int, total: int) -> str:
    full = _BAR_LENGTH * done // max(total, 1)
    return f"`{'█' * full}{'░' * (_BAR_LENGTH - full)}` {done} of {total}"


def _time_left(seconds: float | None) -> str:
    if seconds is None or seconds < 1:
        return ""
    return f", about {_rounded_words(seconds)} left"


def _rounded_words(seconds: float) -> str:
    """Return a duration, in steps in which it does not flicker."""
    return duration_words(math.ceil(seconds / 5) * 5)


def encode_group(run_id: str, number: int) -> str:
    """Return the value of a button about those of a cause."""
    return f"{run_id}:{number}"


def decode_group(value: str) -> tuple[str, int]:
    """Read what `encode_group` wrote; raises OutdatedFormError for anything else."""
    run_id, _, number = value.partition(":")
    if not run_id or not (number.isascii() and number.isdigit() and len(number) < 6):
        raise OutdatedFormError
    return run_id, int(number)
