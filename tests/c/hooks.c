/* What cannot be brought about from outside: a bug of the library, and two threads inside one object. For a library
 * that was built with the feature "test-hooks", whose functions the header does not have. */
#include "realm_table.h"

#include <pthread.h>
#include <sched.h>

#ifdef __cplusplus
extern "C" {
#endif
chatproto_error chatproto_test_meet_a_bug(chatproto_realm *realm);
chatproto_error chatproto_test_stay_inside(chatproto_realm *realm);
void chatproto_test_leave(void);
#ifdef __cplusplus
}
#endif

static void a_bug_ends_its_object_and_nothing_else(void)
{
    struct objects o;
    chatproto_realm *other;

    objects_make(&o);
    OK(chatproto_realm_new(o.config, &other));
    FAILS(chatproto_test_meet_a_bug(o.realm), INTERNAL);
    CHECK(strstr(chatproto_error_detail(), "bug") != NULL);
    every_call_gives(&o, CHATPROTO_ERROR_POISONED);
    FAILS(chatproto_test_meet_a_bug(o.realm), POISONED);

    OK(chatproto_realm_execute(other, B("hello"), o.now, &o.number));
    OK(chatproto_realm_close(o.realm));
    every_call_gives(&o, CHATPROTO_ERROR_CLOSED);
    chatproto_realm_free(other);
    objects_free(&o);
}

static void *stay_inside(void *realm)
{
    static const chatproto_error failed = CHATPROTO_ERROR_INTERNAL;
    chatproto_error error;

    /* Whoever looks whether this thread is inside may be inside just then. */
    do {
        error = chatproto_test_stay_inside((chatproto_realm *)realm);
    } while (error == CHATPROTO_ERROR_BUSY && sched_yield() == 0);
    return error == CHATPROTO_OK ? NULL : (void *)&failed;
}

/* Waits until another thread is inside; gives up where it never is. */
static void wait_until_busy(struct objects *o)
{
    long turns;
    chatproto_error error = CHATPROTO_OK;

    for (turns = 0; turns < 100000000L && error == CHATPROTO_OK; turns += 1) {
        error = chatproto_realm_name(o->realm, &o->text);
        sched_yield();
    }
    CHECK(error == CHATPROTO_ERROR_BUSY);
}

static void two_threads_at_a_time_are_told_apart(void)
{
    struct objects o;
    pthread_t thread;
    void *failed;

    objects_make(&o);
    CHECK(pthread_create(&thread, NULL, stay_inside, o.realm) == 0);
    wait_until_busy(&o);
    every_call_gives(&o, CHATPROTO_ERROR_BUSY);
    FAILS(chatproto_realm_close(o.realm), BUSY);
    /* A leak, where all else would be a crash; the realm is still there. */
    chatproto_realm_free(o.realm);
    FAILS(chatproto_realm_close(o.realm), BUSY);
    chatproto_test_leave();
    CHECK(pthread_join(thread, &failed) == 0 && failed == NULL);

    OK(chatproto_realm_execute(o.realm, B("hello"), o.now, &o.number));
    objects_free(&o);
}

int main(void)
{
    TEST(a_bug_ends_its_object_and_nothing_else());
    TEST(two_threads_at_a_time_are_told_apart());
    return tests_end();
}
