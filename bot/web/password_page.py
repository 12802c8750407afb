"""The private password page: one form, for one person, used once; nothing of it is kept, framed, cached or referred."""

import hmac
import secrets
from collections.abc import Callable
from html import escape
from string import Template

from aiohttp import web
from pydantic import SecretStr

from bot.profiles.account.private_links import LinkGoneError, PasswordSet, PrivateLink, PrivateLinks
from bot.profiles.errors import InvalidFormError, NotAllowedError, UserError
from bot.profiles.tests.limits import RateLimitedError
from bot.web.pages import Pages, client_address, paragraph, read_asset

_COOKIE = "password-form"
_LONGEST_BODY = 16_384
_ODD = "There is nothing here. Go back to Slack and choose “Set the password privately” again."


class PasswordPage:
    """The page's routes."""

    def __init__(self, links: PrivateLinks, pages: Pages, after: Callable[[PasswordSet], None]) -> None:
        """Serve `links`; `after` is called with each password that was set."""
        self._links = links
        self._pages = pages
        self._after = after

    def add_routes(self, application: web.Application) -> None:
        """Serve the page."""
        application.middlewares.append(self._pages.error_middleware(("/password/", "/private/"), _ODD))
        application.router.add_get("/password/{user}/{token}", self.show)
        application.router.add_post("/password/{user}/{token}", self.submit)

    async def show(self, request: web.Request) -> web.Response:
        """Show the form. Looking at it, as programs do that preview links, uses nothing up."""
        user, token = _named(request)
        try:
            link = await self._links.find_link(user=user, token=token, network_address=client_address(request))
        except UserError as error:
            return self._refused(error)
        return self._form(request, link)

    async def submit(self, request: web.Request) -> web.Response:
        """Take the password, once."""
        user, token = _named(request)
        where = client_address(request)
        typed = await _typed(request)
        if typed is None:
            return self._pages.response(
                "Not from this page", paragraph("Open the link again, and type the password there."), 403
            )
        try:
            done = await self._links.set_password(
                user=user, token=token, password=SecretStr(typed), network_address=where
            )
        except InvalidFormError as error:
            return await self._form_again(request, str(error))
        except UserError as error:
            return self._refused(error)
        self._after(done)
        sentence = f"It is sealed, and goes to {done.link.host} only. You can close this page and go back to Slack."
        return self._pages.response("Your password is set", paragraph(sentence), 200)

    async def _form_again(self, request: web.Request, sentence: str) -> web.Response:
        user, token = _named(request)
        try:
            link = await self._links.find_link(user=user, token=token, network_address=client_address(request))
        except UserError as error:
            return self._refused(error)
        return self._form(request, link, sentence, status=422)

    def _refused(self, error: UserError) -> web.Response:
        if isinstance(error, RateLimitedError):
            return self._pages.rate_limited(error)
        if isinstance(error, NotAllowedError):
            return self._pages.response("Not possible", paragraph(str(error)), 403)
        status = 404 if isinstance(error, LinkGoneError) else 409
        title = "This link does not work" if status == 404 else "Not yet"
        return self._pages.response(title, paragraph(str(error)), status)

    def _form(self, request: web.Request, link: PrivateLink, error: str = "", *, status: int = 200) -> web.Response:
        known = request.cookies.get(_COOKIE, "")
        mark = known if len(known) == 32 and known.isalnum() else secrets.token_hex(16)
        told = f'<p class="error" id="error" role="alert">{escape(error)}</p>' if error else ""
        form = Template(read_asset("password.html")).substitute(
            address=escape(link.address or "your email profile"),
            host=escape(link.host),
            mark=mark,
            error=told,
            described="error hint" if error else "hint",
            invalid="true" if error else "false",
        )
        answer = self._pages.response("Set the password", form, status)
        answer.set_cookie(
            _COOKIE, mark, max_age=1200, path="/password", httponly=True, samesite="Strict", secure=self._pages.https
        )
        return answer


def _named(request: web.Request) -> tuple[str, str]:
    return request.match_info["user"], request.match_info["token"]


async def _typed(request: web.Request) -> str | None:
    """Read what was typed, exactly as typed; None when the form did not come from this page in this browser."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return None
    if (request.content_length or 0) > _LONGEST_BODY:
        return None
    try:
        form = await request.post()
    except (LookupError, ValueError):
        # A body in no known encoding, or in parts without a boundary: no browser sends it.
        return None
    mark, password = form.get("mark"), form.get("password")
    cookie = request.cookies.get(_COOKIE, "")
    if not (isinstance(mark, str) and isinstance(password, str) and cookie):
        return None
    same = hmac.compare_digest(mark.encode("utf-8", "surrogateescape"), cookie.encode("utf-8", "surrogateescape"))
    return password if same else None
