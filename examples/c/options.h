/* What the options of realm_server say, and the data folder that realmd has too. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <chatproto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TEXT = 160, PATH = 1024, PEERS_MAX = 16 };

static const char *const HELP =
    "realm_server               realm1 of the two example realms: clients at 8889, links at 9889\n"
    "realm_server --realm2      the other one, at 8899 and 9899\n"
    "realm_server --name NAME   a realm that has no users and no peers yet\n"
    "then, in any order:\n"
    "  --client HOST:PORT       where clients connect\n"
    "  --link HOST:PORT         where other realms connect\n"
    "  --data FOLDER            the data, as realmd has them too; by default the folder data here\n"
    "  --user NAME:PASSWORD:DISPLAY NAME:COUNTRY\n"
    "  --peer NAME=HOST:PORT,FILE.pub   without HOST:PORT the peer calls\n"
    "  --limit NAME=VALUE\n";

struct peer {
    char name[TEXT], address[TEXT], key_file[PATH];
    bool has_key, is_to_be_dialled;
};

struct options {
    char name[TEXT];
    const char *client, *link, *data;
    struct peer peers[PEERS_MAX];
    size_t peer_count;
};

static inline void die(const char *what, const char *why)
{
    fprintf(stderr, "realm_server: %s: %s\n", what, why);
    exit(1);
}

/* Ends the program if something failed that cannot fail, or that it cannot do without. */
static inline void must(chatproto_error error)
{
    if (error != CHATPROTO_OK) {
        die(chatproto_error_name(error), chatproto_error_detail());
    }
}

/* Makes room, or makes it longer; what is new has no meaning yet. */
static inline void *room_for(void *room, size_t bytes)
{
    room = realloc(room, bytes);
    if (room == NULL) {
        die("memory", "there is none left");
    }
    return room;
}

/* Room that is all zeros. */
static inline void *new_room(size_t bytes)
{
    return memset(room_for(NULL, bytes), 0, bytes);
}

/* Takes a text up to a character off the beginning of another. */
static inline chatproto_str part(const char **rest, char end)
{
    size_t len = strcspn(*rest, (char[]){end, '\0'});
    chatproto_str found = {*rest, len};

    *rest += len + ((*rest)[len] != '\0');
    return found;
}

static inline void copy(char *to, size_t room, chatproto_str from)
{
    if (from.len >= room) {
        die("an option is too long", from.data);
    }
    memcpy(to, from.data, from.len);
    to[from.len] = '\0';
}

/* A peer as the library is told of it; its key is in the file once it has run itself. */
static inline chatproto_peer peer_of(struct peer *peer, char key[64])
{
    FILE *file = fopen(peer->key_file, "r");
    chatproto_peer told = {{NULL, 0}, CHATPROTO_PEER_NOISE, false, {NULL, 0}};

    peer->has_key = file != NULL && fgets(key, 64, file) != NULL;
    if (peer->has_key) {
        key[strcspn(key, "\r\n")] = '\0';
        told.public_key = chatproto_str_of(key);
    }
    if (file != NULL) {
        fclose(file);
    }
    told.name = chatproto_str_of(peer->name);
    told.dial = peer->address[0] != '\0';
    return told;
}

static inline void option(struct options *options, chatproto_config *config, const char *key, const char *value)
{
    chatproto_str name, password, display;

    if (strcmp(key, "--client") == 0) {
        options->client = value;
    } else if (strcmp(key, "--link") == 0) {
        options->link = value;
    } else if (strcmp(key, "--data") == 0) {
        options->data = value;
    } else if (strcmp(key, "--limit") == 0) {
        name = part(&value, '=');
        must(chatproto_config_set_limit(config, name, strtoull(value, NULL, 10)));
    } else if (strcmp(key, "--user") == 0) {
        name = part(&value, ':');
        password = part(&value, ':');
        display = part(&value, ':');
        must(chatproto_config_add_user(config, name, password, display, chatproto_str_of(value)));
    } else if (strcmp(key, "--peer") == 0 && options->peer_count < PEERS_MAX) {
        struct peer *peer = &options->peers[options->peer_count++];

        copy(peer->name, sizeof peer->name, part(&value, '='));
        copy(peer->address, sizeof peer->address, part(&value, ','));
        copy(peer->key_file, sizeof peer->key_file, chatproto_str_of(value));
    } else {
        die(key, "there is no such option, or it stands there too often");
    }
}

/* The two realms of the examples. */
static inline const char *const *example(bool is_second)
{
    static const char *const realms[2][13] = {
        {"realm1", "--client", "127.0.0.1:8889", "--link", "127.0.0.1:9889",
         "--peer", "realm2=127.0.0.1:9899,data/realm2.pub",
         "--user", "messi:surabaya:Lionel Messi:Argentina",
         "--user", "henderson:surabaya:Jordan Henderson:Inggris",
         "--user", "lineker:surabaya:Gary Lineker:Inggris"},
        {"realm2", "--client", "127.0.0.1:8899", "--link", "127.0.0.1:9899",
         "--peer", "realm1=127.0.0.1:9889,data/realm1.pub",
         "--user", "amsal:jakarta:Amsal Rizky:Indonesia",
         "--user", "herbert:singapura:Herbert Sterling:Singapura",
         "--user", "napitupulu:jakarta:Napitupulu:Indonesia"},
    };

    return realms[is_second ? 1 : 0];
}

/* The realm that the options tell of. */
static inline chatproto_config *options_read(struct options *options, int count, char **texts)
{
    bool is_named = count > 2 && strcmp(texts[1], "--name") == 0;
    bool is_second = count > 1 && strcmp(texts[1], "--realm2") == 0;
    const char *const *texts_of_example = example(is_second);
    chatproto_config *config;
    chatproto_str name = chatproto_str_of(is_named ? texts[2] : texts_of_example[0]);
    int at;

    if (count > 1 && strcmp(texts[1], "--help") == 0) {
        fputs(HELP, stdout);
        exit(0);
    }
    must(chatproto_config_new(name, &config));
    copy(options->name, sizeof options->name, name);
    options->client = options->link = "127.0.0.1:0";
    options->data = "data";
    for (at = 1; !is_named && at < 13; at += 2) {
        option(options, config, texts_of_example[at], texts_of_example[at + 1]);
    }
    for (at = is_named ? 3 : is_second ? 2 : 1; at < count; at += 2) {
        option(options, config, texts[at], at + 1 < count ? texts[at + 1] : "");
    }
    return config;
}

/* Keeps the realm where realmd would: in NAME.db, with its key in NAME.key and NAME.pub. */
static inline void options_keep(struct options *options, chatproto_config *config)
{
    char path[PATH], key_of_peer[64];
    chatproto_key *key = NULL;
    size_t at;

    mkdir(options->data, 0700);
    snprintf(path, sizeof path, "%s/%s.db", options->data, options->name);
    must(chatproto_config_set_store_file(config, chatproto_str_of(path), CHATPROTO_DURABILITY_FSYNC));
    must(chatproto_config_set_detail(config, CHATPROTO_DETAIL_WIRE));
    if (options->peer_count > 0) {
        snprintf(path, sizeof path, "%s/%s.key", options->data, options->name);
        must(chatproto_key_load_or_make(chatproto_str_of(path), &key));
        must(chatproto_config_set_key(config, key));
        chatproto_key_free(key);
    }
    for (at = 0; at < options->peer_count; at += 1) {
        chatproto_peer peer = peer_of(&options->peers[at], key_of_peer);

        must(chatproto_config_add_peer(config, &peer));
    }
}

#endif
