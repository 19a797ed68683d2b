/* The lives of objects: use after close, one thousand of them, and from thread to thread. */
#include "realm_table.h"

#include <pthread.h>

static void a_closed_realm_answers_that_it_is(void)
{
    struct objects o;

    objects_make(&o);
    OK(chatproto_realm_close(o.realm));
    OK(chatproto_realm_close(o.realm));
    every_call_gives(&o, CHATPROTO_ERROR_CLOSED);
    CHECK(o.output.kind == CHATPROTO_OUTPUT_NONE);
    CHECK(o.out_links == NULL && o.out_frames == NULL);
    objects_free(&o);
}

static void objects_outlive_what_they_were_made_of(void)
{
    struct objects o;
    chatproto_realm *realm;
    chatproto_bytes data;

    objects_make(&o);
    chatproto_key_free(o.key);
    o.key = NULL;
    OK(chatproto_realm_new(o.config, &realm));
    chatproto_config_free(o.config);
    o.config = NULL;
    chatproto_realm_free(o.realm);
    o.realm = NULL;
    OK(chatproto_transport_dial(o.links, S("realm2"), o.now, &o.out_transport));
    chatproto_link_config_free(o.links);
    o.links = NULL;

    OK(chatproto_transport_outgoing(o.out_transport, &data));
    CHECK(data.len > 0);
    OK(chatproto_realm_execute(realm, B("hello"), o.now, &o.number));
    output_of(realm, CHATPROTO_OUTPUT_REPLY, &o.output);
    CHECK(o.output.id == o.number);
    OK(chatproto_work_run(o.work));
    chatproto_realm_free(realm);
    objects_free(&o);
}

static void a_thousand_are_made_and_freed(void)
{
    struct objects o;
    int number;

    for (number = 0; number < 1000; number += 1) {
        chatproto_realm *realm;
        chatproto_output output;
        uint64_t id;

        if (number % 50 == 0) {
            objects_make(&o);
            OK(chatproto_config_set_store_memory(o.config));
            OK(chatproto_realm_new(o.config, &realm));
            chatproto_realm_free(realm);
            objects_free(&o);
        }
        OK(chatproto_config_new(S("realm1"), &o.config));
        OK(chatproto_config_add_user(o.config, S("messi"), S("surabaya"), S(""), S("")));
        OK(chatproto_realm_new(o.config, &realm));
        chatproto_config_free(o.config);
        OK(chatproto_realm_open(realm, S("127.0.0.1"), o.now, &id));
        OK(chatproto_realm_receive(realm, id, B("auth nobody x\r\nhalf a li"), o.now));
        output_of(realm, CHATPROTO_OUTPUT_WORK, &output);
        if (number % 2 == 0) {
            OK(chatproto_realm_complete(realm, output.work, o.now));
            OK(chatproto_realm_close(realm));
            chatproto_realm_free(realm);
        } else {
            chatproto_realm_free(realm);
            chatproto_work_free(output.work);
        }
        CHECK(id != CHATPROTO_NEVER);
    }
}

#define THREADS 4
#define TURNS 250

/* A realm that goes round: whoever has the turn uses it, and gives it to the next. */
struct baton {
    pthread_mutex_t lock;
    pthread_cond_t passed;
    chatproto_realm *realm;
    chatproto_now now;
    int turn;
    int replies;
};

struct runner {
    struct baton *baton;
    int number;
};

static void *run(void *argument)
{
    struct runner *runner = (struct runner *)argument;
    struct baton *baton = runner->baton;
    chatproto_output output;
    uint64_t request;
    int turns;

    for (turns = 0; turns < TURNS; turns += 1) {
        pthread_mutex_lock(&baton->lock);
        while (baton->turn % THREADS != runner->number) {
            pthread_cond_wait(&baton->passed, &baton->lock);
        }
        pthread_mutex_unlock(&baton->lock);

        if (chatproto_realm_execute(baton->realm, B("hello"), baton->now, &request) ==
                CHATPROTO_OK &&
            chatproto_realm_next_output(baton->realm, &output) == CHATPROTO_OK &&
            output.kind == CHATPROTO_OUTPUT_REPLY && output.id == request) {
            baton->replies += 1;
        }

        pthread_mutex_lock(&baton->lock);
        baton->turn += 1;
        pthread_cond_broadcast(&baton->passed);
        pthread_mutex_unlock(&baton->lock);
    }
    return NULL;
}

static void a_realm_goes_from_thread_to_thread(void)
{
    struct baton baton;
    struct runner runners[THREADS];
    pthread_t threads[THREADS];
    chatproto_config *config;
    int at;

    memset(&baton, 0, sizeof baton);
    pthread_mutex_init(&baton.lock, NULL);
    pthread_cond_init(&baton.passed, NULL);
    OK(chatproto_config_new(S("realm1"), &config));
    OK(chatproto_realm_new(config, &baton.realm));
    chatproto_config_free(config);
    baton.now = chatproto_now_of_system();
    for (at = 0; at < THREADS; at += 1) {
        runners[at].baton = &baton;
        runners[at].number = at;
        CHECK(pthread_create(&threads[at], NULL, run, &runners[at]) == 0);
    }
    for (at = 0; at < THREADS; at += 1) {
        CHECK(pthread_join(threads[at], NULL) == 0);
    }

    CHECK(baton.replies == THREADS * TURNS);
    chatproto_realm_free(baton.realm);
    pthread_cond_destroy(&baton.passed);
    pthread_mutex_destroy(&baton.lock);
}

/* Runs work in a thread of its own. */
static void *run_work(void *work)
{
    static const chatproto_error failed = CHATPROTO_ERROR_INTERNAL;

    return chatproto_work_run((chatproto_work *)work) == CHATPROTO_OK ? NULL : (void *)&failed;
}

static void work_is_done_in_another_thread(void)
{
    struct objects o;
    pthread_t thread;
    void *failed;

    objects_make(&o);
    CHECK(pthread_create(&thread, NULL, run_work, o.work) == 0);
    OK(chatproto_realm_execute(o.realm, B("hello"), o.now, &o.number));
    CHECK(pthread_join(thread, &failed) == 0 && failed == NULL);
    OK(chatproto_realm_complete(o.realm, o.work, o.now));
    o.work = NULL;

    output_of(o.realm, CHATPROTO_OUTPUT_REPLY, &o.output);
    CHECK(o.output.id == o.number);
    objects_free(&o);
}

static void *fail_elsewhere(void *detail)
{
    chatproto_config_free(NULL);
    *(int *)detail = strcmp(chatproto_error_detail(), "") == 0 &&
                     chatproto_work_run(NULL) == CHATPROTO_ERROR_NULL_ARGUMENT &&
                     strcmp(chatproto_error_detail(), "the argument work is NULL") == 0;
    return NULL;
}

static void each_thread_has_its_own_detail(void)
{
    pthread_t thread;
    int is_own = 0;

    FAILS(chatproto_realm_close(NULL), NULL_ARGUMENT);
    CHECK(pthread_create(&thread, NULL, fail_elsewhere, &is_own) == 0);
    CHECK(pthread_join(thread, NULL) == 0);

    CHECK(is_own);
    CHECK(strcmp(chatproto_error_detail(), "the argument realm is NULL") == 0);
}

int main(void)
{
    TEST(a_closed_realm_answers_that_it_is());
    TEST(objects_outlive_what_they_were_made_of());
    TEST(a_thousand_are_made_and_freed());
    TEST(a_realm_goes_from_thread_to_thread());
    TEST(work_is_done_in_another_thread());
    TEST(each_thread_has_its_own_detail());
    return tests_end();
}
