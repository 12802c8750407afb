"""The report of a connection test: verdict, stages, advice, buttons that fix what is wrong; and the transcript."""

import json
from collections.abc import Sequence

from slack_sdk.models.blocks import ConfirmObject

from bot.profiles.account.fixes import ProposedFix, fix_label
from bot.profiles.connection_tests.connection_tests import ConnectionTestResult, SentMessageResult
from bot.slack.ids import ActionId
from bot.slack.views.form import OutdatedFormError
from bot.slack.views.message import (
    Block,
    Button,
    Message,
    actions,
    button,
    code,
    context,
    escape,
    header,
    line_sections,
    preformatted,
    section,
    truncate,
)
from bot.smtp.account import Account
from bot.smtp.advice.advice import Advice, advise, headline
from bot.smtp.advice.notice import judged_with_message
from bot.smtp.advice.row import Fix
from bot.smtp.check.report import Certificate, Outcome, Report, Stage

_SYMBOLS = {
    Outcome.PASSED: ":white_check_mark:",
    Outcome.FAILED: ":x:",
    Outcome.WARNED: ":warning:",
    Outcome.SKIPPED: ":heavy_minus_sign:",
    Outcome.RUNNING: ":hourglass_flowing_sand:",
}


def duration(seconds: float) -> str:
    """Return milliseconds below a second, else seconds with one decimal."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def stage_line(stage: Stage) -> str:
    """Return a stage's symbol, name, outcome, detail and time."""
    detail = f"  {code(stage.detail)}" if stage.detail else ""
    took = f"  {duration(stage.seconds)}" if stage.seconds is not None else ""
    return f"{_SYMBOLS[stage.outcome]} *{stage.name}* {stage.outcome}{detail}{took}"


def _stage_lines(report: Report) -> list[str]:
    return [stage_line(stage) for stage in report.stages]


def _advice(advice: Advice) -> Block:
    return section(f"*Why:* {escape(advice.why)}\n*Do:* {escape(advice.do)}")


def _address(account: Account) -> str:
    return f"{account.host}:{account.port}"


def _endpoint(account: Account) -> str:
    return code(f"{account.host}:{account.port}")


def begun(account: Account, seconds: float) -> Message:
    """Return that a test has begun, which takes so many seconds at most."""
    most = f"(up to {seconds:g} s)"
    return Message(
        text=f"Testing {account.host}:{account.port} … {most}",
        blocks=[section(f"Testing {_endpoint(account)} … {most}")],
    )


def testing(account: Account, report: Report) -> Message:
    """Return a test under way with its stages so far."""
    text = f"Testing {_address(account)} …"
    return Message(text=text, blocks=[section(f"Testing {_endpoint(account)} …"), *line_sections(_stage_lines(report))])


def finished(account: Account, result: ConnectionTestResult, *, owner: str) -> Message:
    """Return a finished test with its buttons; `owner` is the profile owner's user id."""
    report = result.report
    nothing_sent = [context(line) for line in (_nothing_sent(account, report),) if line]
    return Message(
        text=headline(report, account),
        blocks=[*_body(account, result), *nothing_sent, *_fixes(result, owner), _buttons(report, owner)],
    )


def _nothing_sent(account: Account, report: Report) -> str:
    """Return that nothing was sent where people may wonder, and what is therefore not known yet."""
    with_message = any(stage.name == "Message" for stage in report.stages)
    if report.failed_stage is not None:
        return "No message was sent." if with_message else ""
    untold = judged_with_message(account)
    return f"Nothing was sent. {escape(untold)}" if untold else "Nothing was sent."


def sent(account: Account, result: SentMessageResult, *, owner: str) -> Message:
    """Return a finished test that also sent a message, with what to do when the message does not arrive."""
    report = result.test.report
    if report.failed_stage is not None:
        return finished(account, result.test, owner=owner)
    if any(stage.name == "Message" and stage.outcome is Outcome.PASSED for stage in report.stages):
        brief = "A message is on its way to you."
        sentence = (
            f"A message is on its way to {code(result.recipient)}. When it does not arrive in a few minutes, look "
            "into the spam folder, and give the server's answer above to your mail provider."
        )
    else:
        brief = sentence = "No message was sent, because the server did not take sender or recipient."
    findings = [context("\n".join(escape(line) for line in result.dns_findings))] if result.dns_findings else []
    return Message(
        text=f"{headline(report, account)}. {brief}",
        blocks=[*_body(account, result.test), section(sentence), *findings, _buttons(report, owner)],
    )


def _body(account: Account, result: ConnectionTestResult) -> list[Block]:
    report = result.report
    failed = report.failed_stage
    blocks: list[Block] = [
        header(f"Connection test failed at {failed.name}" if failed else "Connection test passed"),
        context(f"{_endpoint(account)} · {duration(report.seconds)}"),
        *line_sections(_stage_lines(report)),
    ]
    facts = [fact for stage in report.stages for fact in stage.facts]
    if facts:
        blocks.append(context("\n".join(escape(truncate(fact, 300)) for fact in facts)))
    if result.advice is not None:
        blocks.append(_advice(result.advice))
    return [*blocks, *_open_ports(report)]


def _open_ports(report: Report) -> list[Block]:
    if not report.open_ports:
        return []
    ways = " and ".join(f"{one.encryption} on {one.port}" for one in report.open_ports)
    return [section(f"The same server answers with {ways}. That was tried without your password.")]


def _fixes(result: ConnectionTestResult, owner: str) -> list[Block]:
    """Return each fix in a row of its own: its button says exactly what it changes."""
    report = result.report
    return [
        actions(
            button(
                fix_label(fix, port=report.port),
                ActionId.APPLY_FIX,
                value=encode_fix(fix, owner),
                style="primary" if number == 0 else None,
                confirm=_trust_question(report.certificate) if fix.kind is Fix.TRUST_CERTIFICATE else None,
            ),
            block_id=f"fix_{number}",
        )
        for number, fix in enumerate(result.fixes)
    ]


def _buttons(report: Report, owner: str) -> Block:
    buttons: list[Button] = []
    if report.failed_stage is None and not any(stage.name == "Message" for stage in report.stages):
        buttons.append(button("Send me a message", ActionId.SEND_MESSAGE, value=owner))
    buttons.append(button("Edit", ActionId.EDIT, value=owner))
    buttons.append(button("Test again", ActionId.TEST, value=owner))
    if report.transcript:
        buttons.append(button("Transcript", ActionId.TRANSCRIPT, value=owner))
    return actions(*buttons)


def _trust_question(certificate: Certificate | None) -> ConfirmObject | None:
    if certificate is None:
        return None
    names = truncate(", ".join(certificate.names[:2]) or "no name", 80)
    text = (
        f"For {names}, issued by {truncate(certificate.issuer, 40)}, "
        f"valid {certificate.not_before:%d %b %Y} to {certificate.not_after:%d %b %Y}. "
        f"SHA-256 of its key: {certificate.pin}. Compare it with what the server's owner tells you."
    )
    return ConfirmObject(title="Trust this certificate?", text=truncate(text, 300), confirm="Trust", deny="Cancel")


def applied_fix_blocks(descriptions: Sequence[str], *, owner: str, revision: int) -> list[Block]:
    """Return what a fix changed, with the button that undoes it; nothing when it changed nothing."""
    if not descriptions:
        return []
    undo = button("Undo", ActionId.UNDO_FIX, value=json.dumps({"owner": owner, "revision": revision}))
    changes = "; ".join(code(description) for description in descriptions)
    return [section(f"Changed: {changes}"), actions(undo, block_id="undo")]


def encode_fix(fix: ProposedFix, owner: str) -> str:
    """Return the value of a fix's button."""
    return json.dumps({"owner": owner, "fix": fix.kind, "to": fix.target})


def decode_fix(value: str) -> tuple[str, ProposedFix]:
    """Read what `encode_fix` wrote: the owner's user id and the fix.

    Raises:
        OutdatedFormError: it is anything else.
    """
    match _decode(value):
        case {"owner": str(owner), "fix": str(kind), "to": str(target)} if owner and kind in set(Fix):
            return owner, ProposedFix(kind=Fix(kind), target=target)
    raise OutdatedFormError


def decode_undo(value: str) -> tuple[str, int]:
    """Read the value of the undo button: the owner's user id and the revision; raises OutdatedFormError."""
    match _decode(value):
        case {"owner": str(owner), "revision": int(revision)} if owner:
            return owner, revision
    raise OutdatedFormError


def _decode(value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        raise OutdatedFormError from None


def report_blocks(account: Account, report: Report) -> list[Block]:
    """Return a running or finished test for the form: headline, stages and advice, without buttons."""
    if any(stage.outcome is Outcome.RUNNING for stage in report.stages):
        return line_sections([f":hourglass_flowing_sand: Testing {_endpoint(account)} …", *_stage_lines(report)])
    symbol = ":x:" if report.failed_stage else ":white_check_mark:"
    blocks = line_sections([f"{symbol} *{escape(headline(report, account))}*", *_stage_lines(report)])
    advice = advise(report, account)
    if advice is not None:
        blocks.append(_advice(advice))
    blocks += _open_ports(report)
    if report.failed_stage is None:
        untold = judged_with_message(account)
        blocks.append(
            context(f"Nothing was sent, and nothing is saved yet. {escape(untold)}")
            if untold
            else context("Nothing was sent, and nothing is saved yet.")
        )
    return blocks


def transcript(lines: Sequence[str]) -> Message:
    """Return the dialogue of the last test, fit for a ticket."""
    introduction = (
        "The dialogue of the last test. *C* is the bot, *S* your mail server. "
        "Your password is not in it, so you can give it to your mail provider."
    )
    return Message(
        text="This is the dialogue of the last test, secrets removed.",
        blocks=[section(introduction), *preformatted(lines)],
    )
