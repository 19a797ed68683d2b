/* One object of each kind, and room for everything that functions put out: what tables of calls need. */
#ifndef OBJECTS_H
#define OBJECTS_H

#include "check.h"

struct objects {
    chatproto_now now;
    chatproto_config *config;
    chatproto_realm *realm;
    chatproto_key *key;
    chatproto_link_config *links;
    chatproto_transport *transport;
    chatproto_frames *frames;
    chatproto_work *work;
    chatproto_client *client;
    /* Sound, and without a name, and with a key that is not there. */
    chatproto_peer peer, nameless, keyless;
    chatproto_bytes seed;

    chatproto_config *out_config;
    chatproto_realm *out_realm;
    chatproto_key *out_key;
    chatproto_link_config *out_links;
    chatproto_transport *out_transport;
    chatproto_frames *out_frames;
    chatproto_client *out_client;
    uint64_t number;
    size_t count;
    bool flag;
    chatproto_str text;
    chatproto_bytes bytes;
    chatproto_output output;
    chatproto_link_event event;
    chatproto_peer_status status;
    chatproto_profile profile;
    chatproto_incoming incoming;
    chatproto_message message;
};

/* What a table has: a call, and what it is of. */
struct row {
    const char *function;
    const char *argument;
    chatproto_error (*call)(struct objects *);
};

#define NAME S("realm2")

/* The next output of a kind; what comes before it comes to nothing. The test cannot go on if there is none. */
static inline void output_of(chatproto_realm *realm, chatproto_output_kind kind,
                             chatproto_output *output)
{
    OK(chatproto_realm_next_output(realm, output));
    while (output->kind != kind) {
        if (output->kind == CHATPROTO_OUTPUT_NONE) {
            fprintf(stderr, "there is no output of the kind %d\n", (int)kind);
            exit(1);
        }
        chatproto_work_free(output->work);
        OK(chatproto_realm_next_output(realm, output));
    }
}

static inline void objects_make(struct objects *o)
{
    static const uint8_t seed[32] = {7};
    chatproto_key *other;
    uint64_t link;

    memset(o, 0, sizeof *o);
    o->now.unix_ms = 1790000000000u;
    o->seed.data = seed;
    o->seed.len = sizeof seed;
    o->peer.name = S("realm2");
    o->peer.dial = true;
    o->nameless = o->peer;
    o->nameless.name.data = NULL;
    o->keyless = o->peer;
    o->keyless.public_key.len = 44;
    OK(chatproto_key_generate(&o->key));
    OK(chatproto_key_generate(&other));
    OK(chatproto_key_public(other, &o->peer.public_key));
    OK(chatproto_config_new(S("realm1"), &o->config));
    OK(chatproto_config_set_start(o->config, o->now));
    OK(chatproto_config_add_user(o->config, S("messi"), S("surabaya"), S("Lionel Messi"), S("")));
    OK(chatproto_config_set_password_cost(o->config, 8, 1, 1));
    OK(chatproto_config_add_peer(o->config, &o->peer));
    OK(chatproto_config_set_key(o->config, o->key));
    OK(chatproto_realm_new(o->config, &o->realm));
    OK(chatproto_realm_link_config(o->realm, &o->links));
    OK(chatproto_transport_accept(o->links, o->now, &o->transport));
    OK(chatproto_realm_link_up(o->realm, S("realm2"), CHATPROTO_DIALLED, o->now, &link));
    OK(chatproto_realm_link_take(o->realm, link, 1, o->now, &o->frames));
    output_of(o->realm, CHATPROTO_OUTPUT_WORK, &o->output);
    o->work = o->output.work;
    OK(chatproto_client_new(0, &o->client));
    chatproto_key_free(other);
    o->peer.public_key = S("");
}

/* Frees whatever is there. */
static inline void objects_free(struct objects *o)
{
    chatproto_work_free(o->work);
    chatproto_frames_free(o->frames);
    chatproto_frames_free(o->out_frames);
    chatproto_transport_free(o->transport);
    chatproto_transport_free(o->out_transport);
    chatproto_link_config_free(o->links);
    chatproto_link_config_free(o->out_links);
    chatproto_realm_free(o->realm);
    chatproto_realm_free(o->out_realm);
    chatproto_key_free(o->key);
    chatproto_key_free(o->out_key);
    chatproto_client_free(o->client);
    chatproto_client_free(o->out_client);
    chatproto_config_free(o->config);
    chatproto_config_free(o->out_config);
}

#endif
