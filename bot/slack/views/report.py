"""The report of a connection test: verdict, stages, advice, buttons that fix what is wrong; and the transcript."""

import json
from collections.abc import Sequence
from datetime import datetime

from slack_sdk.models.blocks import ConfirmObject

from bot.profiles.account.fixes import ProposedFix, fix_label
from bot.profiles.connection_tests.connection_tests import NoOwnAddressError
from bot.profiles.connection_tests.limits import FAILED_SIGN_INS_OF_A_PERSON, RateLimitedError, SignInsLeft
from bot.profiles.connection_tests.results import ConnectionTestResult, Dialogue, SentMessageResult
from bot.profiles.connection_tests.running_tests import RunningTest
from bot.slack.ids import ActionId
from bot.slack.views.address_confirmation import confirm_button, unconfirmed_blocks
from bot.slack.views.message import (
    Block,
    Button,
    Message,
    actions,
    alert,
    as_json,
    button,
    code,
    context,
    escape,
    format_end,
    format_time,
    header,
    line_sections,
    preformatted,
    section,
    truncate,
)
from bot.slack.views.private_metadata import OutdatedFormError
from bot.smtp.account import Account
from bot.smtp.advice.advice import Advice, headline
from bot.smtp.advice.notice import judged_with_message, provider_notice
from bot.smtp.advice.row import Fix
from bot.smtp.check.report import Certificate, Outcome, Report, Stage, StageName

_SYMBOLS = {
    Outcome.PASSED: ":white_check_mark:",
    Outcome.FAILED: ":x:",
    Outcome.WARNED: ":warning:",
    Outcome.SKIPPED: ":heavy_minus_sign:",
    Outcome.RUNNING: ":hourglass_flowing_sand:",
    Outcome.WAITING: ":white_small_square:",
    Outcome.STOPPED: ":black_square_for_stop:",
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
    return code(_address(account))


def _elapsed(test: RunningTest) -> str:
    """Return for how long a test has been running, to be added to a sentence; nothing in its first moment."""
    return f" {test.seconds:.0f} s" if test.seconds >= 0.5 else ""


def begun(test: RunningTest, seconds: float) -> Message:
    """Return that a test has begun, which takes so many seconds at most, with the button that stops it."""
    most = f"(up to {seconds:g} s)"
    return Message(
        text=f"Testing {_address(test.account)} … {most}",
        blocks=[section(f"Testing {_endpoint(test.account)} … {most}"), actions(stop_button(test.test_id))],
    )


def testing(test: RunningTest) -> Message:
    """Return a test under way with its stages so far, and the button that stops it."""
    return Message(text=f"Testing {_address(test.account)} …", blocks=running_blocks(test))


def running_blocks(test: RunningTest) -> list[Block]:
    """Return how far a test under way is, for how long, and the button that stops it."""
    return [
        section(f":hourglass_flowing_sand: Testing {_endpoint(test.account)} …{_elapsed(test)}"),
        *line_sections(_stage_lines(test.report)),
        actions(stop_button(test.test_id)),
    ]


def stop_button(test_id: str) -> Button:
    """Return the button that stops a test under way."""
    return button("Stop", ActionId.STOP_TEST, value=test_id, style="danger")


def stopped(test: RunningTest, *, stopped_by: str, owner: str) -> Message:
    """Return a test that somebody (their user id) stopped: at which stage, and what came before."""
    again = actions(button("Edit", ActionId.EDIT, value=owner), button("Test again", ActionId.TEST, value=owner))
    return Message(
        text=f"{_stopped_at(test.report)}. The last result stays as it was.",
        blocks=[
            header(_stopped_at(test.report)),
            context(f"{_endpoint(test.account)} · {duration(test.report.seconds)} · stopped by <@{stopped_by}>"),
            *line_sections(_stage_lines(test.report)),
            section(f"{_after_stop(test.report)} The last result stays as it was."),
            again,
        ],
    )


def _stopped_at(report: Report) -> str:
    ended = [stage for stage in report.stages if stage.outcome is not Outcome.SKIPPED]
    stage = report.stopped_stage or report.failed_stage or (ended[-1] if ended else report.stages[0])
    return f"Connection test stopped at {stage.name}"


def _after_stop(report: Report) -> str:
    """Return what is certain about the message."""
    if report.may_have_sent:
        return "The message may have been sent: look into your mailbox before you send another."
    return "Nothing was sent."


def limited(error: RateLimitedError) -> Message:
    """Return that a limit is reached, why, and when it is over, in the reader's time zone."""
    end = format_end(error.until, error.wait)
    told = f"{escape(error.limit.sentence)} {error.consequence} You can try again {end}."
    return Message(text=f"{error} {error.consequence}", blocks=[section(told)])


def _sign_ins_left(left: SignInsLeft | None, now: datetime) -> list[Block]:
    """Return how many refused sign-ins are left of a login before the bot locks it, or until when, and of one's own."""
    if left is None:
        return []
    end = format_end(left.until, (left.until - now).total_seconds())
    if left.left == 0:
        told = f"The bot locks this login now, because more refused sign-ins could lock the mailbox. It opens {end}."
    else:
        times = "Once more" if left.left == 1 else f"{left.left} times more"
        told = (
            f"{times} this login may be refused before the bot locks it for a while, because more refused sign-ins "
            f"could lock the mailbox. The count begins anew {end}."
        )
    return [context(f"{told} {_own_left(left, now)}".strip())]


def _own_left(left: SignInsLeft, now: datetime) -> str:
    """Return how many refused sign-ins whoever tests has left, of whatever login."""
    if left.own_left is None or left.own_until is None:
        return ""
    most = FAILED_SIGN_INS_OF_A_PERSON.max_uses
    end = format_end(left.own_until, (left.own_until - now).total_seconds())
    if left.own_left == 0:
        return (
            f"{most} of your sign-ins were refused in a day, and the bot tries no more. You can try again {end}. A "
            "stored password that the server accepted last can be tested all the same."
        )
    are = "is" if left.own_left == 1 else "are"
    return f"You may have {most} refused sign-ins in a day, of which {left.own_left} {are} left."


def finished(account: Account, result: ConnectionTestResult, *, owner: str) -> Message:
    """Return a finished test with its buttons; `owner` is the profile owner's user id."""
    report = result.report
    nothing_sent = [context(line) for line in (_nothing_sent(account, report),) if line]
    return Message(
        text=headline(report, account),
        blocks=[
            *_body(account, result),
            *nothing_sent,
            *_unconfirmed(account, result),
            *_fixes(result, owner, ActionId.APPLY_FIX),
            _buttons(report, owner),
        ],
    )


def last_report(account: Account, result: ConnectionTestResult, *, owner: str) -> list[Block]:
    """Return the last test for the Home tab, where it stays, with its buttons; the primary one stands on the card."""
    report = result.report
    verdict = f"failed at {report.failed_stage.name}" if report.failed_stage else "passed"
    return [
        header(f"Last connection test: {verdict}"),
        context(f"{_endpoint(account)} · {format_time(report.tested_at)} · {duration(report.seconds)}"),
        *_findings(result),
        *_fixes(result, owner, ActionId.APPLY_FIX, first=None),
        _buttons(report, owner),
        context(
            "`/email-test` tests again in any channel. Its report is gone when Slack reloads; the last one stays here."
        ),
    ]


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
    if report.message_taken:
        brief = "A message is on its way to you."
        sentence = (
            f"A message is on its way to {code(result.recipient)}. When it does not arrive in a few minutes, look "
            f"into the spam folder, and give {_answer(result.test)} to your mail provider."
        )
    else:
        brief = sentence = "No message was sent, because the server did not take sender or recipient."
    findings = [context("\n".join(escape(line) for line in result.dns_findings))] if result.dns_findings else []
    return Message(
        text=f"{headline(report, account)}. {brief}",
        blocks=[
            *_body(account, result.test),
            section(sentence),
            *findings,
            *_unconfirmed(account, result.test),
            _buttons(report, owner),
        ],
    )


def _answer(result: ConnectionTestResult) -> str:
    return "the server's code above" if result.words_withheld else "the server's answer above"


def no_code(account: Account, result: ConnectionTestResult, *, owner: str) -> Message:
    """Return a finished test that was to mail a code, and did not: what is wrong, and what to do."""
    report = result.report
    if report.failed_stage is not None:
        return finished(account, result, owner=owner)
    sentence = "No code was mailed, because the server did not take sender or recipient."
    return Message(
        text=f"{headline(report, account)}. {sentence}",
        blocks=[*_body(account, result), section(sentence), _buttons(report, owner)],
    )


def no_own_address(error: NoOwnAddressError) -> Message:
    """Return that there is nowhere to send a message to, to the owner of a profile, who may change that."""
    sentence = f"{error} Confirm the address of your profile, and it goes there."
    return Message(text=sentence, blocks=[section(escape(sentence)), actions(confirm_button())])


def _unconfirmed(account: Account, result: ConnectionTestResult) -> list[Block]:
    """Return the offer to confirm the address, where the test came as far as to need one.

    A server that refuses the sender to who signed in would refuse the code's mail as well.
    """
    of_use = {Outcome.PASSED} if account.authenticate else {Outcome.PASSED, Outcome.FAILED}
    reached = any(stage.name is StageName.SENDER and stage.outcome in of_use for stage in result.report.stages)
    return unconfirmed_blocks(account.address) if result.unconfirmed and reached else []


def _body(account: Account, result: ConnectionTestResult) -> list[Block]:
    report = result.report
    failed = report.failed_stage
    return [
        header(f"Connection test failed at {failed.name}" if failed else "Connection test passed"),
        context(f"{_endpoint(account)} · {duration(report.seconds)}"),
        *_findings(result),
        *_ending(account, report),
    ]


def _ending(account: Account, report: Report) -> list[Block]:
    """Return what soon stops working with an account that still works; a failure has advice of its own."""
    notice = provider_notice(account, report.tested_at.date()) if report.failed_stage is None else None
    return [section(f":warning: {escape(notice)}")] if notice else []


def _findings(result: ConnectionTestResult) -> list[Block]:
    report = result.report
    blocks = [*line_sections(_stage_lines(report)), *_facts(report)]
    if result.advice is not None:
        blocks.append(_advice(result.advice))
    blocks += _withheld(result)
    return [*blocks, *_open_ports(report), *_sign_ins_left(result.sign_ins_left, report.tested_at)]


def _facts(report: Report) -> list[Block]:
    facts = [fact for stage in report.stages for fact in stage.facts]
    return [context("\n".join(escape(truncate(fact, 300)) for fact in facts))] if facts else []


def _withheld(result: ConnectionTestResult) -> list[Block]:
    if not result.words_withheld:
        return []
    return [context("What the server said about the sign-in and after it is shown to the owner alone.")]


def _open_ports(report: Report) -> list[Block]:
    if not report.open_ports:
        return []
    ways = " and ".join(f"{one.encryption} on {one.port}" for one in report.open_ports)
    return [section(f"The same server answers with {ways}. That was tried without your password.")]


def _fixes(
    result: ConnectionTestResult, owner: str, action_id: ActionId, *, first: str | None = "primary"
) -> list[Block]:
    """Return each fix in a row of its own: its button, sent as `action_id`, says exactly what it changes.

    `first` is the style of the first one.
    """
    report = result.report
    return [
        actions(
            button(
                fix_label(fix, port=report.port),
                action_id,
                value=encode_fix(fix, owner),
                style=None if number else first,
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


def form_progress(test: RunningTest) -> list[Block]:
    """Return how far a test is for the top of the form, for how long, and the button that stops it."""
    return [
        *alert(f"Testing {_address(test.account)} …{_elapsed(test)}", "info"),
        actions(stop_button(test.test_id)),
        *line_sections(_stage_lines(test.report)),
    ]


def form_stopped(test: RunningTest, *, stopped_by: str) -> list[Block]:
    """Return a test that somebody (their user id) stopped for the top of the form."""
    return [
        *alert(f"{_stopped_at(test.report)}. Nothing was sent, and nothing is saved yet.", "warning"),
        context(f"{_endpoint(test.account)} · {duration(test.report.seconds)} · stopped by <@{stopped_by}>"),
        *line_sections(_stage_lines(test.report)),
    ]


def form_report(result: ConnectionTestResult, *, owner: str) -> list[Block]:
    """Return a finished test for the top of the form: verdict, what to do, buttons that change the form, the rest.

    There is no button for the dialogue: it would have to be stored until somebody presses that, and of what was typed
    and not saved nothing is kept but the digest and the report of a test that passed.
    """
    account, report = result.account, result.report
    failed = report.failed_stage is not None
    verdict = headline(report, account)
    if not failed:
        verdict = f"{verdict}. Nothing was sent, and nothing is saved yet."
    blocks = alert(verdict, "error" if failed else "success")
    if result.advice is not None:
        blocks.append(_advice(result.advice))
    blocks += [*_ending(account, report), *_open_ports(report), *_fixes(result, owner, ActionId.FORM_FIX)]
    blocks += _sign_ins_left(result.sign_ins_left, report.tested_at)
    blocks += [context(f"{_endpoint(account)} · {duration(report.seconds)}"), *line_sections(_stage_lines(report))]
    blocks += [*_facts(report), *_withheld(result)]
    untold = judged_with_message(account) if not failed else ""
    return [*blocks, context(escape(untold))] if untold else blocks


def form_report_line(report: Report) -> str:
    """Return one line of mrkdwn for beside the form's buttons, which leads to the report at its top."""
    failed = report.failed_stage
    verdict = f":x: The test failed at {failed.name}." if failed else ":white_check_mark: The test passed."
    return f"{verdict} The report stands at the top."


def form_changes(descriptions: Sequence[str]) -> list[Block]:
    """Return what a fix changed in the form."""
    changes = "; ".join(code(description) for description in descriptions)
    return [context(f"Changed in this form, and not saved yet: {changes}")] if descriptions else []


def typing_needed(fix: ProposedFix) -> str:
    """Return what has to be typed to go with a fix."""
    server = fix.target.partition(" ")[0]
    if fix.kind is Fix.NAME_FROM_CERTIFICATE:
        return f"{server} is a name from the server's certificate. Type the password again to go with it."
    if fix.kind is Fix.USE_PROVIDER_SERVER:
        return f"{server} is your mail provider's server for outgoing mail. Type the password again to go with it."
    return "The server wants you to sign in. Type login and password, and test again."


def outside_of_form(blocks: Sequence[Block]) -> list[Block]:
    """Return what stood at the top of a form as a message has it: no alerts, and no buttons that change the form."""
    plain = [as_json(block) for block in blocks]
    shown = [section(escape(block["text"]["text"])) if block["type"] == "alert" else block for block in plain]
    return [block for block in shown if as_json(block)["type"] != "actions"]


def transcript(dialogue: Dialogue) -> Message:
    """Return the dialogue of the last test, fit for a ticket."""
    introduction = (
        "The dialogue of the last test. *C* is the bot, *S* your mail server. "
        "Your password is not in it, so you can give it to your mail provider."
    )
    if dialogue.words_withheld:
        introduction = (
            "The dialogue of the last test. *C* is the bot, *S* the mail server. "
            "What the server says from the sign-in on is shown to the owner alone, so you see its codes."
        )
    return Message(
        text="This is the dialogue of the last test, secrets removed.",
        blocks=[section(introduction), *preformatted(dialogue.lines)],
    )
