"""Acknowledgements that are held on purpose, because the answer may be ready while Slack still waits."""

import time
from collections.abc import Callable, Mapping
from typing import Any

HOLD_SECONDS = 2.0
"""From a request's arrival until its acknowledgement at the latest: Slack waits for three, the way included."""


class HeldAck:
    """Whether a request's acknowledgement is held; each request has one in its context, as `held_ack`.

    It costs nothing while it waits, so it is neither a request under way nor slow.
    """

    def __init__(self, on_hold: Callable[[], None]) -> None:
        self.is_held = False
        self._on_hold = on_hold
        self._began = time.monotonic()

    def hold(self) -> float:
        """Hold the acknowledgement from now on; return for how many seconds it may be."""
        if not self.is_held:
            self.is_held = True
            self._on_hold()
        return max(0.0, self._began + HOLD_SECONDS - time.monotonic())


def is_held(context: Mapping[str, Any]) -> bool:
    """Whether the acknowledgement of the request with this context is held."""
    held = context.get("held_ack")
    return isinstance(held, HeldAck) and held.is_held
