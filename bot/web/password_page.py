"""The private password page: a form for one person, used once."""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from string import Template

from aiohttp import web
from pydantic import SecretStr

from bot.profiles.account.private_links import LinkGoneError, PasswordSet, PrivateLink, PrivateLinks
from bot.profiles.connection_tests.limits import RateLimitedError
from bot.profiles.errors import InvalidFormError, NotAllowedError, UserError
from bot.web.pages import Pages, client_address, paragraph, read_asset

_COOKIE = "password-form"
_MAX_BODY_BYTES = 16_384
_NOT_FOUND = "There is nothing here. Go back to Slack and choose “Set the password privately” again."


@dataclass(frozen=True)
class PasswordPage:
    """Serves the page."""

    links: PrivateLinks
    pages: Pages
    on_password_set: Callable[[PasswordSet], None]

    def add_routes(self, application: web.Application) -> None:
        """Add the page's routes."""
        pages = self.pages.sub_application(_NOT_FOUND)
        pages.router.add_get("/{user}/{token}", self.show)
        pages.router.add_post("/{user}/{token}", self.submit)
        application.add_subapp("/password/", pages)

    async def show(self, request: web.Request) -> web.Response:
        """Return the form. A GET, as programs send that preview links, does not use the link up."""
        try:
            return self._form(request, await self.links.find_link(**_link_of(request)))
        except UserError as error:
            return self._refused(error)

    async def submit(self, request: web.Request) -> web.Response:
        """Store the password, once."""
        typed = await _typed_password(request)
        if typed is None:
            sentence = "Open the link again, and type the password there."
            return self.pages.response("Not from this page", paragraph(sentence), 403)
        try:
            try:
                done = await self.links.set_password(**_link_of(request), password=SecretStr(typed))
            except InvalidFormError as error:
                link = await self.links.find_link(**_link_of(request))
                return self._form(request, link, str(error), status=422)
        except UserError as error:
            return self._refused(error)
        self.on_password_set(done)
        sentence = f"It is sealed, and goes to {done.link.host} only. You can close this page and go back to Slack."
        body = "".join(map(paragraph, (sentence, *done.notes)))
        return self.pages.response("Your password is set", body, 200)

    def _refused(self, error: UserError) -> web.Response:
        if isinstance(error, RateLimitedError):
            return self.pages.rate_limited(error)
        if isinstance(error, NotAllowedError):
            return self.pages.response("Not possible", paragraph(str(error)), 403)
        if isinstance(error, LinkGoneError):
            return self.pages.response("This link does not work", paragraph(str(error)), 404)
        return self.pages.response("Not yet", paragraph(str(error)), 409)

    def _form(self, request: web.Request, link: PrivateLink, error: str = "", *, status: int = 200) -> web.Response:
        cookie = request.cookies.get(_COOKIE, "")
        mark = cookie if len(cookie) == 32 and cookie.isalnum() else secrets.token_hex(16)
        form = Template(read_asset("password.html")).substitute(
            address=escape(link.address or "your email profile"),
            host=escape(link.host),
            mark=mark,
            error=f'<p class="error" id="error" role="alert">{escape(error)}</p>' if error else "",
            described="error hint" if error else "hint",
            invalid="true" if error else "false",
        )
        response = self.pages.response("Set the password", form, status)
        response.set_cookie(
            _COOKIE, mark, max_age=1200, path="/password", httponly=True, samesite="Strict", secure=self.pages.https
        )
        return response


def _link_of(request: web.Request) -> dict[str, str]:
    user, token = request.match_info["user"], request.match_info["token"]
    return {"user": user, "token": token, "network_address": client_address(request)}


async def _typed_password(request: web.Request) -> str | None:
    """Return the password exactly as typed; None when the form did not come from this page in this browser."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return None
    if (request.content_length or 0) > _MAX_BODY_BYTES:
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
    matches = hmac.compare_digest(mark.encode("utf-8", "surrogateescape"), cookie.encode("utf-8", "surrogateescape"))
    return password if matches else None
