"""What people are told of what somebody else did: changes, deletions, reminders, and what became of many of them."""

from collections.abc import Mapping

from bot.profiles.account.records import ProfileState, ProfileView
from bot.profiles.connection_tests.limits import FAILED_SIGN_INS_OF_A_PERSON
from bot.profiles.people.members import NO_MEMBER
from bot.profiles.people.notices import (
    FAULTY,
    NO_LONGER_TRUE,
    PROFILE_DELETED,
    TOO_LATE,
    UNCERTAIN,
    UNREADABLE,
    Batch,
    BatchResult,
    ChangedNotice,
    Content,
    DeletedNotice,
    FormTestedNotice,
    Lock,
    LockNotice,
    MessageNotice,
    ProgramInNetworkNotice,
    ProgramRemovedNotice,
    RefusedNotice,
    Reminder,
)
from bot.slack.ids import ActionId
from bot.slack.views.message import (
    Block,
    Button,
    Message,
    actions,
    button,
    code,
    escape,
    format_time,
    line_sections,
    section,
    truncate,
)
from bot.slack.views.password_entry import PasswordEntry
from bot.slack.views.programs import remove_program_button

_MAX_CAUSES = 10

_CAUSES: Mapping[str, str] = {
    NO_MEMBER: "no members any more",
    "user_disabled": "deactivated in Slack",
    "user_not_found": "not known to Slack",
    "cannot_dm_bot": "not to be reached by direct message",
    "messages_tab_disabled": "not to be reached, because the app's messages tab is off",
    PROFILE_DELETED: "without a profile by now",
    NO_LONGER_TRUE: "not in need of it any more",
    UNREADABLE: "not told, because the message could not be read any more",
    UNCERTAIN: "perhaps told: Slack did not say whether it took the message, or the bot was stopped meanwhile",
    TOO_LATE: "not reached within three days",
    FAULTY: "not told, because of a fault of the bot",
}


def notice_message(  # noqa: C901, PLR0911 - a table in the shape of a match
    content: Content, *, reader: str, entry: PasswordEntry
) -> Message:
    """Return what `reader` (a user id) is told."""
    match content:
        case ChangedNotice():
            return _changed(content, reader)
        case DeletedNotice():
            return _deleted(content)
        case FormTestedNotice():
            return _form_tested(content)
        case MessageNotice():
            return _sent(content)
        case Reminder():
            return _reminder(content, reader, entry)
        case BatchResult():
            return _batch(content)
        case LockNotice():
            return _locked(content)
        case RefusedNotice():
            return _refused(content, reader, entry)
        case ProgramRemovedNotice():
            return _program_removed(content, reader)
        case ProgramInNetworkNotice():
            return _program_in_network(content, reader)


def _changed(notice: ChangedNotice, owner: str) -> Message:
    """Return somebody else's change; of a password only that it changed."""
    fields = ", ".join(notice.fields)
    lines = [f"• {code(line)}" for line in notice.descriptions] or [escape(fields)]
    text = f"An admin changed your email profile: {fields}."
    asked: list[Block] = []
    if notice.password_dropped:
        asked.append(
            section(
                "Your password was typed for another server or certificate, so the bot forgot it. Please type it again."
            )
        )
        text = f"{text} Please type your password again."
    return Message(
        text=text,
        blocks=[
            *line_sections([f"<@{notice.by}> changed your email profile:", *lines]),
            *asked,
            actions(
                button("Edit", ActionId.EDIT, value=owner, style="primary"),
                button("Test connection", ActionId.TEST, value=owner),
            ),
        ],
    )


def _deleted(notice: DeletedNotice) -> Message:
    return Message(
        text="An admin deleted your email profile. Set it up again if that was a mistake.",
        blocks=[
            section(f"<@{notice.by}> deleted your email profile. If that was a mistake, ask them, or set it up again."),
            actions(button("Set up", ActionId.EDIT)),
        ],
    )


def _form_tested(notice: FormTestedNotice) -> Message:
    used = "Your stored password was used." if notice.with_password else "Your stored password was not used."
    login = f" as {code(notice.login)}" if notice.login else ""
    return Message(
        text=f"An admin tested a form for your email profile. Nothing was changed. {used}",
        blocks=[
            section(
                f"<@{notice.by}> tested a form for your email profile, at {code(notice.server)}{login}. "
                f"Nothing was changed by that. {used} If you did not ask for it, ask them."
            )
        ],
    )


def _sent(notice: MessageNotice) -> Message:
    done = f"sent a test message through your email profile, to {code(notice.recipient)}"
    return Message(
        text="An admin sent a test message through your email profile. If you did not ask for that, ask them.",
        blocks=[section(f"<@{notice.by}> {done}. If you did not ask for that, ask them.")],
    )


def _reminder(reminder: Reminder, owner: str, entry: PasswordEntry) -> Message:
    view = reminder.view
    what, wanted = _needs(view)
    return Message(
        text=f"{what} An admin asks you to {wanted}.",
        blocks=[
            section(f"{escape(what)}\n<@{reminder.by}> asks you to {escape(wanted)}."),
            actions(*_buttons(view, owner, entry)),
        ],
    )


def _needs(view: ProfileView) -> tuple[str, str]:
    """Return how things stand, and what the person is asked to do."""
    match view.state:
        case ProfileState.NOT_SET_UP:
            return "You have no email profile yet.", (
                "set it up; it takes a minute: an address, a mail server, a password"
            )
        case ProfileState.PASSWORD_MISSING:
            return "The password of your email profile is missing.", "type it"
        case ProfileState.UNREADABLE:
            return "Your email profile cannot be read: it was altered, or its key is gone.", "type everything again"
        case ProfileState.FAILS:
            failed = view.last_test.failed_stage if view.last_test else None
            where = f" at {failed.name}" if failed else ""
            return f"Your email profile fails{where}.", "open the form and correct it, or to test again"
        case _:
            return "Your email profile is not tested yet.", "test it; nothing is sent by that"


def _buttons(view: ProfileView, owner: str, entry: PasswordEntry) -> list[Button]:
    match view.state:
        case ProfileState.NOT_SET_UP:
            return [button("Set up", ActionId.EDIT, value=owner, style="primary")]
        case ProfileState.PASSWORD_MISSING:
            if entry is PasswordEntry.IN_FORM:
                return [button("Type the password", ActionId.EDIT, value=owner, style="primary")]
            return [button("Set the password privately", ActionId.SET_PRIVATELY, value=owner, style="primary")]
        case ProfileState.UNREADABLE:
            return [button("Type it again", ActionId.EDIT, value=owner, style="primary")]
        case ProfileState.FAILS:
            return [
                button("Open the form", ActionId.EDIT, value=owner, style="primary"),
                button("Test again", ActionId.TEST, value=owner),
            ]
        case _:
            return [button("Test connection", ActionId.TEST, value=owner, style="primary")]


def _locked(notice: LockNotice) -> Message:
    where = f"{code(truncate(notice.login, 100))} at {code(notice.host)}"
    ask = "If nobody mistyped a password, somebody may be guessing one: ask, and look into the history."
    end = format_time(notice.until)
    if notice.lock is Lock.LOGIN:
        text = "A login was refused so often that the bot locks it for a while."
        told = (
            f"The login {where} was refused so often that the bot locks it until {end}: more refusals could lock the "
            "mailbox. A stored password that the server accepted last can still be tested."
        )
    else:
        text = "One person's sign-ins were refused so often that the bot tries no more of them for a while."
        most = FAILED_SIGN_INS_OF_A_PERSON.max_uses
        told = f"{most} sign-ins of <@{notice.by}> were refused in a day, so the bot tries no more of them until {end}."
    return Message(text=text, blocks=[section(f"{told}\nThe last test was by <@{notice.by}>, with {where}. {ask}")])


def _refused(notice: RefusedNotice, owner: str, entry: PasswordEntry) -> Message:
    text = "Your mail server refuses the sign-in, so programs cannot send with your email profile."
    password = (
        button("Set a new password", ActionId.EDIT, value=owner, style="primary")
        if entry is PasswordEntry.IN_FORM
        else button("Set a new password", ActionId.SET_PRIVATELY, value=owner, style="primary")
    )
    return Message(
        text=f"{text} Set a new password, or correct the login; then test again.",
        blocks=[
            section(
                f"{text}\n{code(notice.host)} refused the sign-in of {code(truncate(notice.login, 100))} when a "
                f"message was to be sent. Programs that send as {code(notice.address)} are told to try later, and the "
                "bot does not sign in again before you change the profile, or a test of it passes. If the password "
                "changed, set the new one; the app's Home tab shows what the server answered."
            ),
            actions(password, button("Test again", ActionId.TEST, value=owner)),
        ],
    )


def _program_removed(notice: ProgramRemovedNotice, owner: str) -> Message:
    what = f"the program {code(notice.name)} of your email profile, so it can no longer send"
    return Message(
        text=f"An admin removed the program {notice.name} of your email profile. It can no longer send.",
        blocks=[
            section(f"<@{notice.by}> removed {what}. If that was a mistake, ask them, or add it again."),
            actions(button("Programs", ActionId.PROGRAMS, value=owner)),
        ],
    )


def _program_in_network(notice: ProgramInNetworkNotice, owner: str) -> Message:
    ask = "If you do not know of that, remove the program: its token may be in other hands."
    return Message(
        text=f"The program {notice.name} signed in from the network {notice.network} for the first time. {ask}",
        blocks=[
            section(
                f"The program {code(notice.name)} signed in from the network {code(notice.network)} for the first "
                f"time, to send with your email profile. {ask}"
            ),
            actions(
                button("Programs", ActionId.PROGRAMS, value=owner),
                remove_program_button(owner, notice.program_id, notice.name),
            ),
        ],
    )


def _batch(result: BatchResult) -> Message:
    unsent = sum(result.unsent.values())
    total = result.sent + unsent
    people, profiles = ("person", "profile") if total == 1 else ("people", "profiles")
    done = {
        Batch.MOVED: f"whose {profiles} you moved",
        Batch.REMINDED: "whom you reminded",
        Batch.CHANGED: f"whose {profiles} you changed",
    }[result.what]
    if not unsent:
        text = f"The {people} {done} {_have(total)} been told: {total} of {total}."
        return Message(text=text, blocks=[section(escape(text))])
    told = f"{result.sent} {_have(result.sent)} been told and {unsent} not, or not for certain."
    text = f"Of the {total} {people} {done}, {told}"
    causes = sorted(result.unsent.items(), key=lambda item: -item[1])
    lines = [f"• {count} {escape(_cause(outcome))}" for outcome, count in causes[:_MAX_CAUSES]]
    if len(causes) > _MAX_CAUSES:
        lines.append(f"• {sum(count for _, count in causes[_MAX_CAUSES:])} for other reasons")
    names = ", ".join(f"<@{user}>" for user in result.users)
    more = f" and {unsent - len(result.users)} more" if unsent > len(result.users) else ""
    return Message(text=text, blocks=[section(escape(text)), *line_sections(lines), section(f"{names}{more}")])


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def _cause(outcome: str) -> str:
    return _CAUSES.get(outcome) or f"not taken by Slack ({truncate(outcome, 64)})"
