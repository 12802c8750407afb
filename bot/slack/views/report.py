"""The connection test as a person sees it: verdict, a line a stage, why, what to do, and a button that mends it."""

from slack_sdk.models.blocks import Block, ButtonElement

from bot.slack.ids import ActionId
from bot.slack.views.message import Message, actions, button, code, context, escaped, header, rows, section
from bot.smtp.account import Account
from bot.smtp.advice import Advice, Fix, advise, headline
from bot.smtp.report import Outcome, Report, Stage

_SYMBOLS = {
    Outcome.PASSED: ":white_check_mark:",
    Outcome.FAILED: ":x:",
    Outcome.WARNED: ":warning:",
    Outcome.SKIPPED: ":heavy_minus_sign:",
    Outcome.RUNNING: ":hourglass_flowing_sand:",
}


def duration(seconds: float) -> str:
    """Write a time the short way: milliseconds below a second, else seconds with one decimal."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def stage_line(stage: Stage) -> str:
    """Write one stage: symbol and word, name, fact, time."""
    detail = f"  {code(stage.detail)}" if stage.detail else ""
    took = f"  {duration(stage.seconds)}" if stage.seconds is not None else ""
    return f"{_SYMBOLS[stage.outcome]} *{stage.name}* {stage.outcome}{detail}{took}"


def stage_lines(report: Report) -> list[str]:
    """Write all stages, a line each, in the order in which they happen."""
    return [stage_line(stage) for stage in report.stages]


def advice_text(advice: Advice) -> str:
    """Write why, and what to do."""
    return f"*Why:* {escaped(advice.why)}\n*Do:* {escaped(advice.do)}"


def target(account: Account) -> str:
    """Name the server and port that a test goes to."""
    return code(f"{account.host}:{account.port}")


def testing(account: Account, report: Report | None) -> Message:
    """Show a test under way; before the first stage there is no report yet."""
    text = f"Testing {account.host}:{account.port} …" if account.host else "Testing …"
    blocks: list[Block] = [section(f"Testing {target(account)} …" if account.host else text)]
    if report is not None:
        blocks.extend(rows(stage_lines(report)))
    return Message(text=text, blocks=blocks)


def finished(account: Account, report: Report, *, owner: str) -> Message:
    """Show a finished test with its buttons; `owner` is the profile owner's user id."""
    failed = report.failed_stage
    title = f"Connection test failed at {failed.name}" if failed else "Connection test passed"
    blocks: list[Block] = [
        header(title),
        context(f"{target(account)} · {duration(report.seconds)}"),
        *rows(stage_lines(report)),
    ]
    advice = advise(report, account)
    if advice is not None:
        blocks.append(section(advice_text(advice)))
    if failed is None:
        blocks.append(context("Nothing was sent."))
    blocks.append(actions(*_buttons(report, advice, owner)))
    return Message(text=headline(report, account), blocks=blocks)


def fix_label(fix: Fix, report: Report) -> str:
    """Say on a button exactly what it changes."""
    return f"Use {'SSL' if fix is Fix.USE_SSL else 'TLS'} on {report.port} and test again"


def _buttons(report: Report, advice: Advice | None, owner: str) -> list[ButtonElement]:
    row = []
    if advice is not None and advice.fix is not None:
        action = ActionId.FIX_WITH_SSL if advice.fix is Fix.USE_SSL else ActionId.FIX_WITH_TLS
        row.append(button(fix_label(advice.fix, report), action, value=owner, style="primary"))
    row.append(button("Edit", ActionId.EDIT, value=owner))
    row.append(button("Test again", ActionId.TEST, value=owner))
    return row


def short(account: Account, report: Report) -> list[Block]:
    """Show a finished or running test inside the form: headline, stages, advice; no buttons."""
    if any(stage.outcome is Outcome.RUNNING for stage in report.stages):
        return rows([f":hourglass_flowing_sand: Testing {target(account)} …", *stage_lines(report)])
    symbol = ":x:" if report.failed_stage else ":white_check_mark:"
    blocks = rows([f"{symbol} *{escaped(headline(report, account))}*", *stage_lines(report)])
    advice = advise(report, account)
    if advice is not None:
        blocks.append(section(advice_text(advice)))
    if report.failed_stage is None:
        blocks.append(context("Nothing was sent, and nothing is saved yet."))
    return blocks
