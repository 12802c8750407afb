"""A test of many profiles: its progress, and what came of it, by cause."""

from slack_sdk.models.blocks import Block

from bot.profiles.tests.bulk_tests import BulkTestCounts
from bot.slack.ids import ActionId
from bot.slack.views.message import Message, actions, button, escape, section, truncate
from storage.tables.bulk_runs import StoredRun

_BAR = 20
_MOST_CAUSES = 10
_MOST_NAMED = 10


def bar(done: int, total: int) -> str:
    """Draw how far something is, with the figures."""
    full = _BAR * done // max(total, 1)
    return f"`{'█' * full}{'░' * (_BAR - full)}` {done} of {total}"


def progress(tally: BulkTestCounts, *, run_id: str) -> Message:
    """Show a run under way, with the button that stops it."""
    return Message(
        text=f"Testing {tally.total} email profiles: {tally.done} done.",
        blocks=[
            section(f"*Testing {tally.total} email profiles*\n{bar(tally.done, tally.total)}\n{_counts(tally)}"),
            actions(button("Stop", ActionId.RUN_STOP, value=run_id, style="danger")),
        ],
    )


def finished(tally: BulkTestCounts) -> Message:
    """Sum a run up: how many work, and the rest by cause."""
    stopped = f"Stopped after {tally.done} of {tally.total}. " if tally.cancelled else ""
    tested = tally.passed + tally.failed
    text = f"{stopped}Of {tested} tested email profiles {tally.passed} work and {tally.failed} fail."
    return Message(text=text, blocks=[section(f"*{escape(text)}*"), *_causes(tally)])


def interrupted(run: StoredRun) -> Message:
    """Tell that a run died with its process."""
    text = (
        f"The test of {run.total} email profiles was interrupted after {run.done}, because the bot was restarted. "
        "Results so far are kept. Start it again from the list."
    )
    return Message(text=text, blocks=[section(text)])


def _counts(tally: BulkTestCounts) -> str:
    parts = [f"{tally.passed} work", f"{tally.failed} fail"]
    if tally.skipped:
        parts.append(f"{tally.skipped.total()} left out")
    return " · ".join(parts)


def _causes(tally: BulkTestCounts) -> list[Block]:
    causes = sorted(tally.causes.items(), key=lambda one: -len(one[1]))
    blocks: list[Block] = []
    for cause, users in causes[:_MOST_CAUSES]:
        named = ", ".join(f"<@{user}>" for user in users[:_MOST_NAMED])
        more = f" and {len(users) - _MOST_NAMED} more" if len(users) > _MOST_NAMED else ""
        verb = "fails" if len(users) == 1 else "fail"
        blocks.append(section(f":x: *{len(users)} {verb} {escape(truncate(cause, 500))}*\n{named}{more}"))
    rest = causes[_MOST_CAUSES:]
    if rest:
        blocks.append(section(f"{sum(len(users) for _, users in rest)} more fail for {len(rest)} other reasons."))
    for sentence, count in tally.skipped.most_common(5):
        blocks.append(section(f":heavy_minus_sign: {count} not tested: {escape(truncate(sentence, 500))}"))
    return blocks
