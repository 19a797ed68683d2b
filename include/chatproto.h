// chatproto: a chat realm as a library.
//
// Generated from the sources of chatproto-ffi and checked in; a test compares the two. To write
// it anew: CHATPROTO_BLESS=1 cargo test -p chatproto-ffi --test header
//
// Objects: what a function makes is freed by the function that its type names, once, and is not used
// after that; functions that free do nothing for NULL. An object of another type, or one that was
// freed, is undefined behaviour, as with free().
//
// Threads: objects of this library share nothing, and there is nothing to set up: functions may be
// called from any thread at any time, each object from one thread at a time unless its type says
// otherwise. Who comes while another thread is inside gets CHATPROTO_ERROR_BUSY, and nothing is done.
// No function calls back, and none waits for a socket or a lock of the program's.
//
// Errors: functions that can fail return CHATPROTO_OK or a number from 1001 on, and
// chatproto_error_detail has a sentence more. After an error nothing has changed unless it says
// otherwise, and outputs are as they were, or NULL if they are objects. Every function may return
// NULL_ARGUMENT, NOT_UTF8 for a text, BUSY, CLOSED, POISONED and INTERNAL; the others are named with
// each, without CHATPROTO_ERROR_ in front.
//
// NULL: no pointer may be NULL, unless it says otherwise; one that is gives NULL_ARGUMENT. In a view
// NULL is allowed with length 0.
//
// Texts: UTF-8. As arguments they are views, without a NUL at their end. Those that functions return
// as `const char *` are ended by a NUL and not to be freed.
//
// Panics: none crosses the border. A function that met one, which is a bug of this library, returns
// INTERNAL or what it says; its object is poisoned: it gives POISONED from then on, and is to be freed.

#ifndef CHATPROTO_H
#define CHATPROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Stands for a moment that never comes, or a figure that is not known.
#define CHATPROTO_NEVER UINT64_MAX

// The number of the interface: the header's and the library's must be equal.
//
// It grows with every change that a program compiled before would not survive.
#define CHATPROTO_ABI_VERSION 1

// One connection to a server, as a client has it: requests become bytes, and what was read becomes
// replies and the texts of groups. It speaks with every server of the protocol.
//
// It owns no socket. After each request, and after each read, write what
// `chatproto_client_outgoing` shows, one write for each time it shows something, since in a group
// each write is a message; and take what has come by `chatproto_client_next` until there is
// nothing. One request is under way at a time; others wait inside, and become outgoing as replies
// come. The token of whoever logs in is kept inside and never shown.
//
// A connection that ends ends this too: make another one for the next connection, and log in again.
//
// Ownership: made by `chatproto_client_new`, freed by `chatproto_client_free`. Threads: one at a
// time, any; one that comes while another is inside gets `BUSY`.
typedef struct chatproto_client chatproto_client;

// What a realm is made of: its name, users, peers and limits, its key, and where it is kept.
//
// Ownership: made by `chatproto_config_new`, freed by `chatproto_config_free`. Realms and link
// configurations take copies, so it may be freed once they are made, or used again. Threads: one
// at a time, any; one that comes while another is inside gets `BUSY`.
typedef struct chatproto_config chatproto_config;

// What one realm tells another over a link. They are made by a realm and handed to a transport, or
// made by a transport and handed to a realm, as they are.
//
// Ownership: from `chatproto_realm_link_take` or `chatproto_transport_next`, freed by
// `chatproto_frames_free`; whoever they are handed to does not take them over. Threads: they never
// change, so any number may use them at a time.
typedef struct chatproto_frames chatproto_frames;

// A realm's own secret key: whoever has it can pass for the realm. It cannot be read but from the
// one file that may hold it, in which realmd and the Python package can read it too.
//
// Ownership: made by `chatproto_key_generate`, `_load` or `_load_or_make`, freed by
// `chatproto_key_free`; whatever it is given to keeps a copy. Threads: it never changes, so any
// number may use it at a time.
typedef struct chatproto_key chatproto_key;

// What the links of a realm have to know of it: its name, key and limits, and its peers with their
// keys. With it transports are made without the realm, as in a thread of their own.
//
// Ownership: made by `chatproto_realm_link_config`, freed by `chatproto_link_config_free`;
// transports take copies. Threads: it never changes, so any number may use it at a time.
typedef struct chatproto_link_config chatproto_link_config;

// A realm: its users, their sessions and inboxes, live groups, and the streams to other realms.
//
// It owns no socket, thread or clock: a program feeds it and carries out what it asks for. After
// any number of calls that tell it something, and before waiting, call
// `chatproto_realm_next_output` until there is none, and carry the outputs out in their order.
// Call `chatproto_realm_handle_timeout` once the moment of `chatproto_realm_poll_timeout` has
// come. Whatever clients and peers send, functions go on to succeed: an error is one of the
// program, or of the system it runs on.
//
// Connections, links and requests go by numbers that this library makes. A late call with the
// number of something that is gone does nothing and succeeds.
//
// Ownership: made by `chatproto_realm_new`, freed by `chatproto_realm_free`. Threads: one at a
// time, any: it may be handed from thread to thread, with whatever the program uses to do that. A
// call that comes while another thread is inside gets `BUSY`, and has done nothing. After a fork,
// use it in one of the two processes; its store can be used by the one that has opened it.
typedef struct chatproto_realm chatproto_realm;

// One connection to another realm, from its first byte: bytes in, frames out, and back.
//
// It holds no socket, and nothing of a realm. Write what `chatproto_transport_outgoing` shows and
// report it by `chatproto_transport_sent`; give it what comes by `chatproto_transport_receive`;
// then take what happened by `chatproto_transport_next`. After an error `LINK_...` of a function
// that does not say that the link goes on, take what is still there, write what is outgoing, and
// close the connection. A stranger gets not a byte.
//
// Ownership: made by `chatproto_transport_dial` or `_accept`, freed by `chatproto_transport_free`.
// Threads: one at a time, any; it shares nothing with its realm, so it can live in another thread.
// One that comes while another is inside gets `BUSY`.
typedef struct chatproto_transport chatproto_transport;

// Slow work that a realm asks for. The realm goes on meanwhile; what waits for this work waits
// until `chatproto_realm_complete`.
//
// Ownership: it comes with an output of a realm, and `chatproto_realm_complete` takes it over.
// What is to come to nothing, or outlives its realm, is freed by `chatproto_work_free`. It needs
// no realm to be run, and may be run after its realm was freed, in vain. Threads: one at a time,
// any; to run it in another thread than the realm's is what it is for.
typedef struct chatproto_work chatproto_work;

// What went wrong: 0 for nothing, or one of the numbers below, which never change and are never
// used again.
//
// Up to 999 they are the protocol's: what a client or a peer did wrong, or what stood in its way.
// They stand in replies and events, and no function returns them. From 1001 on they are what
// functions return: what the program did wrong, or what the outside refused.
typedef int32_t chatproto_error;

// A view of a text: UTF-8, `len` bytes from `data` on, without a NUL at its end. `data` may be
// NULL if `len` is 0.
//
// As an argument it has to be valid during the call only: what is kept is copied. As a result it
// is valid for as long as the function says; print it with `printf("%.*s", (int)text.len,
// text.data)`.
typedef struct {
    // The first byte.
    const char *data;
    // How many there are.
    size_t len;
} chatproto_str;

// A view of bytes: `len` of them from `data` on. `data` may be NULL if `len` is 0.
//
// As an argument it has to be valid during the call only: what is kept is copied. As a result it
// is valid for as long as the function says.
typedef struct {
    // The first byte.
    const uint8_t *data;
    // How many there are.
    size_t len;
} chatproto_bytes;

// A moment, as two clocks show it.
//
// All calls for one realm take theirs from the same clocks: either `chatproto_now_of_system`, or a
// clock of the program's own, as in tests. A clock that runs backwards counts as standing still.
typedef struct {
    // Milliseconds on a clock that never goes back, from any start. It drives every timer.
    uint64_t mono_ms;
    // Milliseconds since 1970, UTC. It is only ever shown and recorded.
    uint64_t unix_ms;
} chatproto_now;

// How another realm is spoken with: one of `CHATPROTO_PEER_NOISE`, `_INSECURE` and `_CLASSIC`.
typedef int32_t chatproto_peer_mode;

// Another realm, as a configuration tells of it. All zero but the name is a sound beginning.
typedef struct {
    // What it is called.
    chatproto_str name;
    // How it is spoken with.
    chatproto_peer_mode mode;
    // Whether its address is known, so that it can be called; otherwise it calls.
    bool dial;
    // With `CHATPROTO_PEER_NOISE`, what its operator's `chatproto_key_public` shows, 44
    // characters. Without one messages for it wait, and no link configuration can be made.
    // Otherwise empty.
    chatproto_str public_key;
} chatproto_peer;

// How passwords are kept: `CHATPROTO_PASSWORDS_ARGON2ID` or `CHATPROTO_PASSWORDS_PLAIN`.
typedef int32_t chatproto_passwords;

// How much a realm tells in its events: one of the numbers `CHATPROTO_DETAIL_...`.
typedef int32_t chatproto_detail;

// What a commit outlives: `CHATPROTO_DURABILITY_FSYNC` or `CHATPROTO_DURABILITY_OS`.
typedef int32_t chatproto_durability;

// Which side made a connection: `CHATPROTO_DIALLED` or `CHATPROTO_ACCEPTED`.
typedef int32_t chatproto_direction;

// What an output is: one of the numbers `CHATPROTO_OUTPUT_...`.
typedef int32_t chatproto_output_kind;

// Something that a realm asks for, or tells. What its fields are depends on `kind`, and is said
// with each; the others are 0, empty or NULL.
//
// `name` and `data` are valid until the next call with that realm. `work` belongs to the program.
typedef struct {
    // What it is.
    chatproto_output_kind kind;
    // Why, what kind of work, or which event.
    int32_t number;
    // A connection, a link or a request.
    uint64_t id;
    // A peer, or the word for `number`.
    chatproto_str name;
    // A reply, what to write to a classic neighbour, or an event's fields.
    chatproto_bytes data;
    // Work to be done.
    chatproto_work *work;
} chatproto_output;

// What came of a call to a classic neighbour: one of the numbers `CHATPROTO_CALL_...`.
typedef int32_t chatproto_call_result;

// A user as others may see it. Its texts are valid until the next call with that realm.
typedef struct {
    // What the user logs in with.
    chatproto_str name;
    // What others see.
    chatproto_str display_name;
    // Where the user is from.
    chatproto_str country;
} chatproto_profile;

// How it is with the link to a peer: one of the numbers `CHATPROTO_PEER_STATE_...`.
typedef int32_t chatproto_peer_state;

// How a realm stands with a peer. Its texts are valid until the next call with that realm.
typedef struct {
    // The other realm.
    chatproto_str name;
    // How it is with the link.
    chatproto_peer_state state;
    // In the state `CHATPROTO_PEER_STATE_WAITING`: in how many ms it is called again. Otherwise 0.
    uint64_t waiting_ms;
    // Messages and bounces that wait for it, or that it has not acknowledged.
    uint64_t queue_messages;
    // Their bytes.
    uint64_t queue_bytes;
    // When the oldest of those messages was taken, in ms since 1970; `CHATPROTO_NEVER` if there is
    // none.
    uint64_t oldest_unix_ms;
    // How long it took at last to answer a ping, in ms; `CHATPROTO_NEVER` if it never did.
    uint64_t round_trip_ms;
    // Why there was no link at last, or empty; as it came, so escape it before showing it.
    chatproto_str last_error;
} chatproto_peer_status;

// What happened on a link: one of the numbers `CHATPROTO_LINK_EVENT_...`.
typedef int32_t chatproto_link_event_kind;

// What happened on a link. `peer` is valid until the next call with that transport; `frames`
// belong to the program.
typedef struct {
    // What it is.
    chatproto_link_event_kind kind;
    // Which side made the connection.
    chatproto_direction direction;
    // The realm at the other end.
    chatproto_str peer;
    // What has come.
    chatproto_frames *frames;
} chatproto_link_event;

// What has come to a client: one of the numbers `CHATPROTO_INCOMING_...`.
typedef int32_t chatproto_incoming_kind;

// What has come to a client. What its fields are depends on `kind`, and is said with each; the
// others are 0, false or empty.
//
// Its views are valid until the next `chatproto_client_next` with that client, or its end.
typedef struct {
    // What it is.
    chatproto_incoming_kind kind;
    // Why the server did not do it.
    chatproto_error error;
    // Whether the server did what it was asked for.
    bool is_ok;
    // The number that the request was given.
    uint64_t request;
    // What people read.
    chatproto_str text;
    // A reply, in JSON, without its end.
    chatproto_str json;
    // How many messages there are.
    size_t messages;
} chatproto_incoming;

// A message out of an inbox, as a reply tells it. Its views are valid as long as those of the reply.
typedef struct {
    // Its number in the inbox, for `chatproto_client_ack`; `CHATPROTO_NEVER` where the server does
    // not tell it, as in the reply to `chatproto_client_inbox`.
    uint64_t id;
    // When the server took it, in milliseconds since 1970; `CHATPROTO_NEVER` where it does not tell
    // that.
    uint64_t unix_ms;
    // Who wrote it: a user name, or `user@realm`.
    chatproto_str from;
    // The name of that user that others see.
    chatproto_str display_from;
    // The name of whom it is for, as others see it.
    chatproto_str display_to;
    // What it says, with the space before it and the line end after it that most clients send.
    chatproto_str text;
} chatproto_message;

// Which event it is: one of the numbers `CHATPROTO_EVENT_...`.
//
// What is said of each here are the fields of its JSON object. There a connection or a session is
// a number; users, realms and groups go by their names; a `code` is the name of an error, as
// `chatproto_error_name` has it, and a `why` the word for the reason why a link was closed. No
// secret is ever in it.
typedef int32_t chatproto_event;

// Why a connection is closed: one of the numbers `CHATPROTO_CLOSE_...`.
typedef int32_t chatproto_close_reason;

// Why a link is closed: one of the numbers `CHATPROTO_LINK_CLOSE_...`.
typedef int32_t chatproto_link_close_reason;

// What kind of work it is: one of the numbers `CHATPROTO_WORK_...`.
typedef int32_t chatproto_work_kind;

// Nothing went wrong.
#define CHATPROTO_OK 0

// `auth`: no user of that name.
#define CHATPROTO_ERROR_NO_SUCH_USER 1

// `auth`: the password is another one.
#define CHATPROTO_ERROR_WRONG_PASSWORD 2

// `send`: nobody of that name here or in a linked realm.
#define CHATPROTO_ERROR_RECIPIENT_UNKNOWN 3

// The token is unknown or has expired.
#define CHATPROTO_ERROR_NO_SESSION 4

// A command with too few arguments.
#define CHATPROTO_ERROR_TOO_FEW_ARGUMENTS 5

// A command that does not exist.
#define CHATPROTO_ERROR_UNKNOWN_COMMAND 6

// A line over the limit; it was thrown away to its end.
#define CHATPROTO_ERROR_LINE_TOO_LONG 7

// A line that is not UTF-8.
#define CHATPROTO_ERROR_INVALID_UTF8 8

// A line that began and did not end in time; what had come of it was thrown away.
#define CHATPROTO_ERROR_LINE_TIMEOUT 9

// A name that cannot be one.
#define CHATPROTO_ERROR_INVALID_NAME 10

// The recipient's inbox is full.
#define CHATPROTO_ERROR_INBOX_FULL 11

// Several realms have a user of that name; the reply lists them.
#define CHATPROTO_ERROR_AMBIGUOUS 12

// No peer of that name is configured.
#define CHATPROTO_ERROR_REALM_UNKNOWN 13

// What waits for that peer is at its bound.
#define CHATPROTO_ERROR_QUEUE_FULL 14

// The realm is configured but not linked now.
#define CHATPROTO_ERROR_REALM_AWAY 15

// The message does not fit a link's longest line.
#define CHATPROTO_ERROR_MESSAGE_TOO_LONG 16

// The live group has as many members as it may.
#define CHATPROTO_ERROR_GROUP_FULL 17

// The realm has as many live groups as it may.
#define CHATPROTO_ERROR_TOO_MANY_GROUPS 18

// The realm has as many connections as it may.
#define CHATPROTO_ERROR_TOO_MANY_CONNECTIONS 19

// The address has as many connections as it may.
#define CHATPROTO_ERROR_ADDRESS_CONNECTIONS 20

// The connection made room for another one.
#define CHATPROTO_ERROR_IDLE_EVICTED 21

// The client leaves too much unread.
#define CHATPROTO_ERROR_SLOW_READER 22

// The realm is going down.
#define CHATPROTO_ERROR_SHUTTING_DOWN 23

// `group`, `listen` and `quit` want a connection of their own.
#define CHATPROTO_ERROR_NEEDS_CONNECTION 24

// The store is full; nothing was changed.
#define CHATPROTO_ERROR_STORE_FULL 25

// The store has failed; the realm has stopped.
#define CHATPROTO_ERROR_STORE_BROKEN 26

// An envelope of a kind this realm does not know.
#define CHATPROTO_ERROR_UNKNOWN_KIND 27

// The sender's own inbox has no place for word of a message that may not arrive.
#define CHATPROTO_ERROR_OWN_INBOX_FULL 28

// Too many logins from this address have failed.
#define CHATPROTO_ERROR_TOO_MANY_LOGINS 29

// The work of checking a password could not be done.
#define CHATPROTO_ERROR_PASSWORD_UNCHECKED 30

// An argument that should be a whole number.
#define CHATPROTO_ERROR_INVALID_NUMBER 31

// `ack`: no message of that number has come yet; nothing was removed.
#define CHATPROTO_ERROR_NO_SUCH_MESSAGE 32

// `sendid`: a key that cannot be one.
#define CHATPROTO_ERROR_INVALID_KEY 33

// `sendid`: the key was used for another message; nothing was sent.
#define CHATPROTO_ERROR_KEY_REUSED 34

// What is stored could not be read; it is still there.
#define CHATPROTO_ERROR_STORE_UNREADABLE 35

// The realm was away for so long that the message was given up.
#define CHATPROTO_ERROR_EXPIRED 36

// The realm is no peer any more.
#define CHATPROTO_ERROR_PEER_REMOVED 37

// A classic realm would keep another text than this one; nothing was sent.
#define CHATPROTO_ERROR_CLASSIC_TEXT 38

// A classic realm was sent the message and gave no clear answer: it may have it or not.
#define CHATPROTO_ERROR_DELIVERY_UNKNOWN 39

// A classic realm answered that it does not take the message.
#define CHATPROTO_ERROR_REALM_REFUSED 40

// An argument is NULL that must not be.
#define CHATPROTO_ERROR_NULL_ARGUMENT 1001

// A text is not UTF-8.
#define CHATPROTO_ERROR_NOT_UTF8 1002

// An argument is none of those that make sense there.
#define CHATPROTO_ERROR_INVALID_ARGUMENT 1003

// Another thread is inside the object; nothing was done.
#define CHATPROTO_ERROR_BUSY 1004

// The object was closed before.
#define CHATPROTO_ERROR_CLOSED 1005

// The object met a bug of this library before; nothing is known of it.
#define CHATPROTO_ERROR_POISONED 1006

// The call met a bug of this library, and the object is of no use any more.
#define CHATPROTO_ERROR_INTERNAL 1007

// More was reported as sent than was outgoing.
#define CHATPROTO_ERROR_SENT_TOO_MUCH 1008

// No request of that number is open.
#define CHATPROTO_ERROR_UNKNOWN_REQUEST 1009

// No peer of that name is configured.
#define CHATPROTO_ERROR_UNKNOWN_PEER 1010

// The work was run before.
#define CHATPROTO_ERROR_WORK_DONE 1011

// What it was told contradicts itself.
#define CHATPROTO_ERROR_CONFIG 1101

// No limit has that name.
#define CHATPROTO_ERROR_LIMIT_UNKNOWN 1102

// The limit is out of its range.
#define CHATPROTO_ERROR_LIMIT_RANGE 1103

// Two limits contradict each other.
#define CHATPROTO_ERROR_LIMIT_ORDER 1104

// Two users have the same name.
#define CHATPROTO_ERROR_USER_TWICE 1105

// Two peers have the same name.
#define CHATPROTO_ERROR_PEER_TWICE 1106

// A realm cannot be its own peer.
#define CHATPROTO_ERROR_OWN_PEER 1107

// The text cannot be the name of a user or a realm.
#define CHATPROTO_ERROR_NOT_A_NAME 1108

// The text begins like the hash of a password, and is none.
#define CHATPROTO_ERROR_NOT_A_HASH 1109

// Hashing a password cannot cost that.
#define CHATPROTO_ERROR_PASSWORD_COST 1110

// Messages wait for the peer; nothing was changed.
#define CHATPROTO_ERROR_PEER_HAS_MAIL 1111

// Messages wait for a realm that is no linked peer any more.
#define CHATPROTO_ERROR_PEER_MISSING 1112

// The text is no key.
#define CHATPROTO_ERROR_NOT_A_KEY 1113

// A peer has no public key, so no link with it can be encrypted.
#define CHATPROTO_ERROR_KEY_MISSING 1114

// Encrypted links need a key of the realm's own.
#define CHATPROTO_ERROR_OWN_KEY_MISSING 1115

// The key of a peer is the realm's own.
#define CHATPROTO_ERROR_OWN_KEY 1116

// Two peers have the same key.
#define CHATPROTO_ERROR_KEY_TWICE 1117

// A key was given for a link that is not encrypted.
#define CHATPROTO_ERROR_KEY_UNUSED 1118

// The system gives no random bytes.
#define CHATPROTO_ERROR_NO_RANDOM 1201

// The system refuses to read or write the key file.
#define CHATPROTO_ERROR_KEY_FILE 1202

// There is no such key file.
#define CHATPROTO_ERROR_KEY_NOT_THERE 1203

// Others than its owner can read the key file.
#define CHATPROTO_ERROR_KEY_OPEN 1204

// There is such a key file already; it stays as it is.
#define CHATPROTO_ERROR_KEY_EXISTS 1205

// The file is no key file.
#define CHATPROTO_ERROR_NO_KEY_FILE 1206

// There is no room for the store.
#define CHATPROTO_ERROR_STORE_NO_ROOM 1211

// The store cannot be read or written.
#define CHATPROTO_ERROR_STORE_FAILED 1212

// What the store holds is not as it should be.
#define CHATPROTO_ERROR_STORE_DAMAGED 1213

// Another process has the store open, or another realm of this one.
#define CHATPROTO_ERROR_STORE_IN_USE 1214

// A later version of this library made the store.
#define CHATPROTO_ERROR_STORE_NEWER 1215

// The store belongs to another realm, or is something else altogether.
#define CHATPROTO_ERROR_STORE_FOREIGN 1216

// The link has ended.
#define CHATPROTO_ERROR_LINK_FAILED 1301

// A frame cannot be sent before the link is up.
#define CHATPROTO_ERROR_LINK_NOT_UP 1302

// The other side is no peer, or does not take this realm for one.
#define CHATPROTO_ERROR_LINK_REJECTED 1303

// The handshake of the link did not end in time.
#define CHATPROTO_ERROR_LINK_TIMEOUT 1304

// Something on the way changed what the link carries.
#define CHATPROTO_ERROR_LINK_TAMPERED 1305

// The link has sent as much as its keys are good for.
#define CHATPROTO_ERROR_LINK_KEYS_USED_UP 1306

// A line of the link is over this realm's limit.
#define CHATPROTO_ERROR_LINK_RECEIVED_TOO_LONG 1307

// A line of the link is no frame.
#define CHATPROTO_ERROR_LINK_BAD_FRAME 1308

// The link does not begin as links do.
#define CHATPROTO_ERROR_LINK_BAD_HELLO 1309

// The frame is more than the peer reads; the link goes on.
#define CHATPROTO_ERROR_LINK_FRAME_TOO_LONG 1310

// The frame has a number that no peer reads; the link goes on.
#define CHATPROTO_ERROR_LINK_NUMBER_TOO_BIG 1311

// Nobody is logged in.
#define CHATPROTO_ERROR_NOT_LOGGED_IN 1401

// A name or a word is empty, or has white space in it.
#define CHATPROTO_ERROR_NOT_ONE_WORD 1402

// A text has CR LF in it, which would end the request.
#define CHATPROTO_ERROR_LINE_END 1403

// In a group nothing but texts can be sent.
#define CHATPROTO_ERROR_IN_GROUP 1404

// The connection is in no group.
#define CHATPROTO_ERROR_NO_GROUP 1405

// A text for a group is empty, or is "exit".
#define CHATPROTO_ERROR_NO_TEXT 1406

// A reply was too long before, and what follows it cannot be found: connect anew.
#define CHATPROTO_ERROR_REPLY_TOO_LONG 1407

// As Argon2id hashes. Logging in is then work of the kind `CHATPROTO_WORK_HASH`.
#define CHATPROTO_PASSWORDS_ARGON2ID 0

// As they are, in memory alone: for lessons and tests.
#define CHATPROTO_PASSWORDS_PLAIN 1

// Connections, logins, links, and whatever went wrong.
#define CHATPROTO_DETAIL_ESSENTIAL 0

// Each command as well.
#define CHATPROTO_DETAIL_COMMANDS 1

// Each line and each reply as well, secrets masked.
#define CHATPROTO_DETAIL_WIRE 2

// Nothing, for programs that throw events away; `chatproto_realm_store_failure` still tells why a
// store is broken.
#define CHATPROTO_DETAIL_SILENT 3

// A power cut.
#define CHATPROTO_DURABILITY_FSYNC 0

// A killed process. After a power cut the last commits may be gone, but the file is sound.
#define CHATPROTO_DURABILITY_OS 1

// A connection was one too many. Fields: connection, code.
#define CHATPROTO_EVENT_REFUSED 1

// A login failed. Fields: connection, user, code.
#define CHATPROTO_EVENT_LOGIN_FAILED 2

// Somebody logged in. Fields: connection, user, session.
#define CHATPROTO_EVENT_LOGGED_IN 3

// A session ended. Fields: user, session.
#define CHATPROTO_EVENT_LOGGED_OUT 4

// A private message was taken. Fields: session, from, to.
#define CHATPROTO_EVENT_SENT 5

// An inbox was emptied. Fields: user, messages.
#define CHATPROTO_EVENT_INBOX_READ 6

// Messages of an inbox were shown and left in place. Fields: user, messages.
#define CHATPROTO_EVENT_INBOX_PEEKED 7

// Messages that had been shown were taken out of an inbox. Fields: user, messages.
#define CHATPROTO_EVENT_INBOX_ACKED 8

// Messages that had been taken out before were shown. Fields: user, messages.
#define CHATPROTO_EVENT_HISTORY_READ 9

// Somebody asked who is logged in. Fields: user.
#define CHATPROTO_EVENT_ACTIVE_USERS_READ 10

// A connection joined a live group. Fields: connection, user, group, home.
#define CHATPROTO_EVENT_GROUP_JOINED 11

// A connection left a live group. Fields: connection, user, group.
#define CHATPROTO_EVENT_GROUP_LEFT 12

// A line or a live message came in; secrets are masked, control characters are as they came.
// Fields: connection, text.
#define CHATPROTO_EVENT_RECEIVED 13

// A reply went out; secrets are masked. Fields: connection, text.
#define CHATPROTO_EVENT_REPLIED 14

// A link with a peer is up. Fields: peer.
#define CHATPROTO_EVENT_LINK_UP 15

// A connection with a peer ended before the peer had said hello; told once in a row. Fields: peer,
// why.
#define CHATPROTO_EVENT_LINK_FAILED 16

// The link with a peer is gone. Fields: peer, why.
#define CHATPROTO_EVENT_LINK_DOWN 17

// Mail of a peer could not be kept; its sender is told. Fields: peer, code.
#define CHATPROTO_EVENT_MAIL_REFUSED 18

// One side of a link has forgotten what it had acknowledged: its data are older than that, or
// gone. Fields: peer, missing.
#define CHATPROTO_EVENT_HISTORY_TRUNCATED 19

// A peer has had more of this realm's messages than the realm knows of: its data are an older
// copy. What waits is numbered anew, so that nothing is lost or doubled from now on. Fields: peer.
#define CHATPROTO_EVENT_OLDER_COPY 20

// A peer has begun its messages anew: its data are new, or an older copy. What it had accepted and
// not sent may be lost. Fields: peer.
#define CHATPROTO_EVENT_PEER_RENEWED 21

// Messages for a peer were given up, since they were too old or the peer is none any more; their
// senders are told. Fields: peer, messages, code.
#define CHATPROTO_EVENT_MAIL_GIVEN_UP 22

// Messages for a peer that is none any more were under way: nobody will ever say whether they
// arrived. Fields: peer, messages.
#define CHATPROTO_EVENT_MAIL_UNKNOWN 23

// A peer said why it closes the link. Fields: peer, code, text.
#define CHATPROTO_EVENT_PEER_SAID 24

// A peer broke the protocol. Fields: peer, what.
#define CHATPROTO_EVENT_PEER_MISBEHAVED 25

// A message of a classic neighbour was taken. Nothing proves who wrote it. Fields: connection,
// peer, from, to.
#define CHATPROTO_EVENT_CLASSIC_RECEIVED 26

// A message to a classic neighbour came to nothing, or it is not known what came of it; its sender
// was told. Told once in a row for each neighbour and reason. Fields: peer, code.
#define CHATPROTO_EVENT_CLASSIC_FAILED 27

// The store is full; changes are refused until it is not.
#define CHATPROTO_EVENT_STORE_FULL 28

// The store has room again.
#define CHATPROTO_EVENT_STORE_RECOVERED 29

// Messages could not be read from the store.
#define CHATPROTO_EVENT_FETCH_FAILED 30

// A password could not be hashed or checked: the machine lacks memory for it.
#define CHATPROTO_EVENT_PASSWORD_FAILED 31

// The store is broken; the realm has stopped.
#define CHATPROTO_EVENT_STORE_BROKEN 32

// There is none: all was carried out, until the next call that tells the realm something.
#define CHATPROTO_OUTPUT_NONE 0

// `chatproto_realm_outgoing` has bytes for the connection `id`. It is not said again before all
// are sent.
#define CHATPROTO_OUTPUT_SEND 1

// Read no more from the connection `id` for now: enough waits inside.
#define CHATPROTO_OUTPUT_PAUSE_READ 2

// Read from the connection `id` again.
#define CHATPROTO_OUTPUT_RESUME_READ 3

// Close the connection `id`: all was written, or will not be. The id means nothing any more.
// `number` is why (`CHATPROTO_CLOSE_...`), `name` the word for it.
#define CHATPROTO_OUTPUT_CLOSE 4

// `chatproto_realm_link_take` has frames for the link `id` that it had not when it was called
// last.
#define CHATPROTO_OUTPUT_LINK_SEND 5

// Write what was taken before, then close the link `id`. The id means nothing any more. `number`
// is why (`CHATPROTO_LINK_CLOSE_...`), `name` the word for it.
#define CHATPROTO_OUTPUT_LINK_CLOSE 6

// Connect to the peer `name`, then call `chatproto_realm_link_up`, or
// `chatproto_realm_dial_failed`.
#define CHATPROTO_OUTPUT_DIAL 7

// Let some thread run `work`, then call `chatproto_realm_complete`. `number` is its kind
// (`CHATPROTO_WORK_...`).
#define CHATPROTO_OUTPUT_WORK 8

// `data` is the answer to the request `id`, as a client would read it.
#define CHATPROTO_OUTPUT_REPLY 9

// Something happened: `number` says what (`CHATPROTO_EVENT_...`), `name` is the word for it,
// `data` has its fields as one JSON object, and `id` is the connection it is about, or
// `CHATPROTO_NEVER`.
#define CHATPROTO_OUTPUT_EVENT 10

// Connect to the classic neighbour `name`, write `data`, read its answer, and hand in what came of
// it, with the request `id`, by `chatproto_realm_called`, before the limit `classic_ms_max` is
// over.
#define CHATPROTO_OUTPUT_CALL 11

// The client has sent its last, and has its answers.
#define CHATPROTO_CLOSE_ENDED 1

// The client said `quit`.
#define CHATPROTO_CLOSE_QUIT 2

// It was one too many.
#define CHATPROTO_CLOSE_REFUSED 3

// It was idle and made room.
#define CHATPROTO_CLOSE_IDLE_EVICTED 4

// It left too much unread.
#define CHATPROTO_CLOSE_SLOW_READER 5

// The realm goes down.
#define CHATPROTO_CLOSE_SHUT_DOWN 6

// The store is broken.
#define CHATPROTO_CLOSE_STORE_BROKEN 7

// The connection is gone.
#define CHATPROTO_LINK_CLOSE_DOWN 1

// Another connection with the same peer takes its place.
#define CHATPROTO_LINK_CLOSE_REPLACED 2

// The peer fell silent, or acknowledges nothing.
#define CHATPROTO_LINK_CLOSE_DEAD 3

// The peer broke the protocol.
#define CHATPROTO_LINK_CLOSE_PROTOCOL 4

// The peer takes too little of what it is sent.
#define CHATPROTO_LINK_CLOSE_SLOW 5

// The peer said goodbye.
#define CHATPROTO_LINK_CLOSE_BYE 6

// The link is not wanted now.
#define CHATPROTO_LINK_CLOSE_PAUSED 7

// The peer was taken out of the configuration.
#define CHATPROTO_LINK_CLOSE_REMOVED 8

// The realm goes down.
#define CHATPROTO_LINK_CLOSE_SHUT_DOWN 9

// Over an encrypted link with the realm that has `public_key`, and no other.
#define CHATPROTO_PEER_NOISE 0

// Over a link that protects nothing: anybody can read along and claim to be that realm. For tests
// and lessons on one machine.
#define CHATPROTO_PEER_INSECURE 1

// With the requests of the classic servers, over connections of their own. Nothing proves who
// calls.
#define CHATPROTO_PEER_CLASSIC 2

// It is up.
#define CHATPROTO_PEER_STATE_LINKED 1

// There is a connection, and the peer has not said hello yet.
#define CHATPROTO_PEER_STATE_GREETING 2

// The peer is being called.
#define CHATPROTO_PEER_STATE_DIALLING 3

// The peer is called again in `waiting_ms`.
#define CHATPROTO_PEER_STATE_WAITING 4

// The peer is not called, but may call.
#define CHATPROTO_PEER_STATE_LISTENING 5

// The link is not wanted now.
#define CHATPROTO_PEER_STATE_PAUSED 6

// A classic neighbour, which is called for each message.
#define CHATPROTO_PEER_STATE_CLASSIC 7

// This one.
#define CHATPROTO_DIALLED 1

// The other one.
#define CHATPROTO_ACCEPTED 2

// `data` is what was read: up to CR LF CR LF, or to the end if that came before.
#define CHATPROTO_CALL_ANSWERED 1

// There was no connection, or it took not a single byte.
#define CHATPROTO_CALL_NOT_REACHED 2

// Bytes were written, and then there was nothing to read, too much of it, or no time left.
#define CHATPROTO_CALL_NO_ANSWER 3

// Nothing, until more bytes come.
#define CHATPROTO_LINK_EVENT_NONE 0

// It is known who is at the other end: call `chatproto_realm_link_up` with `peer` and `direction`.
// Comes once, and before all else.
#define CHATPROTO_LINK_EVENT_UP 1

// Frames have come: hand `frames` to `chatproto_realm_link_frames`, then free them.
#define CHATPROTO_LINK_EVENT_FRAMES 2

// A password to hash or check: some tens of milliseconds of a processor, and 19 MiB.
#define CHATPROTO_WORK_HASH 1

// Messages to read from the store.
#define CHATPROTO_WORK_READ 2

// Changes to commit to the store. There is one at a time, and replies wait for it.
#define CHATPROTO_WORK_COMMIT 3

// The store to be put in order, now and then after a commit: its log of commits, and history that is too
// old. Nobody waits for it, but a commit that comes meanwhile may have to.
#define CHATPROTO_WORK_TIDY 4

// Nothing, until more was read.
#define CHATPROTO_INCOMING_NONE 0

// The reply to `request`. `is_ok` tells whether the server did what it was asked for; if not,
// `error` is why, or 0 where the server gives no reason that this library knows. `text` is what it
// says to a person, empty if nothing; `json` is all of it, a token in it as "***"; `messages` is
// how many messages it tells, for `chatproto_client_message_at`.
#define CHATPROTO_INCOMING_REPLY 1

// A reply that nobody asked for: the server says why it closes, or why it shows the client out of a
// group. Its fields are those of a reply.
#define CHATPROTO_INCOMING_NOTICE 2

// Something in the place of a reply that is none: to `request`, or to none if that is 0. The next
// request may fare better.
#define CHATPROTO_INCOMING_SENSELESS 3

// `request`, to join a group, went well: what comes from now on is `CHATPROTO_INCOMING_TEXT`, until
// the reply to `chatproto_client_leave`.
#define CHATPROTO_INCOMING_JOINED 4

// `text` is what the group is told. It may be anything that its members wrote, characters that a
// terminal obeys among them.
#define CHATPROTO_INCOMING_TEXT 5

// A reply is longer than the bound: close the connection. Nothing comes after it.
#define CHATPROTO_INCOMING_TOO_LONG 6

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Returns the sentence for an error: up to 999 what a person in a chat is shown, in Indonesian;
// from 1001 on what a programmer is, in English.
//
// 0 gives "OK"; a number that is none of the errors gives a text that says so. The text lives as
// long as the program. `chatproto_error_detail` has more to say of the last error.
const char *chatproto_error_text(chatproto_error error);

// Returns the name of an error, such as `inbox_full`, as it stands in a reply's `code`.
//
// 0 gives "ok"; a number that is none of the errors gives "unknown". The text lives as long as the
// program.
const char *chatproto_error_name(chatproto_error error);

// Returns what there is to say of the last error that a function of this library returned in this
// thread: an English sentence, with names and figures, for the log or the person at the desk.
//
// Empty if there was none. The text is valid until the next call in this thread that fails, or the
// thread's end; calls that succeed leave it as it is. There is never a secret in it.
const char *chatproto_error_detail(void);

// Returns the version of the library, such as "0.1.0".
const char *chatproto_version(void);

// Returns the number of the interface the library was built with.
//
// A program compares it with `CHATPROTO_ABI_VERSION` before it calls anything else.
// After a panic: 0, which is the number of no interface.
uint32_t chatproto_abi_version(void);

// Makes a view of a text that ends with a NUL, which is left out; NULL gives an empty one.
//
// It is valid for as long as the text is.
chatproto_str chatproto_str_of(const char *text);

// Makes a view of bytes that a program has as characters, such as a line to be carried out.
//
// It is valid for as long as the text is.
chatproto_bytes chatproto_str_bytes(chatproto_str text);

// Reads the clocks of the machine. `mono_ms` counts from a moment in this process.
//
// After a panic both are 0, which counts as a clock that stands still.
chatproto_now chatproto_now_of_system(void);

// Begins the configuration of a realm of that name: no users, no peers, the default limits, and no
// store.
//
// Errors: `NOT_A_NAME`; then `*config` is NULL.
chatproto_error chatproto_config_new(chatproto_str name, chatproto_config **config);

// Frees a configuration. Does nothing for NULL.
void chatproto_config_free(chatproto_config *config);

// Adds a user that the realm has from its start. One that its store knows already stays as it is
// there.
//
// `password` is what the user logs in with, or a hash of it that begins with "$argon2id$", as
// `realmd hash-password` prints it. Where `display_name` is empty, others see `name`; `country`
// may be empty.
//
// Errors: `NOT_A_NAME`, `NOT_A_HASH`, `PASSWORD_COST`. A name that is there twice is told by
// `chatproto_realm_new`.
chatproto_error chatproto_config_add_user(chatproto_config *config,
                                          chatproto_str name,
                                          chatproto_str password,
                                          chatproto_str display_name,
                                          chatproto_str country);

// Adds a peer: another realm that this one speaks with.
//
// Errors: `NOT_A_NAME`, `NOT_A_KEY`, `KEY_UNUSED`, `INVALID_ARGUMENT` for an unknown mode. A name
// that is there twice is told by `chatproto_realm_new`.
chatproto_error chatproto_config_add_peer(chatproto_config *config, const chatproto_peer *peer);

// Sets a limit, such as `inbox_messages_max`; `hello` shows them all.
//
// Errors: `LIMIT_UNKNOWN`, `LIMIT_RANGE`. Limits that contradict each other are told by
// `chatproto_realm_new`.
chatproto_error chatproto_config_set_limit(chatproto_config *config,
                                           chatproto_str name,
                                           uint64_t value);

// Shows a limit.
//
// Errors: `LIMIT_UNKNOWN`.
chatproto_error chatproto_config_limit(chatproto_config *config,
                                       chatproto_str name,
                                       uint64_t *value);

// Says how passwords are kept; as Argon2id hashes, if nothing is said.
//
// Errors: `INVALID_ARGUMENT`.
chatproto_error chatproto_config_set_passwords(chatproto_config *config,
                                               chatproto_passwords passwords);

// Says that passwords are kept as Argon2id hashes, and what one costs: memory in KiB, passes over
// it, and lanes that could run side by side. The default is 19456, 2 and 1.
//
// Errors: `PASSWORD_COST`.
chatproto_error chatproto_config_set_password_cost(chatproto_config *config,
                                                   uint32_t memory_kib,
                                                   uint32_t passes,
                                                   uint32_t lanes);

// Says how much the realm tells in its events; the essential, if nothing is said.
//
// Errors: `INVALID_ARGUMENT`.
chatproto_error chatproto_config_set_detail(chatproto_config *config, chatproto_detail detail);

// Gives the realm its own key, which encrypted links need.
chatproto_error chatproto_config_set_key(chatproto_config *config, const chatproto_key *key);

// Has the realm kept in a file of `SQLite`, made if there is none; a file beside it, whose name
// ends in `.lock`, keeps others out. `path` may be any bytes where the system's paths are bytes.
//
// Errors: `INVALID_ARGUMENT` for an empty path, or an unknown durability. Whether it can be opened
// is told by `chatproto_realm_new`.
chatproto_error chatproto_config_set_store_file(chatproto_config *config,
                                                chatproto_str path,
                                                chatproto_durability durability);

// Has the realm kept in a store in memory, which is gone with it: for tests and lessons. What
// depends on a commit waits for it as with a file.
chatproto_error chatproto_config_set_store_memory(chatproto_config *config);

// Sets the seed of the realm's randomness, 32 bytes, so that a play can be repeated. For tests
// alone: a seed that is used twice repeats tokens, and one that is known gives them away. Without
// one, every realm gets a fresh one of the system's.
//
// Errors: `INVALID_ARGUMENT` for another length.
chatproto_error chatproto_config_set_seed(chatproto_config *config, chatproto_bytes seed);

// Sets the moment at which the realm begins, for programs with a clock of their own; the system's,
// if nothing is said.
chatproto_error chatproto_config_set_start(chatproto_config *config, chatproto_now start);

// Shows how many frames there are: at least one.
chatproto_error chatproto_frames_count(const chatproto_frames *frames, size_t *count);

// Frees frames. Does nothing for NULL.
void chatproto_frames_free(chatproto_frames *frames);

// Makes a new key, of fresh entropy. Save it: peers know the realm by it.
//
// Errors: `NO_RANDOM`; then `*key` is NULL.
chatproto_error chatproto_key_generate(chatproto_key **key);

// Reads a key file.
//
// Errors: `KEY_NOT_THERE`, `KEY_OPEN` if others than its owner may read it, `NO_KEY_FILE`,
// `KEY_FILE`; then `*key` is NULL.
chatproto_error chatproto_key_load(chatproto_str path, chatproto_key **key);

// Reads a key file, and makes one with a new key if there is none.
//
// Errors: those of `chatproto_key_load` but the first, and those of `chatproto_key_save`; then
// `*key` is NULL.
chatproto_error chatproto_key_load_or_make(chatproto_str path, chatproto_key **key);

// Writes a new file that its owner alone may read, and the public key beside it: `realm1.pub` for
// `realm1.key`. A file that is there stays as it is.
//
// Errors: `KEY_EXISTS`, `KEY_FILE`.
chatproto_error chatproto_key_save(const chatproto_key *key, chatproto_str path);

// Shows the key that peers may know, 44 characters; valid as long as the key is.
chatproto_error chatproto_key_public(const chatproto_key *key, chatproto_str *public_key);

// Frees a key, which is wiped once the last object that keeps a copy is gone. Does nothing for
// NULL.
void chatproto_key_free(chatproto_key *key);

// Frees a link configuration. Does nothing for NULL.
void chatproto_link_config_free(chatproto_link_config *links);

// Makes a realm, or puts it together of what its store holds; reading that may take long.
//
// Errors: what the configuration says contradicts itself (`USER_TWICE`, `PEER_TWICE`, `OWN_PEER`,
// `LIMIT_ORDER`, `CONFIG`); the store cannot be opened (`STORE_...`); messages wait for a realm
// that the configuration does not name as a linked peer (`PEER_MISSING`); `NO_RANDOM`. Then
// `*realm` is NULL.
chatproto_error chatproto_realm_new(chatproto_config *config, chatproto_realm **realm);

// Ends the realm at once and closes its store, after the commit under way if there is one. What no
// commit was begun for is not kept; nobody was promised anything of it. Every other function gives
// `CLOSED` from then on; closing it again does nothing. To end it in peace, see
// `chatproto_realm_shutdown` first.
chatproto_error chatproto_realm_close(chatproto_realm *realm);

// Frees a realm, closing it where it is not. Does nothing for NULL. While another thread is
// inside, nothing is freed: a leak does less harm.
void chatproto_realm_free(chatproto_realm *realm);

// Shows the realm's name; valid until the realm is closed or freed.
chatproto_error chatproto_realm_name(chatproto_realm *realm, chatproto_str *name);

// Shows when `chatproto_realm_handle_timeout` is due, on the clock of `chatproto_now.mono_ms`;
// `CHATPROTO_NEVER` if it is not.
chatproto_error chatproto_realm_poll_timeout(chatproto_realm *realm, uint64_t *at_ms);

// Does what is due; harmless at any other moment.
chatproto_error chatproto_realm_handle_timeout(chatproto_realm *realm, chatproto_now now);

// Shows why the store failed at what it was asked for last, and what to do; empty if it did not,
// or there is none. Valid until the next call with this realm.
chatproto_error chatproto_realm_store_failure(chatproto_realm *realm, chatproto_str *why);

// Has the realm take nothing new, say goodbye to everybody, and close each connection and link
// once its output is written. Go on as before until `chatproto_realm_is_shut_down`.
chatproto_error chatproto_realm_shutdown(chatproto_realm *realm, chatproto_now now);

// Shows whether a shutdown is through: no connection, no link, nothing to commit.
chatproto_error chatproto_realm_is_shut_down(chatproto_realm *realm, bool *is_shut_down);

// Takes a new connection from an address, written without its port, by which connections are
// counted. One too many is told so and closed.
chatproto_error chatproto_realm_open(chatproto_realm *realm,
                                     chatproto_str address,
                                     chatproto_now now,
                                     uint64_t *connection);

// Takes a new connection on the listener of a classic neighbour: all that it can do is what that
// dialect has, in the name of any user of that realm. Where no classic neighbour of that name is
// configured, it is refused.
//
// Errors: `NOT_A_NAME`.
chatproto_error chatproto_realm_open_classic(chatproto_realm *realm,
                                             chatproto_str address,
                                             chatproto_str neighbour,
                                             chatproto_now now,
                                             uint64_t *connection);

// Takes what one read from a connection brought. In a live group one read is one message.
chatproto_error chatproto_realm_receive(chatproto_realm *realm,
                                        uint64_t connection,
                                        chatproto_bytes data,
                                        chatproto_now now);

// Notes that the client will send no more, but may still read.
chatproto_error chatproto_realm_ended(chatproto_realm *realm,
                                      uint64_t connection,
                                      chatproto_now now);

// Notes that the connection is gone. Whole lines that it had sent are still carried out, but an
// `inbox` among them empties nothing.
chatproto_error chatproto_realm_closed(chatproto_realm *realm,
                                       uint64_t connection,
                                       chatproto_now now);

// Shows what to write to a connection now; valid until the next call with this realm.
chatproto_error chatproto_realm_outgoing(chatproto_realm *realm,
                                         uint64_t connection,
                                         chatproto_bytes *data);

// Notes that the first `n` bytes of what is outgoing were written. Where the socket takes no more,
// go on once it does.
//
// Errors: `SENT_TOO_MUCH` for more than there were; nothing has changed then.
chatproto_error chatproto_realm_sent(chatproto_realm *realm,
                                     uint64_t connection,
                                     size_t n,
                                     chatproto_now now);

// Carries out one command without a connection, such as "auth messi surabaya"; a line end is added
// where there is none. An output of the kind `CHATPROTO_OUTPUT_REPLY` with that `*request` answers
// it.
chatproto_error chatproto_realm_execute(chatproto_realm *realm,
                                        chatproto_bytes line,
                                        chatproto_now now,
                                        uint64_t *request);

// Does the same without adding a line end, so that the text of a `send` is kept without one.
chatproto_error chatproto_realm_execute_exactly(chatproto_realm *realm,
                                                chatproto_bytes line,
                                                chatproto_now now,
                                                uint64_t *request);

// Makes what transports of this realm are made with: its name, key and limits, and its peers as
// they are now. After a change of the peers, make another one. A peer whose key is not known yet is
// not linked with, whoever calls.
//
// Errors: `OWN_KEY_MISSING`, `KEY_TWICE`, `OWN_KEY`; then `*links` is NULL.
chatproto_error chatproto_realm_link_config(chatproto_realm *realm, chatproto_link_config **links);

// Notes that a link with a peer is up, as a transport tells it, and gives its number. Of two links
// with one peer the realm closes one.
//
// Errors: `UNKNOWN_PEER`, `NOT_A_NAME`, `INVALID_ARGUMENT` for an unknown direction.
chatproto_error chatproto_realm_link_up(chatproto_realm *realm,
                                        chatproto_str peer,
                                        chatproto_direction direction,
                                        chatproto_now now,
                                        uint64_t *link);

// Takes frames that came over a link. They stay the program's.
chatproto_error chatproto_realm_link_frames(chatproto_realm *realm,
                                            uint64_t link,
                                            const chatproto_frames *frames,
                                            chatproto_now now);

// Takes up to `max` frames that a link is to carry, for `chatproto_transport_send`: they count as
// sent, and are the program's. `*frames` is NULL if there are none.
//
// `CHATPROTO_OUTPUT_LINK_SEND` tells of later ones alone: who has taken `max` has to come back for
// others by itself. Take no more while much is outgoing at the transport.
chatproto_error chatproto_realm_link_take(chatproto_realm *realm,
                                          uint64_t link,
                                          size_t max,
                                          chatproto_now now,
                                          chatproto_frames **frames);

// Notes that a link is gone.
chatproto_error chatproto_realm_link_down(chatproto_realm *realm, uint64_t link, chatproto_now now);

// Notes that an output of the kind `CHATPROTO_OUTPUT_DIAL` led to no link; `why` is for people to
// read, users among them: without paths.
//
// Errors: `UNKNOWN_PEER` for a realm that was never a peer, `NOT_A_NAME`.
chatproto_error chatproto_realm_dial_failed(chatproto_realm *realm,
                                            chatproto_str peer,
                                            chatproto_str why,
                                            chatproto_now now);

// Takes the next output: what the realm asks for or tells, in its order. One of the kind
// `CHATPROTO_OUTPUT_NONE` means that there is none.
//
// Work to commit is offered once there is nothing else, and one at a time, so that whatever
// happens during one commit goes into the next.
chatproto_error chatproto_realm_next_output(chatproto_realm *realm, chatproto_output *output);

// Hands in work that was run; then there may be outputs. Work that was not run counts as failed.
//
// With `CHATPROTO_OK` the work is taken over and freed; after an error it is still the program's.
// Errors: `INVALID_ARGUMENT` if another realm has asked for it; `BUSY` if it is being run.
chatproto_error chatproto_realm_complete(chatproto_realm *realm,
                                         chatproto_work *work,
                                         chatproto_now now);

// Takes what came of an output of the kind `CHATPROTO_OUTPUT_CALL`. What comes too late is passed
// over.
//
// Errors: `INVALID_ARGUMENT` for an unknown result, `UNKNOWN_REQUEST` for a request that was never
// made.
chatproto_error chatproto_realm_called(chatproto_realm *realm,
                                       uint64_t request,
                                       chatproto_call_result result,
                                       chatproto_bytes data,
                                       chatproto_now now);

// Sends a private message of one user to another, or to `user@realm`, without a token. An output
// of the kind `CHATPROTO_OUTPUT_REPLY` answers it as a `send`; where there is no such sender, with
// `recipient_unknown`.
chatproto_error chatproto_realm_send_from(chatproto_realm *realm,
                                          chatproto_str from,
                                          chatproto_str to,
                                          chatproto_str text,
                                          chatproto_now now,
                                          uint64_t *request);

// Takes all messages out of a user's inbox without a token. An output of the kind
// `CHATPROTO_OUTPUT_REPLY` answers it as an `inbox`; where there is no such user, with
// `recipient_unknown`.
chatproto_error chatproto_realm_take_inbox(chatproto_realm *realm,
                                           chatproto_str user,
                                           chatproto_now now,
                                           uint64_t *request);

// Adds a user, or changes what is said of one, whose sessions and messages stay. The arguments are
// those of `chatproto_config_add_user`. An output of the kind `CHATPROTO_OUTPUT_REPLY` answers
// once it is stored.
//
// Errors: `NOT_A_NAME`, `NOT_A_HASH`, `PASSWORD_COST`.
chatproto_error chatproto_realm_set_user(chatproto_realm *realm,
                                         chatproto_str name,
                                         chatproto_str password,
                                         chatproto_str display_name,
                                         chatproto_str country,
                                         chatproto_now now,
                                         uint64_t *request);

// Shows how many users there are.
chatproto_error chatproto_realm_user_count(chatproto_realm *realm, size_t *count);

// Shows the user number `at`, counted from 0, in the order in which they were added.
//
// Errors: `INVALID_ARGUMENT` if there are not so many.
chatproto_error chatproto_realm_user_at(chatproto_realm *realm, size_t at, chatproto_profile *user);

// Shows whose a live token is; its use is not noted. All texts are empty if it is nobody's.
chatproto_error chatproto_realm_token_owner(chatproto_realm *realm,
                                            chatproto_str token,
                                            chatproto_profile *user);

// Shows how many peers there are.
chatproto_error chatproto_realm_peer_count(chatproto_realm *realm, size_t *count);

// Shows how the realm stands with its peer number `at`, counted from 0. The texts are valid until
// the next call with this realm.
//
// Errors: `INVALID_ARGUMENT` if there are not so many.
chatproto_error chatproto_realm_peer_at(chatproto_realm *realm,
                                        size_t at,
                                        chatproto_peer_status *status);

// Adds a peer, or changes what is said of one. Then make another link configuration.
//
// Errors: those of `chatproto_config_add_peer`, and `OWN_PEER`.
chatproto_error chatproto_realm_set_peer(chatproto_realm *realm,
                                         const chatproto_peer *peer,
                                         chatproto_now now);

// Takes a peer out. With `bounce`, messages that wait for it come back to their senders.
//
// Errors: `UNKNOWN_PEER`; `PEER_HAS_MAIL` if messages wait and `bounce` is not set: then nothing
// has changed; `NOT_A_NAME`.
chatproto_error chatproto_realm_remove_peer(chatproto_realm *realm,
                                            chatproto_str peer,
                                            bool bounce,
                                            chatproto_now now);

// Ends the link with a peer and wants no other, beyond the realm's end too; or, with `paused`
// false, wants one again. Messages wait meanwhile.
//
// Errors: `UNKNOWN_PEER`, `NOT_A_NAME`.
chatproto_error chatproto_realm_pause_peer(chatproto_realm *realm,
                                           chatproto_str peer,
                                           bool paused,
                                           chatproto_now now);

// Calls a peer at once that would be called later.
//
// Errors: `UNKNOWN_PEER`, `NOT_A_NAME`.
chatproto_error chatproto_realm_retry_peer(chatproto_realm *realm,
                                           chatproto_str peer,
                                           chatproto_now now);

// Begins on a connection that this realm made to `peer`.
//
// Errors: `UNKNOWN_PEER` if `links` has no such peer, `KEY_MISSING` if the peer's key was not known
// when it was made, `NOT_A_NAME`, `NO_RANDOM`; then `*transport` is NULL.
chatproto_error chatproto_transport_dial(const chatproto_link_config *links,
                                         chatproto_str peer,
                                         chatproto_now now,
                                         chatproto_transport **transport);

// Begins on a connection that somebody made to this realm.
//
// Errors: `NO_RANDOM`; then `*transport` is NULL.
chatproto_error chatproto_transport_accept(const chatproto_link_config *links,
                                           chatproto_now now,
                                           chatproto_transport **transport);

// Frees a transport. Does nothing for NULL. While another thread is inside, nothing is freed.
void chatproto_transport_free(chatproto_transport *transport);

// Takes bytes from the connection, cut anyhow.
//
// Errors: `LINK_...` if the link has ended, for something that the peer did or for an earlier
// reason.
chatproto_error chatproto_transport_receive(chatproto_transport *transport,
                                            chatproto_bytes data,
                                            chatproto_now now);

// Takes what happened next; one of the kind `CHATPROTO_LINK_EVENT_NONE` means that nothing did.
chatproto_error chatproto_transport_next(chatproto_transport *transport,
                                         chatproto_link_event *event);

// Appends frames to what is outgoing. They stay the program's. Those before the one that an error
// is about were appended.
//
// Errors: `LINK_NOT_UP`, `LINK_FRAME_TOO_LONG`, `LINK_NUMBER_TOO_BIG`, after which the link goes
// on; others if it has ended.
chatproto_error chatproto_transport_send(chatproto_transport *transport,
                                         const chatproto_frames *frames);

// Shows what to write to the connection now; valid until the next call with this transport.
chatproto_error chatproto_transport_outgoing(chatproto_transport *transport, chatproto_bytes *data);

// Shows about how many bytes `chatproto_transport_outgoing` would show: take no more frames from
// the realm while it is much. It costs nothing, while the other function seals what waits for it.
chatproto_error chatproto_transport_outgoing_bytes(chatproto_transport *transport, size_t *bytes);

// Notes that the first `n` bytes of what is outgoing were written.
//
// Errors: `SENT_TOO_MUCH` for more than there were; nothing has changed then.
chatproto_error chatproto_transport_sent(chatproto_transport *transport, size_t n);

// Shows when `chatproto_transport_handle_timeout` is due, on the clock of `chatproto_now.mono_ms`;
// `CHATPROTO_NEVER` if it is not.
chatproto_error chatproto_transport_poll_timeout(chatproto_transport *transport, uint64_t *at_ms);

// Does what is due; harmless at any other moment.
//
// Errors: `LINK_...` if the link has ended, for want of a handshake or for an earlier reason.
chatproto_error chatproto_transport_handle_timeout(chatproto_transport *transport,
                                                   chatproto_now now);

// Does the work, which may take long, and keeps what came of it for `chatproto_realm_complete`.
//
// What goes wrong outside, such as a full disk, is part of what came of it: the realm deals with
// it, and `chatproto_realm_store_failure` shows it. Errors: `WORK_DONE` if it was run before;
// `INTERNAL`, and the work has failed: complete it all the same.
chatproto_error chatproto_work_run(chatproto_work *work);

// Frees work that comes to nothing: what has waited for it fails, as soon as the realm is asked
// for its next output. Does nothing for NULL.
void chatproto_work_free(chatproto_work *work);

// Begins a connection, with nobody logged in.
//
// `reply_bytes_max` is the longest reply that is waited for, in bytes; 0 stands for 64 MiB, which no
// inbox of a server with the default limits reaches.
chatproto_error chatproto_client_new(size_t reply_bytes_max,
                                     chatproto_client **client);

// Frees a client, and wipes the token and what was to be written. Does nothing for NULL. While
// another thread is inside, nothing is freed.
void chatproto_client_free(chatproto_client *client);

// Shows what to write now, in one write; valid until the next call with this client. Empty if there
// is nothing.
chatproto_error chatproto_client_outgoing(chatproto_client *client, chatproto_bytes *data);

// Notes that the first `n` bytes of what is outgoing were written. Then there may be more.
//
// Errors: `SENT_TOO_MUCH` for more than there were; nothing has changed then.
chatproto_error chatproto_client_sent(chatproto_client *client, size_t n);

// Takes what one read from the connection brought.
chatproto_error chatproto_client_receive(chatproto_client *client, chatproto_bytes data);

// Shows whether somebody is logged in, as far as replies have told.
chatproto_error chatproto_client_is_logged_in(chatproto_client *client, bool *is_logged_in);

// Shows whether the connection is in a group, where texts are said and nothing else.
chatproto_error chatproto_client_is_in_group(chatproto_client *client, bool *is_in_group);

// Shows whether the connection is on its way out of a group: nothing can be said or asked before the
// reply has come.
chatproto_error chatproto_client_is_leaving(chatproto_client *client,
                                            bool *is_leaving);

// Takes what has come next; one of the kind `CHATPROTO_INCOMING_NONE` means that nothing has.
chatproto_error chatproto_client_next(chatproto_client *client, chatproto_incoming *incoming);

// Shows message number `at`, counted from 0, of the reply that was taken last: those of an inbox
// sender by sender, and the oldest of each first.
//
// Errors: `INVALID_ARGUMENT` if it has not so many, or something else than a reply was taken last.
chatproto_error chatproto_client_message_at(chatproto_client *client,
                                            size_t at,
                                            chatproto_message *message);

// Logs in. The number of the request comes back with its reply, as with all requests.
//
// Errors, as of all requests: `NOT_ONE_WORD` if a name or a word is empty or has white space in it,
// `IN_GROUP` in a group or on the way out of one, `REPLY_TOO_LONG` after
// `CHATPROTO_INCOMING_TOO_LONG`; nothing is written then. Those that act for a user have
// `NOT_LOGGED_IN`, and those with a text `LINE_END` if CR LF is in it.
chatproto_error chatproto_client_log_in(chatproto_client *client,
                                        chatproto_str name,
                                        chatproto_str password,
                                        uint64_t *request);

// Ends the session. Errors: as of all requests.
chatproto_error chatproto_client_log_out(chatproto_client *client, uint64_t *request);

// Leaves a message for a user, or for `user@realm`. The server keeps a space before the text and the
// line end after it, as the classic clients have it. Errors: as of all requests.
chatproto_error chatproto_client_send(chatproto_client *client,
                                      chatproto_str to,
                                      chatproto_str text,
                                      uint64_t *request);

// Does the same with a key of the program's choice, one word: sent again with it, after a reply that
// was lost, there is no second copy. Classic servers do not know it. Errors: as of all requests.
chatproto_error chatproto_client_send_once(chatproto_client *client,
                                           chatproto_str key,
                                           chatproto_str to,
                                           chatproto_str text,
                                           uint64_t *request);

// Takes all messages out of the inbox. If the reply is lost, so are they: where the server knows
// `chatproto_client_peek` and `chatproto_client_ack`, use those. Errors: as of all requests.
chatproto_error chatproto_client_inbox(chatproto_client *client, uint64_t *request);

// Reads the first messages of the inbox, at most `limit`, and leaves them there. Errors: as of all
// requests.
chatproto_error chatproto_client_peek(chatproto_client *client, uint64_t limit, uint64_t *request);

// Takes messages out of the inbox, up to and including the one with the number `upto`. Errors: as of
// all requests.
chatproto_error chatproto_client_ack(chatproto_client *client,
                                     uint64_t upto,
                                     uint64_t *request);

// Asks who is logged in: the reply's `text` has the names, each followed by ", ". Errors: as of all
// requests.
chatproto_error chatproto_client_active_users(chatproto_client *client, uint64_t *request);

// Sends any other line, given without its end; a token in it is the program's to know. Errors: as of
// all requests.
chatproto_error chatproto_client_line(chatproto_client *client,
                                      chatproto_str line,
                                      uint64_t *request);

// Does the same with a command that takes the token first: with the verb "history" and the rest
// "messi", the line is `history TOKEN messi`. Errors: as of all requests.
chatproto_error chatproto_client_command(chatproto_client *client,
                                         chatproto_str verb,
                                         chatproto_str rest,
                                         uint64_t *request);

// Joins a live group, which is made if there is none. `CHATPROTO_INCOMING_JOINED` tells that it went
// well; a reply is an error. Errors: as of all requests.
chatproto_error chatproto_client_join(chatproto_client *client,
                                      chatproto_str group,
                                      uint64_t *request);

// Says something in the group.
//
// Errors: `NO_GROUP` if the connection is in none, or is leaving it; `NO_TEXT` if the text is empty,
// or "exit"; `REPLY_TOO_LONG`.
chatproto_error chatproto_client_say(chatproto_client *client,
                                     chatproto_str text);

// Leaves the group; the reply tells when that is done.
//
// Errors: `NO_GROUP`, `REPLY_TOO_LONG`.
chatproto_error chatproto_client_leave(chatproto_client *client, uint64_t *request);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CHATPROTO_H */
