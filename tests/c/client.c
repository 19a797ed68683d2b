/* The client's half: requests as bytes, and replies and live texts out of what was read. */
#include "check.h"

#include <pthread.h>

/* Takes what is outgoing, which must be that. */
static void wrote(chatproto_client *client, const char *expected)
{
    chatproto_bytes data;

    OK(chatproto_client_outgoing(client, &data));
    CHECK(data.len == strlen(expected) && (data.len == 0 || memcmp(data.data, expected, data.len) == 0));
    OK(chatproto_client_sent(client, data.len));
}

static void reads(chatproto_client *client, const char *bytes)
{
    OK(chatproto_client_receive(client, B(bytes)));
}

static chatproto_incoming next(chatproto_client *client)
{
    chatproto_incoming incoming;

    OK(chatproto_client_next(client, &incoming));
    return incoming;
}

/* A client that messi has logged in with, as request number 1. */
static chatproto_client *logged_in(void)
{
    chatproto_client *client;
    chatproto_incoming incoming;
    uint64_t request;

    OK(chatproto_client_new(0, &client));
    OK(chatproto_client_log_in(client, S("messi"), S("surabaya"), &request));
    wrote(client, "auth messi surabaya\r\n");
    reads(client, "{\"status\": \"OK\", \"tokenid\": \"T\"}\r\n\r\n");
    incoming = next(client);
    CHECK(incoming.kind == CHATPROTO_INCOMING_REPLY && incoming.request == request && request == 1);
    CHECK(incoming.is_ok && incoming.error == CHATPROTO_OK);
    CHECK(shows(incoming.json, "{\"status\": \"OK\", \"tokenid\": \"***\"}"));
    return client;
}

static void each_request_has_its_line(void)
{
    static const char *const lines[] = {
        "send T henderson  apa kabar \r\n", "sendid T key henderson halo\r\n", "inbox T\r\n",
        "peek T 10\r\n", "ack T 3\r\n", "activeuser T\r\n", "history T henderson\r\n", "hello\r\n",
        "logout T\r\n",
    };
    chatproto_client *client = logged_in();
    bool is_logged_in = false;
    uint64_t request = 0;
    size_t at;

    OK(chatproto_client_send(client, S("henderson"), S(" apa kabar "), &request));
    CHECK(request == 2);
    OK(chatproto_client_send_once(client, S("key"), S("henderson"), S("halo"), &request));
    OK(chatproto_client_inbox(client, &request));
    OK(chatproto_client_peek(client, 10, &request));
    OK(chatproto_client_ack(client, 3, &request));
    OK(chatproto_client_active_users(client, &request));
    OK(chatproto_client_command(client, S("history"), S("henderson"), &request));
    OK(chatproto_client_line(client, S("hello"), &request));
    OK(chatproto_client_log_out(client, &request));
    CHECK(request == 10);

    for (at = 0; at < sizeof lines / sizeof *lines; at += 1) {
        /* One is under way at a time. */
        wrote(client, lines[at]);
        wrote(client, "");
        reads(client, "{\"status\": \"OK\"}\r\n\r\n");
        CHECK(next(client).request == at + 2);
    }
    OK(chatproto_client_is_logged_in(client, &is_logged_in));
    CHECK(!is_logged_in);
    FAILS(chatproto_client_inbox(client, &request), NOT_LOGGED_IN);
    chatproto_client_free(client);
}

static void errors_have_their_numbers(void)
{
    static const struct {
        const char *reply;
        chatproto_error error;
        const char *text;
    } table[] = {
        {"{\"status\": \"ERROR\", \"message\": \"User Tidak Ditemukan\"}\r\n\r\n",
         CHATPROTO_ERROR_RECIPIENT_UNKNOWN, "User Tidak Ditemukan"},
        {"{\"status\": \"ERROR\", \"message\": \"penuh\", \"code\": \"inbox_full\"}\r\n\r\n",
         CHATPROTO_ERROR_INBOX_FULL, "penuh"},
        {"{\"status\": \"ERROR\", \"message\": \"x\", \"code\": \"of_another_time\"}\r\n\r\n",
         CHATPROTO_OK, "x"},
        {"{\"status\": \"ERROR\"}\r\n\r\n", CHATPROTO_OK, ""},
    };
    chatproto_client *client = logged_in();
    uint64_t request;
    size_t at;

    for (at = 0; at < sizeof table / sizeof *table; at += 1) {
        chatproto_incoming incoming;

        OK(chatproto_client_send(client, S("nobody"), S("halo"), &request));
        wrote(client, "send T nobody halo\r\n");
        reads(client, table[at].reply);
        incoming = next(client);
        CHECK(incoming.kind == CHATPROTO_INCOMING_REPLY && !incoming.is_ok);
        CHECK(incoming.error == table[at].error);
        CHECK(shows(incoming.text, table[at].text));
    }
    chatproto_client_free(client);
}

static void messages_are_shown_one_by_one(void)
{
    chatproto_client *client = logged_in();
    chatproto_incoming incoming;
    chatproto_message message;
    uint64_t request;

    OK(chatproto_client_inbox(client, &request));
    wrote(client, "inbox T\r\n");
    reads(client, "{\"status\": \"OK\", \"messages\": {\"henderson\": [{\"msg_from\": \"Jordan \\u00e9\", "
                  "\"msg_to\": \"Lionel Messi\", \"msg\": \" halo\\r\\n\"}]}}\r");
    CHECK(next(client).kind == CHATPROTO_INCOMING_NONE);
    reads(client, "\n\r\n");
    incoming = next(client);
    CHECK(incoming.messages == 1);
    OK(chatproto_client_message_at(client, 0, &message));
    CHECK(shows(message.from, "henderson"));
    CHECK(shows(message.display_from, "Jordan \xc3\xa9"));
    CHECK(shows(message.display_to, "Lionel Messi"));
    CHECK(shows(message.text, " halo\r\n"));
    CHECK(message.id == CHATPROTO_NEVER && message.unix_ms == CHATPROTO_NEVER);
    FAILS(chatproto_client_message_at(client, 1, &message), INVALID_ARGUMENT);

    OK(chatproto_client_peek(client, 1, &request));
    /* What was shown stays while requests are made. */
    CHECK(shows(message.text, " halo\r\n"));
    wrote(client, "peek T 1\r\n");
    reads(client, "{\"status\": \"OK\", \"messages\": [{\"id\": 7, \"from\": \"amsal@realm2\", \"msg_from\": "
                  "\"amsal\", \"msg_to\": \"Lionel Messi\", \"msg\": \"hai\", \"ts\": 9}]}\r\n\r\n");
    incoming = next(client);
    OK(chatproto_client_message_at(client, 0, &message));
    CHECK(message.id == 7 && message.unix_ms == 9 && shows(message.from, "amsal@realm2"));

    CHECK(next(client).kind == CHATPROTO_INCOMING_NONE);
    FAILS(chatproto_client_message_at(client, 0, &message), INVALID_ARGUMENT);
    chatproto_client_free(client);
}

static void a_group_is_live_until_it_is_left(void)
{
    chatproto_client *client = logged_in();
    chatproto_incoming incoming;
    bool is_in_group = false, is_leaving = false;
    uint64_t request, left;

    FAILS(chatproto_client_say(client, S("halo")), NO_GROUP);
    FAILS(chatproto_client_leave(client, &request), NO_GROUP);
    OK(chatproto_client_join(client, S("bukber"), &request));
    wrote(client, "group T bukber origin\r\n");
    reads(client, "messi telah bergabung");
    incoming = next(client);
    CHECK(incoming.kind == CHATPROTO_INCOMING_JOINED && incoming.request == request);
    incoming = next(client);
    CHECK(incoming.kind == CHATPROTO_INCOMING_TEXT && shows(incoming.text, "messi telah bergabung"));
    OK(chatproto_client_is_in_group(client, &is_in_group));
    CHECK(is_in_group);

    OK(chatproto_client_say(client, S("halo")));
    OK(chatproto_client_say(client, S("semua")));
    /* Each is a write of its own. */
    wrote(client, "halo");
    wrote(client, "semua");
    FAILS(chatproto_client_say(client, S("exit")), NO_TEXT);
    FAILS(chatproto_client_inbox(client, &request), IN_GROUP);
    OK(chatproto_client_leave(client, &left));
    wrote(client, "exit");
    OK(chatproto_client_is_leaving(client, &is_leaving));
    CHECK(is_leaving);
    FAILS(chatproto_client_say(client, S("halo")), NO_GROUP);
    FAILS(chatproto_client_inbox(client, &request), IN_GROUP);
    reads(client, "exit");
    reads(client, "{\"status\": \"OK\", \"message\": \"Telah keluar dari grup bukber\"}\r\n\r\n");
    incoming = next(client);
    CHECK(incoming.kind == CHATPROTO_INCOMING_REPLY && incoming.request == left);
    CHECK(shows(incoming.text, "Telah keluar dari grup bukber"));
    OK(chatproto_client_is_in_group(client, &is_in_group));
    OK(chatproto_client_is_leaving(client, &is_leaving));
    CHECK(!is_in_group && !is_leaving);
    chatproto_client_free(client);
}

static void what_cannot_be_sent_is_told(void)
{
    chatproto_client *client = logged_in();
    chatproto_bytes data;
    uint64_t request = 99;

    FAILS(chatproto_client_send(client, S("two words"), S("x"), &request), NOT_ONE_WORD);
    CHECK(strcmp(chatproto_error_detail(), "\"to\" must be one word") == 0);
    FAILS(chatproto_client_log_in(client, S(""), S("x"), &request), NOT_ONE_WORD);
    FAILS(chatproto_client_send(client, S("a"), S("x\r\ninbox"), &request), LINE_END);
    FAILS(chatproto_client_line(client, S("\xff"), &request), NOT_UTF8);
    FAILS(chatproto_client_sent(client, 1), SENT_TOO_MUCH);
    CHECK(request == 99);
    OK(chatproto_client_outgoing(client, &data));
    CHECK(data.len == 0);
    chatproto_client_free(client);
}

static void what_is_no_reply_is_told(void)
{
    chatproto_client *client = logged_in();
    chatproto_incoming incoming;
    uint64_t request;

    OK(chatproto_client_line(client, S("hello"), &request));
    reads(client, "HTTP/1.1 400 Bad Request\r\n\r\n");
    incoming = next(client);
    CHECK(incoming.kind == CHATPROTO_INCOMING_SENSELESS && incoming.request == request);
    CHECK(!incoming.is_ok && incoming.json.len == 0);
    reads(client, "x\r\n\r\n");
    incoming = next(client);
    CHECK(incoming.kind == CHATPROTO_INCOMING_SENSELESS && incoming.request == 0);
    chatproto_client_free(client);
}

static void a_reply_at_the_bound_is_taken_and_a_longer_one_ends_it(void)
{
    static const char reply[] = "{\"status\": \"OK\", \"a\": 1}\r\n\r\n";
    chatproto_client *client;
    uint64_t request;

    OK(chatproto_client_new(sizeof reply - 1, &client));
    OK(chatproto_client_line(client, S("hello"), &request));
    reads(client, reply);
    CHECK(next(client).is_ok);
    OK(chatproto_client_line(client, S("hello"), &request));
    reads(client, "{\"status\": \"OK\", \"message\": \"abcdefghijk");
    CHECK(next(client).kind == CHATPROTO_INCOMING_TOO_LONG);
    FAILS(chatproto_client_line(client, S("hello"), &request), REPLY_TOO_LONG);
    chatproto_client_free(client);
}

static void a_server_that_closes_says_why(void)
{
    chatproto_client *client = logged_in();
    chatproto_incoming incoming;

    reads(client, "{\"status\": \"ERROR\", \"message\": \"tutup\", \"code\": \"shutting_down\"}\r\n\r\n");
    incoming = next(client);
    CHECK(incoming.kind == CHATPROTO_INCOMING_NOTICE && incoming.request == 0);
    CHECK(incoming.error == CHATPROTO_ERROR_SHUTTING_DOWN);
    chatproto_client_free(client);
}

static void *inboxes(void *argument)
{
    chatproto_client *client = (chatproto_client *)argument;
    uint64_t request;
    int turns;

    for (turns = 0; turns < 100; turns += 1) {
        OK(chatproto_client_inbox(client, &request));
        wrote(client, "inbox T\r\n");
        reads(client, "{\"status\": \"OK\", \"messages\": {}}\r\n\r\n");
        CHECK(next(client).request == request);
    }
    return NULL;
}

static void it_may_be_handed_from_thread_to_thread(void)
{
    chatproto_client *client = logged_in();
    pthread_t thread;
    int turns;

    for (turns = 0; turns < 4; turns += 1) {
        CHECK(pthread_create(&thread, NULL, inboxes, client) == 0);
        pthread_join(thread, NULL);
    }
    inboxes(client);
    chatproto_client_free(client);
}

static void a_thousand_come_and_go(void)
{
    chatproto_client *client;
    uint64_t request;
    int turns;

    for (turns = 0; turns < 1000; turns += 1) {
        OK(chatproto_client_new(0, &client));
        OK(chatproto_client_log_in(client, S("messi"), S("surabaya"), &request));
        chatproto_client_free(client);
    }
}

int main(void)
{
    TEST(each_request_has_its_line());
    TEST(errors_have_their_numbers());
    TEST(messages_are_shown_one_by_one());
    TEST(a_group_is_live_until_it_is_left());
    TEST(what_cannot_be_sent_is_told());
    TEST(what_is_no_reply_is_told());
    TEST(a_reply_at_the_bound_is_taken_and_a_longer_one_ends_it());
    TEST(a_server_that_closes_says_why());
    TEST(it_may_be_handed_from_thread_to_thread());
    TEST(a_thousand_come_and_go());
    return tests_end();
}
