"""Serves a stand-in workspace on the loopback: Web API, response_urls, socket, and the page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bot.demo.mail import LOOPBACK, DemoMail
from bot.demo.page import Page
from bot.demo.stand_in.sign_in_page import SignInPage
from bot.demo.stand_in.web_api import WebApi
from bot.demo.stand_in.workspace import Workspace


@asynccontextmanager
async def serving_workspace(workspace: Workspace, mail: DemoMail, *, port: int = 0) -> AsyncIterator[None]:
    """Serve until the block ends; the workspace then knows its own `base_url`."""
    application = web.Application(client_max_size=2**20)
    page = Page(workspace, mail)
    WebApi(workspace).add_routes(application)
    SignInPage(workspace).add_routes(application)
    page.add_routes(application)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, str(LOOPBACK), port).start()
        workspace.base_url = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
        await workspace.delivery.open()
        yield
    finally:
        await page.close_streams()
        await workspace.delivery.close()
        await runner.cleanup()
