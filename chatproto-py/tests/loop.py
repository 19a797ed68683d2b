"""What the tests of `chatproto.asyncio` share."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from chatproto import (
    Realm,
    User,
)

PATIENCE = 30.0
ANY = ("127.0.0.1", 0)
MESSI = User("messi", "surabaya", "Lionel Messi")
HENDERSON = User("henderson", "surabaya", "Jordan Henderson")


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE):
            await main()

    asyncio.run(bounded())


def realm1(**more: Any) -> Realm:
    return Realm("realm1", [MESSI, HENDERSON], **{"passwords": "plain", **more})


async def eventually(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.01)
