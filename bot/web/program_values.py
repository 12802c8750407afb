"""The part of the private page that adds a program, and shows what is typed into it, its token among that, once."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from string import Template

from bot.profiles.account.private_links import LinkGoneError, PrivateLink
from bot.profiles.tokens.program import MaySendTo
from bot.profiles.tokens.program_form import ProgramForm
from bot.profiles.tokens.program_tokens import ProgramTokens
from bot.programs.program_settings import SHOWN_ONCE, Endpoints, typed_values, what_to_type
from bot.web.pages import paragraph, read_asset


@dataclass(frozen=True, kw_only=True)
class ProgramValues:
    """Adds programs, and shows what is typed into them; `endpoints` is how programs reach the bot."""

    tokens: ProgramTokens
    endpoints: Endpoints

    async def added(self, link: PrivateLink) -> tuple[str, str]:
        """Add the program of a link that was just used up; return title and body, as HTML, with its token.

        Raises:
            UserError: as `ProgramTokens.add`.
        """
        if link.program is None:
            raise LinkGoneError
        program, token = await self.tokens.add(caller=link.owner, owner=link.owner, form=link.program)
        settings = self.endpoints.settings_for(link.address)
        values = typed_values(settings, token.secret().get_secret_value())
        rows = "".join(f"<dt>{escape(label)}</dt><dd><code>{escape(value)}</code></dd>" for label, value in values)
        later = (
            f"The password is {SHOWN_ONCE}. Settings for known programs are in Slack: /email-profile programs. You can "
            "close this page when you have typed everything."
        )
        return f"{program.name} is added", f"{paragraph(what_to_type(settings))}<dl>{rows}</dl>{paragraph(later)}"


def program_form(form: ProgramForm, whose: Mapping[str, str]) -> str:
    """Return, as HTML, the question whether a program is to be added; `whose` are the texts that say for whom."""
    to = "to your own domain alone" if form.may_send_to == MaySendTo.OWN_DOMAIN else "to anyone"
    ends = f"until {form.ends_on.strip()}" if form.ends_on.strip() else "until you remove it"
    may = f"{to}, {form.messages_a_day.strip()} messages a day, {ends}"
    return Template(read_asset("program.html")).substitute(
        whose, program=escape(" ".join(form.name.split())), may=escape(may)
    )
