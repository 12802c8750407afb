"""The private page: a form for one person, used once. It takes a password, or adds a program and shows its token."""

import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from string import Template

from aiohttp import web
from pydantic import SecretStr

from bot.profiles.account.private_links import (
    LinkAddress,
    LinkGoneError,
    LinkSubject,
    PasswordSet,
    PrivateLink,
    PrivateLinks,
    SignInNeededError,
)
from bot.profiles.connection_tests.limits import RateLimitedError
from bot.profiles.errors import InvalidFormError, NotAllowedError, UserError
from bot.web.pages import Pages, client_address, paragraph, read_asset
from bot.web.program_values import ProgramValues, program_form
from bot.web.sign_in import RANDOM_PART, USER_ID, SignInPages

_COOKIE = "password-form"
_PASSWORD, _PROGRAM = "password", "program"
"""What the two forms send."""
_MAX_BODY_BYTES = 16_384
_NOT_FOUND = "There is nothing here. Go back to Slack and choose “Set the password privately” again."

_LINK = f"/{{user:{USER_ID}}}/{{token:{RANDOM_PART}}}"
_FORM = "application/x-www-form-urlencoded"
"""What a browser sends for this page; a form in parts could open hundreds of files."""

_PICTURE = re.compile(r"(https?://[a-z0-9.-]+(?::\d+)?/[\w./~@%+-]*)(?:\?[\w./~@%+=&-]*)?", re.ASCII | re.IGNORECASE)
"""The address of a picture, up to its query: what a Content-Security-Policy can name (CSP 3, 2.3.1)."""


@dataclass(frozen=True)
class PasswordPage:
    """Serves the page; `sign_in` is None where nobody has to sign in first, `programs` where they are switched off."""

    links: PrivateLinks
    pages: Pages
    on_password_set: Callable[[PasswordSet], None]
    sign_in: SignInPages | None = None
    programs: ProgramValues | None = None

    def add_routes(self, application: web.Application) -> None:
        """Add the page's routes."""
        pages = self.pages.sub_application(_NOT_FOUND)
        pages.router.add_get(_LINK, self.show)
        pages.router.add_post(_LINK, self.submit)
        application.add_subapp("/password/", pages)
        if self.sign_in is not None:
            self.sign_in.add_routes(application)

    async def show(self, request: web.Request) -> web.Response:
        """Return the form. A GET, as programs send that preview links, does not use the link up."""
        address = self._address_of(request)
        try:
            return await self._form(request, await self.links.find_link(address))
        except SignInNeededError as error:
            return self._sign_in_first(address, error, status=200)
        except UserError as error:
            return self._refused(error)

    async def submit(self, request: web.Request) -> web.Response:
        """Store the password, or add the program, once."""
        typed = await _typed(request)
        if typed is None:
            sentence = "Open the link again, and type the password there."
            return self.pages.response("Not from this page", paragraph(sentence), 403)
        address = self._address_of(request)
        try:
            if _PASSWORD not in typed:
                return await self._program_added(address)
            try:
                done = await self.links.set_password(address, SecretStr(typed[_PASSWORD]))
            except InvalidFormError as error:
                return await self._form(request, await self.links.find_link(address), str(error), status=422)
        except SignInNeededError as error:
            return self._sign_in_first(address, error, status=403)
        except UserError as error:
            return self._refused(error)
        self.on_password_set(done)
        sentence = f"It is sealed, and goes to {done.link.host} only. You can close this page and go back to Slack."
        body = "".join(map(paragraph, (sentence, *done.notes)))
        return self.pages.response("Your password is set", body, 200)

    async def _program_added(self, address: LinkAddress) -> web.Response:
        if self.programs is None:
            raise LinkGoneError
        title, body = await self.programs.added(await self.links.use_program_link(address))
        return self.pages.response(title, body, 200)

    def _address_of(self, request: web.Request) -> LinkAddress:
        user, token = request.match_info["user"], request.match_info["token"]
        browser = self.sign_in.browser_of(request, user, token) if self.sign_in else ""
        return LinkAddress(user=user, token=token, network=client_address(request), browser=browser)

    def _sign_in_first(self, address: LinkAddress, error: SignInNeededError, *, status: int) -> web.Response:
        if self.sign_in is None:
            return self._refused(error)
        return self.sign_in.begin(address, error.workspace, status=status)

    def _refused(self, error: UserError) -> web.Response:
        if isinstance(error, RateLimitedError):
            return self.pages.rate_limited(error)
        if isinstance(error, NotAllowedError):
            return self.pages.response("Not possible", paragraph(str(error)), 403)
        if isinstance(error, LinkGoneError):
            return self.pages.response("This link does not work", paragraph(str(error)), 404)
        return self.pages.response("Not yet", paragraph(str(error)), 409)

    async def _form(
        self, request: web.Request, link: PrivateLink, error: str = "", *, status: int = 200
    ) -> web.Response:
        return self._drawn(request, link, await self.links.subject_of(link), error, status)

    def _drawn(
        self, request: web.Request, link: PrivateLink, subject: LinkSubject, error: str, status: int
    ) -> web.Response:
        cookie = request.cookies.get(_COOKIE, "")
        mark = cookie if len(cookie) == 32 and cookie.isalnum() else secrets.token_hex(16)
        picture = self._picture(subject)
        whose = {
            "picture": f'<img src="{escape(subject.picture)}" alt="" width="48" height="48">' if picture else "",
            "name": escape(subject.name),
            "workspace": escape(subject.workspace),
            "address": escape(link.address or "your email profile"),
            "mark": mark,
        }
        title, form = _asked(link, subject, error, whose)
        response = self.pages.response(title, form, status)
        if picture:
            # This one picture may come from elsewhere: Slack shows it from there, too. It learns of no link.
            response.headers["Content-Security-Policy"] += f"; img-src {picture}"
        response.set_cookie(
            _COOKIE, mark, max_age=1200, path="/password", httponly=True, samesite="Strict", secure=self.pages.https
        )
        return response

    def _picture(self, subject: LinkSubject) -> str:
        """Return the address of a picture as a policy can name it; empty where there is none that may be shown."""
        found = _PICTURE.fullmatch(subject.picture)
        safe = found is not None and (found[1].lower().startswith("https:") or not self.pages.https)
        return found[1] if found is not None and safe else ""


def _asked(link: PrivateLink, subject: LinkSubject, error: str, whose: Mapping[str, str]) -> tuple[str, str]:
    """Return title and form, as HTML: for the password, or for the program that the link adds."""
    if link.program is not None:
        return "Add a program", program_form(link.program, whose)
    form = Template(read_asset("password.html")).substitute(
        whose,
        host=escape(link.host),
        port=str(link.port or "not given yet"),
        pinned=_pinned(link, subject),
        error=f'<p class="error" id="error" role="alert">{escape(error)}</p>' if error else "",
        described="error hint" if error else "hint",
        invalid="true" if error else "false",
    )
    return "Set the password", form


def _pinned(link: PrivateLink, subject: LinkSubject) -> str:
    """Return who pinned the certificate that is trusted, as HTML; empty where none is pinned."""
    if link.pinned_by is None:
        return ""
    trusted = "only a server that shows the pinned key is trusted (PIN)"
    if link.pinned_by == link.owner.user:
        return paragraph(f"You pinned its certificate: {trusted}.")
    who = f"{subject.pinned_by} pinned its certificate" if subject.pinned_by else "Somebody pinned its certificate"
    return paragraph(f"{who}: {trusted}. If you do not know why, ask before you type your password.")


async def _typed(request: web.Request) -> dict[str, str] | None:
    """Return the form exactly as typed; None when it did not come from this page in this browser."""
    cookie = request.cookies.get(_COOKIE, "")
    if not cookie or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return None
    if request.content_type != _FORM or (request.content_length or 0) > _MAX_BODY_BYTES:
        return None
    try:
        form = await request.post()
    except (LookupError, ValueError):
        # A body in no known encoding: no browser sends it.
        return None
    typed = {name: value for name, value in form.items() if isinstance(value, str)}
    mark = typed.get("mark")
    if mark is None or not (_PASSWORD in typed or _PROGRAM in typed):
        return None
    matches = hmac.compare_digest(mark.encode("utf-8", "surrogateescape"), cookie.encode("utf-8", "surrogateescape"))
    return typed if matches else None
