"""The connection test as a person sees it: verdict, a line a stage, why, what to do, and buttons that mend it."""

import json
from collections.abc import Iterable, Sequence

from slack_sdk.models.blocks import Block, ButtonElement, ConfirmObject

from bot.profiles.account.fixes import Change, label
from bot.profiles.tests.connection_tests import Sent, Tested
from bot.slack.ids import ActionId
from bot.slack.views.form import OutdatedFormError
from bot.slack.views.message import (
    Message,
    actions,
    button,
    code,
    context,
    escaped,
    excerpt,
    header,
    preformatted,
    rows,
    section,
)
from bot.smtp.account import Account
from bot.smtp.advice.advice import Advice, advise, headline
from bot.smtp.advice.table import Fix
from bot.smtp.check.report import Certificate, Outcome, Report, Stage

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


def finished(account: Account, tested: Tested, *, owner: str) -> Message:
    """Show a finished test with its buttons; `owner` is the profile owner's user id."""
    report = tested.report
    closing: list[Block] = [context("Nothing was sent.")] if report.failed_stage is None else []
    return Message(
        text=headline(report, account),
        blocks=[*_body(account, tested), *closing, *_fixes(tested, owner), _buttons(report, owner)],
    )


def sent(account: Account, result: Sent, *, owner: str) -> Message:
    """Show a finished test that also sent a message, and what to look for when it does not arrive."""
    report = result.tested.report
    if report.failed_stage is not None:
        return finished(account, result.tested, owner=owner)
    carried = any(stage.name == "Message" and stage.outcome is Outcome.PASSED for stage in report.stages)
    if carried:
        told = (
            f"A message is on its way to {code(result.recipient)}. When it does not arrive in a few minutes, look "
            "into the spam folder, and give the server's answer above to your mail provider."
        )
    else:
        told = "No message was sent, because the server did not take sender or recipient."
    judgement = [context("\n".join(escaped(line) for line in result.judgement))] if result.judgement else []
    return Message(
        text=f"{headline(report, account)}. {'A message is on its way to you.' if carried else told}",
        blocks=[*_body(account, result.tested), section(told), *judgement, _buttons(report, owner)],
    )


def _body(account: Account, tested: Tested) -> list[Block]:
    report = tested.report
    failed = report.failed_stage
    title = f"Connection test failed at {failed.name}" if failed else "Connection test passed"
    blocks: list[Block] = [
        header(title),
        context(f"{target(account)} · {duration(report.seconds)}"),
        *rows(stage_lines(report)),
    ]
    facts = [fact for stage in report.stages for fact in stage.facts]
    if facts:
        blocks.append(context("\n".join(escaped(excerpt(fact, 300)) for fact in facts)))
    if tested.advice is not None:
        blocks.append(section(advice_text(tested.advice)))
    if report.open_ports:
        ways = " and ".join(f"{door.encryption} on {door.port}" for door in report.open_ports)
        blocks.append(section(f"The same server answers with {ways}. That was tried without your password."))
    return blocks


def _fixes(tested: Tested, owner: str) -> list[Block]:
    """Put each fix into a row of its own: a button says exactly what it changes."""
    return [
        actions(
            button(
                label(change, port=tested.report.port),
                ActionId.APPLY_FIX,
                value=written(change, owner),
                style="primary" if number == 0 else None,
                confirm=_trust_question(tested.report.certificate) if change.fix is Fix.TRUST_CERTIFICATE else None,
            ),
            block_id=f"fix_{number}",
        )
        for number, change in enumerate(tested.changes)
    ]


def _buttons(report: Report, owner: str) -> Block:
    row: list[ButtonElement] = []
    if report.failed_stage is None and not any(stage.name == "Message" for stage in report.stages):
        row.append(button("Send me a message", ActionId.SEND_MESSAGE, value=owner))
    row.append(button("Edit", ActionId.EDIT, value=owner))
    row.append(button("Test again", ActionId.TEST, value=owner))
    if report.transcript:
        row.append(button("Transcript", ActionId.TRANSCRIPT, value=owner))
    return actions(*row)


def _trust_question(certificate: Certificate | None) -> ConfirmObject | None:
    if certificate is None:
        return None
    names = excerpt(", ".join(certificate.names[:2]) or "no name", 80)
    text = (
        f"For {names}, issued by {excerpt(certificate.issuer, 40)}, "
        f"valid {certificate.not_before:%d %b %Y} to {certificate.not_after:%d %b %Y}. "
        f"SHA-256 of its key: {certificate.pin}. Compare it with what the server's owner tells you."
    )
    return ConfirmObject(title="Trust this certificate?", text=excerpt(text, 300), confirm="Trust", deny="Cancel")


def changed(told: Iterable[str], *, owner: str, revision: int) -> list[Block]:
    """Say what a fix changed, with the button that undoes it."""
    lines = list(told)
    if not lines:
        return []
    return [
        section(f"Changed: {'; '.join(code(line) for line in lines)}"),
        actions(
            button("Undo", ActionId.UNDO_FIX, value=json.dumps({"owner": owner, "revision": revision})),
            block_id="undo",
        ),
    ]


def written(change: Change, owner: str) -> str:
    """Write a fix as a button's value."""
    return json.dumps({"owner": owner, "fix": change.fix, "to": change.to})


def read_change(value: str) -> tuple[str, Change]:
    """Read what `written` wrote: the owner's user id and the change. Raises OutdatedFormError for anything else."""
    values = _values(value)
    owner, fix, to = values.get("owner"), values.get("fix"), values.get("to")
    if not (isinstance(owner, str) and owner and isinstance(fix, str) and fix in set(Fix) and isinstance(to, str)):
        raise OutdatedFormError
    return owner, Change(fix=Fix(fix), to=to)


def read_undo(value: str) -> tuple[str, int]:
    """Read the undo button's value: the owner's user id and the revision. Raises OutdatedFormError as above."""
    values = _values(value)
    owner, revision = values.get("owner"), values.get("revision")
    if not (isinstance(owner, str) and owner and type(revision) is int):
        raise OutdatedFormError
    return owner, revision


def _values(text: str) -> dict[str, object]:
    try:
        values = json.loads(text)
    except ValueError:
        raise OutdatedFormError from None
    if not isinstance(values, dict):
        raise OutdatedFormError
    return values


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


def transcript(lines: Sequence[str]) -> Message:
    """Show the last dialogue, fit for a ticket."""
    return Message(
        text="This is the dialogue of the last test, secrets removed.",
        blocks=[
            section(
                "The dialogue of the last test. *C* is the bot, *S* your mail server. "
                "Your password is not in it, so you can give it to your mail provider."
            ),
            *preformatted(lines),
        ],
    )
