"""How often may be done what is limited, and how long things take, as `docs/security.md` promises it."""

import pytest

from bot.discovery.discovery import KEPT_SECONDS, SEARCH_SECONDS
from bot.health import LOOK_SECONDS
from bot.http_server import BODY_SECONDS, HALF_SENT, HEAD_SECONDS
from bot.observability.log_pace import INTERVAL_SECONDS
from bot.profiles.connection_tests.limits import (
    CODES_OF_A_PERSON,
    CODES_TO_AN_ADDRESS,
    DAY,
    FAILED_SIGN_INS,
    FAILED_SIGN_INS_EVERYWHERE,
    FAILED_SIGN_INS_IN_BULK,
    FAILED_SIGN_INS_OF_A_PERSON,
    LINK_ATTEMPTS,
    LOGINS_OF_A_PERSON,
    MESSAGES_OF_A_PERSON,
    MINUTE,
    SEARCHES_OF_A_PERSON,
    WRONG_CODES,
    Limit,
)


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        (FAILED_SIGN_INS, [(3, 15 * MINUTE), (10, DAY)]),
        (FAILED_SIGN_INS_IN_BULK, [(2, 15 * MINUTE), (4, DAY)]),
        ((FAILED_SIGN_INS_EVERYWHERE,), [(30, DAY)]),
        ((FAILED_SIGN_INS_OF_A_PERSON,), [(10, DAY)]),
        ((LOGINS_OF_A_PERSON,), [(20, DAY)]),
        (LINK_ATTEMPTS, [(50, 10 * MINUTE)]),
        (MESSAGES_OF_A_PERSON, [(3, DAY)]),
        (CODES_OF_A_PERSON, [(3, DAY)]),
        (CODES_TO_AN_ADDRESS, [(1, DAY)]),
        (WRONG_CODES, [(5, DAY)]),
        (SEARCHES_OF_A_PERSON, [(20, 60 * MINUTE)]),
    ],
)
def test_what_is_limited_may_be_done_as_often_as_promised(
    limits: tuple[Limit, ...], most: list[tuple[int, int]]
) -> None:
    assert [(limit.max_uses, limit.window_seconds) for limit in limits] == most


def test_times_and_bounds_are_those_that_are_promised() -> None:
    # As they were imported: tests that go through them set others.
    assert (HEAD_SECONDS, BODY_SECONDS) == (10, 10)
    assert HALF_SENT == 64
    assert INTERVAL_SECONDS == 10
    assert LOOK_SECONDS == 3
    assert SEARCH_SECONDS == 3
    assert KEPT_SECONDS == 5 * MINUTE
