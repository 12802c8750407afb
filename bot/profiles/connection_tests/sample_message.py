"""The real messages: the one that `/email-test send` sends, and the one with a code."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from html import escape

from bot.profiles.account.header_text import mailbox, written
from bot.profiles.account.own_address import ConfirmationCode
from bot.profiles.account.profile import ENCRYPTION_WORDS, EmailProfile, effective_encryption
from bot.smtp.network.guard import normal_host


def sample_message(profile: EmailProfile, recipient: str, *, now: datetime) -> bytes:
    """Return the message, with lines that end in CRLF; it holds nothing of the password."""
    sender = mailbox(profile.address, profile.extras.get("FROM_NAME", ""))
    message = _addressed(sender, mailbox(recipient), "Your email profile works", now=now)
    if "REPLY_TO" in profile.extras:
        message["Reply-To"] = mailbox(profile.extras["REPLY_TO"])
    facts = _facts(profile)
    message.set_content(
        "This message was sent by /email-test send, through the account in your email profile:\n\n"
        + "".join(f"  {name}: {value}\n" for name, value in facts)
        + "\nIf you can read it, programs can send mail in your name.\n"
    )
    rows = "".join(f"<tr><th align=left>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts)
    message.add_alternative(
        "<p>This message was sent by <code>/email-test send</code>, through the account in your email profile:</p>"
        f"<table>{rows}</table><p>If you can read it, programs can send mail in your name.</p>",
        subtype="html",
    )
    return written(message)


def code_message(address: str, code: ConfirmationCode, *, now: datetime) -> bytes:
    """Return the message that mails a code to the address that it confirms: in fixed words, without anybody's name.

    Nobody has shown yet that they read there, so nothing of what people typed stands in it but the address itself.
    """
    own = mailbox(address)
    message = _addressed(own, own, "The code for your email address", now=now)
    message.set_content(
        "This code confirms that you read mail at this address:\n\n"
        f"  {code.secret.get_secret_value()}\n\n"
        "Type it in Slack, where you pressed “Confirm address”. It works once, within a day.\n\n"
        "If you did not ask for it, you need not do anything. Give the code to nobody.\n"
    )
    return written(message)


def _addressed(sender: Address, recipient: Address, subject: str, *, now: datetime) -> EmailMessage:
    message = EmailMessage(policy=SMTP.clone(utf8=not (sender.addr_spec + recipient.addr_spec).isascii()))
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=normal_host(sender.domain))
    # Keeps holiday notices from answering (RFC 3834, section 5).
    message["Auto-Submitted"] = "auto-generated"
    return message


def _facts(profile: EmailProfile) -> list[tuple[str, str]]:
    return [
        ("Email Address", profile.address),
        ("SMTP Server Address", profile.host),
        ("Port", str(profile.port)),
        ("Encryption", ENCRYPTION_WORDS[effective_encryption(profile.extras)]),
        ("Authentication", f"as {profile.login}" if profile.authenticate else "not required"),
    ]
