/* Links to other realms. The link thread has them; it seals and opens what they carry without the
 * lock, so that clients need not wait for it. */
#ifndef LINK_H
#define LINK_H

#include "net.h"
#include "options.h"

#include <pthread.h>

enum { READ_BYTES = 1 << 16, FRAMES = 256, LINK_BYTES_MAX = 1 << 18, LEAVING_MS = 2000, STRANGERS_MAX = 64 };

/* No connection and no link has this number. */
#define NONE UINT64_MAX

/* Whoever calls the realm, or touches what two threads know, holds the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static chatproto_realm *realm;
static struct options options;

/* One connection with another realm. Two threads know `id`, `taken` and `leaves_ms`. */
struct link {
    int fd;
    chatproto_transport *transport;
    struct peer *dialled; /* whom this realm called, until the link is up */
    bool is_stranger, wants_write;
    uint64_t id;             /* NONE before it is up, and once the realm has closed it */
    chatproto_frames *taken; /* what it is to carry next */
    uint64_t leaves_ms;      /* once the realm has closed it, until when it may write */
    struct link *next;
};

static struct link *links;

static chatproto_now now(void)
{
    return chatproto_now_of_system();
}

static uint64_t earlier(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

/* How many milliseconds there are until then. */
static uint64_t until(uint64_t at_ms)
{
    uint64_t now_ms = now().mono_ms;

    return at_ms > now_ms ? at_ms - now_ms : 0;
}

/* Takes frames for a link that has carried those before; a busy one comes back for them by itself. */
static void link_fill(struct link *link)
{
    if (link->taken == NULL && link->id != NONE) {
        must(chatproto_realm_link_take(realm, link->id, FRAMES, now(), &link->taken));
    }
}

/* What transports are made with, with the keys that are there by now; NULL if those contradict each other.
 * Under the lock. */
static chatproto_link_config *link_config(void)
{
    chatproto_link_config *config = NULL;
    chatproto_peer told;
    char key[64];
    size_t at;

    for (at = 0; at < options.peer_count; at += 1) {
        if (!options.peers[at].has_key) {
            /* A file that is just being written has no key yet. */
            told = peer_of(&options.peers[at], key);
            options.peers[at].has_key = options.peers[at].has_key &&
                                        chatproto_realm_set_peer(realm, &told, now()) == CHATPROTO_OK;
        }
    }
    (void)chatproto_realm_link_config(realm, &config);
    return config;
}

/* How many have called and not yet shown who they are. */
static size_t strangers(void)
{
    struct link *link;
    size_t count = 0;

    for (link = links; link != NULL; link = link->next) {
        count += link->is_stranger ? 1 : 0;
    }
    return count;
}

/* Begins on a connection that was accepted, or that is being made to a peer. Under the lock. */
static void link_begin(int fd, struct peer *dialled)
{
    const char *why = strerror(errno);
    chatproto_link_config *config = link_config();
    chatproto_transport *transport = NULL;
    struct link *link;

    if (config == NULL) {
        why = chatproto_error_detail();
    } else if (fd >= 0 && dialled == NULL && strangers() < STRANGERS_MAX) {
        must(chatproto_transport_accept(config, now(), &transport));
    } else if (fd >= 0 && dialled != NULL &&
               chatproto_transport_dial(config, chatproto_str_of(dialled->name), now(), &transport) != CHATPROTO_OK) {
        why = chatproto_error_detail();
    }
    if (transport == NULL && dialled != NULL) {
        must(chatproto_realm_dial_failed(realm, chatproto_str_of(dialled->name), chatproto_str_of(why), now()));
    }
    chatproto_link_config_free(config);
    if (transport == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    link = (struct link *)new_room(sizeof *link);
    link->fd = net_ready(fd);
    link->transport = transport;
    link->dialled = dialled;
    link->is_stranger = dialled == NULL;
    link->id = NONE;
    link->wants_write = true;
    link->leaves_ms = CHATPROTO_NEVER;
    link->next = links;
    links = link;
}

/* Tells the realm what has happened on a link. */
static void link_tell(struct link *link)
{
    chatproto_link_event event;

    must(chatproto_transport_next(link->transport, &event));
    while (event.kind != CHATPROTO_LINK_EVENT_NONE) {
        pthread_mutex_lock(&lock);
        if (event.kind == CHATPROTO_LINK_EVENT_UP) {
            link->dialled = NULL;
            link->is_stranger = false;
            must(chatproto_realm_link_up(realm, event.peer, event.direction, now(), &link->id));
        } else if (link->id != NONE) {
            must(chatproto_realm_link_frames(realm, link->id, event.frames, now()));
        }
        pthread_mutex_unlock(&lock);
        chatproto_frames_free(event.frames);
        must(chatproto_transport_next(link->transport, &event));
    }
}

/* Reads what has come; returns false if the link has ended. */
static bool link_read(struct link *link)
{
    static uint8_t bytes[READ_BYTES];
    ssize_t n = read(link->fd, bytes, sizeof bytes);
    chatproto_bytes view = {bytes, n > 0 ? (size_t)n : 0};
    bool is_well = n > 0 ? chatproto_transport_receive(link->transport, view, now()) == CHATPROTO_OK
                         : n < 0 && net_later();

    link_tell(link);
    return is_well;
}

/* Writes what there is, as far as the socket takes it; returns false if the link has ended. */
static bool link_write(struct link *link)
{
    chatproto_error error = CHATPROTO_OK;
    chatproto_frames *frames;
    chatproto_bytes view;
    size_t waiting;
    bool stays = true;
    ssize_t n;

    for (link->wants_write = false;;) {
        must(chatproto_transport_outgoing_bytes(link->transport, &waiting));
        frames = NULL;
        if (waiting < LINK_BYTES_MAX) {
            pthread_mutex_lock(&lock);
            link_fill(link);
            frames = link->taken;
            link->taken = NULL;
            stays = link->leaves_ms == CHATPROTO_NEVER;
            pthread_mutex_unlock(&lock);
        }
        if (frames != NULL) {
            error = chatproto_transport_send(link->transport, frames);
            chatproto_frames_free(frames);
        }
        must(chatproto_transport_outgoing(link->transport, &view));
        if (view.len == 0 || error != CHATPROTO_OK) {
            return error == CHATPROTO_OK && stays;
        }
        n = write(link->fd, view.data, view.len);
        if (n < 0) {
            link->wants_write = true;
            return net_later();
        }
        must(chatproto_transport_sent(link->transport, (size_t)n));
    }
}

/* Does what there is to do for a link; returns false if it has ended. Under the lock, which it lets go. */
static bool link_turn(struct link *link, bool has_news)
{
    bool is_well = until(link->leaves_ms) > 0;

    pthread_mutex_unlock(&lock);
    is_well = is_well && chatproto_transport_handle_timeout(link->transport, now()) == CHATPROTO_OK;
    is_well = is_well && (!has_news || link_read(link));
    is_well = link_write(link) && is_well;
    pthread_mutex_lock(&lock);
    return is_well;
}

/* Forgets a link that has ended. Under the lock. */
static void link_end(struct link *link)
{
    if (link->id != NONE) {
        must(chatproto_realm_link_down(realm, link->id, now()));
    } else if (link->dialled != NULL) {
        must(chatproto_realm_dial_failed(realm, chatproto_str_of(link->dialled->name),
                                         chatproto_str_of("no link came of it"), now()));
    }
    chatproto_frames_free(link->taken);
    chatproto_transport_free(link->transport);
    close(link->fd);
    free(link);
}

#endif
