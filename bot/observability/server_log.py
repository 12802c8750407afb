"""What aiohttp's server says of requests, without what stood in them: that may be the address of a private link."""

import logging
import traceback
from typing import Any

from aiohttp.http_exceptions import HttpProcessingError

from bot.observability.log_pace import LogPace

log = logging.getLogger(__name__)


class ServerLog(logging.LoggerAdapter[logging.Logger]):
    """Stands in for aiohttp's logger, which writes down the line of a request that it cannot read, with a traceback."""

    def __init__(self) -> None:
        super().__init__(log)
        self._pace = LogPace()

    def log(self, level: int, msg: object, *_args: object, exc_info: Any = None, **_given: Any) -> None:
        """Log what kind of error it was, and where the program raised it; nothing of its text."""
        if level < logging.ERROR:
            return
        if isinstance(exc_info, HttpProcessingError):
            if times := self._pace.count():
                log.info("Refused: requests that are no HTTP, %d (the last one: %s).", times, type(exc_info).__name__)
        elif isinstance(exc_info, BaseException):
            log.error("A request could not be answered (%s).", place_of(exc_info))
        else:
            log.error("A request could not be answered: %s.", msg)


def place_of(error: BaseException) -> str:
    """Return the type of an error and the line of code that raised it, of which neither holds any value."""
    raised = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" in {one.name}, line {one.lineno} of {one.filename.rpartition('/')[2]}" for one in raised)
    return f"{type(error).__name__}{where}"
