"""A line in the log about what may happen thousands of times a second: written now and then, with how often it was."""

import logging
import time
from collections.abc import Mapping

INTERVAL_SECONDS = 10.0
"""The least time between two lines of one kind."""


class CountedLine:
    """Logs how often something happened since the last such line; the first time at once.

    `text` holds one `%d` for the number, before whatever `count` is given; `fields` are those of JSON lines.
    """

    def __init__(
        self,
        logger: logging.Logger,
        text: str,
        *,
        level: int = logging.WARNING,
        fields: Mapping[str, object] | None = None,
    ) -> None:
        self._logger = logger
        self._text = text
        self._level = level
        self._fields = fields
        self._times = 0
        self._logged_at = float("-inf")

    def count(self, *also: object) -> None:
        """Count once more."""
        self._times += 1
        now = time.monotonic()
        if now - self._logged_at >= INTERVAL_SECONDS:
            self._logger.log(self._level, self._text, self._times, *also, extra=self._fields)
            self._times, self._logged_at = 0, now
