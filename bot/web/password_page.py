"""The private password page: one form, for one person, used once; nothing of it is kept, framed, cached or referred."""

import hmac
import ipaddress
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from importlib import resources
from string import Template
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import SecretStr

from bot.profiles.errors import InvalidFormError, MendableError, NotAllowedError, outage_sentence
from bot.profiles.limits import LimitedError
from bot.profiles.private_links import LinkGoneError, PasswordSet, PrivateLink, PrivateLinks
from storage.outages import DatabaseUnavailableError

log = logging.getLogger(__name__)

_ASSETS = {"password.css": "text/css", "password.js": "text/javascript"}
_COOKIE = "password-form"
_LONGEST_BODY = 16_384
_ODD = "There is nothing here. Go back to Slack and choose “Set the password privately” again."

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Each line keeps something out: foreign content, framing, caches, the address in a Referer, guesses at types.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class PasswordPage:
    """The page's routes."""

    def __init__(self, links: PrivateLinks, public_url: str, after: Callable[[PasswordSet], None]) -> None:
        """Serve `links` at `public_url`; `after` is called with each password that was set."""
        self._links = links
        self._https = urlsplit(public_url).scheme == "https"
        self._after = after

    def add_routes(self, application: web.Application) -> None:
        """Serve the page and its two files."""
        application.router.add_get("/password/{user}/{token}", self.show)
        application.router.add_post("/password/{user}/{token}", self.take)
        application.router.add_get("/private/{file}", self.asset)

    @web.middleware
    async def guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer every request for the page with its headers, whatever is wrong with it."""
        if not request.path.startswith(("/password/", "/private/")):
            return await handler(request)
        try:
            return await handler(request)
        except web.HTTPException as error:
            return self._page("Not found" if error.status == 404 else "Not possible", _told(_ODD), error.status)
        except DatabaseUnavailableError as error:
            return self._page("Not now", _told(outage_sentence(error)), 503)
        except Exception:
            reference = secrets.token_hex(4).upper()
            log.exception("The private page failed (reference %s).", reference)
            told = f"Something went wrong (reference {reference}). Try again; if it stays, tell whoever runs the bot."
            return self._page("Not now", _told(told), 500)

    async def show(self, request: web.Request) -> web.Response:
        """Show the form. Looking at it, as programs do that preview links, uses nothing up."""
        user, token = _named(request)
        try:
            link = await self._links.look(user=user, token=token, from_where=_network(request))
        except MendableError as error:
            return self._refused(error)
        return self._form(request, link)

    async def take(self, request: web.Request) -> web.Response:
        """Take the password, once."""
        user, token = _named(request)
        where = _network(request)
        typed = await _typed(request)
        if typed is None:
            return self._page("Not from this page", _told("Open the link again, and type the password there."), 403)
        try:
            done = await self._links.set_password(user=user, token=token, password=SecretStr(typed), from_where=where)
        except InvalidFormError as error:
            return await self._form_again(request, str(error))
        except MendableError as error:
            return self._refused(error)
        self._after(done)
        sentence = f"It is sealed, and goes to {done.link.host} only. You can close this page and go back to Slack."
        return self._page("Your password is set", _told(sentence), 200)

    async def _form_again(self, request: web.Request, sentence: str) -> web.Response:
        user, token = _named(request)
        try:
            link = await self._links.look(user=user, token=token, from_where=_network(request))
        except MendableError as error:
            return self._refused(error)
        return self._form(request, link, sentence, status=422)

    async def asset(self, request: web.Request) -> web.Response:
        """Serve the page's style and script."""
        name = request.match_info["file"]
        if name not in _ASSETS:
            raise web.HTTPNotFound
        return web.Response(text=_file(name), content_type=_ASSETS[name], headers=self._headers())

    def _refused(self, error: MendableError) -> web.Response:
        if isinstance(error, LimitedError):
            answer = self._page("Too many tries", _told(str(error)), 429)
            answer.headers["Retry-After"] = str(int(error.wait) + 1)
            return answer
        if isinstance(error, NotAllowedError):
            return self._page("Not possible", _told(str(error)), 403)
        status = 404 if isinstance(error, LinkGoneError) else 409
        title = "This link does not work" if status == 404 else "Not yet"
        return self._page(title, _told(str(error)), status)

    def _form(self, request: web.Request, link: PrivateLink, error: str = "", *, status: int = 200) -> web.Response:
        known = request.cookies.get(_COOKIE, "")
        mark = known if len(known) == 32 and known.isalnum() else secrets.token_hex(16)
        told = f'<p class="error" id="error" role="alert">{escape(error)}</p>' if error else ""
        form = Template(_file("password.html")).substitute(
            address=escape(link.address or "your email profile"),
            host=escape(link.host),
            mark=mark,
            error=told,
            described="error hint" if error else "hint",
            invalid="true" if error else "false",
        )
        answer = self._page("Set the password", form, status)
        answer.set_cookie(
            _COOKIE, mark, max_age=1200, path="/password", httponly=True, samesite="Strict", secure=self._https
        )
        return answer

    def _page(self, title: str, body: str, status: int) -> web.Response:
        text = Template(_file("page.html")).substitute(title=escape(title), body=body)
        return web.Response(text=text, content_type="text/html", status=status, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        extra = {"Strict-Transport-Security": "max-age=31536000"} if self._https else {}
        return {**HEADERS, **extra}


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


def _network(request: web.Request) -> str:
    """Tell where a request comes from: the peer, or what a proxy of one's own says of it."""
    peer = request.remote or ""
    try:
        near = ipaddress.ip_address(peer).is_private
    except ValueError:
        near = True
    # The proxy nearest to us wrote the last one; what stands before it anybody may have written.
    lines = request.headers.getall("X-Forwarded-For", [])
    forwarded = lines[-1].rpartition(",")[2].strip() if lines else ""
    return forwarded[:64] if near and forwarded else peer


def _told(sentence: str) -> str:
    return f"<p>{escape(sentence)}</p>"


def _file(name: str) -> str:
    return resources.files("bot.web").joinpath(name).read_text(encoding="utf-8")
