"""A test of many profiles: its progress, and its result by cause."""

from bot.profiles.connection_tests.bulk_tests import BulkTestCounts
from bot.slack.ids import ActionId
from bot.slack.views.message import Block, Message, actions, button, escape, section, truncate
from storage.tables.bulk_runs import StoredRun

_BAR_LENGTH = 20
_MAX_CAUSES = 10
_MAX_NAMES = 10


def progress(counts: BulkTestCounts, *, run_id: str) -> Message:
    """Return a run under way, with the button that stops it."""
    left_out = f" · {counts.skipped.total()} left out" if counts.skipped else ""
    so_far = f"{counts.passed} work · {counts.failed} fail{left_out}"
    full = _BAR_LENGTH * counts.done // max(counts.total, 1)
    bar = f"`{'█' * full}{'░' * (_BAR_LENGTH - full)}` {counts.done} of {counts.total}"
    return Message(
        text=f"Testing {counts.total} email profiles: {counts.done} done.",
        blocks=[
            section(f"*Testing {counts.total} email profiles*\n{bar}\n{so_far}"),
            actions(button("Stop", ActionId.RUN_STOP, value=run_id, style="danger")),
        ],
    )


def finished(counts: BulkTestCounts) -> Message:
    """Return how many profiles work, and the rest by cause."""
    stopped = f"Stopped after {counts.done} of {counts.total}. " if counts.cancelled else ""
    tested = counts.passed + counts.failed
    text = f"{stopped}Of {tested} tested email profiles {counts.passed} work and {counts.failed} fail."
    return Message(text=text, blocks=[section(f"*{escape(text)}*"), *_causes(counts)])


def interrupted(run: StoredRun) -> Message:
    """Return the message about a run that died with its process."""
    text = (
        f"The test of {run.total} email profiles was interrupted after {run.done}, because the bot was restarted. "
        "Results so far are kept. Start it again from the list."
    )
    return Message(text=text, blocks=[section(text)])


def _causes(counts: BulkTestCounts) -> list[Block]:
    causes = sorted(counts.causes.items(), key=lambda item: -len(item[1]))
    blocks: list[Block] = []
    for cause, users in causes[:_MAX_CAUSES]:
        names = ", ".join(f"<@{user}>" for user in users[:_MAX_NAMES])
        more = f" and {len(users) - _MAX_NAMES} more" if len(users) > _MAX_NAMES else ""
        verb = "fails" if len(users) == 1 else "fail"
        blocks.append(section(f":x: *{len(users)} {verb} {escape(truncate(cause, 500))}*\n{names}{more}"))
    rest = causes[_MAX_CAUSES:]
    if rest:
        blocks.append(section(f"{sum(len(users) for _, users in rest)} more fail for {len(rest)} other reasons."))
    for sentence, count in counts.skipped.most_common(5):
        blocks.append(section(f":heavy_minus_sign: {count} not tested: {escape(truncate(sentence, 500))}"))
    return blocks
