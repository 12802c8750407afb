"""The verdict: whether all is well, and the next step."""

import re
from collections.abc import Sequence
from pathlib import Path

from bot.doctor.finding import VERDICT, Finding, bad, good
from bot.settings import FILE, Settings
from bot.slack.workspaces.oauth import INSTALL_PATH

_SETTING = re.compile(r"([A-Z][A-Z_]+): ")
_MOST_NAMED = 3


def verdict(found: Sequence[Finding], loaded: Settings | None) -> Finding:
    """Return whether all findings are good, and what to do next."""
    faults = [finding for finding in found if not finding.good]
    if not faults:
        return good(VERDICT, f"all is well. Next: start it with `email-profile-bot run`, then {_first_use(loaded)}.")
    number = "one thing fails" if len(faults) == 1 else f"{len(faults)} things fail"
    return bad(VERDICT, f"{number}. Next: see to {_named(faults)}, then run `email-profile-bot check` again.")


def _first_use(loaded: Settings | None) -> str:
    if loaded is not None and loaded.many_workspaces:
        return f"install it at {loaded.public_url or 'its public address'}{INSTALL_PATH}"
    return "type `/email-profile` in Slack"


def _named(faults: Sequence[Finding]) -> str:
    settings = [match[1] for finding in faults if (match := _SETTING.match(finding.sentence))]
    others = [finding.subject for finding in faults if not _SETTING.match(finding.sentence)]
    names = list(dict.fromkeys([*settings, *others]))
    if len(names) > _MOST_NAMED:
        names[_MOST_NAMED:] = [f"{len(names) - _MOST_NAMED} more"]
    where = f" (settings stand in {Path(FILE).absolute()} or in the environment)" if settings else ""
    return f"{' and '.join(filter(None, (', '.join(names[:-1]), names[-1])))}{where}"
