/* What every test of the C library begins with: checks, tests that count, and short words. */
#ifndef CHECK_H
#define CHECK_H

#include "chatproto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int checks_failed = 0;
static int tests_passed = 0;
static int tests_failed = 0;

static inline int check_at(int holds, const char *what, const char *file, int line)
{
    if (!holds) {
        checks_failed += 1;
        fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    }
    return holds;
}

static inline int check_error(chatproto_error found, chatproto_error expected, const char *what,
                              const char *file, int line)
{
    if (found != expected) {
        checks_failed += 1;
        fprintf(stderr, "%s:%d: %s is %s, not %s: %s\n", file, line, what,
                chatproto_error_name(found), chatproto_error_name(expected),
                chatproto_error_detail());
    }
    return found == expected;
}

/* Something holds. */
#define CHECK(holds) check_at((holds) ? 1 : 0, #holds, __FILE__, __LINE__)
/* A call fails with that error, named without its beginning. */
#define FAILS(call, error)                                                                         \
    ((void)check_error((call), CHATPROTO_ERROR_##error, #call, __FILE__, __LINE__))

/* A call succeeds; the test cannot go on if not. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        if (!check_error((call), CHATPROTO_OK, #call, __FILE__, __LINE__)) {                       \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* A text as a view. */
static inline chatproto_str S(const char *text)
{
    return chatproto_str_of(text);
}

/* A text as a view of bytes. */
static inline chatproto_bytes B(const char *text)
{
    return chatproto_str_bytes(chatproto_str_of(text));
}

/* Whether a view shows this text. */
static inline int shows(chatproto_str view, const char *text)
{
    return view.len == strlen(text) && (view.len == 0 || memcmp(view.data, text, view.len) == 0);
}

static inline void *room_for(size_t bytes)
{
    void *room = calloc(1, bytes == 0 ? 1 : bytes);

    if (room == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return room;
}

/* A test has ended, before which so many checks had failed. */
static inline void test_ended(int failed_before)
{
    if (checks_failed == failed_before) {
        tests_passed += 1;
    } else {
        tests_failed += 1;
    }
}

/* Runs a test: a call of a function. */
#define TEST(call)                                                                                 \
    do {                                                                                           \
        int failed_before = checks_failed;                                                         \
        call;                                                                                      \
        test_ended(failed_before);                                                                 \
    } while (0)

/* The last line of every program. */
static inline int tests_end(void)
{
    /* What fails beside the tests fails the program all the same. */
    if (checks_failed > 0 && tests_failed == 0) {
        tests_failed = 1;
    }
    printf("%d passed, %d failed\n", tests_passed, tests_failed);
    return tests_failed == 0 ? 0 : 1;
}

#endif
