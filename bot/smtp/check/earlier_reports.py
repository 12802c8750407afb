"""Reports that a version before stored, in which nothing tells what a server said after AUTH had begun."""

import re
from dataclasses import replace

from bot.smtp.check.report import Outcome, Report, ServersWords, Stage, StageName

_CODES = re.compile(r"[2-5][0-9]{2}(?: [245]\.[0-9]\.[0-9]{1,3})?(?= |$)")
_REPLY_LINE = re.compile(r"S: ([0-9]{3})[ -](?:([245]\.[0-9]\.[0-9]{1,3})(?= |$))?.*", re.DOTALL)
_FAILED_NOTE = re.compile(rf"(-- \S+ failed: )({_CODES.pattern}).*", re.DOTALL)
_CHALLENGED = "C: AUTH CRAM-MD5"


def with_words_apart(report: Report) -> Report:
    """Return a stored report with the server's words apart; in an earlier one that is everything that a server said."""
    if report.words is not None:
        return report
    details = {stage.name: stage.detail for stage in report.stages if _is_said(stage)}
    stages = tuple(replace(one, detail=_codes(one.detail)) if one.name in details else one for one in report.stages)
    return replace(
        report,
        stages=stages,
        reply=replace(report.reply, text="") if report.reply else None,
        transcript=tuple(map(_without_words, report.transcript)),
        words=ServersWords(
            reply=report.reply.text if report.reply else "",
            details=details,
            transcript=_without_challenges(report.transcript),
        ),
    )


def _is_said(stage: Stage) -> bool:
    sent = stage.name is StageName.MESSAGE and stage.outcome is Outcome.PASSED
    return bool(stage.detail) and (sent or _CODES.match(stage.detail) is not None)


def _codes(said: str) -> str:
    found = _CODES.match(said)
    return found.group() if found else "accepted"


def _without_words(line: str) -> str:
    if said := _REPLY_LINE.fullmatch(line):
        return " ".join(("S:", *filter(None, said.groups())))
    if noted := _FAILED_NOTE.fullmatch(line):
        return noted.group(1) + noted.group(2)
    return line


def _without_challenges(lines: tuple[str, ...]) -> tuple[str, ...]:
    before = ("", *lines)
    return tuple(
        "S: 334 (challenge)" if one.startswith("S: 334") and last == _CHALLENGED else one
        for last, one in zip(before, lines, strict=False)
    )
