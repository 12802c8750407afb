"""How often may be done what is limited, as `docs/security.md` promises it."""

import pytest

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
    ],
)
def test_what_is_limited_may_be_done_as_often_as_promised(
    limits: tuple[Limit, ...], most: list[tuple[int, int]]
) -> None:
    assert [(limit.max_uses, limit.window_seconds) for limit in limits] == most
