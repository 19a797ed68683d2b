/* Realms, their clients and the links between them, in one process and on one virtual clock. */
#ifndef WORLD_H
#define WORLD_H

#include "check.h"

#define REALMS_MAX 8
/* The clock of the outside world when the virtual one stands at 0. */
#define EPOCH_UNIX_MS 1790000000000u
/* What may happen at one moment before the realms count as never coming to rest. */
#define ROUNDS_AT_ONCE_MAX 100000

/* What travels over a link: frames as they are, or the bytes that transports make of them. */
enum wire { WIRE_FRAMES, WIRE_INSECURE, WIRE_NOISE };

struct buffer {
    char *data;
    size_t len;
    size_t room;
};

/* What a client did while the realm did not want to read; no data is its last word. */
struct held {
    struct buffer data;
    int is_end;
    struct held *next;
};

/* One connection, seen from the client. */
struct client {
    struct node *node;
    uint64_t connection;
    struct buffer unread;
    int is_paused;
    int is_closed;
    int is_dropped;
    struct held *held;
    struct client *next;
};

/* Frames that the other end has sent. */
struct parcel {
    chatproto_frames *frames;
    struct parcel *next;
};

/* One realm's end of a link. */
struct end {
    struct node *node;
    struct end *other;
    /* NULL where frames travel as they are. */
    chatproto_transport *transport;
    int is_up;
    int is_alive;
    uint64_t link;
    struct parcel *arrived;
    struct end *next;
};

/* A realm and all that is connected to it. */
struct node {
    char name[64];
    struct world *world;
    chatproto_realm *realm;
    chatproto_link_config *links;
    struct client *clients;
    /* The answer to the last request. */
    struct buffer reply;
    uint64_t replied;
    /* The words of events, each with a space behind it. */
    struct buffer events;
};

struct world {
    enum wire wire;
    chatproto_now now;
    struct node nodes[REALMS_MAX];
    size_t count;
    struct end *ends;
    int is_severed[REALMS_MAX][REALMS_MAX];
};

static inline void buffer_add(struct buffer *buffer, const void *data, size_t len)
{
    if (buffer->len + len + 1 > buffer->room) {
        size_t room = (buffer->len + len + 1) * 2;
        char *data_now = (char *)room_for(room);

        if (buffer->len > 0) {
            memcpy(data_now, buffer->data, buffer->len);
        }
        free(buffer->data);
        buffer->data = data_now;
        buffer->room = room;
    }
    if (len > 0) {
        memcpy(buffer->data + buffer->len, data, len);
    }
    buffer->len += len;
    buffer->data[buffer->len] = '\0';
}

static inline void buffer_take(struct buffer *buffer, size_t len)
{
    buffer->len -= len;
    if (buffer->len > 0) {
        memmove(buffer->data, buffer->data + len, buffer->len);
    }
}

static inline void buffer_empty(struct buffer *buffer)
{
    free(buffer->data);
    memset(buffer, 0, sizeof *buffer);
}

static inline void world_settle(struct world *world);

static inline struct node *world_node(struct world *world, const char *name)
{
    size_t at;

    for (at = 0; at < world->count; at += 1) {
        if (strcmp(world->nodes[at].name, name) == 0) {
            return &world->nodes[at];
        }
    }
    return NULL;
}

static inline size_t world_number(const struct node *node)
{
    return (size_t)(node - node->world->nodes);
}

/* Adds the realm of a configuration. Whoever uses transports calls `world_link_configs` later. */
static inline struct node *world_add(struct world *world, const char *name,
                                     chatproto_config *config)
{
    struct node *node = &world->nodes[world->count];

    world->count += 1;
    snprintf(node->name, sizeof node->name, "%s", name);
    node->world = world;
    OK(chatproto_config_set_start(config, world->now));
    OK(chatproto_realm_new(config, &node->realm));
    return node;
}

static inline void world_link_configs(struct world *world)
{
    size_t at;

    for (at = 0; at < world->count; at += 1) {
        struct node *node = &world->nodes[at];
        OK(chatproto_realm_link_config(node->realm, &node->links));
    }
}

/* Clients. */

static inline struct client *world_open(struct world *world, struct node *node)
{
    struct client *client = (struct client *)room_for(sizeof *client);

    client->node = node;
    OK(chatproto_realm_open(node->realm, S("127.0.0.1"), world->now, &client->connection));
    client->next = node->clients;
    node->clients = client;
    world_settle(world);
    return client;
}

static inline struct client *node_client(struct node *node, uint64_t connection)
{
    struct client *client = node->clients;

    while (client != NULL && (client->connection != connection || client->is_closed ||
                              client->is_dropped)) {
        client = client->next;
    }
    return client;
}

/* What a client does reaches the realm, unless that does not want to read. */
static inline void client_input(struct world *world, struct client *client, chatproto_bytes data,
                                int is_end)
{
    if (client->is_paused) {
        struct held **last = &client->held;

        while (*last != NULL) {
            last = &(*last)->next;
        }
        *last = (struct held *)room_for(sizeof **last);
        buffer_add(&(*last)->data, data.data, data.len);
        (*last)->is_end = is_end;
    } else if (client->is_closed || client->is_dropped) {
        return;
    } else if (is_end) {
        OK(chatproto_realm_ended(client->node->realm, client->connection, world->now));
    } else {
        OK(chatproto_realm_receive(client->node->realm, client->connection, data, world->now));
    }
}

/* Writes, once: the realm reads it in one piece, as soon as it reads. */
static inline void world_write(struct world *world, struct client *client, const char *data,
                               size_t len)
{
    chatproto_bytes view;

    view.data = (const uint8_t *)data;
    view.len = len;
    client_input(world, client, view, 0);
    world_settle(world);
}

static inline void world_half_close(struct world *world, struct client *client)
{
    client_input(world, client, B(""), 1);
    world_settle(world);
}

static inline void world_drop(struct world *world, struct client *client)
{
    if (!client->is_closed && !client->is_dropped) {
        client->is_dropped = 1;
        OK(chatproto_realm_closed(client->node->realm, client->connection, world->now));
    }
    client->unread.len = 0;
    world_settle(world);
}

/* Carries out a command without a connection, and returns its reply, ended by a NUL. */
static inline const char *world_execute(struct world *world, struct node *node, const char *line)
{
    uint64_t request;

    OK(chatproto_realm_execute(node->realm, B(line), world->now, &request));
    world_settle(world);
    return node->replied == request && node->reply.len > 0 ? node->reply.data : "";
}

/* Links. */

static inline int world_linked(struct world *world, const struct node *a, const struct node *b)
{
    struct end *end;

    for (end = world->ends; end != NULL; end = end->next) {
        if (end->node == a && end->other->node == b && end->is_alive && end->is_up &&
            end->other->is_up) {
            return 1;
        }
    }
    return 0;
}

static inline int world_all_linked(struct world *world)
{
    size_t a, b;

    for (a = 0; a < world->count; a += 1) {
        for (b = 0; b < world->count; b += 1) {
            if (a != b && !world_linked(world, &world->nodes[a], &world->nodes[b])) {
                return 0;
            }
        }
    }
    return 1;
}

/* The connection is gone for this end. */
static inline void end_lose(struct end *end)
{
    if (!end->is_alive) {
        return;
    }
    end->is_alive = 0;
    if (end->is_up) {
        OK(chatproto_realm_link_down(end->node->realm, end->link, end->node->world->now));
    }
}

static inline void world_cut(struct world *world, struct node *a, struct node *b)
{
    struct end *end;

    world->is_severed[world_number(a)][world_number(b)] = 1;
    world->is_severed[world_number(b)][world_number(a)] = 1;
    for (end = world->ends; end != NULL; end = end->next) {
        if (end->node == a && end->other->node == b) {
            end_lose(end);
            end_lose(end->other);
        }
    }
    world_settle(world);
}

static inline void world_mend(struct world *world, struct node *a, struct node *b)
{
    world->is_severed[world_number(a)][world_number(b)] = 0;
    world->is_severed[world_number(b)][world_number(a)] = 0;
}

static inline void end_rise(struct end *end, chatproto_str peer, chatproto_direction direction)
{
    OK(chatproto_realm_link_up(end->node->realm, peer, direction, end->node->world->now,
                               &end->link));
    end->is_up = 1;
}

static inline void end_arrive(struct end *end, chatproto_frames *frames)
{
    struct parcel **last = &end->arrived;

    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = (struct parcel *)room_for(sizeof **last);
    (*last)->frames = frames;
}

/* Hands to a realm what has come for it. */
static inline void end_collect(struct end *end)
{
    chatproto_link_event event;
    chatproto_now now = end->node->world->now;

    while (end->transport != NULL) {
        OK(chatproto_transport_next(end->transport, &event));
        if (event.kind == CHATPROTO_LINK_EVENT_UP) {
            end_rise(end, event.peer, event.direction);
        } else if (event.kind == CHATPROTO_LINK_EVENT_FRAMES) {
            end_arrive(end, event.frames);
        } else {
            break;
        }
    }
    while (end->is_up && end->arrived != NULL) {
        struct parcel *parcel = end->arrived;

        OK(chatproto_realm_link_frames(end->node->realm, end->link, parcel->frames, now));
        end->arrived = parcel->next;
        chatproto_frames_free(parcel->frames);
        free(parcel);
    }
}

static inline struct end *world_end(struct world *world, struct node *node)
{
    struct end *end = (struct end *)room_for(sizeof *end);

    end->node = node;
    end->is_alive = 1;
    end->next = world->ends;
    world->ends = end;
    return end;
}

static inline void world_dial(struct node *node, const char *peer)
{
    struct world *world = node->world;
    struct node *acceptor = world_node(world, peer);
    struct end *ours, *theirs;

    if (acceptor == NULL || world->is_severed[world_number(node)][world_number(acceptor)]) {
        OK(chatproto_realm_dial_failed(node->realm, S(peer), S("nobody answers there"),
                                       world->now));
        return;
    }
    ours = world_end(world, node);
    theirs = world_end(world, acceptor);
    ours->other = theirs;
    theirs->other = ours;
    if (world->wire == WIRE_FRAMES) {
        end_rise(theirs, S(node->name), CHATPROTO_ACCEPTED);
        end_rise(ours, S(peer), CHATPROTO_DIALLED);
    } else {
        OK(chatproto_transport_dial(node->links, S(peer), world->now, &ours->transport));
        OK(chatproto_transport_accept(acceptor->links, world->now, &theirs->transport));
        end_collect(ours);
    }
}

/* Hands the frames of a realm over to the wire. */
static inline void end_depart(struct end *end)
{
    chatproto_frames *frames;

    for (;;) {
        OK(chatproto_realm_link_take(end->node->realm, end->link, 64, end->node->world->now,
                                     &frames));
        if (frames == NULL) {
            return;
        }
        if (end->transport == NULL && end->other->is_alive) {
            end_arrive(end->other, frames);
            continue;
        }
        if (end->transport != NULL) {
            OK(chatproto_transport_send(end->transport, frames));
        }
        chatproto_frames_free(frames);
    }
}

/* Carries bytes and frames to an end; returns whether there were any. */
static inline int end_carry(struct end *end)
{
    struct end *other = end->other;
    struct buffer data;
    chatproto_bytes view = {NULL, 0};
    chatproto_error error = CHATPROTO_OK;
    int is_there;

    memset(&data, 0, sizeof data);
    if (other->transport != NULL) {
        OK(chatproto_transport_outgoing(other->transport, &view));
        buffer_add(&data, view.data, view.len);
        OK(chatproto_transport_sent(other->transport, view.len));
    }
    is_there = end->is_alive && (data.len > 0 || end->arrived != NULL);
    if (is_there) {
        if (end->transport != NULL && data.len > 0) {
            view.data = (const uint8_t *)data.data;
            view.len = data.len;
            error = chatproto_transport_receive(end->transport, view, end->node->world->now);
        }
        end_collect(end);
        if (error != CHATPROTO_OK) {
            end_lose(end);
        }
    }
    buffer_empty(&data);
    return is_there;
}

static inline void end_free(struct end *end)
{
    while (end->arrived != NULL) {
        struct parcel *parcel = end->arrived;

        end->arrived = parcel->next;
        chatproto_frames_free(parcel->frames);
        free(parcel);
    }
    chatproto_transport_free(end->transport);
    free(end);
}

/* Ends of which both are gone are forgotten. */
static inline void world_forget_ends(struct world *world)
{
    struct end **at = &world->ends;

    while (*at != NULL) {
        struct end *end = *at;

        /* Both are made one after the other, so they stand side by side. */
        if (!end->is_alive && !end->other->is_alive && end->next == end->other) {
            *at = end->other->next;
            end_free(end->other);
            end_free(end);
        } else {
            at = &end->next;
        }
    }
}

/* What happens. */

static inline struct end *node_end(struct node *node, uint64_t link)
{
    struct end *end = node->world->ends;

    while (end != NULL && !(end->node == node && end->is_up && end->is_alive &&
                            end->link == link)) {
        end = end->next;
    }
    return end;
}

static inline void client_resume(struct world *world, struct client *client)
{
    client->is_paused = 0;
    while (client->held != NULL && !client->is_paused) {
        struct held *held = client->held;
        chatproto_bytes view;

        client->held = held->next;
        view.data = (const uint8_t *)held->data.data;
        view.len = held->data.len;
        client_input(world, client, view, held->is_end);
        world_settle(world);
        buffer_empty(&held->data);
        free(held);
    }
}

static inline void node_send(struct node *node, uint64_t connection)
{
    struct client *client = node_client(node, connection);
    chatproto_bytes data;

    OK(chatproto_realm_outgoing(node->realm, connection, &data));
    if (client != NULL) {
        buffer_add(&client->unread, data.data, data.len);
    }
    OK(chatproto_realm_sent(node->realm, connection, data.len, node->world->now));
}

static inline void node_carry_out(struct node *node, const chatproto_output *output)
{
    struct world *world = node->world;
    struct client *client = node_client(node, output->id);
    struct end *end = node_end(node, output->id);
    char peer[64];

    switch (output->kind) {
    case CHATPROTO_OUTPUT_SEND:
        node_send(node, output->id);
        break;
    case CHATPROTO_OUTPUT_PAUSE_READ:
        if (client != NULL) {
            client->is_paused = 1;
        }
        break;
    case CHATPROTO_OUTPUT_RESUME_READ:
        if (client != NULL) {
            client_resume(world, client);
        }
        break;
    case CHATPROTO_OUTPUT_CLOSE:
        if (client != NULL) {
            client->is_closed = 1;
        }
        break;
    case CHATPROTO_OUTPUT_LINK_SEND:
        if (end != NULL) {
            end_depart(end);
        }
        break;
    case CHATPROTO_OUTPUT_LINK_CLOSE:
        if (end != NULL) {
            end_depart(end);
            end->is_alive = 0;
        }
        break;
    case CHATPROTO_OUTPUT_DIAL:
        snprintf(peer, sizeof peer, "%.*s", (int)output->name.len, output->name.data);
        world_dial(node, peer);
        break;
    case CHATPROTO_OUTPUT_WORK:
        OK(chatproto_work_run(output->work));
        OK(chatproto_realm_complete(node->realm, output->work, world->now));
        break;
    case CHATPROTO_OUTPUT_REPLY:
        node->reply.len = 0;
        buffer_add(&node->reply, output->data.data, output->data.len);
        node->replied = output->id;
        break;
    case CHATPROTO_OUTPUT_EVENT:
        buffer_add(&node->events, output->name.data, output->name.len);
        buffer_add(&node->events, " ", 1);
        break;
    default:
        CHECK(!"an output that is known");
    }
}

/* Lets everything happen that happens now, without time passing. */
static inline void world_settle(struct world *world)
{
    int rounds, is_busy = 1;
    size_t at;
    struct end *end;
    chatproto_output output;

    for (rounds = 0; is_busy && rounds < ROUNDS_AT_ONCE_MAX; rounds += 1) {
        is_busy = 0;
        for (at = 0; at < world->count; at += 1) {
            struct node *node = &world->nodes[at];

            if (node->realm == NULL) {
                continue;
            }
            OK(chatproto_realm_next_output(node->realm, &output));
            while (output.kind != CHATPROTO_OUTPUT_NONE) {
                is_busy = 1;
                node_carry_out(node, &output);
                OK(chatproto_realm_next_output(node->realm, &output));
            }
        }
        for (end = world->ends; end != NULL; end = end->next) {
            is_busy |= end_carry(end);
        }
        for (end = world->ends; end != NULL; end = end->next) {
            if (end->is_alive && !end->other->is_alive) {
                end_lose(end);
                is_busy = 1;
            }
        }
    }
    if (is_busy) {
        CHECK(!"the realms come to rest");
        exit(1);
    }
}

/* When something is due next in any realm. */
static inline uint64_t world_deadline(struct world *world)
{
    uint64_t earliest = CHATPROTO_NEVER, at_ms;
    size_t at;

    for (at = 0; at < world->count; at += 1) {
        if (world->nodes[at].realm == NULL) {
            continue;
        }
        OK(chatproto_realm_poll_timeout(world->nodes[at].realm, &at_ms));
        earliest = at_ms < earliest ? at_ms : earliest;
    }
    return earliest;
}

/* Lets that many milliseconds pass, from one deadline to the next, or fewer until something holds of two
 * realms; returns whether it does. */
static inline int world_advance_until(struct world *world, uint64_t ms,
                                      int (*reached)(struct world *, struct node *, struct node *),
                                      struct node *a, struct node *b)
{
    uint64_t until_ms = world->now.mono_ms + ms;

    world_settle(world);
    world_forget_ends(world);
    while (reached == NULL || !reached(world, a, b)) {
        uint64_t next_ms = world_deadline(world);
        uint64_t target_ms = next_ms < until_ms ? next_ms : until_ms;
        size_t at;

        if (target_ms < world->now.mono_ms) {
            target_ms = world->now.mono_ms;
        }
        world->now.unix_ms += target_ms - world->now.mono_ms;
        world->now.mono_ms = target_ms;
        if (next_ms > until_ms) {
            return reached != NULL && reached(world, a, b);
        }
        for (at = 0; at < world->count; at += 1) {
            if (world->nodes[at].realm != NULL) {
                OK(chatproto_realm_handle_timeout(world->nodes[at].realm, world->now));
            }
        }
        world_settle(world);
        world_forget_ends(world);
        if (target_ms == until_ms && world_deadline(world) > until_ms) {
            return reached != NULL && reached(world, a, b);
        }
    }
    return 1;
}

static inline void world_advance(struct world *world, uint64_t ms)
{
    world_advance_until(world, ms, NULL, NULL, NULL);
}

static inline int world_two_linked(struct world *world, struct node *a, struct node *b)
{
    return world_linked(world, a, b) && world_linked(world, b, a);
}

static inline int world_every_two_linked(struct world *world, struct node *a, struct node *b)
{
    (void)a;
    (void)b;
    return world_all_linked(world);
}

static inline void world_begin(struct world *world, enum wire wire)
{
    memset(world, 0, sizeof *world);
    world->wire = wire;
    world->now.unix_ms = EPOCH_UNIX_MS;
}

static inline void client_free(struct client *client)
{
    while (client->held != NULL) {
        struct held *held = client->held;

        client->held = held->next;
        buffer_empty(&held->data);
        free(held);
    }
    buffer_empty(&client->unread);
    free(client);
}

/* The end of one realm, in peace or not. */
static inline void node_free(struct node *node)
{
    while (node->clients != NULL) {
        struct client *client = node->clients;

        node->clients = client->next;
        client_free(client);
    }
    buffer_empty(&node->reply);
    buffer_empty(&node->events);
    chatproto_link_config_free(node->links);
    chatproto_realm_free(node->realm);
    node->links = NULL;
    node->realm = NULL;
}

static inline void world_free(struct world *world)
{
    size_t at;

    while (world->ends != NULL) {
        struct end *end = world->ends;

        world->ends = end->next;
        end_free(end);
    }
    for (at = 0; at < world->count; at += 1) {
        node_free(&world->nodes[at]);
    }
}

#endif
