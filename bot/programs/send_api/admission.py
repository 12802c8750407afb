"""Who asks: tokens come over https or from this machine alone, and are checked before a body is read."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from aiohttp import web
from pydantic import SecretStr

from bot.profiles.connection_tests.limits import RateLimitedError
from bot.profiles.tokens.program import Sender
from bot.profiles.tokens.program_tokens import ProgramTokens, WrongTokenError
from bot.programs.send_api.answers import Problem, ProblemError, problem

_BEARER = re.compile(r"Bearer +(\S+)", re.IGNORECASE)
_OF_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Via")
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="email-profile-bot"'}
"""RFC 6750, section 3."""


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Finds out who sends a request.

    `address_of` returns the network address that a request counts for, `is_proxy` whether it was handed on by a
    trusted proxy.
    """

    tokens: ProgramTokens
    address_of: Callable[[web.Request], str]
    is_proxy: Callable[[web.Request], bool]

    async def admit(self, request: web.Request) -> Sender:
        """Return which program asks.

        Raises:
            ProblemError: it may not.
            DatabaseUnavailableError: nobody can say so now.
        """
        if not self._is_protected(request):
            raise ProblemError(
                problem(
                    Problem.HTTPS_REQUIRED,
                    "A token is taken over https, or from the machine on which the bot runs. Use the https:// address; "
                    "if you did, a proxy before the bot is not in TRUSTED_PROXIES, or sends no X-Forwarded-Proto. A "
                    "token that went over http may have been read: remove that program in Slack, and add it anew.",
                )
            )
        found = _BEARER.fullmatch(request.headers.get("Authorization", "").strip())
        if found is None:
            raise _unknown("There is no token. Send it with the request, as “Authorization: Bearer epb_…”.")
        try:
            return await self.tokens.authenticate(None, SecretStr(found[1]), self.address_of(request))
        except WrongTokenError:
            raise _unknown(
                "No program has this token. It was copied wrongly, removed, or is over, or the profile is gone; a new "
                "one is made in Slack, with /email-profile programs."
            ) from None
        except RateLimitedError as error:
            raise ProblemError(problem(Problem.TOO_MANY, str(error), wait=error.wait)) from None

    def _is_protected(self, request: web.Request) -> bool:
        """Whether nobody could read the request on its way to the machine, or to the proxy before it."""
        protocols = ",".join(request.headers.getall("X-Forwarded-Proto", []))
        if self.is_proxy(request) and protocols:
            return all(one.strip().lower() == "https" for one in protocols.split(","))
        # What a proxy on this machine hands on came from elsewhere.
        return _is_loopback(request.remote) and not any(name in request.headers for name in _OF_PROXIES)


def _unknown(detail: str) -> ProblemError:
    answer = problem(Problem.WRONG_TOKEN, detail)
    answer.headers.update(_CHALLENGE)
    return ProblemError(answer)


def _is_loopback(remote: str | None) -> bool:
    try:
        address = ip_address((remote or "").partition("%")[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
