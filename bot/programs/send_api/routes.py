"""The routes of the send API: `POST /v1/send`, `GET /v1/profile`, `GET /v1/openapi.json`."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler

from bot.observability.log import current_reference, request_under_way
from bot.observability.server_log import place_of
from bot.profiles.errors import outage_sentence
from bot.profiles.sending.letters import LetterRefusedError
from bot.profiles.sending.sending import Sending, SendingSession, Via
from bot.profiles.tokens.program import Sender
from bot.programs.send_api.admission import Admission
from bot.programs.send_api.answers import Answer, Problem, ProblemError, problem
from bot.programs.send_api.asked_letters import AskedLetter, asked_letter, checked_type, read_body
from bot.programs.send_api.idempotency import IdempotentSends, checked_key
from bot.programs.send_api.openapi import description
from bot.programs.send_api.outcomes import delivered, refused_before, refused_by_provider
from bot.programs.send_api.request_pace import RequestPace
from bot.programs.send_api.sender_profiles import SenderProfile, sender_profile
from storage.engines.transactions import DatabaseUnavailableError

log = logging.getLogger(__name__)

PREFIX = "/v1/"

BODY_SECONDS = 300.0
"""For the body of a letter: the largest one takes 200 over a line of 1 Mbit/s."""

REQUESTS_A_LETTER = 2
"""How many requests a program has for each letter that it may send in a minute: some are wrong, or asked twice."""

_ADMITTED = web.RequestKey("admitted", Sender)


@dataclass(frozen=True, kw_only=True)
class SendApi:
    """Serves the send API.

    `allow_body` gives a request some seconds for its body, from now.
    """

    admission: Admission
    sending: Sending
    idempotent: IdempotentSends
    allow_body: Callable[[web.Request, float], None]
    _pace: RequestPace = field(default_factory=RequestPace)
    _under_way: set[asyncio.Event] = field(default_factory=set)
    _reading_large: asyncio.Lock = field(default_factory=asyncio.Lock)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def add_routes(self, application: web.Application) -> None:
        """Add all routes below /v1/."""
        api = web.Application(middlewares=[answer_problems])
        api.router.add_post("/send", self.send, expect_handler=self.go_on)
        api.router.add_get("/profile", self.profile)
        api.router.add_get("/openapi.json", self.openapi)
        application.add_subapp(PREFIX, api)

    async def drain(self, seconds: float) -> None:
        """Begin no letter any more, and wait until none is under way, for some seconds at most."""
        self._stopping.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(ended.wait() for ended in self._under_way))

    async def openapi(self, _request: web.Request) -> web.Response:
        """Answer with the API's description; it is the same for everybody."""
        return web.json_response(description())

    async def profile(self, request: web.Request) -> web.Response:
        """Answer with what the token sends from, and what it may."""
        sender = await self._admitted(request)
        profile = await self._profile(sender)
        program = sender.program
        members = {
            "address": profile.address,
            "name": profile.name,
            "ready": profile.is_ready,
            "program": {
                "id": program.id,
                "name": program.name,
                "maySendTo": program.may_send_to,
                "messagesADay": program.messages_a_day,
                "endsOn": program.ends_on.isoformat() if program.ends_on else None,
            },
        }
        if not profile.is_ready:
            members |= {"stage": profile.stage, "code": profile.code}
        return Answer(status=200, members=members).response()

    async def go_on(self, request: web.Request) -> web.StreamResponse | None:
        """Answer who asks before they send a body (RFC 9110, 10.1.1), as curl does from 1 MiB."""

        async def admit(request: web.Request) -> web.StreamResponse:
            await self._admitted(request)
            checked_type(request)
            return web.Response()

        answer = await answer_problems(request, admit)
        if answer.status >= 400:
            return answer
        if request.version >= HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # aiohttp takes what was written for the beginning of the answer otherwise.
            request.writer.output_size = 0
        return None

    async def send(self, request: web.Request) -> web.Response:
        """Send a letter, and answer with what became of it."""
        if self._stopping.is_set():
            raise ProblemError(problem(Problem.UNAVAILABLE, "The bot is stopping; nothing was sent.", wait=10.0))
        ended = asyncio.Event()
        self._under_way.add(ended)
        try:
            return (await self._sent(request)).response()
        finally:
            ended.set()
            self._under_way.discard(ended)

    async def _admitted(self, request: web.Request) -> Sender:
        if _ADMITTED not in request:
            request[_ADMITTED] = await self.admission.admit(request)
            most = REQUESTS_A_LETTER * self.sending.rates.program
            wait = self._pace.wait(request[_ADMITTED].program.id, most=most)
            if wait:
                detail = f"The program has asked {most} times in a minute, so nothing was read. Try again later."
                raise ProblemError(problem(Problem.TOO_MANY, detail, wait=wait))
        return request[_ADMITTED]

    async def _profile(self, sender: Sender) -> SenderProfile:
        return await sender_profile(self.idempotent.database, sender.person)

    async def _sent(self, request: web.Request) -> Answer:
        sender = await self._admitted(request)
        kind = checked_type(request)
        key = request.headers.get("Idempotency-Key")
        if key is not None:
            checked_key(key)
        self.allow_body(request, BODY_SECONDS)
        async with self.sending.session(sender, via=Via.SEND_API) as session:
            body = await read_body(request, kind, session.hold)
            profile = await self._profile(sender)
            letter = await asked_letter(request, kind, body, profile, reading_large=self._reading_large)
            del body

            async def send() -> Answer:
                answer = await _pass_on(session, letter, current_reference())
                if answer.members.get("problem") == Problem.PROFILE_NOT_READY:
                    # What was just found at the provider is known by now.
                    with suppress(DatabaseUnavailableError, LetterRefusedError):
                        answer.members.update(code=(await self._profile(sender)).code)
                return answer

            answer = await (self.idempotent.once(sender, key, letter.digest, send) if key else send())
            outcome = answer.headers.get("Idempotency-Status") or answer.members.get("problem", "sent")
            log.info("Program %s asked to send: %s (reference %s).", sender.program.id, outcome, current_reference())
            return answer


async def _pass_on(session: SendingSession, letter: AskedLetter, sending_id: str) -> Answer:
    """Give a letter to the provider, if it takes all of its recipients."""
    try:
        utf8 = not all(address.isascii() for address in (letter.sender, *letter.recipients))
        eight_bit = not letter.content.isascii()
        reply = await session.begin(letter.sender, size=len(letter.content), utf8=utf8, eight_bit=eight_bit)
        if reply.code >= 400:
            return refused_by_provider(reply)
        for recipient in letter.recipients:
            reply = await session.recipient(recipient)
            if reply.code >= 400:
                await session.reset()
                return refused_by_provider(reply, recipient)
        return delivered(await session.deliver(letter.content), sending_id)
    except LetterRefusedError as error:
        return refused_before(error)


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer everything that goes wrong with a problem."""
    with request_under_way():
        answer = await _answered(request, handler)
    if answer.status >= 400 and not request.content.is_eof():
        # Who still sends a body gets to read why it is not wanted.
        answer.force_close()
    return answer


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ProblemError as error:
        answer = error.answer
    except LetterRefusedError as error:
        answer = refused_before(error)
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        answer = problem(Problem.METHOD_NOT_ALLOWED, f"This is asked for with {allowed}.")
        answer.headers["Allow"] = allowed
    except web.HTTPException:
        sentence = "There is nothing here. The send API has /v1/send, /v1/profile and /v1/openapi.json."
        answer = problem(Problem.NOT_FOUND, sentence)
    except (ConnectionError, web.RequestPayloadError):
        # Who asked has gone, was too slow, or sent what is no body: nothing failed here.
        raise
    except DatabaseUnavailableError as error:
        answer = problem(Problem.UNAVAILABLE, outage_sentence(error), wait=10.0)
    except Exception as error:  # noqa: BLE001 - whatever failed, the program is told
        reference = current_reference()
        # Neither the error's text nor a traceback: a line of a letter may stand in them.
        log.error("A request of a program failed (%s, reference %s).", place_of(error), reference)  # noqa: TRY400
        detail = f"Something went wrong (reference {reference}). Tell whoever runs the bot."
        answer = problem(Problem.FAILED, detail)
    return answer.response()
