/* What a command costs a program in C, in nanoseconds of the processor: each is executed, and its reply
 * taken. tests/examples/execute.rs does the same in Rust; the difference is the cost of the border.
 *
 *     cargo build --release -p chatproto-ffi
 *     cc -std=c99 -O2 -Iinclude tests/c/bench/execute.c -o execute -Ltarget/release -lchatproto
 *     LD_LIBRARY_PATH=target/release ./execute */
#define _POSIX_C_SOURCE 200809L

#include <chatproto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CALLS = 1000000, BURST = 50 };

static const chatproto_now NOW = {1000, 1790000000000u};
static chatproto_realm *realm;
static size_t reply_bytes;

static void must(chatproto_error error)
{
    if (error != CHATPROTO_OK) {
        fprintf(stderr, "%s: %s\n", chatproto_error_name(error), chatproto_error_detail());
        exit(1);
    }
}

/* Executes a line, and takes all outputs; the last reply goes into a text, if there is one. */
static void execute(chatproto_bytes line, char *reply, size_t room)
{
    chatproto_output output;
    uint64_t request;

    must(chatproto_realm_execute(realm, line, NOW, &request));
    for (;;) {
        must(chatproto_realm_next_output(realm, &output));
        if (output.kind == CHATPROTO_OUTPUT_NONE) {
            return;
        }
        if (output.kind == CHATPROTO_OUTPUT_REPLY) {
            reply_bytes += output.data.len;
            if (reply != NULL) {
                snprintf(reply, room, "%.*s", (int)output.data.len, (const char *)output.data.data);
            }
        }
    }
}

static chatproto_bytes line_of(char *line)
{
    return chatproto_str_bytes(chatproto_str_of(line));
}

static void measure(const char *what, char *first, char *then)
{
    struct timespec began, ended;
    chatproto_bytes line = line_of(first), other = line_of(then);
    long at;

    reply_bytes = 0;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
    for (at = 1; at <= CALLS; at += 1) {
        execute(at % BURST == 0 ? other : line, NULL, 0);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    printf("c    %-10s %6.1f ns a call, %zu bytes of replies\n", what,
           ((double)(ended.tv_sec - began.tv_sec) * 1e9 + (double)(ended.tv_nsec - began.tv_nsec)) / CALLS,
           reply_bytes);
}

int main(void)
{
    chatproto_config *config;
    char reply[200], token[40], send[100], inbox[60], active[60], unknown[] = "halo";
    char log_in[] = "auth messi surabaya";

    must(chatproto_config_new(chatproto_str_of("realm1"), &config));
    must(chatproto_config_set_passwords(config, CHATPROTO_PASSWORDS_PLAIN));
    must(chatproto_config_add_user(config, chatproto_str_of("messi"), chatproto_str_of("surabaya"),
                                   chatproto_str_of("Lionel Messi"), chatproto_str_of("")));
    must(chatproto_config_set_start(config, NOW));
    must(chatproto_realm_new(config, &realm));
    chatproto_config_free(config);
    execute(line_of(log_in), reply, sizeof reply);
    snprintf(token, sizeof token, "%.36s", strstr(reply, "tokenid\": \"") + strlen("tokenid\": \""));
    snprintf(send, sizeof send, "send %s messi apa kabar", token);
    snprintf(inbox, sizeof inbox, "inbox %s", token);
    snprintf(active, sizeof active, "activeuser %s", token);

    measure("unknown", unknown, unknown);
    measure("activeuser", active, active);
    measure("send", send, inbox);
    chatproto_realm_free(realm);
    return 0;
}
