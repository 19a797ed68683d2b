"""`chatproto.asyncio.serve`: realms that are linked, within one loop."""

import asyncio
import logging
import socket
from contextlib import AsyncExitStack, suppress

import pytest
from chatproto import (
    Event,
    LinkUp,
    Peer,
    Realm,
    StaticKey,
    User,
)
from chatproto.asyncio import Client, Server, serve
from loop import ANY, eventually, realm1, run


class Two:
    """Two realms that are linked, on free ports; only the second one knows where the first is."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self.events: list[Event] = []

    async def start(self) -> tuple[Server, Server]:
        keys = {name: StaticKey.generate() for name in ("realm1", "realm2")}
        limits = {"redial_ms_min": 50, "redial_ms_max": 200}
        first = serve(
            realm1(
                peers=[Peer("realm2", public_key=keys["realm2"].public, dial=False)],
                key=keys["realm1"],
                limits=limits,
                store=":memory:",
            ),
            ANY,
            link=ANY,
            on_event=self.events.append,
        )
        await self._stack.enter_async_context(first)
        assert first.link_address is not None
        second = serve(
            Realm(
                "realm2",
                [User("amsal", "jakarta", "Amsal Rizky")],
                peers=[Peer("realm1", public_key=keys["realm1"].public)],
                key=keys["realm2"],
                limits=limits,
                passwords="plain",
            ),
            ANY,
            peers={"realm1": first.link_address},
        )
        await self._stack.enter_async_context(second)
        await eventually(lambda: LinkUp("realm2") in self.events)
        return first, second


def test_linked_realms_carry_mail_and_groups() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            first, second = await Two(stack).start()
            messi = await stack.enter_async_context(Client(*first.client_address))
            amsal = await stack.enter_async_context(Client(*second.client_address))
            await messi.auth("messi", "surabaya")
            await amsal.auth("amsal", "jakarta")

            for number in range(300):
                await messi.send("amsal@realm2", str(number))
            await amsal.send("messi", "balas")
            texts: list[str] = []
            while len(texts) < 300:
                texts += [it["msg"] for it in (await amsal.inbox()).get("messi", [])]
            while not (got := await messi.inbox()):
                await asyncio.sleep(0.01)

            assert texts == [f" {number}\r\n" for number in range(300)]
            assert got["amsal"][0]["msg"] == " balas\r\n"
            async with messi.group("bukber") as here, amsal.group("bukber") as there:
                await there.say("halo dari realm2")
                heard = ""
                async for text in here:
                    heard += text
                    if "amsal: halo dari realm2" in heard:
                        break

    run(main)


def test_a_stranger_at_the_link_port_gets_nowhere() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            first, _ = await Two(stack).start()
            assert first.link_address is not None
            for _ in range(80):
                reader, writer = await asyncio.open_connection(*first.link_address)
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                with suppress(ConnectionError):
                    assert await reader.read() == b""
                writer.close()

            # Where they crowd, the one that came first makes room.
            crowd = [await asyncio.open_connection(*first.link_address) for _ in range(65)]
            assert await crowd[0][0].read() == b""
            for _, writer in crowd:
                writer.close()

            assert (await first.execute("auth messi surabaya"))["status"] == "OK"
            assert [peer.state for peer in first.realm.peers()] == ["linked"]

    run(main)


@pytest.mark.parametrize(("port", "why"), [(0, "Connect call failed"), (99_890, "0-65535")])
def test_a_peer_nobody_can_reach_is_called_again(port: int, why: str) -> None:
    async def main() -> None:
        with socket.create_server(ANY) as closed:
            nobody = ("127.0.0.1", port or closed.getsockname()[1])
        keys = [StaticKey.generate(), StaticKey.generate()]
        realm = realm1(
            peers=[Peer("realm2", public_key=keys[1].public)],
            key=keys[0],
            limits={"redial_ms_min": 10, "redial_ms_max": 20},
        )
        async with serve(realm, ANY, peers={"realm2": nobody}):
            await eventually(lambda: realm.peers()[0].last_error is not None)
            (status,) = realm.peers()

        assert status.last_error is not None and why in status.last_error

    run(main)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the package has logged, which is nothing but warnings."""
    ours = [it for it in caplog.records if it.name == "chatproto.asyncio"]
    assert all(it.levelno == logging.WARNING for it in ours)
    return [it.getMessage() for it in ours]


def test_why_a_peer_cannot_be_reached_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        keys = [StaticKey.generate(), StaticKey.generate()]
        realm = realm1(
            peers=[Peer("realm2", public_key=keys[1].public)],
            key=keys[0],
            limits={"redial_ms_min": 10, "redial_ms_max": 20},
        )
        calls = 0

        async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal calls
            calls += 1
            writer.write(b"\x1b[2J" * 2000)
            writer.close()

        with socket.create_server(ANY) as closed:
            nobody = closed.getsockname()
        async with serve(realm, ANY, peers={"realm2": nobody}) as server:
            await eventually(lambda: len(warnings(caplog)) == 1)
            # A server that is no realm, and then nobody again.
            async with await asyncio.start_server(hang_up, *nobody):
                await eventually(lambda: calls >= 20)
            dials = 0
            dial = server._dial

            async def counted(peer: str) -> None:
                nonlocal dials
                dials += 1
                await dial(peer)

            server._dial = counted  # type: ignore[method-assign]
            await eventually(lambda: dials >= 20)

    run(main)
    texts = warnings(caplog)
    assert len(set(texts)) == len(texts) >= 2
    assert texts[0].startswith("realm1 has no link with realm2: ") and "Connect call" in texts[0]
    assert all(text.isprintable() for text in texts)


def test_a_peer_that_was_linked_and_is_gone_is_told_of_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        keys = [StaticKey.generate(), StaticKey.generate()]
        events: list[Event] = []

        def realm2() -> Realm:
            peers = [Peer("realm1", public_key=keys[0].public, dial=False)]
            return Realm("realm2", peers=peers, key=keys[1], passwords="plain")

        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(serve(realm2(), ANY, link=ANY))
            there = first.link_address
            assert there is not None
            realm = realm1(
                peers=[Peer("realm2", public_key=keys[1].public)],
                key=keys[0],
                limits={"redial_ms_min": 10, "redial_ms_max": 20},
            )
            async with serve(realm, ANY, peers={"realm2": there}, on_event=events.append):
                await eventually(lambda: LinkUp("realm2") in events)
                assert warnings(caplog) == []
                await stack.aclose()
                await eventually(lambda: "Connect call" in caplog.text)
                events.clear()
                async with serve(realm2(), ANY, link=there):
                    await eventually(lambda: LinkUp("realm2") in events)
                await eventually(lambda: caplog.text.count("Connect call") == 2)

    run(main)


def test_a_link_port_that_can_be_of_no_use_yet_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        async with serve(realm1(), ANY, link=ANY):
            pass

    run(main)
    (warning,) = warnings(caplog)
    assert warning.startswith("realm1 has no peers")
