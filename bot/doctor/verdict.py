"""The verdict: whether all is well, and the next step."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bot.doctor.finding import DATABASE, SLACK, VERDICT, Finding, bad, good
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
    return bad(VERDICT, f"{number}. Next: {_next_step(faults)}, then run `email-profile-bot check` again.")


def _first_use(loaded: Settings | None) -> str:
    if loaded is not None and loaded.many_workspaces:
        return f"install it at {loaded.public_url or 'its public address'}{INSTALL_PATH}"
    return "type `/email-profile` in Slack"


def _next_step(faults: Sequence[Finding]) -> str:
    names, lines = dict[str, None](), dict[str, None]()
    for finding in faults:
        setting = _SETTING.match(finding.sentence)
        # Where a database or Slack does not answer, its address is mostly right.
        if setting and finding.subject not in (DATABASE, SLACK):
            names[setting[1]] = None
        else:
            lines[finding.subject] = None
    where = f"in {Path(FILE).absolute()} or in the environment"
    correct = [f"correct {_listed(names)} ({where})"] if names else []
    said = "the line {} above says" if len(lines) == 1 else "the lines {} above say"
    follow = [f"do what {said.format(_listed(lines))}"] if lines else []
    return ", ".join([*correct, *follow])


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    if len(shown) > _MOST_NAMED:
        shown[_MOST_NAMED:] = [f"{len(shown) - _MOST_NAMED} more"]
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
