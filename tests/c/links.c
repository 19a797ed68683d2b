/* Two realms in one process: linked over bytes, encrypted or not, and what is done about peers. */
#include "world.h"

struct pair {
    struct world world;
    struct node *one, *two;
    chatproto_key *keys[2];
};

static chatproto_peer peer_of(const char *name, chatproto_key *key, chatproto_peer_mode mode)
{
    chatproto_peer peer;

    memset(&peer, 0, sizeof peer);
    peer.name = S(name);
    peer.mode = mode;
    peer.dial = true;
    if (mode == CHATPROTO_PEER_NOISE) {
        OK(chatproto_key_public(key, &peer.public_key));
    }
    return peer;
}

static chatproto_config *config_of(const char *name, const char *user, chatproto_key *key,
                                   chatproto_peer peer)
{
    chatproto_config *config;

    OK(chatproto_config_new(S(name), &config));
    OK(chatproto_config_add_user(config, S(user), S("surabaya"), S(""), S("")));
    OK(chatproto_config_set_passwords(config, CHATPROTO_PASSWORDS_PLAIN));
    OK(chatproto_config_set_key(config, key));
    OK(chatproto_config_add_peer(config, &peer));
    return config;
}

/* Two realms; the first takes the second for the one with `pinned`. */
static void pair_begin(struct pair *pair, chatproto_peer_mode mode, int is_pinned)
{
    chatproto_config *config;
    chatproto_key *other;

    OK(chatproto_key_generate(&pair->keys[0]));
    OK(chatproto_key_generate(&pair->keys[1]));
    OK(chatproto_key_generate(&other));
    world_begin(&pair->world, mode == CHATPROTO_PEER_NOISE ? WIRE_NOISE : WIRE_INSECURE);
    config = config_of("realm1", "messi", pair->keys[0],
                       peer_of("realm2", is_pinned ? pair->keys[1] : other, mode));
    pair->one = world_add(&pair->world, "realm1", config);
    chatproto_config_free(config);
    config = config_of("realm2", "amsal", pair->keys[1], peer_of("realm1", pair->keys[0], mode));
    pair->two = world_add(&pair->world, "realm2", config);
    chatproto_config_free(config);
    chatproto_key_free(other);
    world_link_configs(&pair->world);
}

static void pair_end(struct pair *pair)
{
    world_free(&pair->world);
    chatproto_key_free(pair->keys[0]);
    chatproto_key_free(pair->keys[1]);
}

static int pair_link(struct pair *pair)
{
    return world_advance_until(&pair->world, 120000, world_two_linked, pair->one, pair->two);
}

static void send_over(struct pair *pair, const char *text)
{
    uint64_t request;

    OK(chatproto_realm_send_from(pair->one->realm, S("messi"), S("amsal@realm2"), S(text),
                                 pair->world.now, &request));
    world_settle(&pair->world);
    CHECK(pair->one->replied == request && strstr(pair->one->reply.data, "\"OK\"") != NULL);
}

static const char *inbox_of(struct pair *pair)
{
    uint64_t request;

    OK(chatproto_realm_take_inbox(pair->two->realm, S("amsal"), pair->world.now, &request));
    world_settle(&pair->world);
    CHECK(pair->two->replied == request);
    return pair->two->reply.data;
}

static chatproto_peer_status status_of(struct node *node)
{
    chatproto_peer_status status;
    size_t count;

    OK(chatproto_realm_peer_count(node->realm, &count));
    CHECK(count == 1);
    OK(chatproto_realm_peer_at(node->realm, 0, &status));
    return status;
}

static void a_message_goes_over(chatproto_peer_mode mode)
{
    struct pair pair;
    chatproto_peer_status status;

    pair_begin(&pair, mode, 1);
    CHECK(pair_link(&pair));
    send_over(&pair, "halo");
    world_advance(&pair.world, 1000);

    CHECK(strstr(inbox_of(&pair), "\"msg\": \"halo\"") != NULL);
    status = status_of(pair.one);
    CHECK(shows(status.name, "realm2") && status.state == CHATPROTO_PEER_STATE_LINKED);
    CHECK(status.queue_messages == 0 && status.oldest_unix_ms == CHATPROTO_NEVER);
    CHECK(shows(status.last_error, ""));
    CHECK(strstr(pair.one->events.data, "link_up ") != NULL);
    pair_end(&pair);
}

static void a_wrong_key_links_nobody(void)
{
    struct pair pair;
    chatproto_peer_status status;

    pair_begin(&pair, CHATPROTO_PEER_NOISE, 0);
    CHECK(!pair_link(&pair));

    status = status_of(pair.one);
    CHECK(status.state != CHATPROTO_PEER_STATE_LINKED);
    CHECK(strstr(pair.one->events.len > 0 ? pair.one->events.data : "", "link_up ") == NULL);
    pair_end(&pair);
}

static void messages_wait_for_a_link(void)
{
    struct pair pair;
    chatproto_peer_status status;

    pair_begin(&pair, CHATPROTO_PEER_NOISE, 1);
    CHECK(pair_link(&pair));
    world_cut(&pair.world, pair.one, pair.two);
    send_over(&pair, "later");
    status = status_of(pair.one);
    CHECK(status.state != CHATPROTO_PEER_STATE_LINKED && status.queue_messages == 1);
    CHECK(status.oldest_unix_ms >= EPOCH_UNIX_MS && status.oldest_unix_ms != CHATPROTO_NEVER);
    CHECK(strstr(inbox_of(&pair), "later") == NULL);
    world_mend(&pair.world, pair.one, pair.two);
    CHECK(pair_link(&pair));
    world_advance(&pair.world, 1000);

    CHECK(strstr(inbox_of(&pair), "\"msg\": \"later\"") != NULL);
    CHECK(strstr(pair.one->events.data, "link_down ") != NULL);
    pair_end(&pair);
}

static void a_peer_is_paused_and_resumed(void)
{
    struct pair pair;

    pair_begin(&pair, CHATPROTO_PEER_NOISE, 1);
    CHECK(pair_link(&pair));
    OK(chatproto_realm_pause_peer(pair.one->realm, S("realm2"), true, pair.world.now));
    world_settle(&pair.world);
    CHECK(status_of(pair.one).state == CHATPROTO_PEER_STATE_PAUSED);
    CHECK(!world_linked(&pair.world, pair.one, pair.two));
    OK(chatproto_realm_pause_peer(pair.one->realm, S("realm2"), false, pair.world.now));
    OK(chatproto_realm_retry_peer(pair.one->realm, S("realm2"), pair.world.now));

    CHECK(pair_link(&pair));
    FAILS(chatproto_realm_retry_peer(pair.one->realm, S("realm9"), pair.world.now), UNKNOWN_PEER);
    pair_end(&pair);
}

static void a_peer_with_mail_is_not_removed_in_silence(void)
{
    struct pair pair;
    chatproto_transport *transport;
    size_t count;

    pair_begin(&pair, CHATPROTO_PEER_NOISE, 1);
    CHECK(pair_link(&pair));
    world_cut(&pair.world, pair.one, pair.two);
    send_over(&pair, "bounced");
    FAILS(chatproto_realm_remove_peer(pair.one->realm, S("realm2"), false, pair.world.now),
          PEER_HAS_MAIL);
    OK(chatproto_realm_remove_peer(pair.one->realm, S("realm2"), true, pair.world.now));
    world_settle(&pair.world);

    OK(chatproto_realm_peer_count(pair.one->realm, &count));
    CHECK(count == 0);
    CHECK(strstr(pair.one->events.data, "mail_given_up ") != NULL);
    FAILS(chatproto_transport_dial(pair.one->links, S("realm9"), pair.world.now, &transport),
          UNKNOWN_PEER);
    CHECK(transport == NULL);
    pair_end(&pair);
}

static void a_stranger_gets_not_a_byte(void)
{
    struct pair pair;
    chatproto_transport *transport;
    chatproto_link_event event;
    chatproto_frames *frames;
    chatproto_bytes data;
    uint64_t link, at_ms;
    size_t count;

    pair_begin(&pair, CHATPROTO_PEER_NOISE, 1);
    OK(chatproto_realm_link_up(pair.one->realm, S("realm2"), CHATPROTO_DIALLED, pair.world.now,
                               &link));
    OK(chatproto_realm_link_take(pair.one->realm, link, 99, pair.world.now, &frames));
    OK(chatproto_frames_count(frames, &count));
    CHECK(count == 1);
    OK(chatproto_transport_accept(pair.one->links, pair.world.now, &transport));
    FAILS(chatproto_transport_send(transport, frames), LINK_NOT_UP);
    OK(chatproto_transport_poll_timeout(transport, &at_ms));
    CHECK(at_ms != CHATPROTO_NEVER);
    FAILS(chatproto_transport_receive(transport, B("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
                                      pair.world.now), LINK_REJECTED);
    FAILS(chatproto_transport_handle_timeout(transport, pair.world.now), LINK_REJECTED);

    OK(chatproto_transport_outgoing(transport, &data));
    CHECK(data.len == 0);
    OK(chatproto_transport_outgoing_bytes(transport, &count));
    CHECK(count == 0);
    FAILS(chatproto_transport_sent(transport, 1), SENT_TOO_MUCH);
    OK(chatproto_transport_next(transport, &event));
    CHECK(event.kind == CHATPROTO_LINK_EVENT_NONE && event.frames == NULL);
    chatproto_transport_free(transport);
    chatproto_frames_free(frames);
    pair_end(&pair);
}

static void a_handshake_has_its_time(void)
{
    struct pair pair;
    chatproto_transport *transport;
    uint64_t at_ms;

    pair_begin(&pair, CHATPROTO_PEER_NOISE, 1);
    OK(chatproto_transport_dial(pair.one->links, S("realm2"), pair.world.now, &transport));
    OK(chatproto_transport_handle_timeout(transport, pair.world.now));
    OK(chatproto_transport_poll_timeout(transport, &at_ms));
    pair.world.now.mono_ms = at_ms;

    FAILS(chatproto_transport_handle_timeout(transport, pair.world.now), LINK_TIMEOUT);
    chatproto_transport_free(transport);
    pair_end(&pair);
}

static void a_classic_neighbour_is_called_and_calls(void)
{
    chatproto_config *config;
    chatproto_peer peer = peer_of("realm9", NULL, CHATPROTO_PEER_CLASSIC);
    chatproto_now now = {0, EPOCH_UNIX_MS};
    chatproto_realm *realm;
    chatproto_output output;
    chatproto_link_config *links;
    uint64_t request, connection;
    int rounds, calls = 0, refused = 0;

    OK(chatproto_config_new(S("realm1"), &config));
    OK(chatproto_config_add_user(config, S("messi"), S("surabaya"), S(""), S("")));
    OK(chatproto_config_set_passwords(config, CHATPROTO_PASSWORDS_PLAIN));
    OK(chatproto_config_set_start(config, now));
    OK(chatproto_config_add_peer(config, &peer));
    OK(chatproto_realm_new(config, &realm));
    chatproto_config_free(config);
    OK(chatproto_realm_link_config(realm, &links));
    OK(chatproto_realm_send_from(realm, S("messi"), S("herbert@realm9"), S(" hi \r\n"), now,
                                 &request));
    OK(chatproto_realm_open_classic(realm, S("127.0.0.1"), S("realm7"), now, &connection));
    for (rounds = 0; rounds < 100; rounds += 1) {
        OK(chatproto_realm_next_output(realm, &output));
        if (output.kind == CHATPROTO_OUTPUT_CALL) {
            CHECK(shows(output.name, "realm9") && output.data.len > 0);
            OK(chatproto_realm_called(realm, output.id, CHATPROTO_CALL_NOT_REACHED, B(""), now));
            calls += 1;
        }
        refused += output.kind == CHATPROTO_OUTPUT_EVENT &&
                   output.number == CHATPROTO_EVENT_REFUSED && output.id == connection;
    }

    CHECK(calls == 1 && refused == 1);
    chatproto_link_config_free(links);
    chatproto_realm_free(realm);
}

int main(void)
{
    TEST(a_message_goes_over(CHATPROTO_PEER_NOISE));
    TEST(a_message_goes_over(CHATPROTO_PEER_INSECURE));
    TEST(a_wrong_key_links_nobody());
    TEST(messages_wait_for_a_link());
    TEST(a_peer_is_paused_and_resumed());
    TEST(a_peer_with_mail_is_not_removed_in_silence());
    TEST(a_stranger_gets_not_a_byte());
    TEST(a_handshake_has_its_time());
    TEST(a_classic_neighbour_is_called_and_calls());
    return tests_end();
}
