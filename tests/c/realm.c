/* A realm as a C program has one: clients, commands, slow work, events, the time and the end. */
#include "world.h"

static chatproto_config *config_of(const char *name)
{
    chatproto_config *config;

    OK(chatproto_config_new(S(name), &config));
    OK(chatproto_config_add_user(config, S("messi"), S("surabaya"), S("Lionel Messi"),
                                 S("Argentina")));
    OK(chatproto_config_add_user(config, S("henderson"), S("surabaya"), S(""), S("")));
    OK(chatproto_config_set_passwords(config, CHATPROTO_PASSWORDS_PLAIN));
    return config;
}

static struct node *one_realm(struct world *world)
{
    chatproto_config *config = config_of("realm1");
    struct node *node;

    world_begin(world, WIRE_FRAMES);
    node = world_add(world, "realm1", config);
    chatproto_config_free(config);
    return node;
}

static int unread(struct client *client, const char *text)
{
    int is_so = client->unread.len == strlen(text) &&
                memcmp(client->unread.data, text, client->unread.len) == 0;

    client->unread.len = 0;
    return is_so;
}

#define WRONG "{\"status\": \"ERROR\", \"message\": \"Password Salah\"}\r\n\r\n"
#define NO_SESSION "{\"status\": \"ERROR\", \"message\": \"Informasi tidak ditemukan\"}\r\n\r\n"

static void a_client_gets_its_replies(void)
{
    struct world world;
    struct node *node = one_realm(&world);
    struct client *client = world_open(&world, node);
    chatproto_str name;

    world_write(&world, client, "auth messi wr", 13);
    CHECK(unread(client, ""));
    world_write(&world, client, "ong \r\n", 6);
    CHECK(unread(client, WRONG));
    world_half_close(&world, client);

    CHECK(client->is_closed);
    OK(chatproto_realm_name(node->realm, &name));
    CHECK(shows(name, "realm1"));
    CHECK(strcmp(node->events.data, "login_failed ") == 0);
    world_free(&world);
}

static void bytes_are_sent_piece_by_piece(void)
{
    struct world world;
    struct node *node = one_realm(&world);
    chatproto_bytes data;
    chatproto_output output;
    uint64_t id;

    OK(chatproto_realm_open(node->realm, S("127.0.0.1"), world.now, &id));
    OK(chatproto_realm_receive(node->realm, id, B("auth messi x\r\n"), world.now));
    OK(chatproto_realm_next_output(node->realm, &output));
    while (output.kind == CHATPROTO_OUTPUT_EVENT) {
        CHECK(output.number == CHATPROTO_EVENT_LOGIN_FAILED && output.id == id);
        CHECK(shows(output.name, "login_failed"));
        OK(chatproto_realm_next_output(node->realm, &output));
    }
    CHECK(output.kind == CHATPROTO_OUTPUT_SEND && output.id == id && output.work == NULL);
    FAILS(chatproto_realm_sent(node->realm, id, sizeof WRONG, world.now), SENT_TOO_MUCH);
    OK(chatproto_realm_sent(node->realm, id, 1, world.now));
    OK(chatproto_realm_outgoing(node->realm, id, &data));

    CHECK(data.len == sizeof WRONG - 2 && memcmp(data.data, WRONG + 1, data.len) == 0);
    OK(chatproto_realm_sent(node->realm, id, data.len, world.now));
    OK(chatproto_realm_outgoing(node->realm, id, &data));
    CHECK(data.len == 0);
    world_free(&world);
}

static void a_late_call_with_an_old_id_does_nothing(void)
{
    struct world world;
    struct node *node = one_realm(&world);
    chatproto_bytes data;
    chatproto_frames *frames;
    uint64_t old, id;
    static const uint64_t strange[] = {0, 1, 77, CHATPROTO_NEVER};
    size_t at;

    old = world_open(&world, node)->connection;
    world_drop(&world, node->clients);
    id = world_open(&world, node)->connection;
    CHECK(old != id);
    OK(chatproto_realm_receive(node->realm, old, B("quit\r\n"), world.now));
    OK(chatproto_realm_ended(node->realm, old, world.now));
    OK(chatproto_realm_closed(node->realm, old, world.now));
    OK(chatproto_realm_sent(node->realm, old, 0, world.now));
    for (at = 0; at < sizeof strange / sizeof *strange; at += 1) {
        if (strange[at] == id) {
            continue;
        }
        OK(chatproto_realm_receive(node->realm, strange[at], B("quit\r\n"), world.now));
        OK(chatproto_realm_ended(node->realm, strange[at], world.now));
        OK(chatproto_realm_outgoing(node->realm, strange[at], &data));
        CHECK(data.len == 0);
        OK(chatproto_realm_closed(node->realm, strange[at], world.now));
        OK(chatproto_realm_link_take(node->realm, strange[at], 9, world.now, &frames));
        CHECK(frames == NULL);
        OK(chatproto_realm_link_down(node->realm, strange[at], world.now));
    }

    world_write(&world, node->clients, "inbox x\r\n", 9);
    CHECK(unread(node->clients, NO_SESSION));
    CHECK(!node->clients->is_closed);
    world_free(&world);
}

static void commands_need_no_connection(void)
{
    struct world world;
    struct node *node = one_realm(&world);
    char line[100], token[37];
    const char *reply;
    chatproto_profile profile;

    reply = world_execute(&world, node, "auth messi surabaya");
    CHECK(strncmp(reply, "{\"status\": \"OK\", \"tokenid\": \"", 29) == 0);
    snprintf(token, sizeof token, "%.36s", reply + 29);
    OK(chatproto_realm_token_owner(node->realm, S(token), &profile));
    CHECK(shows(profile.name, "messi") && shows(profile.display_name, "Lionel Messi") &&
          shows(profile.country, "Argentina"));
    OK(chatproto_realm_token_owner(node->realm, S("no token"), &profile));
    CHECK(shows(profile.name, ""));

    snprintf(line, sizeof line, "send %s henderson hi", token);
    reply = world_execute(&world, node, line);
    CHECK(strcmp(reply, "{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n") == 0);
    reply = world_execute(&world, node, "group x y");
    CHECK(strstr(reply, "needs_connection") != NULL || strstr(reply, "Informasi") != NULL);
    world_free(&world);
}

static void the_owner_acts_in_anybodys_name(void)
{
    struct world world;
    struct node *node = one_realm(&world);
    chatproto_profile profile;
    uint64_t request;
    size_t count;

    OK(chatproto_realm_set_user(node->realm, S("lineker"), S("x"), S("Gary Lineker"), S(""),
                                world.now, &request));
    world_settle(&world);
    CHECK(node->replied == request && strstr(node->reply.data, "\"OK\"") != NULL);
    OK(chatproto_realm_user_count(node->realm, &count));
    CHECK(count == 3);
    OK(chatproto_realm_user_at(node->realm, 2, &profile));
    CHECK(shows(profile.name, "lineker") && shows(profile.display_name, "Gary Lineker"));
    OK(chatproto_realm_user_at(node->realm, 1, &profile));
    CHECK(shows(profile.display_name, "henderson"));

    OK(chatproto_realm_send_from(node->realm, S("messi"), S("lineker"), S("goal"), world.now,
                                 &request));
    OK(chatproto_realm_take_inbox(node->realm, S("lineker"), world.now, &request));
    world_settle(&world);
    CHECK(node->replied == request);
    CHECK(strcmp(node->reply.data,
                 "{\"status\": \"OK\", \"messages\": {\"messi\": [{\"msg_from\": \"Lionel Messi\", "
                 "\"msg_to\": \"Gary Lineker\", \"msg\": \"goal\"}]}}\r\n\r\n") == 0);
    world_free(&world);
}

/* Does all the work there is. */
static void work_off(chatproto_realm *realm, chatproto_now now)
{
    chatproto_output output;

    OK(chatproto_realm_next_output(realm, &output));
    while (output.kind != CHATPROTO_OUTPUT_NONE) {
        if (output.kind == CHATPROTO_OUTPUT_WORK) {
            OK(chatproto_work_run(output.work));
            OK(chatproto_realm_complete(realm, output.work, now));
        }
        OK(chatproto_realm_next_output(realm, &output));
    }
}

static void a_password_is_checked_beside_the_realm(void)
{
    chatproto_config *config = config_of("realm1");
    chatproto_now now = chatproto_now_of_system();
    chatproto_realm *realm;
    chatproto_output output;
    uint64_t request;
    int hashes = 0, replies = 0, rounds;

    OK(chatproto_config_set_password_cost(config, 8, 1, 1));
    OK(chatproto_realm_new(config, &realm));
    chatproto_config_free(config);
    work_off(realm, now);
    OK(chatproto_realm_execute(realm, B("auth messi surabaya"), now, &request));
    for (rounds = 0; rounds < 100; rounds += 1) {
        OK(chatproto_realm_next_output(realm, &output));
        if (output.kind == CHATPROTO_OUTPUT_WORK) {
            CHECK(output.number == CHATPROTO_WORK_HASH && output.work != NULL);
            hashes += 1;
            OK(chatproto_work_run(output.work));
            FAILS(chatproto_work_run(output.work), WORK_DONE);
            OK(chatproto_realm_complete(realm, output.work, now));
        } else if (output.kind == CHATPROTO_OUTPUT_REPLY) {
            CHECK(output.id == request && strstr((const char *)output.data.data, "OK") != NULL);
            replies += 1;
        }
    }

    CHECK(hashes == 1 && replies == 1);
    chatproto_realm_free(realm);
}

static void work_that_is_freed_has_failed(void)
{
    chatproto_config *config = config_of("realm1");
    chatproto_now now = chatproto_now_of_system();
    chatproto_realm *realm, *other;
    chatproto_output output;
    int failures = 0, rounds;

    OK(chatproto_config_set_password_cost(config, 8, 1, 1));
    OK(chatproto_realm_new(config, &realm));
    OK(chatproto_realm_new(config, &other));
    chatproto_config_free(config);
    for (rounds = 0; rounds < 100 && failures < 2; rounds += 1) {
        OK(chatproto_realm_next_output(realm, &output));
        if (output.kind == CHATPROTO_OUTPUT_WORK) {
            FAILS(chatproto_realm_complete(other, output.work, now), INVALID_ARGUMENT);
            if (rounds % 2 == 0) {
                chatproto_work_free(output.work);
            } else {
                /* Nor was this one run. */
                OK(chatproto_realm_complete(realm, output.work, now));
            }
        } else if (output.kind == CHATPROTO_OUTPUT_EVENT) {
            CHECK(output.number == CHATPROTO_EVENT_PASSWORD_FAILED);
            CHECK(output.data.len == 2 && memcmp(output.data.data, "{}", 2) == 0);
            failures += 1;
        }
    }

    CHECK(failures > 0);
    chatproto_realm_free(realm);
    chatproto_realm_free(other);
}

static void a_realm_that_pauses_a_client_resumes_it(void)
{
    chatproto_config *config = config_of("realm1");
    chatproto_now now = chatproto_now_of_system();
    chatproto_realm *realm;
    chatproto_output output;
    chatproto_work *works[8];
    size_t count = 0, at;
    uint64_t id;
    int rounds, paused = 0, resumed = 0;

    OK(chatproto_config_set_password_cost(config, 8, 1, 1));
    OK(chatproto_config_set_limit(config, S("waiting_bytes_max"), 10));
    OK(chatproto_realm_new(config, &realm));
    chatproto_config_free(config);
    work_off(realm, now);
    OK(chatproto_realm_open(realm, S("127.0.0.1"), now, &id));
    OK(chatproto_realm_receive(realm, id, B("auth messi surabaya\r\n"), now));
    OK(chatproto_realm_receive(realm, id, B("auth henderson surabaya\r\n"), now));
    for (rounds = 0; rounds < 100; rounds += 1) {
        OK(chatproto_realm_next_output(realm, &output));
        if (output.kind == CHATPROTO_OUTPUT_WORK && count < 8) {
            works[count] = output.work;
            count += 1;
        }
        paused += output.kind == CHATPROTO_OUTPUT_PAUSE_READ && output.id == id;
        resumed += output.kind == CHATPROTO_OUTPUT_RESUME_READ && output.id == id;
        if (output.kind == CHATPROTO_OUTPUT_NONE) {
            for (at = 0; at < count; at += 1) {
                OK(chatproto_work_run(works[at]));
                OK(chatproto_realm_complete(realm, works[at], now));
            }
            count = 0;
        }
    }

    CHECK(paused == 1 && resumed == 1);
    chatproto_realm_free(realm);
}

static void events_are_told_in_the_detail_that_was_asked_for(void)
{
    static const struct {
        chatproto_detail detail;
        const char *events;
    } rows[] = {
        {CHATPROTO_DETAIL_SILENT, ""},
        {CHATPROTO_DETAIL_ESSENTIAL, "logged_in "},
        {CHATPROTO_DETAIL_WIRE, "received logged_in replied "},
    };
    size_t at;

    for (at = 0; at < sizeof rows / sizeof *rows; at += 1) {
        chatproto_config *config = config_of("realm1");
        struct world world;
        struct node *node;

        OK(chatproto_config_set_detail(config, rows[at].detail));
        world_begin(&world, WIRE_FRAMES);
        node = world_add(&world, "realm1", config);
        chatproto_config_free(config);
        world_open(&world, node);
        world_write(&world, node->clients, "auth messi surabaya\r\n", 21);

        CHECK(node->events.len == strlen(rows[at].events));
        CHECK(node->events.len == 0 || memcmp(node->events.data, rows[at].events, node->events.len) == 0);
        world_free(&world);
    }
}

static void the_time_is_an_argument(void)
{
    struct world world;
    struct node *node = one_realm(&world);
    struct client *client = world_open(&world, node);
    uint64_t at_ms;

    OK(chatproto_realm_poll_timeout(node->realm, &at_ms));
    CHECK(at_ms == CHATPROTO_NEVER);
    world_write(&world, client, "auth", 4);
    OK(chatproto_realm_poll_timeout(node->realm, &at_ms));
    CHECK(at_ms == 30000);
    world_advance(&world, 29999);
    CHECK(client->unread.len == 0);
    world_advance(&world, 1);

    CHECK(client->unread.len > 0 && strstr(client->unread.data, "line_timeout") != NULL);
    world_free(&world);
}

static void a_realm_goes_down_in_peace(void)
{
    struct world world;
    struct node *node = one_realm(&world);
    struct client *client = world_open(&world, node);
    chatproto_output output;
    bool is_down;

    OK(chatproto_realm_shutdown(node->realm, world.now));
    OK(chatproto_realm_is_shut_down(node->realm, &is_down));
    CHECK(!is_down);
    OK(chatproto_realm_next_output(node->realm, &output));
    CHECK(output.kind == CHATPROTO_OUTPUT_SEND);
    node_send(node, client->connection);
    OK(chatproto_realm_next_output(node->realm, &output));
    CHECK(output.kind == CHATPROTO_OUTPUT_CLOSE && output.id == client->connection);
    CHECK(output.number == CHATPROTO_CLOSE_SHUT_DOWN && shows(output.name, "shut_down"));

    OK(chatproto_realm_is_shut_down(node->realm, &is_down));
    CHECK(is_down);
    world_free(&world);
}

int main(void)
{
    TEST(a_client_gets_its_replies());
    TEST(bytes_are_sent_piece_by_piece());
    TEST(a_late_call_with_an_old_id_does_nothing());
    TEST(commands_need_no_connection());
    TEST(the_owner_acts_in_anybodys_name());
    TEST(a_password_is_checked_beside_the_realm());
    TEST(work_that_is_freed_has_failed());
    TEST(a_realm_that_pauses_a_client_resumes_it());
    TEST(events_are_told_in_the_detail_that_was_asked_for());
    TEST(the_time_is_an_argument());
    TEST(a_realm_goes_down_in_peace());
    return tests_end();
}
