"""A chat server as a library: users, inboxes, live groups, and links to other servers.

- `Chat` takes the place of the class that coursework servers are written around.
- `ChatClient` takes the place of the coursework's client.
- `chatproto.asyncio` has a whole server, and a client for bots; `chatproto.threads` is what a server
  with a thread for each client needs, `chatproto.realm_file` reads realmd's files, and `chatproto.log`
  has the words for a log. Import them by themselves.
- `Realm` is the engine beneath them, without sockets, threads or clocks. Its outputs and events are
  the subclasses of `Output`. `LinkTransport`, `Peer` and `StaticKey` are for links to other realms.

Lines go into a `Chat`, and replies come out:

>>> from chatproto import Chat
>>> chat = Chat()
>>> chat.proses("auth messi bandung")
{'status': 'ERROR', 'message': 'Password Salah'}

Whatever this package raises of its own is a `ChatProtoError`, whose `code` is a stable word for what
went wrong. `error_codes` has the errors that a server replies with.

A `Realm` is fed and asked: bytes go in, and what to do comes out.

>>> from chatproto import Realm, Send, User
>>> realm = Realm("realm1", [User("messi", "surabaya", "Lionel Messi")], passwords="plain")
>>> connection = realm.open("127.0.0.1")
>>> realm.receive(connection, b"auth messi wrong\\r\\n")
>>> for output in realm.outputs():
...     match output:
...         case Send(connection):
...             print(realm.outgoing(connection))
b'{"status": "ERROR", "message": "Password Salah"}\\r\\n\\r\\n'
"""

from chatproto._native import (
    ActiveUsersRead,
    ChatProtoError,
    Close,
    ConfigError,
    Dial,
    Event,
    FetchFailed,
    ForkError,
    Frame,
    GroupJoined,
    GroupLeft,
    HistoryRead,
    HistoryTruncated,
    InboxAcked,
    InboxPeeked,
    InboxRead,
    InternalError,
    InvalidNameError,
    LimitError,
    LinkClose,
    LinkDown,
    LinkError,
    LinkFailed,
    LinkSend,
    LinkTransport,
    LinkUp,
    LoggedIn,
    LoggedOut,
    LoginFailed,
    MailGivenUp,
    MailRefused,
    MailUnknown,
    MisuseError,
    Now,
    OlderCopy,
    Output,
    PasswordFailed,
    PauseRead,
    Peer,
    PeerMisbehaved,
    PeerRenewed,
    PeerSaid,
    PeerStatus,
    Realm,
    Received,
    Refused,
    Replied,
    Reply,
    ResumeRead,
    Send,
    Sent,
    StaticKey,
    StoreBroken,
    StoreError,
    StoreFull,
    StoreRecovered,
    TransportConfig,
    Up,
    User,
    Work,
    __version__,
    error_codes,
)
from chatproto.chat import Chat
from chatproto.client import ChatClient

__all__ = [
    "ActiveUsersRead",
    "Chat",
    "ChatClient",
    "ChatProtoError",
    "Close",
    "ConfigError",
    "Dial",
    "Event",
    "FetchFailed",
    "ForkError",
    "Frame",
    "GroupJoined",
    "GroupLeft",
    "HistoryRead",
    "HistoryTruncated",
    "InboxAcked",
    "InboxPeeked",
    "InboxRead",
    "InternalError",
    "InvalidNameError",
    "LimitError",
    "LinkClose",
    "LinkDown",
    "LinkError",
    "LinkFailed",
    "LinkSend",
    "LinkTransport",
    "LinkUp",
    "LoggedIn",
    "LoggedOut",
    "LoginFailed",
    "MailGivenUp",
    "MailRefused",
    "MailUnknown",
    "MisuseError",
    "Now",
    "OlderCopy",
    "Output",
    "PasswordFailed",
    "PauseRead",
    "Peer",
    "PeerMisbehaved",
    "PeerRenewed",
    "PeerSaid",
    "PeerStatus",
    "Realm",
    "Received",
    "Refused",
    "Replied",
    "Reply",
    "ResumeRead",
    "Send",
    "Sent",
    "StaticKey",
    "StoreBroken",
    "StoreError",
    "StoreFull",
    "StoreRecovered",
    "TransportConfig",
    "Up",
    "User",
    "Work",
    "__version__",
    "error_codes",
]
