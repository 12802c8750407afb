"""Reminding people: the question before many are reminded, how far that is, and what was done."""

from bot.profiles.people.people_list import ListQuery
from bot.profiles.people.reminders import ReminderCounts
from bot.slack.ids import ActionId
from bot.slack.views.message import Message, actions, button, context, escape, notice, people, section
from bot.slack.views.people_list import encode_query

REMINDED = "This person gets a message from the bot that says that you ask, with the button they need."


def question(counts: ReminderCounts, query: ListQuery) -> Message:
    """Return the question, with the number of people in its button; without anybody to remind, why."""
    if not counts.reminded:
        return notice(f"Nobody here needs a reminder now. {_left_out(counts)}".strip())
    whom = people(counts.reminded)
    text = f"Remind {whom}? Each gets a message from the bot that says that you ask, with the button they need."
    left_out = _left_out(counts)
    return Message(
        text=f"{text} {left_out}".strip(),
        blocks=[
            section(escape(text)),
            actions(button(f"Remind {whom}", ActionId.REMIND_THESE, value=encode_query(query), style="primary")),
            context(escape(f"{left_out} A message that is sent cannot be taken back.".strip())),
        ],
    )


def progress(counts: ReminderCounts) -> Message:
    """Return how far it is, and how many are reminded so far."""
    return notice(f"Reminding people: {counts.done} of {counts.total} done, {counts.reminded} reminded so far.")


def done(counts: ReminderCounts) -> Message:
    """Return how many are reminded, and how many are left out and why."""
    if not counts.reminded:
        return notice(f"Nobody was reminded. {_left_out(counts)}".strip())
    sentences = [f"Reminded {people(counts.reminded)}.", _left_out(counts)]
    sentences.append("The messages are sent one after the other; another one tells you when that is done.")
    return notice(" ".join(sentence for sentence in sentences if sentence))


def _left_out(counts: ReminderCounts) -> str:
    total = counts.left_out.total()
    if not total:
        return ""
    reasons = ", ".join(f"{count} {reason}" for reason, count in counts.left_out.most_common())
    return f"{total} {'is' if total == 1 else 'are'} left out: {reasons}."
