/* Arguments that cannot be: NULL wherever there is a pointer, and what is not UTF-8 or no number of ours. */
#include "objects.h"

static const chatproto_str NO_TEXT = {NULL, 1};
static const chatproto_bytes NO_BYTES = {NULL, 1};

#define JOIN(a, b) a##b
#define AT_LINE(line) JOIN(null_at_, line)

/* Each call as a function, called after its line in the table. */
#define ROW(function, argument, call)                                                              \
    static chatproto_error AT_LINE(__LINE__)(struct objects * o)                                   \
    {                                                                                              \
        (void)o;                                                                                   \
        return call;                                                                               \
    }
#include "null_rows.h"
#undef ROW

static const struct row ROWS[] = {
#define ROW(function, argument, call) {#function, #argument, AT_LINE(__LINE__)},
#include "null_rows.h"
#undef ROW
};

static void null_is_told_by_its_name(void)
{
    struct objects o;
    char expected[100];
    size_t at;

    objects_make(&o);
    for (at = 0; at < sizeof ROWS / sizeof *ROWS; at += 1) {
        chatproto_error error = ROWS[at].call(&o);

        snprintf(expected, sizeof expected, "the argument %s is NULL", ROWS[at].argument);
        if (error != CHATPROTO_ERROR_NULL_ARGUMENT ||
            strcmp(chatproto_error_detail(), expected) != 0) {
            fprintf(stderr, "%s with %s: %s, %s\n", ROWS[at].function, ROWS[at].argument,
                    chatproto_error_name(error), chatproto_error_detail());
            CHECK(!"NULL is told");
        } else {
            CHECK(error == CHATPROTO_ERROR_NULL_ARGUMENT);
        }
    }
    objects_free(&o);
}

static void nothing_is_freed_for_null(void)
{
    chatproto_config_free(NULL);
    chatproto_realm_free(NULL);
    chatproto_work_free(NULL);
    chatproto_key_free(NULL);
    chatproto_link_config_free(NULL);
    chatproto_transport_free(NULL);
    chatproto_frames_free(NULL);
    chatproto_client_free(NULL);
    CHECK(chatproto_str_of(NULL).len == 0);
}

static void what_is_made_is_null_after_an_error(void)
{
    chatproto_config *config = (chatproto_config *)&config;
    chatproto_key *key = (chatproto_key *)&key;

    FAILS(chatproto_config_new(S("not a name"), &config), NOT_A_NAME);
    FAILS(chatproto_key_load(S("/nonexistent/realm1.key"), &key), KEY_NOT_THERE);

    CHECK(config == NULL);
    CHECK(key == NULL);
}

static void texts_are_utf8_and_names_are_names(void)
{
    static const char latin[] = {'\xe9', '\0'};
    struct objects o;

    objects_make(&o);
    FAILS(chatproto_config_new(S(latin), &o.out_config), NOT_UTF8);
    FAILS(chatproto_config_add_user(o.config, S("messi"), S(latin), S(""), S("")), NOT_UTF8);
    FAILS(chatproto_config_add_user(o.config, S("a b"), S("x"), S(""), S("")), NOT_A_NAME);
    FAILS(chatproto_realm_open(o.realm, S(latin), o.now, &o.number), NOT_UTF8);
    FAILS(chatproto_realm_dial_failed(o.realm, S(""), S(""), o.now), NOT_A_NAME);
    /* Lines of clients are bytes: a bad one gets a reply and no error. */
    OK(chatproto_realm_execute(o.realm, B(latin), o.now, &o.number));
    objects_free(&o);
}

static void numbers_are_those_of_the_header(void)
{
    static const int32_t strange[] = {-1, 100, INT32_MIN, INT32_MAX};
    struct objects o;
    size_t at;

    objects_make(&o);
    for (at = 0; at < sizeof strange / sizeof *strange; at += 1) {
        chatproto_peer peer = o.peer;

        peer.mode = strange[at];
        FAILS(chatproto_config_add_peer(o.config, &peer), INVALID_ARGUMENT);
        FAILS(chatproto_config_set_passwords(o.config, strange[at]), INVALID_ARGUMENT);
        FAILS(chatproto_config_set_detail(o.config, strange[at]), INVALID_ARGUMENT);
        FAILS(chatproto_config_set_store_file(o.config, S("x"), strange[at]), INVALID_ARGUMENT);
        FAILS(chatproto_realm_link_up(o.realm, S("realm2"), strange[at], o.now, &o.number),
              INVALID_ARGUMENT);
        FAILS(chatproto_realm_called(o.realm, 1, strange[at], B(""), o.now), INVALID_ARGUMENT);
    }
    FAILS(chatproto_realm_peer_at(o.realm, 1, &o.status), INVALID_ARGUMENT);
    FAILS(chatproto_realm_user_at(o.realm, 1, &o.profile), INVALID_ARGUMENT);
    FAILS(chatproto_config_set_seed(o.config, B("short")), INVALID_ARGUMENT);
    FAILS(chatproto_config_set_store_file(o.config, S(""), 0), INVALID_ARGUMENT);
    FAILS(chatproto_realm_called(o.realm, 99, CHATPROTO_CALL_NO_ANSWER, B(""), o.now),
          UNKNOWN_REQUEST);
    objects_free(&o);
}

static void a_configuration_that_contradicts_itself_is_told(void)
{
    struct objects o;
    uint64_t limit;

    objects_make(&o);
    FAILS(chatproto_config_set_limit(o.config, S("no_such_limit"), 1), LIMIT_UNKNOWN);
    FAILS(chatproto_config_limit(o.config, S("no_such_limit"), &limit), LIMIT_UNKNOWN);
    FAILS(chatproto_config_set_limit(o.config, S("line_bytes_max"), 1), LIMIT_RANGE);
    CHECK(strcmp(chatproto_error_detail(), "line_bytes_max must be from 256 to 16777216") == 0);
    OK(chatproto_config_set_limit(o.config, S("link_dead_ms"), 1));
    FAILS(chatproto_realm_new(o.config, &o.out_realm), LIMIT_ORDER);
    OK(chatproto_config_limit(o.config, S("link_dead_ms"), &limit));
    CHECK(limit == 1);
    OK(chatproto_config_set_limit(o.config, S("link_dead_ms"), 60000));
    FAILS(chatproto_config_set_password_cost(o.config, 1, 1, 1), PASSWORD_COST);
    FAILS(chatproto_config_add_user(o.config, S("a"), S("$argon2id$x"), S(""), S("")), NOT_A_HASH);
    OK(chatproto_config_add_user(o.config, S("messi"), S("x"), S(""), S("")));
    FAILS(chatproto_realm_new(o.config, &o.out_realm), USER_TWICE);
    CHECK(o.out_realm == NULL);
    CHECK(strstr(chatproto_error_detail(), "messi") != NULL);
    objects_free(&o);
}

static void peers_that_cannot_be_are_told(void)
{
    struct objects o;
    chatproto_peer peer;
    chatproto_str own;

    objects_make(&o);
    peer = o.peer;
    peer.public_key = S("short");
    FAILS(chatproto_config_add_peer(o.config, &peer), NOT_A_KEY);
    OK(chatproto_key_public(o.key, &own));
    peer.public_key = own;
    peer.mode = CHATPROTO_PEER_INSECURE;
    FAILS(chatproto_config_add_peer(o.config, &peer), KEY_UNUSED);
    peer.mode = CHATPROTO_PEER_NOISE;
    OK(chatproto_realm_set_peer(o.realm, &peer, o.now));
    FAILS(chatproto_realm_link_config(o.realm, &o.out_links), OWN_KEY);
    OK(chatproto_realm_set_peer(o.realm, &o.peer, o.now));
    OK(chatproto_realm_link_config(o.realm, &o.out_links));
    FAILS(chatproto_transport_dial(o.out_links, o.peer.name, o.now, &o.out_transport), KEY_MISSING);
    peer.name = S("realm1");
    FAILS(chatproto_realm_set_peer(o.realm, &peer, o.now), OWN_PEER);
    OK(chatproto_config_add_peer(o.config, &o.peer));
    FAILS(chatproto_realm_new(o.config, &o.out_realm), PEER_TWICE);
    objects_free(&o);
}

int main(void)
{
    TEST(null_is_told_by_its_name());
    TEST(nothing_is_freed_for_null());
    TEST(what_is_made_is_null_after_an_error());
    TEST(texts_are_utf8_and_names_are_names());
    TEST(numbers_are_those_of_the_header());
    TEST(a_configuration_that_contradicts_itself_is_told());
    TEST(peers_that_cannot_be_are_told());
    return tests_end();
}
