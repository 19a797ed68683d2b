/* A realm that is kept: replies wait for commits, and what was promised outlives whatever happens. */
#include "world.h"

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define SENT "{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n"

static char folder[] = "/tmp/chatproto-store-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[200];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static chatproto_config *config_of(const char *realm, const char *file)
{
    chatproto_config *config;

    OK(chatproto_config_new(S(realm), &config));
    OK(chatproto_config_add_user(config, S("messi"), S("surabaya"), S("Lionel Messi"), S("")));
    OK(chatproto_config_set_passwords(config, CHATPROTO_PASSWORDS_PLAIN));
    if (file != NULL) {
        OK(chatproto_config_set_store_file(config, S(path_of(file)), CHATPROTO_DURABILITY_OS));
    } else {
        OK(chatproto_config_set_store_memory(config));
    }
    return config;
}

static chatproto_realm *open_realm(const char *file)
{
    chatproto_config *config = config_of("realm1", file);
    chatproto_realm *realm;

    OK(chatproto_realm_new(config, &realm));
    chatproto_config_free(config);
    return realm;
}

static chatproto_now now(void)
{
    return chatproto_now_of_system();
}

static void send_text(chatproto_realm *realm, const char *text)
{
    uint64_t request;

    OK(chatproto_realm_send_from(realm, S("messi"), S("messi"), S(text), now(), &request));
}

/* What happened until there was nothing left to do. */
struct done {
    int replies;
    int commits;
    int reads;
    int tidied;
    struct buffer last;
};

static struct done work_off(chatproto_realm *realm)
{
    struct done done;
    chatproto_output output;

    memset(&done, 0, sizeof done);
    OK(chatproto_realm_next_output(realm, &output));
    while (output.kind != CHATPROTO_OUTPUT_NONE) {
        if (output.kind == CHATPROTO_OUTPUT_WORK) {
            done.commits += output.number == CHATPROTO_WORK_COMMIT;
            done.reads += output.number == CHATPROTO_WORK_READ;
            done.tidied += output.number == CHATPROTO_WORK_TIDY;
            OK(chatproto_work_run(output.work));
            OK(chatproto_realm_complete(realm, output.work, now()));
        } else if (output.kind == CHATPROTO_OUTPUT_REPLY) {
            done.replies += 1;
            done.last.len = 0;
            buffer_add(&done.last, output.data.data, output.data.len);
        }
        OK(chatproto_realm_next_output(realm, &output));
    }
    return done;
}

/* The messages that wait for the only user. */
static struct buffer inbox_of(chatproto_realm *realm)
{
    uint64_t request;

    OK(chatproto_realm_take_inbox(realm, S("messi"), now(), &request));
    return work_off(realm).last;
}

static void a_reply_waits_for_its_commit(void)
{
    chatproto_realm *realm = open_realm(NULL);
    chatproto_output output;
    struct done done = work_off(realm);

    send_text(realm, "kept");
    OK(chatproto_realm_next_output(realm, &output));
    while (output.kind == CHATPROTO_OUTPUT_EVENT) {
        OK(chatproto_realm_next_output(realm, &output));
    }
    CHECK(output.kind == CHATPROTO_OUTPUT_WORK && output.number == CHATPROTO_WORK_COMMIT);
    OK(chatproto_work_run(output.work));
    OK(chatproto_realm_complete(realm, output.work, now()));
    OK(chatproto_realm_next_output(realm, &output));

    CHECK(output.kind == CHATPROTO_OUTPUT_REPLY);
    CHECK(output.data.len == strlen(SENT) && memcmp(output.data.data, SENT, output.data.len) == 0);
    buffer_empty(&done.last);
    chatproto_realm_free(realm);
}

static void what_happens_during_a_commit_goes_into_the_next(void)
{
    chatproto_realm *realm = open_realm(NULL);
    chatproto_output output;
    chatproto_work *work;
    struct done done = work_off(realm);
    int number;

    buffer_empty(&done.last);
    send_text(realm, "first");
    do {
        OK(chatproto_realm_next_output(realm, &output));
    } while (output.kind == CHATPROTO_OUTPUT_EVENT);
    work = output.work;
    for (number = 0; number < 10; number += 1) {
        send_text(realm, "while it is under way");
    }
    do {
        OK(chatproto_realm_next_output(realm, &output));
    } while (output.kind == CHATPROTO_OUTPUT_EVENT);
    CHECK(output.kind == CHATPROTO_OUTPUT_NONE);
    OK(chatproto_work_run(work));
    OK(chatproto_realm_complete(realm, work, now()));
    done = work_off(realm);

    CHECK(done.commits == 1 && done.replies == 11);
    buffer_empty(&done.last);
    chatproto_realm_free(realm);
}

static void what_was_promised_outlives_a_closed_realm(void)
{
    chatproto_realm *realm = open_realm("closed.db");
    struct done done;
    struct buffer inbox;

    send_text(realm, "promised");
    done = work_off(realm);
    CHECK(done.replies == 1 && strcmp(done.last.data, SENT) == 0);
    buffer_empty(&done.last);
    /* This one is promised to nobody. */
    send_text(realm, "not promised");
    OK(chatproto_realm_close(realm));
    chatproto_realm_free(realm);

    realm = open_realm("closed.db");
    inbox = inbox_of(realm);
    CHECK(strstr(inbox.data, "\"promised\"") != NULL);
    CHECK(strstr(inbox.data, "not promised") == NULL);
    buffer_empty(&inbox);
    chatproto_realm_free(realm);
}

/* What a process does that will be killed: after each promise it writes a byte. */
static void promise_until_killed(int told)
{
    chatproto_realm *realm = open_realm("killed.db");
    char text[40];
    int number;

    for (number = 0; number < 100000; number += 1) {
        struct done done;

        snprintf(text, sizeof text, "message %d.", number);
        send_text(realm, text);
        done = work_off(realm);
        if (done.replies != 1 || strcmp(done.last.data, SENT) != 0 || write(told, "!", 1) != 1) {
            break;
        }
        buffer_empty(&done.last);
    }
    _exit(1);
}

static void what_was_promised_outlives_a_killed_process(void)
{
    chatproto_realm *realm;
    struct buffer inbox;
    char text[40], byte;
    int pipes[2], promised = 0, status, number;
    pid_t child;

    CHECK(pipe(pipes) == 0);
    child = fork();
    if (child == 0) {
        close(pipes[0]);
        promise_until_killed(pipes[1]);
    }
    close(pipes[1]);
    while (promised < 20 && read(pipes[0], &byte, 1) == 1) {
        promised += 1;
    }
    kill(child, SIGKILL);
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    while (read(pipes[0], &byte, 1) == 1) {
        promised += 1;
    }
    close(pipes[0]);

    realm = open_realm("killed.db");
    inbox = inbox_of(realm);
    CHECK(promised >= 20);
    for (number = 0; number < promised; number += 1) {
        snprintf(text, sizeof text, "\"message %d.\"", number);
        CHECK(strstr(inbox.data, text) != NULL);
    }
    buffer_empty(&inbox);
    chatproto_realm_free(realm);
}

static void a_store_belongs_to_one_realm_at_a_time(void)
{
    chatproto_config *config = config_of("realm1", "mine.db");
    chatproto_config *other = config_of("realm2", "mine.db");
    chatproto_realm *realm, *second;

    OK(chatproto_realm_new(config, &realm));
    FAILS(chatproto_realm_new(config, &second), STORE_IN_USE);
    CHECK(second == NULL && strstr(chatproto_error_detail(), "mine.db") != NULL);
    OK(chatproto_realm_close(realm));
    OK(chatproto_realm_new(config, &second));
    chatproto_realm_free(second);
    FAILS(chatproto_realm_new(other, &second), STORE_FOREIGN);

    chatproto_realm_free(realm);
    chatproto_config_free(config);
    chatproto_config_free(other);
}

static void a_file_that_is_no_store_is_left_as_it_is(void)
{
    chatproto_config *config = config_of("realm1", "letter.db");
    chatproto_realm *realm;
    FILE *file = fopen(path_of("letter.db"), "w");
    char line[100];

    fputs("Dear Leo, this is a letter and no store of a realm, as you will find out.\n", file);
    fclose(file);
    FAILS(chatproto_realm_new(config, &realm), STORE_FOREIGN);

    file = fopen(path_of("letter.db"), "r");
    CHECK(fgets(line, sizeof line, file) != NULL && strncmp(line, "Dear Leo", 8) == 0);
    fclose(file);
    chatproto_config_free(config);
}

static void a_commit_that_is_freed_breaks_the_promise_and_says_so(void)
{
    chatproto_realm *realm = open_realm(NULL);
    chatproto_output output;
    struct done done = work_off(realm);
    int broken = 0, replies = 0;

    buffer_empty(&done.last);
    send_text(realm, "never kept");
    do {
        OK(chatproto_realm_next_output(realm, &output));
    } while (output.kind == CHATPROTO_OUTPUT_EVENT);
    chatproto_work_free(output.work);
    do {
        OK(chatproto_realm_next_output(realm, &output));
        broken += output.kind == CHATPROTO_OUTPUT_EVENT &&
                  output.number == CHATPROTO_EVENT_STORE_BROKEN;
        replies += output.kind == CHATPROTO_OUTPUT_REPLY &&
                   memcmp(output.data.data, SENT, 15) == 0;
    } while (output.kind != CHATPROTO_OUTPUT_NONE);

    CHECK(broken == 1 && replies == 0);
    chatproto_realm_free(realm);
}

static void work_may_outlive_its_realm(void)
{
    chatproto_realm *realm = open_realm("outlived.db");
    chatproto_output output;
    chatproto_work *work;

    send_text(realm, "too late");
    do {
        OK(chatproto_realm_next_output(realm, &output));
    } while (output.kind == CHATPROTO_OUTPUT_EVENT);
    work = output.work;
    OK(chatproto_realm_close(realm));
    FAILS(chatproto_realm_complete(realm, work, now()), CLOSED);
    chatproto_realm_free(realm);
    /* The store is closed, so another realm can have it at once. */
    realm = open_realm("outlived.db");
    OK(chatproto_work_run(work));
    FAILS(chatproto_realm_complete(realm, work, now()), INVALID_ARGUMENT);

    chatproto_work_free(work);
    chatproto_realm_free(realm);
}

static void a_long_log_is_put_in_order_and_a_long_inbox_is_read_from_the_store(void)
{
    chatproto_realm *realm = open_realm("long.db");
    static char text[60001];
    struct done done;
    struct buffer inbox;
    chatproto_str why;
    uint64_t request;
    int number, tidied = 0, reads;

    memset(text, 'x', sizeof text - 1);
    for (number = 0; number < 40; number += 1) {
        send_text(realm, text);
        done = work_off(realm);
        tidied += done.tidied;
        buffer_empty(&done.last);
    }
    OK(chatproto_realm_take_inbox(realm, S("messi"), now(), &request));
    done = work_off(realm);
    reads = done.reads;
    inbox = done.last;

    CHECK(tidied >= 1 && tidied <= 5);
    CHECK(reads >= 1 && inbox.len > 40 * 60000);
    OK(chatproto_realm_store_failure(realm, &why));
    CHECK(shows(why, ""));
    buffer_empty(&inbox);
    chatproto_realm_free(realm);
}

/* What a forked child finds that goes on with its parent's realm; it tells whether the store broke there. */
static void go_on_in_child(chatproto_realm *realm, int told)
{
    chatproto_output output;
    int broken = 0;

    send_text(realm, "of the child");
    do {
        OK(chatproto_realm_next_output(realm, &output));
        if (output.kind == CHATPROTO_OUTPUT_WORK) {
            OK(chatproto_work_run(output.work));
            OK(chatproto_realm_complete(realm, output.work, now()));
        }
        broken += output.kind == CHATPROTO_OUTPUT_EVENT &&
                  output.number == CHATPROTO_EVENT_STORE_BROKEN;
    } while (output.kind != CHATPROTO_OUTPUT_NONE);
    chatproto_realm_free(realm);
    if (write(told, broken == 1 ? "y" : "n", 1) == 1) {
        /* Nothing is put in order: what was left alone on purpose would count as a leak. */
        kill(getpid(), SIGKILL);
    }
    _exit(1);
}

static void a_store_is_left_alone_by_a_forked_child(void)
{
    chatproto_realm *realm = open_realm("forked.db");
    struct done done = work_off(realm);
    struct buffer inbox;
    int pipes[2], status;
    char answer = ' ';
    pid_t child;

    buffer_empty(&done.last);
    CHECK(pipe(pipes) == 0);
    child = fork();
    if (child == 0) {
        go_on_in_child(realm, pipes[1]);
    }
    close(pipes[1]);
    CHECK(read(pipes[0], &answer, 1) == 1 && answer == 'y');
    close(pipes[0]);
    CHECK(waitpid(child, &status, 0) == child);
    send_text(realm, "of the parent");
    done = work_off(realm);
    CHECK(done.replies == 1 && strcmp(done.last.data, SENT) == 0);
    buffer_empty(&done.last);
    inbox = inbox_of(realm);

    CHECK(strstr(inbox.data, "of the parent") != NULL && strstr(inbox.data, "child") == NULL);
    buffer_empty(&inbox);
    chatproto_realm_free(realm);
}

static void clean_up(void)
{
    static const char *const names[] = {"closed", "killed", "mine", "letter", "outlived", "long",
                                        "forked"};
    static const char *const ends[] = {".db", ".db-wal", ".db-shm", ".db.lock"};
    char name[60];
    size_t at, end;

    for (at = 0; at < sizeof names / sizeof *names; at += 1) {
        for (end = 0; end < sizeof ends / sizeof *ends; end += 1) {
            snprintf(name, sizeof name, "%s%s", names[at], ends[end]);
            remove(path_of(name));
        }
    }
    CHECK(rmdir(folder) == 0);
}

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        return 1;
    }
    TEST(a_reply_waits_for_its_commit());
    TEST(what_happens_during_a_commit_goes_into_the_next());
    TEST(what_was_promised_outlives_a_closed_realm());
    TEST(what_was_promised_outlives_a_killed_process());
    TEST(a_store_belongs_to_one_realm_at_a_time());
    TEST(a_file_that_is_no_store_is_left_as_it_is());
    TEST(a_commit_that_is_freed_breaks_the_promise_and_says_so());
    TEST(work_may_outlive_its_realm());
    TEST(a_long_log_is_put_in_order_and_a_long_inbox_is_read_from_the_store());
    TEST(a_store_is_left_alone_by_a_forked_child());
    clean_up();
    return tests_end();
}
