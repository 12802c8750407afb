"""Which mailbox a login means, however it is spelled: what mail servers read as one name is one name here.

They compare logins without regard to case, width and what nobody sees (RFC 4013), some without accents
(https://dev.mysql.com/doc/refman/8.4/en/charset-unicode-sets.html), and take the part before the @ alone, a Windows
domain before it, or something behind it. Two people whose names look alike to this rule share their counts, which only
makes the bot more careful.
"""

import re
import unicodedata
from dataclasses import dataclass

import idna

_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
_UNSEEN = frozenset("\u115f\u1160\u2800\u3164\uffa0\u17b4\u17b5")
"""Letters and signs that show nothing."""
_STROKED = str.maketrans(
    {"ı": "i", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ł": "l", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}
)
"""Letters that some databases compare as their plain ones, though they are no letter with a mark."""
_AROUND = re.compile(r"^(?:mailto:)?[<\"'(\[]*|[>\"')\]]+$")
_BEFORE_USER = re.compile(r"[\\/!]+")
"""Between a Windows domain (or a host) and the user."""
_BEFORE_DOMAIN = re.compile(r"(?P<user>[^\\/!@]+)/(?P<domain>[^\\/!@]+\.[^\\/!@]+)")
"""A user before a domain, as vpopmail takes it beside an @, or a Windows domain before a user with a dot."""
_BEHIND_USER = re.compile(r"[@%+:#]")
"""Before a mail domain, as hosters write it for programs that take no @, and before an extension (RFC 5233)."""


@dataclass(frozen=True)
class Mailbox:
    """A mailbox of a server: its name, and the mail domain that the login has, in A-labels; empty where it has none."""

    name: str
    domain: str


def mailbox_meant(login: str) -> Mailbox:
    """Return the mailbox that a login most likely means."""
    return mailboxes_meant(login)[0]


def mailboxes_meant(login: str) -> tuple[Mailbox, ...]:
    """Return the mailboxes that a login may mean, the most likely first: of one/two.three it may be either."""
    folded = _AROUND.sub("", _folded(login))
    users = [_user(folded)]
    if turned := _BEFORE_DOMAIN.fullmatch(folded):
        users.append(f"{turned['user']}@{turned['domain']}")
    return tuple(dict.fromkeys(_mailbox(user, login) for user in users))


def _mailbox(user: str, login: str) -> Mailbox:
    name, *rest = _BEHIND_USER.split(user, maxsplit=1)
    bare = re.sub(r"[.。\"'\\]", "", _plain(name)) or _plain(user) or login.casefold()
    return Mailbox(name=bare, domain=_domain(rest[0] if rest and "@" in user else ""))


def _user(login: str) -> str:
    r"""Return the user of a login, which may stand behind a domain, before a shared mailbox, or be a master's.

    DOMAIN\user; user@example.com\shared (https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/
    pop3-and-imap4/pop3-and-imap4); DOMAIN/user/shared; user*master (https://doc.dovecot.org/main/core/config/auth/
    master_users.html), in which the password is the master's.
    """
    parts = [part for part in _BEFORE_USER.split(login) if part]
    if not parts:
        return login
    user = parts[0] if len(parts) == 1 or "@" in parts[0] else parts[1]
    return user.rpartition("*")[2] or user


def _folded(text: str) -> str:
    """Return a text in one width and case, without blanks and what nobody sees; until nothing changes any more."""
    while True:
        seen = "".join(one for one in unicodedata.normalize("NFKC", text).casefold() if not _is_unseen(one))
        if seen == text:
            return text
        text = seen


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN_CATEGORIES or character in _UNSEEN or character.isspace()


def _plain(text: str) -> str:
    """Return a folded text without accents and strokes."""
    letters = unicodedata.normalize("NFKD", text)
    bare = "".join(one for one in letters if not unicodedata.category(one).startswith("M"))
    return _folded(bare).translate(_STROKED)


def _domain(text: str) -> str:
    domain = text.rpartition("@")[2].rstrip(".。")
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:
        return domain
