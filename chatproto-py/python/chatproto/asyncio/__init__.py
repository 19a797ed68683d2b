"""A realm server and a client for programs with an asyncio loop, in pure Python on `chatproto.Realm`.

A server, with a link to another realm; Ctrl-C ends it in order:

    import asyncio
    from contextlib import suppress
    from chatproto import Peer, Realm, StaticKey, User
    from chatproto.asyncio import serve

    async def main() -> None:
        peer = Peer("realm2", public_key="…what StaticKey.public shows there…")
        key = StaticKey.load_or_make("realm1.key")
        users = [User("messi", "surabaya", "Lionel Messi")]
        realm = Realm("realm1", users, peers=[peer], key=key, store="realm1.db")
        addresses = {"realm2": ("127.0.0.1", 9899)}
        async with serve(realm, link=("127.0.0.1", 9889), peers=addresses) as server:
            await server.wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(main())

A bot, in a live group:

    import asyncio
    from contextlib import suppress
    from chatproto.asyncio import Client

    async def main() -> None:
        async with Client() as bot:
            await bot.auth("lineker", "surabaya")
            async with bot.group("bukber") as group:
                async for text in group:
                    if text.endswith(": ping"):
                        await group.say("pong")

    with suppress(KeyboardInterrupt):
        asyncio.run(main())
"""

from chatproto.asyncio.client import Client, CommandError
from chatproto.asyncio.group import Group
from chatproto.asyncio.server import Server, serve

__all__ = ["Client", "CommandError", "Group", "Server", "serve"]
