"""The frame of the bot's own web pages: plain, without anything from elsewhere, and nothing of them kept."""

import ipaddress
import logging
import secrets
from collections.abc import Mapping
from html import escape
from importlib import resources
from string import Template

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.profiles.errors import outage_sentence
from bot.profiles.tests.limits import RateLimitedError
from storage.engines.unavailable import DatabaseUnavailableError

log = logging.getLogger(__name__)

_ASSETS = {"password.css": "text/css", "password.js": "text/javascript"}

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


class Pages:
    """Makes pages, and serves the style and the script that they share."""

    def __init__(self, *, https: bool) -> None:
        """With `https`, tell browsers to come that way alone."""
        self.https = https

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every page."""
        extra = {"Strict-Transport-Security": "max-age=31536000"} if self.https else {}
        return {**HEADERS, **extra}

    def add_routes(self, application: web.Application) -> None:
        """Serve what all pages share."""
        application.router.add_get("/private/{file}", self.serve_asset)

    async def serve_asset(self, request: web.Request) -> web.Response:
        """Serve style and script."""
        name = request.match_info["file"]
        if name not in _ASSETS:
            raise web.HTTPNotFound
        return web.Response(text=read_asset(name), content_type=_ASSETS[name], headers=self.headers)

    def html(self, title: str, body: str) -> str:
        """Write a page; `body` is HTML, `title` a text."""
        return Template(read_asset("page.html")).substitute(title=escape(title), body=body)

    def response(self, title: str, body: str, status: int) -> web.Response:
        """Answer with a page."""
        return web.Response(text=self.html(title, body), content_type="text/html", status=status, headers=self.headers)

    def rate_limited(self, error: RateLimitedError) -> web.Response:
        """Answer that something was done too often."""
        answer = self.response("Too many tries", paragraph(str(error)), 429)
        answer.headers["Retry-After"] = str(int(error.wait) + 1)
        return answer

    def error_middleware(self, paths: tuple[str, ...], nothing_here: str) -> Middleware:
        """Make the middleware that answers what begins with `paths` with a page, whatever is wrong with it."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not request.path.startswith(paths):
                return await handler(request)
            try:
                return await handler(request)
            except web.HTTPException as error:
                title = "Not found" if error.status == 404 else "Not possible"
                return self.response(title, paragraph(nothing_here), error.status)
            except DatabaseUnavailableError as error:
                return self.response("Not now", paragraph(outage_sentence(error)), 503)
            except Exception:
                reference = secrets.token_hex(4).upper()
                log.exception("A page failed (reference %s).", reference)
                again = "Try again; if it stays, tell whoever runs the bot."
                return self.response(
                    "Not now", paragraph(f"Something went wrong (reference {reference}). {again}"), 500
                )

        return guard


def read_asset(name: str) -> str:
    """Read a file of the pages."""
    return resources.files("bot.web").joinpath(name).read_text(encoding="utf-8")


def paragraph(sentence: str) -> str:
    """Write a sentence as a paragraph."""
    return f"<p>{escape(sentence)}</p>"


def client_address(request: web.Request) -> str:
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
