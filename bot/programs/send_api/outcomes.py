"""What became of a letter, as the answer to who asked for it."""

from bot.profiles.sending.letters import Cause, Delivery, LetterRefusedError, Outcome
from bot.programs.send_api.answers import Answer, Problem, problem
from bot.smtp.check.report import Reply

_BY_CAUSE = {
    Cause.SENDER: Problem.NOT_PERMITTED,
    Cause.RECIPIENT: Problem.NOT_PERMITTED,
    Cause.FORM: Problem.INVALID_MESSAGE,
    Cause.SIZE: Problem.TOO_LARGE,
    Cause.RATE: Problem.TOO_MANY,
    Cause.BUSY: Problem.TOO_MANY,
    Cause.NOT_READY: Problem.PROFILE_NOT_READY,
    Cause.ENDED: Problem.WRONG_TOKEN,
    Cause.PROVIDER: Problem.PROVIDER_TRY_LATER,
    Cause.UNAVAILABLE: Problem.UNAVAILABLE,
}
_WAIT_SECONDS = {Problem.TOO_MANY: 10.0, Problem.UNAVAILABLE: 10.0, Problem.PROVIDER_TRY_LATER: 60.0}
"""When to try again, where nobody knows better."""

_NO_ADDRESS = 553
"""With RECIPIENT: what was given is no address at all (RFC 5321, 4.2.3)."""


def refused_before(error: LetterRefusedError) -> Answer:
    """Return the answer to a letter that was refused before the provider was asked."""
    kind = _BY_CAUSE[error.cause]
    if error.cause is Cause.RECIPIENT and error.reply.code == _NO_ADDRESS:
        kind = Problem.INVALID_REQUEST
    wait = _WAIT_SECONDS.get(kind) if error.wait is None else error.wait
    if kind is Problem.PROFILE_NOT_READY:
        return problem(kind, str(error), wait=error.wait, stage=error.stage)
    return problem(kind, str(error), wait=wait)


def refused_by_provider(reply: Reply, recipient: str | None = None) -> Answer:
    """Return the answer to a letter, or one of its recipients, that the provider did not take: nothing was sent."""
    whom = "the message" if recipient is None else f"the recipient {recipient}, so nothing was sent"
    if reply.code >= 500:
        kind, detail = Problem.REFUSED_BY_PROVIDER, f"The mail provider refused {whom}. It answered “{reply}”."
    else:
        kind = Problem.PROVIDER_TRY_LATER
        detail = f"The mail provider did not take {whom}; it may later. It answered “{reply}”."
    return problem(
        kind,
        detail,
        wait=_WAIT_SECONDS.get(kind),
        code=reply.code,
        enhanced=reply.enhanced,
        text=reply.text,
        recipient=recipient,
    )


def delivered(delivery: Delivery, sending_id: str) -> Answer:
    """Return the answer to a letter that was given to the provider; `sending_id` is the id that it is told by."""
    reply = delivery.reply
    match delivery.outcome:
        case Outcome.TAKEN:
            members = {"id": sending_id, "messageId": delivery.message_id, "response": str(reply)}
            return Answer(status=200, members=members)
        case Outcome.UNKNOWN:
            return problem(
                Problem.OUTCOME_UNKNOWN,
                "The message was given to the mail provider, and no answer came, so it may have been sent. It is not "
                "sent again by itself: look whether it arrived before you send it once more.",
                messageId=delivery.message_id or None,
            )
        case Outcome.NOT_READY:
            return problem(Problem.PROFILE_NOT_READY, reply.text, stage=delivery.stage)
        case _:
            return refused_by_provider(reply)
