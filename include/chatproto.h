// chatproto: a chat realm as a library.
//
// Generated from the sources of chatproto-ffi and checked in; a test compares the two. To write
// it anew: CHATPROTO_BLESS=1 cargo test -p chatproto-ffi --test header
//
// Threads: every function may be called from any thread at any time, unless it says otherwise.
// NULL: no function takes or returns NULL, unless it says otherwise.
// Texts: UTF-8, ended by a NUL byte. Those that functions return live as long as the program
// and are not to be freed.
// Panics: none crosses the border; a function that met one says what it returns then.

#ifndef CHATPROTO_H
#define CHATPROTO_H

#include <stddef.h>
#include <stdint.h>

// The number of the interface: the header's and the library's must be equal.
//
// It grows with every change that a program compiled before would not survive.
#define CHATPROTO_ABI_VERSION 1

// What went wrong: 0 for nothing, or one of the numbers below, which never change.
typedef int32_t chatproto_error;

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

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Returns the sentence a person is shown for an error, in Indonesian.
//
// 0 gives "OK"; a number that is none of the errors gives a text that says so.
const char *chatproto_error_text(chatproto_error error);

// Returns the name of an error, such as `inbox_full`, as it stands in a reply's `code`.
//
// 0 gives "ok"; a number that is none of the errors gives "unknown".
const char *chatproto_error_name(chatproto_error error);

// Returns the version of the library, such as "0.1.0".
const char *chatproto_version(void);

// Returns the number of the interface the library was built with.
//
// A program compares it with `CHATPROTO_ABI_VERSION` before it calls anything else.
// After a panic: 0, which is the number of no interface.
uint32_t chatproto_abi_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CHATPROTO_H */
