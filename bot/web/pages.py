"""The frame of the bot's own web pages: nothing from elsewhere, nothing cached, errors answered with a page."""

import logging
import secrets
from collections.abc import Mapping
from html import escape
from importlib import resources
from string import Template

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.observability.server_log import place_of
from bot.profiles.connection_tests.limits import RateLimitedError
from bot.profiles.errors import outage_sentence
from bot.web.network_address import ADDRESSES
from storage.engines.transactions import DatabaseUnavailableError

log = logging.getLogger(__name__)

_ASSETS = {"password.css": "text/css", "password.js": "text/javascript"}

# Against foreign content, framing, caches, the address in a Referer, and guesses at types.
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
    """Makes pages, and serves the style sheet and the script that they share."""

    def __init__(self, *, https: bool) -> None:
        """`https` is whether browsers reach the bot by HTTPS, and shall come by it alone."""
        self.https = https
        hsts = {"Strict-Transport-Security": "max-age=31536000"} if https else {}
        self.headers = {**HEADERS, **hsts}

    def add_routes(self, application: web.Application) -> None:
        """Add the routes of what all pages share."""
        assets = self.sub_application("There is nothing here.")
        assets.router.add_get("/{file}", self.serve_asset)
        application.add_subapp("/private/", assets)

    def sub_application(self, not_found: str) -> web.Application:
        """Return an application for pages under one prefix, which answers every error with a page."""
        return web.Application(middlewares=[self._error_middleware(not_found)])

    async def serve_asset(self, request: web.Request) -> web.Response:
        """Return the style sheet or the script."""
        name = request.match_info["file"]
        if name not in _ASSETS:
            raise web.HTTPNotFound
        return web.Response(text=read_asset(name), content_type=_ASSETS[name], headers=self.headers)

    def html(self, title: str, body: str) -> str:
        """Return a page; `body` is HTML, `title` a text."""
        return Template(read_asset("page.html")).substitute(title=escape(title), body=body)

    def response(self, title: str, body: str, status: int) -> web.Response:
        """Return a response with a page."""
        return web.Response(text=self.html(title, body), content_type="text/html", status=status, headers=self.headers)

    def rate_limited(self, error: RateLimitedError) -> web.Response:
        """Return the response to what was done too often."""
        response = self.response("Too many tries", paragraph(str(error)), 429)
        response.headers["Retry-After"] = str(int(error.wait) + 1)
        return response

    def _error_middleware(self, not_found: str) -> Middleware:
        @web.middleware
        async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                return await handler(request)
            except web.HTTPException as error:
                title = "Not found" if error.status == 404 else "Not possible"
                return self.response(title, paragraph(not_found), error.status)
            except (ConnectionError, web.RequestPayloadError):
                # Who asked has gone, was too slow, or sent what is no body: nothing failed here.
                raise
            except DatabaseUnavailableError as error:
                return self.response("Not now", paragraph(outage_sentence(error)), 503)
            except Exception as error:  # noqa: BLE001 - whatever failed, the person is told
                reference = secrets.token_hex(4).upper()
                # Neither the error's text nor a traceback: what failed may be the address of a private link.
                log.error("A page failed (%s, reference %s).", place_of(error), reference)  # noqa: TRY400
                again = "Try again; if it stays, tell whoever runs the bot."
                sentence = f"Something went wrong (reference {reference}). {again}"
                return self.response("Not now", paragraph(sentence), 500)

        return answer_errors


def read_asset(name: str) -> str:
    """Read a file of this folder."""
    return resources.files("bot.web").joinpath(name).read_text(encoding="utf-8")


def paragraph(sentence: str) -> str:
    """Return a sentence as an HTML paragraph."""
    return f"<p>{escape(sentence)}</p>"


def client_address(request: web.Request) -> str:
    """Return how limits by network address count whoever sent a request."""
    return request.config_dict[ADDRESSES].of(request)
