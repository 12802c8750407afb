"""The list as a table to take away: CSV without secrets, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable

from bot.profiles.account.extras import ENCRYPTION_WORDS
from bot.profiles.account.profile import LABELS, Field
from bot.profiles.people.people_list import PersonLine

CSV_COLUMNS = (
    "Name",
    "User id",
    LABELS[Field.ADDRESS],
    LABELS[Field.LOGIN],
    LABELS[Field.HOST],
    LABELS[Field.PORT],
    "Encryption",
    LABELS[Field.AUTHENTICATE],
    "State",
    "Since",
    "Fails at",
    "Last test",
)

# What a spreadsheet takes for the beginning of a formula; full-width signs count too in some.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def to_csv(lines: Iterable[PersonLine]) -> str:
    """Write lines as CSV with a heading; UTF-8 with a byte order mark, so that spreadsheets read it as such."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    for line in lines:
        writer.writerow([escape_formula(value) for value in _values(line)])
    return f"\ufeff{out.getvalue()}"


def escape_formula(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula: an apostrophe before it."""
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text.startswith(_FORMULA) else text


def _values(line: PersonLine) -> tuple[str, ...]:
    profile = line.profile
    return (
        line.name,
        line.user,
        profile.address,
        profile.login,
        profile.host,
        str(profile.port or ""),
        ENCRYPTION_WORDS[line.encryption] if profile.is_complete else "",
        ("Y" if profile.authenticate else "N") if profile.is_complete else "",
        str(line.state),
        line.since.isoformat(timespec="seconds"),
        str(line.failed_stage or ""),
        line.tested_at.isoformat(timespec="seconds") if line.tested_at else "",
    )
