/* A table of the calls in realm_rows.h. */
#ifndef REALM_TABLE_H
#define REALM_TABLE_H

#include "objects.h"

#define JOIN(a, b) a##b
#define AT_LINE(line) JOIN(call_at_, line)

#define ROW(function, call)                                                                        \
    static chatproto_error AT_LINE(__LINE__)(struct objects * o)                                   \
    {                                                                                              \
        return call;                                                                               \
    }
#include "realm_rows.h"
#undef ROW

static const struct row ROWS[] = {
#define ROW(function, call) {#function, "", AT_LINE(__LINE__)},
#include "realm_rows.h"
#undef ROW
};

static inline void every_call_gives(struct objects *o, chatproto_error expected)
{
    size_t at;

    for (at = 0; at < sizeof ROWS / sizeof *ROWS; at += 1) {
        chatproto_error error = ROWS[at].call(o);

        if (!CHECK(error == expected)) {
            fprintf(stderr, "%s: %s\n", ROWS[at].function, chatproto_error_name(error));
        }
    }
}

#endif
