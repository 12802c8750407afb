"""What a person does who has a keyboard alone."""

from playwright.async_api import Locator, Page, expect

_FURTHEST = 120
"""Presses of Tab after which a control counts as out of reach."""


class Keyboard:
    """The keys of one page; `typed` are the values that were typed into forms."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.typed: list[str] = []

    async def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            await self._page.keyboard.press(key)

    async def reach(self, target: Locator, *, by: str = "Tab") -> None:
        """Press a key until a control has the focus, and see that it is in sight then."""
        await target.wait_for()
        for _ in range(_FURTHEST):
            if await target.evaluate("node => node === document.activeElement"):
                await expect(target).to_be_in_viewport()
                return
            await self._page.keyboard.press(by)
        raise AssertionError(f"{target} cannot be reached by {by}")

    async def use(self, target: Locator) -> None:
        """Reach a button and press it."""
        await self.reach(target)
        await self._page.keyboard.press("Enter")

    async def enter(self, target: Locator, value: str) -> None:
        """Reach an input and type into it."""
        await self.reach(target)
        await self._page.keyboard.press("ControlOrMeta+a")
        await self._page.keyboard.type(value)
        self.typed.append(value)

    async def say(self, line: str) -> None:
        """Type a line into the composer."""
        await self.reach(self._page.get_by_label("Message", exact=True))
        await self._page.keyboard.type(line)
        await self._page.keyboard.press("Enter")

    async def choose(self, target: Locator) -> None:
        """Reach a tab or radio button by Tab and arrows, which chooses it."""
        row = target.locator("xpath=..")
        await self.reach(row.locator("[tabindex='0']"))
        await self.reach(target, by="ArrowRight")
