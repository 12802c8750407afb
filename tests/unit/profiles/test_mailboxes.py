"""Which mailbox a login means: what mail servers read as one name is one, however it is spelled."""

import random
import unicodedata

from bot.profiles.connection_tests.mailboxes import mailbox_meant, mailboxes_meant
from tests.counts import scaled


def spelled(chance: random.Random) -> str:
    """Return a spelling of ada.lovelace@mail.test at random."""
    name, domain = "ada.lovelace", "mail.test"
    login = chance.choice(
        [
            f"{name}@{domain}",
            name,
            f"MAIL\\{name}",
            f"mail/{name}",
            f"{name}/{domain}",
            f"{name}%{domain}",
            f"{name}+{chance.choice(['a', 'list', '1'])}@{domain}",
            f"{name}@{domain}.",
            f"{name}@MAIL.test\\shared",
        ]
    )
    return "".join(_changed(one, chance) for one in login)


def _changed(letter: str, chance: random.Random) -> str:
    wide = chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter
    marked = unicodedata.normalize("NFC", letter + chance.choice("\u0301\u0308\u0323")) if letter.isalpha() else letter
    unseen = chance.choice(" \t\u00a0\u00ad\u200b\u2060\u3000\ufeff\ufe0f\u034f")
    common = [letter] * 8
    return chance.choice([*common, letter.upper(), wide, wide.upper(), marked, letter + unseen, unseen + letter])


def test_all_spellings_of_a_login_are_one_mailbox() -> None:
    chance = random.Random(15)
    for _ in range(scaled(quick=500, full=5000)):
        login = spelled(chance)
        assert "adalovelace" in {mailbox.name for mailbox in mailboxes_meant(login)}, login


def test_other_logins_are_other_mailboxes() -> None:
    logins = ["ada@mail.test", "bob@mail.test", "CORP\\eve", "info", "app-key", "ада@mail.test", "u_1", "u_2", "@"]
    assert len({mailbox_meant(one).name for one in logins}) == len(logins)
