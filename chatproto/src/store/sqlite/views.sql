-- What people read, with `sqlite3 -readonly FILE 'SELECT * FROM inbox'`, also while the realm runs.
-- Times are UTC. No password, token or key shows here. A view is read from its people outward, so
-- that one recipient's messages are found without reading those of all.

CREATE VIEW people AS
SELECT name, display_name, country, password IS NOT NULL AS has_password,
    (SELECT count(*) FROM sessions WHERE user = users.id) AS logins
FROM users;

CREATE VIEW logins AS
SELECT sessions.id AS session, users.name,
    strftime('%Y-%m-%dT%H:%M:%S', opened_unix_ms / 1000, 'unixepoch') || printf('.%03dZ', opened_unix_ms % 1000) AS opened_at,
    strftime('%Y-%m-%dT%H:%M:%S', used_unix_ms / 1000, 'unixepoch') || printf('.%03dZ', used_unix_ms % 1000) AS used_at
FROM sessions JOIN users ON users.id = sessions.user;

-- Messages that wait to be read.
CREATE VIEW inbox AS
SELECT users.name AS recipient, messages.key & 1099511627775 AS number,
    CASE messages.sender & 3
        WHEN 0 THEN (SELECT name FROM users WHERE id = messages.sender >> 2)
        WHEN 1 THEN (SELECT remotes.name || '@' || realms.name FROM remotes
                     JOIN realms ON realms.id = remotes.realm WHERE remotes.id = messages.sender >> 2)
        ELSE (SELECT '*' || name || '*' FROM realms WHERE id = messages.sender >> 2)
    END AS sender,
    strftime('%Y-%m-%dT%H:%M:%S', messages.unix_ms / 1000, 'unixepoch') || printf('.%03dZ', messages.unix_ms % 1000) AS sent_at,
    messages.text
FROM users CROSS JOIN messages
    ON messages.key BETWEEN (users.id << 40) + coalesce((SELECT taken FROM inboxes WHERE user = users.id), 0) + 1 AND (users.id << 40) + 1099511627775;

-- Messages that were read.
CREATE VIEW history AS
SELECT users.name AS recipient, messages.key & 1099511627775 AS number,
    CASE messages.sender & 3
        WHEN 0 THEN (SELECT name FROM users WHERE id = messages.sender >> 2)
        WHEN 1 THEN (SELECT remotes.name || '@' || realms.name FROM remotes
                     JOIN realms ON realms.id = remotes.realm WHERE remotes.id = messages.sender >> 2)
        ELSE (SELECT '*' || name || '*' FROM realms WHERE id = messages.sender >> 2)
    END AS sender,
    strftime('%Y-%m-%dT%H:%M:%S', messages.unix_ms / 1000, 'unixepoch') || printf('.%03dZ', messages.unix_ms % 1000) AS sent_at,
    messages.text
FROM users CROSS JOIN messages
    ON messages.key BETWEEN users.id << 40 AND (users.id << 40) + coalesce((SELECT taken FROM inboxes WHERE user = users.id), 0);

-- How many messages wait for whom, the most first.
CREATE VIEW inbox_lengths AS
SELECT users.name AS recipient, count(*) AS messages,
    sum(length(CAST(messages.text AS BLOB))) AS bytes,
    strftime('%Y-%m-%dT%H:%M:%S', min(messages.unix_ms) / 1000, 'unixepoch') || printf('.%03dZ', min(messages.unix_ms) % 1000) AS oldest_at
FROM users CROSS JOIN messages
    ON messages.key BETWEEN (users.id << 40) + coalesce((SELECT taken FROM inboxes WHERE user = users.id), 0) + 1 AND (users.id << 40) + 1099511627775
GROUP BY users.id ORDER BY messages DESC;

-- Who ever wrote to whom.
CREATE VIEW correspondents AS
SELECT users.name AS recipient, senders.key & 4294967295 AS position,
    CASE senders.sender & 3
        WHEN 0 THEN (SELECT name FROM users WHERE id = senders.sender >> 2)
        WHEN 1 THEN (SELECT remotes.name || '@' || realms.name FROM remotes
                     JOIN realms ON realms.id = remotes.realm WHERE remotes.id = senders.sender >> 2)
        ELSE (SELECT '*' || name || '*' FROM realms WHERE id = senders.sender >> 2)
    END AS sender
FROM users CROSS JOIN senders
    ON senders.key BETWEEN users.id << 32 AND (users.id << 32) + 4294967295;

-- Other realms, what waits for each, and what of it is still awaited.
CREATE VIEW peers AS
SELECT name, is_paused,
    (SELECT count(*) FROM remotes WHERE realm = realms.id) AS users_met,
    (SELECT count(*) FROM queue WHERE key BETWEEN realms.id << 42 AND (realms.id << 42) + 1099511627775)
        AS mail_waiting,
    (SELECT count(*) FROM queue WHERE key BETWEEN (realms.id * 4 + 1) << 40
        AND ((realms.id * 4 + 1) << 40) + 1099511627775) AS bounces_waiting,
    (SELECT count(*) FROM bounces_due WHERE realm = realms.id) AS bounces_due
FROM realms;

-- Messages that wait for another realm. One that is 'marked' may have been sent and never expires; one
-- that is 'unmarked' was not; one that is 'void' will never be.
CREATE VIEW outgoing AS
SELECT (SELECT name FROM realms WHERE id = key >> 42) AS peer,
    CASE (key >> 40) & 3 WHEN 0 THEN 'mail' ELSE 'bounces' END AS stream,
    key & 1099511627775 AS number, kind, sender, recipient,
    strftime('%Y-%m-%dT%H:%M:%S', sent_unix_ms / 1000, 'unixepoch') || printf('.%03dZ', sent_unix_ms % 1000) AS sent_at,
    -- One beyond all calendars is none.
    CASE WHEN expires_unix_ms >= 0 THEN
        strftime('%Y-%m-%dT%H:%M:%S', expires_unix_ms / 1000, 'unixepoch')
            || printf('.%03dZ', expires_unix_ms % 1000)
    END AS expires_at,
    CASE WHEN is_void THEN 'void'
        WHEN key & 1099511627775 <= (SELECT marked FROM streams WHERE id = key >> 40) THEN 'marked'
        ELSE 'unmarked'
    END AS state,
    text
FROM queue;

-- What became of the last messages that each user sent to other realms.
CREATE VIEW outbox AS
SELECT users.name AS sender, posts.key & 1099511627775 AS number, posts.recipient,
    strftime('%Y-%m-%dT%H:%M:%S', posts.unix_ms / 1000, 'unixepoch') || printf('.%03dZ', posts.unix_ms % 1000) AS sent_at,
    CASE posts.state WHEN 0 THEN 'queued' WHEN 1 THEN 'delivered' WHEN 2 THEN 'failed' ELSE 'unknown' END AS state,
    posts.reason, posts.excerpt
FROM users CROSS JOIN posts
    ON posts.key BETWEEN users.id << 40 AND (users.id << 40) + 1099511627775;

-- How far the streams have got, both ways: what was stored at the other end, and what may have been
-- sent.
CREATE VIEW positions AS
SELECT (SELECT name FROM realms WHERE realms.id = streams.id >> 2) AS peer, 'out' AS direction,
    CASE id & 3 WHEN 0 THEN 'mail' ELSE 'bounces' END AS stream, acknowledged AS number, marked
FROM streams
UNION ALL
SELECT (SELECT name FROM realms WHERE realms.id = cursors.id >> 2), 'in',
    CASE id & 3 WHEN 0 THEN 'mail' ELSE 'bounces' END, durable, NULL
FROM cursors;

-- Own mail that another realm refused, until its bounce comes.
CREATE VIEW refused AS
SELECT (SELECT name FROM realms WHERE id = realm) AS peer,
    (SELECT name FROM users WHERE id = bounces_due.user) AS sender, address AS recipient
FROM bounces_due;
