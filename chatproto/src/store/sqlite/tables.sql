-- The tables of a store, format 1. They are for the program; people read the views.
--
-- All keys are integers, so that every table is one B-tree in the order in which it is read and a
-- message costs one row and no index. A key of two parts has the owner in its high bits: all rows
-- of an owner are one range, found by a seek. STRICT keeps a wrong type from getting in.

-- Which realm the store belongs to, and the greatest number of a session that has ended: no number is
-- used again.
CREATE TABLE meta (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    realm TEXT NOT NULL,
    sessions INTEGER NOT NULL DEFAULT 0
) STRICT;

-- A user's number has 23 bits, so that a message's key has 63.
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    country TEXT NOT NULL,
    password TEXT -- a PHC string; none until it was hashed
) STRICT;

-- Of the token there is a digest alone.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    user INTEGER NOT NULL,
    token BLOB NOT NULL,
    opened_unix_ms INTEGER NOT NULL,
    used_unix_ms INTEGER NOT NULL
) STRICT;

-- Up to which number a user's messages were read: those are history, the others wait.
CREATE TABLE inboxes (
    user INTEGER PRIMARY KEY,
    taken INTEGER NOT NULL
) STRICT;

-- Up to which number a user's messages had been read at some time: so it is known when they are to be
-- deleted. key = user << 40 | number.
CREATE TABLE read_marks (
    key INTEGER PRIMARY KEY,
    unix_ms INTEGER NOT NULL
) STRICT;

-- key = user << 40 | number. The number counts the messages that ever came to the user from 1.
-- sender = user * 4 | remote * 4 + 1 | realm * 4 + 2, which is the realm itself, about a message it
-- could not keep.
CREATE TABLE messages (
    key INTEGER PRIMARY KEY,
    sender INTEGER NOT NULL,
    unix_ms INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;

-- Who ever wrote to a user, in that order. key = user << 32 | position.
CREATE TABLE senders (
    key INTEGER PRIMARY KEY,
    sender INTEGER NOT NULL
) STRICT;

-- The keys of a user's last sends. key = user << 40 | number.
CREATE TABLE send_keys (
    key INTEGER PRIMARY KEY,
    word TEXT NOT NULL,
    digest BLOB NOT NULL
) STRICT;

-- Other realms, and users of theirs.
CREATE TABLE realms (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    is_paused INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE remotes (
    id INTEGER PRIMARY KEY,
    realm INTEGER NOT NULL,
    name TEXT NOT NULL
) STRICT;

-- What goes out to a realm. id = realm * 4 for mail, realm * 4 + 1 for bounces.
CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    stream BLOB NOT NULL, -- a UUID
    acknowledged INTEGER NOT NULL DEFAULT 0,
    acknowledged_id BLOB, -- the UUID of the envelope there; none before the first
    marked INTEGER NOT NULL DEFAULT 0 -- up to here envelopes may have been sent
) STRICT;

-- What a realm has not acknowledged. key = stream << 40 | number.
CREATE TABLE queue (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL, -- the envelope's UUID
    kind TEXT NOT NULL, -- 'message', 'bounce', or 'other:' and a word of a later version
    answers BLOB, -- of a bounce: the id of the envelope that was refused, and why
    reason TEXT,
    origin TEXT NOT NULL,
    destination TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    sent_unix_ms INTEGER NOT NULL,
    expires_unix_ms INTEGER NOT NULL,
    text TEXT NOT NULL,
    is_void INTEGER NOT NULL DEFAULT 0
) STRICT;

-- How far a realm's streams have arrived. id as in streams.
CREATE TABLE cursors (
    id INTEGER PRIMARY KEY,
    stream BLOB NOT NULL,
    durable INTEGER NOT NULL,
    envelope BLOB NOT NULL -- the UUID of the envelope there
) STRICT;

-- The last messages of a realm that were kept, whichever stream they came in. key = realm << 40 | number,
-- which counts them from 1.
CREATE TABLE seen (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL -- the envelope's UUID
) STRICT;

-- Mail of a realm that was refused and whose bounce it does not have yet. key = realm << 40 | number.
CREATE TABLE refusals (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL -- the bounce's UUID
) STRICT;

-- What became of the last messages that a user sent to other realms. key = user << 40 | number.
CREATE TABLE posts (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL, -- the envelope's UUID
    recipient TEXT NOT NULL,
    unix_ms INTEGER NOT NULL,
    excerpt TEXT NOT NULL,
    state INTEGER NOT NULL, -- 0 queued, 1 delivered, 2 failed, 3 unknown
    reason TEXT -- of one that failed, once it is known: the code of an error
) STRICT;

-- Own mail that a realm refused and whose bounce has not come yet.
CREATE TABLE bounces_due (
    realm INTEGER NOT NULL,
    id BLOB NOT NULL,
    user INTEGER NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (realm, id)
) STRICT, WITHOUT ROWID;
