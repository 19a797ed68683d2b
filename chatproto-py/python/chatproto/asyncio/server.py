"""A realm server on an asyncio loop: the loop has the sockets, and a few threads the slow work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self
from weakref import WeakValueDictionary

from chatproto._native import (
    ChatProtoError,
    Close,
    ConfigError,
    Dial,
    Event,
    InternalError,
    LinkClose,
    LinkFailed,
    LinkSend,
    LinkUp,
    MisuseError,
    Output,
    PauseRead,
    Realm,
    Reply,
    ResumeRead,
    Send,
    StoreBroken,
    StoreError,
    Work,
)
from chatproto._workers import start_workers
from chatproto.asyncio.address import Address, checked_peers, checked_port
from chatproto.asyncio.connection import ClientConnection
from chatproto.asyncio.link import Link
from chatproto.asyncio.peer_log import PeerLog

__all__ = ["Address", "Server", "serve"]

# Callers at the link port of whom nothing is known; where they crowd, the one that came first makes room.
_STRANGERS_MAX = 64
# What a shutdown may take beyond the engine's own patience with slow readers.
_STOP_SECONDS = 5.0
# Who serves a realm, by its `id`: two would take the outputs from each other.
_servers: WeakValueDictionary[int, Server] = WeakValueDictionary()


def serve(
    realm: Realm,
    client: Address = ("127.0.0.1", 8889),
    link: Address | None = None,
    peers: Mapping[str, Address] | None = None,
    *,
    on_event: Callable[[Event], object] | None = None,
) -> Server:
    """Returns a server of a realm; it runs within `async with`.

    Clients connect to `client`, a host and a port, and other realms to `link`; port 0 is any free
    one. `peers` tells where those peers of the realm are that it calls. `on_event` is called in the
    loop with each event of the realm and must not block; no secret is in any of them. Why there is no
    link with a peer is also logged, by `logging.getLogger("chatproto.asyncio")`: each reason once until
    there is one. So is a `link` port while the realm has no peers; `Realm.set_peer` may add some later.

    Raises TypeError or ValueError for what is no address. `async with` raises OSError where an address
    is taken; ConfigError if `peers` names a realm that is no peer, or if links are wanted and a peer
    has no key, or has one and the realm has none; MisuseError if the realm is served already, which
    changes nothing for who serves it; and RuntimeError if the system gives too few threads.
    """
    return Server(realm, client, link, {} if peers is None else peers, on_event)


def _ended() -> MisuseError:
    return MisuseError("the server has ended")


class Server:
    """A realm that is served: what `serve` returns.

    Once it runs, `client_address` and `link_address` are where clients and other realms connect.
    At the end of `async with` the realm finishes what it promised, says goodbye and is closed.
    """

    client_address: Address
    """Where clients connect, once it runs."""
    link_address: Address | None
    """Where other realms connect, once it runs; None if they do not."""

    def __init__(
        self,
        realm: Realm,
        client: Address,
        link: Address | None,
        peers: Mapping[str, Address],
        on_event: Callable[[Event], object] | None,
    ) -> None:
        self.realm = realm
        self._realm_id = id(realm)
        self.client_address = checked_port("client", client)
        self.link_address = None if link is None else checked_port("link", link)
        self._peers = checked_peers(peers)
        self._on_event = on_event
        self._listeners: list[asyncio.Server] = []
        self._clients: dict[int, ClientConnection] = {}
        self._leaving: set[ClientConnection] = set()
        # In the order in which they came.
        self._links: dict[Link, None] = {}
        self._dials: set[asyncio.Task[None]] = set()
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms: int | None = None
        self._failure: ChatProtoError | None = None
        self._peer_log = PeerLog(realm)
        self._threads: ThreadPoolExecutor | None = None
        self._work: set[asyncio.Future[None]] = set()
        self._has_begun = False
        # The realm is told nothing any more.
        self._is_deaf = False

    async def __aenter__(self) -> Self:
        self._begin()
        try:
            self._threads = start_workers(f"{self.realm.name} work")
            self._check_peers()
            self.client_address = await self._listen(self._called, self.client_address)
            if self.link_address is not None:
                self.link_address = await self._listen(self._accepted, self.link_address)
            self._turn()
        except BaseException:
            await self._release()
            raise
        return self

    def _begin(self) -> None:
        if self._has_begun:
            raise MisuseError("a server runs once: make another one, for a new Realm, with `serve`")
        if _servers.setdefault(self._realm_id, self) is not self:
            text = f"{self.realm.name} is served already: end that server, and serve a new Realm"
            raise MisuseError(text)
        self._has_begun = True
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._shut_down = asyncio.Event()

    def _check_peers(self) -> None:
        known = {it.name for it in self.realm.peers()}
        for peer in self._peers:
            if peer not in known:
                text = f"peers: {peer!r} is no peer of {self.realm.name}, which has"
                raise ConfigError(f"{text} {', '.join(sorted(known)) or 'none'}")
        if self.link_address is not None or self._peers:
            self.realm.transport_config()
        self._peer_log.begin(self.link_address is not None)

    async def __aexit__(self, *_why: object) -> None:
        try:
            for listener in self._listeners:
                listener.close()
            for dial in self._dials:
                dial.cancel()
            if not self._is_deaf:
                self._input(self.realm.shutdown)
                patience = self.realm.limits["close_ms_max"] / 1000 + _STOP_SECONDS
                async with asyncio.timeout(patience):
                    await self._shut_down.wait()
        except TimeoutError:
            # What is promised is stored all the same; it was a goodbye that nobody took.
            pass
        finally:
            await self._release()

    async def wait(self) -> None:
        """Waits until the server is over, for good: cancel it, or leave `async with`.

        Raises StoreError if the store broke, and InternalError if the realm met a bug.
        """
        await self._over.wait()
        if self._failure is not None:
            raise self._failure

    async def execute(self, line: str) -> dict[str, Any]:
        """Carries out one command of the protocol without a connection, and returns its reply.

        Raises MisuseError if the server ends before the reply is there, and InternalError if the
        realm meets a bug before that.
        """
        if self._is_deaf:
            raise self._failure or _ended()
        reply: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        request = self.realm.execute(line)
        self._replies[request] = reply
        try:
            self._input(lambda: None)
            return await reply
        finally:
            self._replies.pop(request, None)

    async def _release(self) -> None:
        """Gives everything back; whoever is still there is cut off."""
        self._is_deaf = True
        self._over.set()
        if self._timer is not None:
            self._timer.cancel()
        for listener in self._listeners:
            listener.close()
        for connection in [*self._clients.values(), *self._leaving]:
            connection.transport.abort()
        for link in list(self._links):
            link.abort()
        self._give_up_replies(_ended())
        self._clients.clear()
        self._links.clear()
        try:
            await asyncio.gather(*self._dials, return_exceptions=True)
            await self._close()
        finally:
            _servers.pop(self._realm_id, None)

    async def _close(self) -> None:
        """Closes the realm, after the work that is under way: a commit must not be cut short."""
        if self._threads is None:
            return self.realm.close()
        is_idle = False
        try:
            if self._work:
                await asyncio.wait(self._work)
            # Not with asyncio.to_thread: the system may give no more threads.
            await self._loop.run_in_executor(self._threads, self.realm.close)
            is_idle = True
        finally:
            self._threads.shutdown(wait=is_idle)

    async def _listen(self, protocol: Callable[[], asyncio.Protocol], address: Address) -> Address:
        listener = await self._loop.create_server(protocol, address[0], address[1])
        self._listeners.append(listener)
        host, port = listener.sockets[0].getsockname()[:2]
        return host, port

    def _called(self) -> ClientConnection:
        return ClientConnection(self.realm, self._input, self._clients, self._leaving)

    def _accepted(self) -> asyncio.Protocol:
        strangers = [link for link in self._links if link.is_stranger]
        if len(strangers) >= _STRANGERS_MAX:
            del self._links[strangers[0]]
            strangers[0].abort()
        return Link(self.realm, self._input, self._links)

    async def _dial(self, peer: str) -> None:
        def link() -> Link:
            return Link(self.realm, self._input, self._links, peer, self._peer_log.failed)

        try:
            if peer not in self._peers:
                raise OSError("nobody has said where it is: name it in `peers`")
            async with asyncio.timeout(self.realm.limits["handshake_ms_max"] / 1000):
                await self._loop.create_connection(link, *self._peers[peer])
        except TimeoutError:
            self._input(self._dial_failed, peer, "it has not answered in time")
        except (OSError, OverflowError, ValueError, RuntimeError, ChatProtoError) as error:
            # The second and third are said of an address that cannot be one, the fourth where there is
            # no thread to look a name up.
            self._input(self._dial_failed, peer, str(error) or type(error).__name__)

    def _dial_failed(self, peer: str, why: str) -> None:
        self.realm.dial_failed(peer, why)
        self._peer_log.failed(peer)

    # The realm.

    def _input(self, tell: Callable[..., object], *arguments: object) -> None:
        """Tells the realm something, and does what it asks for then."""
        if self._is_deaf:
            return
        try:
            tell(*arguments)
            self._turn()
        except InternalError as bug:
            self._fail(bug)

    def _fail(self, bug: InternalError) -> None:
        self._failure = bug
        self._is_deaf = True
        self._give_up_replies(bug)
        self._over.set()
        self._shut_down.set()

    def _give_up_replies(self, why: ChatProtoError) -> None:
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(why)

    def _turn(self) -> None:
        while outputs := self.realm.outputs():
            for output in outputs:
                self._carry_out(output)
        self._set_timer()
        if self.realm.is_shut_down:
            self._shut_down.set()

    def _carry_out(self, output: Output) -> None:
        match output:
            case Send(connection) if connection in self._clients:
                self._clients[connection].write()
            case PauseRead(connection) if connection in self._clients:
                self._clients[connection].transport.pause_reading()
            case ResumeRead(connection) if connection in self._clients:
                self._clients[connection].transport.resume_reading()
            case Close(connection) if connection in self._clients:
                self._clients.pop(connection).leave()
            case LinkSend(number):
                if link := self._link(number):
                    link.write()
            case LinkClose(number):
                if link := self._link(number):
                    link.leave()
            case Dial(peer):
                dial = self._loop.create_task(self._dial(peer))
                self._dials.add(dial)
                dial.add_done_callback(self._dials.discard)
            case Work():
                work = self._loop.run_in_executor(self._threads, output.run)
                self._work.add(work)
                work.add_done_callback(self._worked)
            case Reply(request, data):
                reply = self._replies.get(request)
                if reply is not None and not reply.done():
                    reply.set_result(json.loads(data))
            case Event():
                self._tell(output)

    def _tell(self, event: Event) -> None:
        match event:
            case StoreBroken():
                self._failure = StoreError(self.realm.store_failure or "the store is broken")
                self._failure.code = "store_broken"
                self._over.set()
            case LinkFailed(peer):
                self._peer_log.failed(peer)
            case LinkUp(peer):
                self._peer_log.linked(peer)
        if self._on_event is not None:
            # Not from here: what it raises must not keep the other outputs from anybody.
            self._loop.call_soon(self._on_event, event)

    def _link(self, number: int) -> Link | None:
        return next((link for link in self._links if link.session.number == number), None)

    def _worked(self, work: asyncio.Future[None]) -> None:
        self._work.discard(work)
        bug = work.exception()
        if isinstance(bug, InternalError):
            self._fail(bug)
        else:
            self._input(lambda: None)

    def _set_timer(self) -> None:
        at_ms = self.realm.poll_timeout()
        if at_ms == self._timer_ms:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_ms = None, at_ms
        seconds = self.realm.wait_seconds()
        if seconds is not None:
            self._timer = self._loop.call_later(seconds, self._timeout)

    def _timeout(self) -> None:
        # Timers of a loop may come a moment early; then the same deadline is waited for anew.
        self._timer, self._timer_ms = None, None
        self._input(self.realm.handle_timeout)
