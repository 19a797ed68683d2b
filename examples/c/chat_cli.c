/* The coursework's command-line client in C.
 *
 *     chat_cli [HOST [PORT]]
 *
 * talks with the server at SERVER_IP and SERVER_PORT, or at 127.0.0.1 port 8889. Piped, it shows what
 * the old one showed; at a terminal nothing of what others write can command the terminal. */
#define _POSIX_C_SOURCE 200809L

#include "net.h"

#include <chatproto.h>
#include <signal.h>
#include <stdlib.h>

enum { LINE_ROOM = 1 << 16 };

static const char *const HELP = "auth NAME PASSWORD    log in\n"
                                "send NAME TEXT        send somebody a message; NAME@REALM in another realm\n"
                                "inbox                 take all messages out of the inbox\n"
                                "activeuser            who is logged in\n"
                                "group NAME            chat with all who are there, until you type exit\n"
                                "logout                log out\n"
                                "quit                  end this program\n";

static chatproto_client *client;
static int server;
static bool is_terminal;
/* What was typed and is not used up, and whether there will be more. */
static char typed[LINE_ROOM];
static size_t typed_len;
static bool has_ended;
/* The library never shows the token, but the old client does: it is read off the reply. */
static char token[128], name[128];
static char raw[256];
static bool is_logging_in;

static void die(const char *what, const char *why)
{
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void must(chatproto_error error)
{
    if (error != CHATPROTO_OK) {
        die(chatproto_error_name(error), chatproto_error_detail());
    }
}

static chatproto_str text(const char *from)
{
    return chatproto_str_of(from);
}

/* The screen. */

/* Shows a text; at a terminal without anything that it would obey. */
static void show(chatproto_str shown)
{
    size_t at;

    for (at = 0; at < shown.len; at += 1) {
        unsigned char byte = (unsigned char)shown.data[at];
        bool is_c1 = byte == 0xc2 && at + 1 < shown.len && (unsigned char)shown.data[at + 1] < 0xa0;

        if (is_terminal && ((byte < ' ' && byte != '\n') || byte == 0x7f || is_c1)) {
            putchar('?');
            at += is_c1 ? 1 : 0;
        } else {
            putchar(byte);
        }
    }
}

static void show_line(const char *before, chatproto_str shown, const char *after)
{
    fputs(before, stdout);
    show(shown);
    fputs(after, stdout);
    putchar('\n');
    fflush(stdout);
}

/* What stands in a reply after a key that is its last. */
static chatproto_str last_field(chatproto_str json, const char *key)
{
    size_t at, len = strlen(key);

    for (at = 0; at + len < json.len; at += 1) {
        if (memcmp(json.data + at, key, len) == 0) {
            json.data += at + len;
            json.len -= at + len + 1;
            break;
        }
    }
    return json;
}

/* The keyboard. */

static void read_typed(void)
{
    ssize_t n = read(STDIN_FILENO, typed + typed_len, sizeof typed - typed_len);

    has_ended = n == 0 || (n < 0 && errno != EINTR);
    typed_len += n > 0 ? (size_t)n : 0;
}

/* Takes a line that is there whole, without its end; it has LINE_ROOM bytes. */
static bool take_line(char *line)
{
    char *end = (char *)memchr(typed, '\n', typed_len);
    size_t len = end != NULL ? (size_t)(end - typed) : typed_len;
    bool is_whole = end != NULL || (has_ended && len > 0) || len == sizeof typed;

    if (is_whole) {
        len -= len == sizeof typed ? 1 : 0;
        memcpy(line, typed, len);
        line[len] = '\0';
        line[strcspn(line, "\r")] = '\0';
        len += end != NULL ? 1 : 0;
        typed_len -= len;
        memmove(typed, typed + len, typed_len);
    }
    return is_whole;
}

/* The server. */

/* Writes what is outgoing; returns whether the socket takes no more for now. */
static bool write_outgoing(void)
{
    chatproto_bytes data;
    ssize_t n;

    for (;;) {
        must(chatproto_client_outgoing(client, &data));
        if (data.len == 0) {
            return false;
        }
        n = write(server, data.data, data.len);
        if (n < 0 && net_later()) {
            return true;
        }
        if (n < 0) {
            die("the server has hung up", strerror(errno));
        }
        must(chatproto_client_sent(client, (size_t)n));
    }
}

static void read_incoming(void)
{
    static uint8_t bytes[LINE_ROOM];
    ssize_t n = read(server, bytes, sizeof bytes);
    chatproto_bytes view = {bytes, n > 0 ? (size_t)n : 0};
    size_t kept = strlen(raw);

    if (n == 0 || (n < 0 && !net_later())) {
        die("the server has hung up", n == 0 ? "there is nothing more to read" : strerror(errno));
    }
    if (is_logging_in && kept + view.len < sizeof raw) {
        memcpy(raw + kept, bytes, view.len);
        raw[kept + view.len] = '\0';
    }
    must(chatproto_client_receive(client, view));
}

/* What is typed in a group is said there, until somebody types exit. */
static void say_typed(char *line)
{
    uint64_t request;

    if (strcmp(line, "exit") == 0) {
        must(chatproto_client_leave(client, &request));
    } else if (line[0] != '\0') {
        must(chatproto_client_say(client, text(line)));
    }
}

/* Waits for a reply, or until a group is joined. In a group a person talks meanwhile, and word of the
 * server that it is over is a reply too. */
static chatproto_incoming await(bool is_in_group)
{
    static char line[LINE_ROOM];
    chatproto_incoming incoming;
    struct pollfd polls[2];
    bool waits, says = is_in_group, was_heard = true;

    for (;;) {
        must(chatproto_client_next(client, &incoming));
        if (incoming.kind == CHATPROTO_INCOMING_REPLY || incoming.kind == CHATPROTO_INCOMING_JOINED ||
            (incoming.kind == CHATPROTO_INCOMING_NOTICE && is_in_group)) {
            return incoming;
        }
        if (incoming.kind == CHATPROTO_INCOMING_TEXT) {
            show_line("", incoming.text, "");
            was_heard = true;
        } else if (incoming.kind == CHATPROTO_INCOMING_NOTICE) {
            show_line("Error, ", incoming.text, "");
        } else if (incoming.kind != CHATPROTO_INCOMING_NONE) {
            die("the server sent something that is no reply", "is this a chat server?");
        } else {
            /* Everybody in a group hears what is said, and so does who said it: two texts that follow
             * each other too closely would reach the server as one. */
            if (says && was_heard && (take_line(line) || (has_ended && strcpy(line, "exit") != NULL))) {
                says = strcmp(line, "exit") != 0;
                was_heard = line[0] == '\0';
                say_typed(line);
            }
            waits = write_outgoing();
            polls[0] = net_poll(server, true, waits);
            polls[1] = net_poll(says && was_heard && !has_ended ? STDIN_FILENO : -1, true, false);
            net_wait(polls, 2, UINT64_MAX);
            if (polls[1].revents != 0) {
                read_typed();
            }
            if (polls[0].revents & (POLLIN | POLLHUP | POLLERR)) {
                read_incoming();
            }
        }
    }
}

/* Commands. */

/* Shows what came of a request: an error, or else what the last arguments are. */
static void answer(chatproto_error error, const char *before, const char *shown_key, const char *after)
{
    chatproto_incoming incoming;

    if (error == CHATPROTO_ERROR_NOT_LOGGED_IN) {
        show_line("Error, not authorized", text(""), "");
    } else if (error != CHATPROTO_OK) {
        show_line("-Maaf, command tidak benar", text(""), "");
    } else if (incoming = await(false), !incoming.is_ok) {
        show_line("Error, ", incoming.text, "");
    } else {
        show_line(before, shown_key == NULL ? text("") : last_field(incoming.json, shown_key), after);
    }
}

static void log_in(const char *user, const char *password)
{
    uint64_t request;
    const char *found;
    bool is_logged_in = false;
    char shown[400];

    raw[0] = '\0';
    is_logging_in = true;
    if (chatproto_client_log_in(client, text(user), text(password), &request) != CHATPROTO_OK) {
        show_line("-Maaf, command tidak benar", text(""), "");
    } else {
        chatproto_incoming incoming = await(false);

        found = strstr(raw, "\"tokenid\": \"");
        is_logged_in = incoming.is_ok && found != NULL;
        if (is_logged_in) {
            found += strlen("\"tokenid\": \"");
            snprintf(token, sizeof token, "%.*s", (int)strcspn(found, "\""), found);
            snprintf(name, sizeof name, "%s", user);
            snprintf(shown, sizeof shown, is_terminal ? "%s logged in" : "%s logged in, token %s ", user, token);
            show_line("username ", text(shown), "");
        } else {
            show_line("Error, ", incoming.text, "");
        }
    }
    is_logging_in = false;
}

static void join(const char *group)
{
    uint64_t request;
    chatproto_error error = chatproto_client_join(client, text(group), &request);
    chatproto_incoming incoming;

    if (error != CHATPROTO_OK) {
        answer(error, "", NULL, "");
        return;
    }
    incoming = await(false);
    if (incoming.kind == CHATPROTO_INCOMING_JOINED) {
        incoming = await(true);
    }
    show_line(incoming.is_ok ? "" : "Error, ", incoming.text, "");
}

/* Does what was typed; returns false when that is to end. */
static bool carry_out(char *line)
{
    char *verb = line, *first = NULL, *second = NULL, *rest = strchr(line, ' ');
    char message[LINE_ROOM + 2], shown[LINE_ROOM + 2];
    uint64_t request;
    bool is_logged_in;

    if (rest != NULL) {
        *rest = '\0';
        first = rest + 1;
        rest = strchr(first, ' ');
        snprintf(message, sizeof message, "%s ", rest == NULL ? "" : rest);
        if (rest != NULL) {
            *rest = '\0';
            second = rest + 1;
        }
    }
    if (strcmp(verb, "quit") == 0) {
        return false;
    }
    if (strcmp(verb, "help") == 0) {
        fputs(HELP, stdout);
    } else if (strcmp(verb, "auth") == 0 && second != NULL) {
        second[strcspn(second, " ")] = '\0';
        log_in(first, second);
    } else if (strcmp(verb, "send") == 0 && first != NULL) {
        snprintf(shown, sizeof shown, "message sent to %s", first);
        answer(chatproto_client_send(client, text(first), text(message), &request), shown, NULL, "");
    } else if (strcmp(verb, "inbox") == 0) {
        answer(chatproto_client_inbox(client, &request), "", "\"messages\": ", "");
    } else if (strcmp(verb, "activeuser") == 0) {
        answer(chatproto_client_active_users(client, &request), "Active User: ", "\"message\": ", "");
    } else if (strcmp(verb, "logout") == 0) {
        answer(chatproto_client_log_out(client, &request), "Logout success!", NULL, "");
    } else if (strcmp(verb, "group") == 0 && first != NULL) {
        join(first);
    } else if (strcmp(verb, "auth") == 0 || strcmp(verb, "send") == 0 || strcmp(verb, "group") == 0) {
        show_line("-Maaf, command tidak benar", text(""), "");
    } else if (verb[0] != '\0') {
        show_line("*Maaf, command tidak benar", text(""), "");
    }
    must(chatproto_client_is_logged_in(client, &is_logged_in));
    if (!is_logged_in) {
        token[0] = name[0] = '\0';
    }
    return true;
}

static void connect_to(const char *host, const char *port)
{
    char address[2 * NET_NAME];
    struct pollfd poll_it;
    int error = 0;
    socklen_t len = sizeof error;

    snprintf(address, sizeof address, strchr(host, ':') == NULL ? "%s:%s" : "[%s]:%s", host, port);
    server = net_socket(address, false);
    if (server >= 0) {
        poll_it = net_poll(server, false, true);
        net_wait(&poll_it, 1, 20000);
        getsockopt(server, SOL_SOCKET, SO_ERROR, &error, &len);
        error = error == 0 && poll_it.revents == 0 ? ETIMEDOUT : error;
    }
    if (server < 0 || error != 0) {
        fprintf(stderr, "no server at %s (%s): is it running?\n", address,
                strerror(server < 0 ? errno : error));
        exit(1);
    }
}

int main(int count, char **arguments)
{
    static char line[LINE_ROOM];
    const char *ip = getenv("SERVER_IP"), *port = getenv("SERVER_PORT");
    bool is_there;

    if (count > 1 && arguments[1][0] == '-') {
        puts("usage: chat_cli [HOST [PORT]]    127.0.0.1 and 8889, or SERVER_IP and SERVER_PORT");
        return strcmp(arguments[1], "--help") == 0 ? 0 : 2;
    }
    signal(SIGPIPE, SIG_IGN);
    is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    connect_to(count > 1 ? arguments[1] : ip != NULL ? ip : "127.0.0.1",
               count > 2 ? arguments[2] : port != NULL ? port : "8889");
    must(chatproto_client_new(0, &client));
    if (is_terminal) {
        puts("help tells the commands");
    }
    for (;;) {
        /* At a terminal somebody may look over one's shoulder: no token there. */
        printf(is_terminal ? "%s> " : "Command %s:", is_terminal ? name : token);
        fflush(stdout);
        while (!(is_there = take_line(line)) && !has_ended) {
            read_typed();
        }
        if (!is_there) {
            putchar('\n');
            break;
        }
        if (!carry_out(line)) {
            break;
        }
    }
    chatproto_client_free(client);
    close(server);
    return 0;
}
