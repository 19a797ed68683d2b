"""The coursework's `Chat`, on a realm that keeps what it promises.

>>> from chatproto import Chat
>>> chat = Chat()
>>> token = chat.proses("auth messi surabaya")["tokenid"]
>>> chat.proses(f"send {token} henderson halo gimana kabarnya")
{'status': 'OK', 'message': 'Message Sent'}
>>> chat.get_inbox("henderson")["messages"]["messi"][0]["msg"]
' halo gimana kabarnya'
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, MutableMapping, ValuesView
from os import PathLike, fspath
from typing import Any, Literal, NoReturn, Self

from chatproto._native import BaseChat, StoreError

__all__ = ["Chat", "SessionView", "Sessions", "UserView", "Users"]

_MASK = "***"

_CLASSROOM = {
    "messi": {"nama": "Lionel Messi", "negara": "Argentina", "password": "surabaya"},
    "henderson": {"nama": "Jordan Henderson", "negara": "Inggris", "password": "surabaya"},
    "lineker": {"nama": "Gary Lineker", "negara": "Inggris", "password": "surabaya"},
}


class _Shown(dict[str, Any]):
    """A dictionary that shows how something is, and through which it cannot be changed.

    What is copied or pickled of it is a plain dictionary, which can.
    """

    __slots__ = ()
    _instead = ""

    def _refuse(self, *_arguments: object, **_more: object) -> NoReturn:
        raise TypeError(f"this is a copy: {self._instead}")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)


class UserView(_Shown):
    """A user as coursework knows one: `nama`, `negara`, `password`, `incoming` and `outgoing`.

    The password reads as `***`. `incoming` and `outgoing` are empty: messages are in the realm,
    and `get_inbox` gives them out.
    """

    __slots__ = ()
    _instead = "to change a user, assign chat.users[name] = {...}"


class SessionView(_Shown):
    """A session as coursework knows one: `username` and `userdetail`."""

    __slots__ = ()
    _instead = "to open a session, log in with chat.autentikasi_user(username, password)"


class _NoMail(_Shown):
    """Where the classic class keeps messages."""

    __slots__ = ()
    _instead = "to send a message, call chat.send_message"


def _user(_name: str, nama: str, negara: str) -> UserView:
    mail = {"incoming": _NoMail(), "outgoing": _NoMail()}
    return UserView(nama=nama, negara=negara, password=_MASK, **mail)


def _session(name: str, nama: str, negara: str) -> SessionView:
    return SessionView(username=name, userdetail=_user(name, nama, negara))


def _row(name: str, user: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """What the realm is told of a user."""
    if not isinstance(name, str):
        raise TypeError(f"a username is a str, not {type(name).__name__}")
    if not isinstance(user, Mapping):
        raise TypeError(f"user {name!r}: a mapping with nama, negara and password is needed")
    password = user.get("password")
    if not isinstance(password, str) or password == _MASK:
        raise ValueError(f"user {name!r}: the password itself is needed, as a str")
    if any("\ud800" <= letter <= "\udfff" for letter in password):
        # Told here: Python's own error would hold the password.
        raise ValueError(f"user {name!r}: nobody can type that password: it has lone surrogates")
    nama, negara = user.get("nama", name), user.get("negara", "")
    if not isinstance(nama, str) or not isinstance(negara, str):
        raise TypeError(f"user {name!r}: nama and negara are str")
    return name, nama, negara, password


class Users(MutableMapping[str, UserView]):
    """The users of a `Chat` by name, in the order in which they were added.

    Assignment adds a user, or changes one whose sessions and messages stay; it raises `StoreError`
    where that cannot be stored. Users cannot be taken out.
    """

    __slots__ = ("_chat",)

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def __getitem__(self, name: str) -> UserView:
        found = self._chat._user(name) if isinstance(name, str) else None
        if found is None:
            raise KeyError(name)
        return _user(*found)

    def __setitem__(self, name: str, user: Mapping[str, Any]) -> None:
        reply = self._chat._register(_row(name, user))
        if reply["status"] != "OK":
            error = StoreError(f"user {name!r} was not stored: {reply['message']}")
            error.code = reply.get("code", error.code)
            raise error

    def __delitem__(self, name: str) -> None:
        raise TypeError("a user cannot be taken out of a realm")

    def __iter__(self) -> Iterator[str]:
        return iter(self._chat._names())

    def __len__(self) -> int:
        return len(self._chat._names())

    def __repr__(self) -> str:
        return repr(dict(self))


class _SessionItems(ItemsView[str, SessionView]):
    """Tokens and sessions; who iterates gets those of one moment."""

    __slots__ = ("_sessions",)

    def __init__(self, sessions: Sessions) -> None:
        super().__init__(sessions)
        self._sessions = sessions

    def __iter__(self) -> Iterator[tuple[str, SessionView]]:
        return iter([(token, _session(*owner)) for token, owner in self._sessions._rows()])


class _SessionValues(ValuesView[SessionView]):
    """Sessions; who iterates gets those of one moment."""

    __slots__ = ("_sessions",)

    def __init__(self, sessions: Sessions) -> None:
        super().__init__(sessions)
        self._sessions = sessions

    def __contains__(self, session: object) -> bool:
        return any(each == session for each in self)

    def __iter__(self) -> Iterator[SessionView]:
        return iter([_session(*owner) for _token, owner in self._sessions._rows()])


class Sessions(MutableMapping[str, SessionView]):
    """The live sessions of a `Chat` by token, in order of login.

    Deleting one logs it out. `items()` and `values()` give the sessions of one moment; a token that
    was listed before may have been logged out since, by another thread, and is then a `KeyError`. So
    `dict(chat.sessions.items())` is the way to a dictionary where several threads log out. Of a store,
    only the sessions are listed whose tokens this process has given out or been shown.
    """

    __slots__ = ("_chat",)

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def __getitem__(self, token: str) -> SessionView:
        owner = self._chat._owner(token) if isinstance(token, str) else None
        if owner is None:
            raise KeyError(token)
        return _session(*owner)

    def __setitem__(self, token: str, session: object) -> NoReturn:
        raise TypeError(f"a token cannot be chosen: {SessionView._instead}")

    def __delitem__(self, token: str) -> None:
        if not isinstance(token, str) or self._chat._end(token)["status"] != "OK":
            raise KeyError(token)

    def __iter__(self) -> Iterator[str]:
        return iter(self._chat._tokens())

    def __len__(self) -> int:
        return len(self._chat._tokens())

    def items(self) -> ItemsView[str, SessionView]:
        """Returns the tokens and sessions of one moment."""
        return _SessionItems(self)

    def values(self) -> ValuesView[SessionView]:
        """Returns the sessions of one moment."""
        return _SessionValues(self)

    def clear(self) -> None:
        """Logs everybody out who is logged in."""
        for token in self._chat._tokens():
            # Somebody may have been faster.
            self._chat._end(token)

    def _rows(self) -> list[tuple[str, tuple[str, str, str]]]:
        return self._chat._sessions()

    def __repr__(self) -> str:
        # Tokens are for those who log in, not for logs.
        return f"<Sessions: {len(self)}>"


class Chat(BaseChat):
    """A drop-in for the coursework's `Chat`.

    Every method may be called by any number of threads. `users` maps names to mappings with `nama`,
    `negara` and `password` (in the clear, or an Argon2 hash); without it there are the three users
    of the classroom. Without a `store` everything is in memory, passwords are compared as they are,
    and bounds are wide. With a path as `store` all is kept in that file before it is promised, and
    passwords are Argon2id hashes; users that the file knows already stay what they are there.

    Replies are dictionaries: `status` is "OK" or "ERROR", and an error has a `message`.

    >>> chat = Chat({"budi": {"nama": "Budi Santoso", "negara": "Indonesia", "password": "x"}})
    >>> chat.autentikasi_user("budi", "y")
    {'status': 'ERROR', 'message': 'Password Salah'}

    A subclass may have other arguments:

    >>> class Logged(Chat):
    ...     def __init__(self, log):
    ...         super().__init__(realm="realm2")
    ...         self.log = log
    ...     def proses(self, line):
    ...         self.log(line)
    ...         return super().proses(line)
    >>> Logged(print).proses("auth budi x")["message"]
    auth budi x
    'User Tidak Ada'

    Raises `InvalidNameError` for a name that cannot be one, `ConfigError` for a hash that is none,
    `StoreError` where the store cannot be opened, and `TypeError` or `ValueError` for users that are
    none.
    """

    def __init__(
        self,
        users: Mapping[str, Mapping[str, Any]] | None = None,
        realm: str = "realm1",
        store: str | PathLike[str] | None = None,
    ) -> None:
        if users is None:
            users = _CLASSROOM
        elif not isinstance(users, Mapping):
            raise TypeError("users is a mapping from names to what is known of each")
        rows = [_row(name, user) for name, user in users.items()]
        self._begin(rows, realm, None if store is None else fspath(store))

    @property
    def users(self) -> Users:
        """The users by name; assignment adds one.

        >>> chat = Chat()
        >>> chat.users["budi"] = {"nama": "Budi", "negara": "Indonesia", "password": "x"}
        >>> list(chat.users), chat.users["budi"]["password"]
        (['messi', 'henderson', 'lineker', 'budi'], '***')
        """
        return Users(self)

    @property
    def sessions(self) -> Sessions:
        """The live sessions by token.

        >>> chat = Chat()
        >>> token = chat.proses("auth messi surabaya")["tokenid"]
        >>> chat.sessions[token]["username"]
        'messi'
        """
        return Sessions(self)

    def get_user(self, username: str) -> UserView | Literal[False]:
        """Returns what is known of a user, or `False` where there is none of that name."""
        return self.users.get(username, False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
