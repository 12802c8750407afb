"""Reads the letter that a program asks to be sent, from the body of its request."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from bot.programs.send_api.answers import Problem, ProblemError, problem
from bot.programs.send_api.idempotency import digest_of
from bot.programs.send_api.letter_fields import LetterFieldsError, read_letter_fields
from bot.programs.send_api.raw_letter import RawLetterError, envelope_recipients, with_line_ends, written_recipients
from bot.programs.send_api.sender_profiles import SenderProfile
from bot.programs.send_api.written_letter import UnwritableLetterError, write_letter

RAW, JSON = "message/rfc822", "application/json"
MOST_BYTES = {RAW: 25_000_000, JSON: 10_000_000}
"""Of a body, by its type."""

_STEP_BYTES = 1_000_000
"""In steps of which a body is counted while it comes."""

_LARGE_BYTES = 100_000
"""Of a body that takes more than a few milliseconds to read."""


@dataclass(frozen=True, kw_only=True)
class AskedLetter:
    """A letter with its envelope; `digest` tells whether two requests ask for the same."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)
    digest: str


def checked_type(request: web.Request) -> str:
    """Return the type of a request's body, by its head alone.

    Raises:
        ProblemError: it is neither of the two, or larger than such a body may be.
    """
    kind = request.content_type.lower()
    if kind not in MOST_BYTES:
        detail = f"Send a message as {RAW}, or its fields as {JSON}, and say so in Content-Type."
        raise ProblemError(problem(Problem.UNKNOWN_CONTENT_TYPE, detail))
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ProblemError(problem(Problem.UNKNOWN_CONTENT_TYPE, "Send the body as it is, without Content-Encoding."))
    if (request.content_length or 0) > MOST_BYTES[kind]:
        raise _too_large(kind)
    return kind


async def read_body(request: web.Request, kind: str, hold: Callable[[int], None]) -> bytes:
    """Read a body; `hold` is told, before it grows, how many bytes it has, and may refuse that.

    Raises:
        ProblemError: it is larger than it may be.
    """
    # Not all that is announced: who announces much and sends little would keep others out.
    held = min(request.content_length or _STEP_BYTES, _STEP_BYTES)
    hold(held)
    body = bytearray()
    while chunk := await request.content.readany():
        size = len(body) + len(chunk)
        if size > MOST_BYTES[kind]:
            raise _too_large(kind)
        if size > held:
            held = size + _STEP_BYTES
            hold(held)
        body += chunk
    return bytes(body)


async def asked_letter(
    request: web.Request, kind: str, body: bytes, profile: SenderProfile, *, reading_large: asyncio.Lock
) -> AskedLetter:
    """Return the letter that a request asks to be sent; of large ones, one is read at a time, beside all others.

    Raises:
        ProblemError: there is none, or it is not written as it has to be.
    """
    # An empty header names nobody, which is another thing than no header.
    sender = request.headers.get("Envelope-From", profile.address).strip()
    named = request.headers.getall("Envelope-To", [])
    written_to = ",".join(named) if named else None
    # With the key in it, which the database does not know, nobody finds out what a letter said by trying.
    beside = [kind, request.headers.get("Idempotency-Key", ""), sender, *named]
    parts = [part.encode("utf-8", "surrogateescape") for part in beside]

    def read() -> AskedLetter:
        digest = digest_of(*parts, body)
        recipients, content = (
            _raw_letter(body, written_to) if kind == RAW else _written_letter(body, written_to, profile)
        )
        return AskedLetter(sender=sender, recipients=recipients, content=content, digest=digest)

    try:
        if len(body) <= _LARGE_BYTES:
            return read()
        async with reading_large:
            return await asyncio.to_thread(read)
    except LetterFieldsError as error:
        told = [{"field": place, "detail": sentence} for place, sentence in error.errors.items()]
        raise ProblemError(problem(Problem.INVALID_REQUEST, str(error), errors=told)) from None
    except RawLetterError as error:
        raise ProblemError(problem(Problem.INVALID_REQUEST, str(error))) from None
    except UnwritableLetterError:
        detail = f"These fields cannot be written as a message. Send it as {RAW}, written by your own program."
        raise ProblemError(problem(Problem.INVALID_MESSAGE, detail)) from None


def _raw_letter(body: bytes, written_to: str | None) -> tuple[tuple[str, ...], bytes]:
    content = with_line_ends(body)
    if not content or content.isspace():
        raise RawLetterError("The message is empty. Send its headers, an empty line, and its text.")
    return (written_recipients(content) if written_to is None else envelope_recipients(written_to)), content


def _written_letter(body: bytes, written_to: str | None, profile: SenderProfile) -> tuple[tuple[str, ...], bytes]:
    fields = read_letter_fields(body)
    recipients = fields.recipients() if written_to is None else envelope_recipients(written_to)
    return recipients, write_letter(fields, address=profile.address, name=profile.name)


def _too_large(kind: str) -> ProblemError:
    most = MOST_BYTES[kind]
    return ProblemError(problem(Problem.TOO_LARGE, f"A body of {kind} has at most {most:,} bytes.", limit=most))
