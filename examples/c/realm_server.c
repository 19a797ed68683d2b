/* The coursework's realm server in C. The main thread waits in poll(2) for clients, one thread has
 * the links to other realms, and a few more do what takes long. `realm_server --help` tells the options;
 * without any it is realm1 of the two example realms, and with --realm2 the other one. */
#define _POSIX_C_SOURCE 200809L

#include "link.h"

#include <signal.h>

enum { WORKERS = 4, STOP_MS = 10000 };

struct client {
    int fd;
    uint64_t id;        /* NONE once the realm has closed it */
    uint64_t leaves_ms; /* until when it may read the last words then */
    bool is_paused, has_ended, wants_write;
    struct client *next;
};

struct task {
    chatproto_work *work;
    struct task *next;
};

/* Outputs of the realm are the main thread's business: the others ring its bell once they have told
 * the realm something. */
static struct client *clients;
static struct task *tasks, **last_task = &tasks;
static pthread_cond_t has_task = PTHREAD_COND_INITIALIZER;
static int main_bell[2], link_bell[2];
static bool is_over, is_broken;
static volatile sig_atomic_t is_told_to_stop;

/* Clients: the main thread. */

static void client_gone(struct client *client)
{
    if (client->id != NONE) {
        must(chatproto_realm_closed(realm, client->id, now()));
    }
    close(client->fd);
    client->fd = -1;
}

static void client_accept(int listener)
{
    int fd = accept(listener, NULL, NULL);
    char host[NET_NAME], port[NET_NAME];

    if (fd >= 0) {
        struct client *client = (struct client *)new_room(sizeof *client);

        net_name(net_ready(fd), true, host, port);
        client->fd = fd;
        client->next = clients;
        clients = client;
        must(chatproto_realm_open(realm, chatproto_str_of(host), now(), &client->id));
        fprintf(stderr, "%s [%u]: connection from ('%s', %s)\n", options.name, (unsigned)client->id, host, port);
    } else if (!net_later()) {
        poll(NULL, 0, 20); /* too many open files, most likely: some will be closed */
    }
}

static void client_read(struct client *client)
{
    static uint8_t bytes[READ_BYTES];
    ssize_t n = read(client->fd, bytes, sizeof bytes);
    chatproto_bytes view = {bytes, n > 0 ? (size_t)n : 0};

    if (n > 0 && client->id != NONE) {
        must(chatproto_realm_receive(realm, client->id, view, now()));
    } else if (n == 0 && client->id != NONE) {
        client->has_ended = true;
        must(chatproto_realm_ended(realm, client->id, now()));
    } else if (n == 0 || (n < 0 && !net_later())) {
        client_gone(client);
    }
}

static void client_write(struct client *client)
{
    chatproto_bytes view;
    ssize_t n = 0;

    client->wants_write = false;
    while (client->id != NONE && !client->wants_write) {
        must(chatproto_realm_outgoing(realm, client->id, &view));
        if (view.len == 0) {
            return;
        }
        n = write(client->fd, view.data, view.len);
        if (n >= 0) {
            must(chatproto_realm_sent(realm, client->id, (size_t)n, now()));
        } else if (net_later()) {
            client->wants_write = true;
        } else {
            client_gone(client);
            return;
        }
    }
}

/* Nothing more is written, and the client has a moment to read what was. */
static void client_close(struct client *client)
{
    client->id = NONE;
    client->leaves_ms = now().mono_ms + (client->has_ended ? 0 : LEAVING_MS);
    client->is_paused = client->wants_write = false;
    shutdown(client->fd, SHUT_WR);
}

/* What the realm asks for: the main thread. */

static void task_add(chatproto_work *work)
{
    struct task *task = (struct task *)new_room(sizeof *task);

    task->work = work;
    *last_task = task;
    last_task = &task->next;
    pthread_cond_signal(&has_task);
}

static void carry_out(const chatproto_output *output)
{
    struct client *client = clients;
    struct link *link = links;
    size_t at;

    while (client != NULL && (client->id != output->id || client->fd < 0)) {
        client = client->next;
    }
    while (link != NULL && link->id != output->id) {
        link = link->next;
    }
    if (output->kind == CHATPROTO_OUTPUT_SEND && client != NULL) {
        client_write(client);
    } else if (output->kind == CHATPROTO_OUTPUT_PAUSE_READ && client != NULL) {
        client->is_paused = true;
    } else if (output->kind == CHATPROTO_OUTPUT_RESUME_READ && client != NULL) {
        client->is_paused = false;
    } else if (output->kind == CHATPROTO_OUTPUT_CLOSE && client != NULL) {
        client_close(client);
    } else if (output->kind == CHATPROTO_OUTPUT_LINK_SEND && link != NULL) {
        link_fill(link);
        bell_ring(link_bell);
    } else if (output->kind == CHATPROTO_OUTPUT_LINK_CLOSE && link != NULL) {
        link->id = NONE;
        link->leaves_ms = now().mono_ms + LEAVING_MS;
        bell_ring(link_bell);
    } else if (output->kind == CHATPROTO_OUTPUT_DIAL) {
        for (at = 0; at < options.peer_count; at += 1) {
            struct peer *peer = &options.peers[at];

            peer->is_to_be_dialled |= strlen(peer->name) == output->name.len &&
                                      memcmp(peer->name, output->name.data, output->name.len) == 0;
        }
        bell_ring(link_bell);
    } else if (output->kind == CHATPROTO_OUTPUT_WORK) {
        task_add(output->work);
    } else if (output->kind == CHATPROTO_OUTPUT_EVENT) {
        is_broken |= output->number == CHATPROTO_EVENT_STORE_BROKEN;
        fprintf(stderr, "%s: %.*s %.*s\n", options.name, (int)output->name.len, output->name.data,
                (int)output->data.len, (const char *)output->data.data);
    }
}

/* Serves the clients until the realm is told to stop, and has said goodbye to everybody. */
static void serve_clients(int listener)
{
    struct pollfd *polls = NULL;
    struct client *client, **place;
    chatproto_output output;
    uint64_t at_ms, stops_ms = CHATPROTO_NEVER;
    bool is_shut_down = false;
    size_t count;

    pthread_mutex_lock(&lock);
    while (!(is_shut_down && clients == NULL) && now().mono_ms < stops_ms) {
        must(chatproto_realm_poll_timeout(realm, &at_ms));
        at_ms = earlier(at_ms, stops_ms);
        for (count = 2, client = clients; client != NULL; client = client->next) {
            count += 1;
        }
        polls = (struct pollfd *)room_for(polls, count * sizeof *polls);
        polls[0] = net_poll(main_bell[0], true, false);
        polls[1] = net_poll(stops_ms == CHATPROTO_NEVER ? listener : -1, true, false);
        for (count = 2, client = clients; client != NULL; client = client->next) {
            at_ms = client->id == NONE ? earlier(at_ms, client->leaves_ms) : at_ms;
            polls[count++] = net_poll(client->fd, !client->is_paused && !client->has_ended, client->wants_write);
        }
        pthread_mutex_unlock(&lock);
        net_wait(polls, count, until(at_ms));
        pthread_mutex_lock(&lock);

        bell_silence(main_bell);
        for (count = 2, client = clients; client != NULL; client = client->next, count += 1) {
            if (polls[count].revents & POLLOUT) {
                client_write(client);
            }
            if (client->fd >= 0 && polls[count].revents & POLLIN) {
                client_read(client);
            } else if (client->fd >= 0 && polls[count].revents & (POLLHUP | POLLERR)) {
                client_gone(client);
            }
        }
        if (polls[1].revents & POLLIN) {
            client_accept(listener);
        }
        if ((is_told_to_stop || is_broken) && stops_ms == CHATPROTO_NEVER) {
            stops_ms = now().mono_ms + STOP_MS;
            must(chatproto_realm_shutdown(realm, now()));
        }
        must(chatproto_realm_handle_timeout(realm, now()));
        must(chatproto_realm_next_output(realm, &output));
        while (output.kind != CHATPROTO_OUTPUT_NONE) {
            carry_out(&output);
            must(chatproto_realm_next_output(realm, &output));
        }
        for (place = &clients; (client = *place) != NULL;) {
            if (client->fd >= 0 && client->id == NONE && now().mono_ms >= client->leaves_ms) {
                client_gone(client);
            }
            if (client->fd < 0) {
                *place = client->next;
                free(client);
            } else {
                place = &client->next;
            }
        }
        must(chatproto_realm_is_shut_down(realm, &is_shut_down));
    }
    pthread_mutex_unlock(&lock);
    free(polls);
}

/* What takes long: hashing passwords, reading and writing the store. */

static void *do_tasks(void *unused)
{
    struct task *task;

    (void)unused;
    pthread_mutex_lock(&lock);
    while (!is_over || tasks != NULL) {
        if ((task = tasks) == NULL) {
            pthread_cond_wait(&has_task, &lock);
            continue;
        }
        tasks = task->next;
        last_task = tasks == NULL ? &tasks : last_task;
        pthread_mutex_unlock(&lock);
        must(chatproto_work_run(task->work));
        pthread_mutex_lock(&lock);
        must(chatproto_realm_complete(realm, task->work, now()));
        bell_ring(main_bell);
        free(task);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Links to other realms: a thread of their own. */

/* Waits until there is something to do for links; the lock is let go meanwhile. */
static void wait_for_links(struct pollfd **polls, int listener)
{
    size_t count = 2;
    uint64_t at_ms = CHATPROTO_NEVER, its_ms;
    struct link *link;

    for (link = links; link != NULL; link = link->next) {
        count += 1;
    }
    *polls = (struct pollfd *)room_for(*polls, count * sizeof **polls);
    (*polls)[0] = net_poll(link_bell[0], true, false);
    (*polls)[1] = net_poll(is_over ? -1 : listener, true, false);
    for (count = 2, link = links; link != NULL; link = link->next) {
        if (is_over && link->leaves_ms == CHATPROTO_NEVER) {
            link->leaves_ms = 0;
        }
        must(chatproto_transport_poll_timeout(link->transport, &its_ms));
        at_ms = earlier(at_ms, earlier(its_ms, link->leaves_ms));
        (*polls)[count++] = net_poll(link->fd, true, link->wants_write);
    }
    pthread_mutex_unlock(&lock);
    net_wait(*polls, count, until(at_ms));
    pthread_mutex_lock(&lock);
    bell_silence(link_bell);
}

static void *serve_links(void *its_listener)
{
    int listener = *(int *)its_listener;
    struct pollfd *polls = NULL;
    struct link *link, **place;
    size_t at;
    int fd;

    pthread_mutex_lock(&lock);
    while (!is_over || links != NULL) {
        wait_for_links(&polls, listener);
        for (at = 2, place = &links; (link = *place) != NULL; at += 1) {
            /* New links are put first, and only here. */
            if (link_turn(link, polls[at].revents != 0)) {
                place = &link->next;
            } else {
                *place = link->next;
                link_end(link);
            }
        }
        for (at = 0; at < options.peer_count && !is_over; at += 1) {
            if (options.peers[at].is_to_be_dialled) {
                options.peers[at].is_to_be_dialled = false;
                pthread_mutex_unlock(&lock);
                fd = net_socket(options.peers[at].address, false);
                pthread_mutex_lock(&lock);
                link_begin(fd, &options.peers[at]);
            }
        }
        if (polls[1].revents != 0) {
            link_begin(accept(listener, NULL, NULL), NULL);
        }
        bell_ring(main_bell);
    }
    pthread_mutex_unlock(&lock);
    free(polls);
    return NULL;
}

/* All of it. */

static void stop(int number)
{
    (void)number;
    is_told_to_stop = 1;
    bell_ring(main_bell);
}

static int listen_at(const char *address, char *where)
{
    int listener = net_socket(address, true);
    char host[NET_NAME], port[NET_NAME];

    if (listener < 0) {
        die(address, strerror(errno));
    }
    net_name(listener, false, host, port);
    sprintf(where, strchr(host, ':') == NULL ? "%s:%s" : "[%s]:%s", host, port);
    return listener;
}

int main(int count, char **texts)
{
    chatproto_config *config = options_read(&options, count, texts);
    char where[2 * NET_NAME + 4], link_where[2 * NET_NAME + 4] = "";
    int listener, link_listener = -1, at;
    pthread_t threads[WORKERS + 1];
    struct sigaction on_signal;

    options_keep(&options, config);
    must(chatproto_realm_new(config, &realm));
    chatproto_config_free(config);
    if (!bell_open(main_bell) || !bell_open(link_bell)) {
        die("pipe", strerror(errno));
    }
    memset(&on_signal, 0, sizeof on_signal);
    on_signal.sa_handler = stop;
    sigaction(SIGINT, &on_signal, NULL);
    sigaction(SIGTERM, &on_signal, NULL);
    signal(SIGPIPE, SIG_IGN);
    listener = listen_at(options.client, where);
    if (options.peer_count > 0) {
        link_listener = listen_at(options.link, link_where);
    }
    for (at = 0; at <= WORKERS; at += 1) {
        pthread_create(&threads[at], NULL, at == 0 ? serve_links : do_tasks, &link_listener);
    }
    printf("%s is ready at %s%s%s%s\n", options.name, where, link_listener < 0 ? "" : " (link ",
           link_where, link_listener < 0 ? "" : ")");
    fflush(stdout);

    bell_ring(main_bell); /* a new realm has something to ask for */
    serve_clients(listener);

    pthread_mutex_lock(&lock);
    is_over = true;
    pthread_cond_broadcast(&has_task);
    pthread_mutex_unlock(&lock);
    bell_ring(link_bell);
    for (at = 0; at <= WORKERS; at += 1) {
        pthread_join(threads[at], NULL);
    }
    chatproto_realm_free(realm);
    fprintf(stderr, "%s has ended\n", options.name);
    return is_broken ? 1 : 0;
}
