"""Of a refused sign-in, for which programs wait, an owner is told once until a sign-in is accepted again."""

from bot.profiles.account.records import Loaded
from bot.profiles.connection_tests.limits import DAY, Limit, limit_key
from storage.database import Transaction

_TOLD = Limit("refused sign-ins told", 1, 30 * DAY, "")


async def is_first_to_tell(tx: Transaction, loaded: Loaded) -> bool:
    """Note that the owner of a profile, as it is stored now, is told; returns whether that was not done before."""
    window = await tx.limits.take(_key(loaded), most=_TOLD.max_uses, seconds=_TOLD.window_seconds)
    return window.taken


async def forget_telling(tx: Transaction, loaded: Loaded) -> None:
    """Let the next refusal be told: a sign-in was accepted."""
    window = await tx.limits.look(_key(loaded), most=_TOLD.max_uses)
    if window is not None:
        await tx.limits.give_back(_key(loaded), ends_at=window.ends_at)


def _key(loaded: Loaded) -> str:
    owner = loaded.owner
    return limit_key(_TOLD, owner.workspace, owner.user, loaded.record_id, str(loaded.revision))
