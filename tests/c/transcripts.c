/* Plays every transcript in every manner, as the other languages do: transcripts [--quick] [FOLDER].
 *
 * With --quick each is played as it is written, with a store over encrypted links and without one. */
#include "transcript.h"
#include "world.h"

#include <dirent.h>
#include <stdarg.h>

/* How long the realms get to link. */
#define LINK_MS_MAX 120000
/* How long everybody has to be silent after the last line. */
#define LAST_MS 1000
/* The last place at which writes are cut in two. */
#define CUT_MAX 100
#define NAMES_MAX 64

enum cutting { AS_WRITTEN, SINGLE_BYTES, GLUED, CUT_IN_TWO };

struct manner {
    enum cutting cutting;
    size_t place;
    int is_durable;
    enum wire wire;
};

/* What a token or a moment turned out to be. */
struct name {
    char name[8];
    char bytes[36];
    size_t len;
};

struct player {
    struct world world;
    struct manner manner;
    struct {
        char name[32];
        struct client *client;
    } clients[64];
    size_t client_count;
    struct name names[NAMES_MAX];
    size_t name_count;
    /* Writes that wait to be glued to the next one. */
    struct buffer glue;
    /* What did not come true, and where. */
    char failure[2048];
    int failed_line;
};

/* Playing. */

/* Notes what did not come true, if it is the first thing; returns 0. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static int fail(struct player *player, int line, const char *format, ...)
{
    va_list arguments;

    if (player->failed_line == 0) {
        player->failed_line = line;
        va_start(arguments, format);
        vsnprintf(player->failure, sizeof player->failure, format, arguments);
        va_end(arguments);
    }
    return 0;
}

/* Bytes as a text of the format, cut off where it gets long. */
static const char *shown(const char *data, size_t len, char *out, size_t room)
{
    size_t at, to = 0;

    for (at = 0; at < len && to + 5 < room; at += 1) {
        unsigned char byte = (unsigned char)data[at];

        if (byte == '\r' || byte == '\n') {
            to += (size_t)snprintf(out + to, room - to, byte == '\r' ? "\\r" : "\\n");
        } else if (byte < ' ' || byte == 127) {
            to += (size_t)snprintf(out + to, room - to, "\\x%02x", byte);
        } else {
            out[to] = (char)byte;
            to += 1;
        }
    }
    out[to] = '\0';
    return out;
}

static int silent(struct player *player, int line, const char *name, const struct client *client)
{
    char got[512];

    if (client->unread.len == 0) {
        return 1;
    }
    return fail(player, line, "%s should have nothing to read\n  got      %s", name,
                shown(client->unread.data, client->unread.len, got, sizeof got));
}

static struct name *known_name(struct player *player, const char *name)
{
    size_t at;

    for (at = 0; at < player->name_count; at += 1) {
        if (strcmp(player->names[at].name, name) == 0) {
            return &player->names[at];
        }
    }
    return NULL;
}

/* Whether bytes are a version-4 UUID in lower case. */
static int is_token(const char *bytes)
{
    size_t at;

    for (at = 0; at < 36; at += 1) {
        int is_hyphen = at == 8 || at == 13 || at == 18 || at == 23;
        int is_hex = bytes[at] != '\0' && strchr("0123456789abcdef", bytes[at]) != NULL;

        if (is_hyphen ? bytes[at] != '-' : !is_hex) {
            return 0;
        }
    }
    return bytes[14] == '4' && strchr("89ab", bytes[19]) != NULL;
}

static int is_moment(const char *bytes)
{
    size_t at;

    for (at = 0; at < 13; at += 1) {
        if (!isdigit((unsigned char)bytes[at])) {
            return 0;
        }
    }
    return 1;
}

/* Takes what was read for what is called so, if it can be: each token is another one. */
static int learn(struct player *player, const struct part *part, const char *bytes)
{
    struct name *name = &player->names[player->name_count];
    size_t at;

    if (part->name[0] == 'M' ? !is_moment(bytes) : !is_token(bytes)) {
        return 0;
    }
    for (at = 0; part->name[0] == 'T' && at < player->name_count; at += 1) {
        if (player->names[at].len == 36 && memcmp(player->names[at].bytes, bytes, 36) == 0) {
            return 0;
        }
    }
    if (player->name_count == NAMES_MAX) {
        return 0;
    }
    memcpy(name->name, part->name, sizeof name->name);
    memcpy(name->bytes, bytes, part->len);
    name->len = part->len;
    player->name_count += 1;
    return 1;
}

/* The bytes of a text; what is not known stands there by its name, or fails. */
static int resolve(struct player *player, int line, const struct part *part, struct buffer *out,
                   int is_strict)
{
    for (; part != NULL; part = part->next) {
        struct name *name = part->name[0] == '\0' ? NULL : known_name(player, part->name);

        if (part->name[0] == '\0') {
            buffer_add(out, part->data, part->len);
        } else if (name != NULL) {
            buffer_add(out, name->bytes, name->len);
        } else if (is_strict) {
            return fail(player, line, "$%s is not known yet", part->name);
        } else {
            buffer_add(out, "$", 1);
            buffer_add(out, part->name, strlen(part->name));
        }
    }
    return 1;
}

static int mismatch(struct player *player, const struct step *step, const struct client *client)
{
    struct buffer expected;
    char a[700], b[700];

    memset(&expected, 0, sizeof expected);
    resolve(player, step->line, step->text, &expected, 0);
    fail(player, step->line, "\n  expected %s\n  got      %s",
         shown(expected.data, expected.len, a, sizeof a),
         shown(client->unread.data, client->unread.len, b, sizeof b));
    buffer_empty(&expected);
    return 0;
}

static int read_of(struct player *player, const struct step *step, struct client *client)
{
    const struct part *part;
    size_t at = 0;

    for (part = step->text; part != NULL; part = part->next) {
        const char *bytes = client->unread.data + at;
        struct name *name = NULL;

        if (client->unread.len < at + part->len) {
            return mismatch(player, step, client);
        }
        if (part->name[0] != '\0') {
            name = known_name(player, part->name);
            if (name == NULL && !learn(player, part, bytes)) {
                return mismatch(player, step, client);
            }
        }
        if ((name != NULL && memcmp(name->bytes, bytes, part->len) != 0) ||
            (part->name[0] == '\0' && memcmp(part->data, bytes, part->len) != 0)) {
            return mismatch(player, step, client);
        }
        at += part->len;
    }
    buffer_take(&client->unread, at);
    return 1;
}

static int write_of(struct player *player, const struct step *step, struct client *client)
{
    struct world *world = &player->world;
    const struct step *next = step->next;
    struct buffer data;
    size_t at, place = player->manner.place;

    memset(&data, 0, sizeof data);
    if (client->is_closed || client->is_dropped) {
        return fail(player, step->line, "the connection is closed");
    }
    if (!resolve(player, step->line, step->text, &data, 1)) {
        buffer_empty(&data);
        return 0;
    }
    switch (player->manner.cutting) {
    case GLUED:
        buffer_add(&player->glue, data.data, data.len);
        if (next == NULL || !is(next, 1, ">") || strcmp(next->words[0], step->words[0]) != 0) {
            world_write(world, client, player->glue.data, player->glue.len);
            player->glue.len = 0;
        }
        break;
    case SINGLE_BYTES:
        for (at = 0; at < data.len; at += 1) {
            world_write(world, client, data.data + at, 1);
        }
        break;
    case CUT_IN_TWO:
        if (place < data.len) {
            world_write(world, client, data.data, place);
            world_write(world, client, data.data + place, data.len - place);
            break;
        }
        /* fall through */
    case AS_WRITTEN:
    default:
        world_write(world, client, data.data, data.len);
    }
    buffer_empty(&data);
    return 1;
}

/* The place of a client's name. */
static struct client **client_of(struct player *player, const char *name)
{
    size_t at;

    for (at = 0; at < player->client_count; at += 1) {
        if (strcmp(player->clients[at].name, name) == 0) {
            return &player->clients[at].client;
        }
    }
    snprintf(player->clients[at].name, sizeof player->clients[at].name, "%s", name);
    player->client_count += 1;
    return &player->clients[at].client;
}

static int act_of(struct player *player, const struct step *step)
{
    struct world *world = &player->world;
    struct client **client = client_of(player, step->words[0]);

    if (is(step, 1, "on")) {
        if (*client != NULL && !silent(player, step->line, step->words[0], *client)) {
            return 0;
        }
        *client = world_open(world, world_node(world, step->words[2]));
        return 1;
    }
    if (*client == NULL) {
        *client = world_open(world, world_node(world, "realm1"));
    }
    if (is(step, 1, ">")) {
        return write_of(player, step, *client);
    }
    if (is(step, 1, "<")) {
        return read_of(player, step, *client);
    }
    if (is(step, 1, "ends")) {
        world_half_close(world, *client);
        return 1;
    }
    if (is(step, 1, "drops")) {
        world_drop(world, *client);
        return 1;
    }
    if (!silent(player, step->line, step->words[0], *client)) {
        return 0;
    }
    if (is(step, 1, "closed") && !(*client)->is_closed) {
        return fail(player, step->line, "%s's connection is not closed", step->words[0]);
    }
    return 1;
}

static int take(struct player *player, const struct step *step)
{
    struct world *world = &player->world;

    if (is(step, 0, "wait")) {
        world_advance(world, strtoul(step->words[1], NULL, 10));
        return 1;
    }
    if (is(step, 0, "cut") || is(step, 0, "mend")) {
        struct node *a = world_node(world, step->words[1]), *b = world_node(world, step->words[2]);

        if (a == NULL || b == NULL) {
            return fail(player, step->line, "no realm is called so");
        }
        if (is(step, 0, "cut")) {
            world_cut(world, a, b);
            return 1;
        }
        world_mend(world, a, b);
        return world_advance_until(world, LINK_MS_MAX, world_two_linked, a, b) ||
               fail(player, step->line, "the realms do not link again");
    }
    if (is(step, 0, "stop")) {
        OK(chatproto_realm_shutdown(world_node(world, step->words[1])->realm, world->now));
        return 1;
    }
    return act_of(player, step);
}

/* The stage. */

static const char *const USERS[][4] = {
    {"realm1", "messi", "surabaya", "Lionel Messi"},
    {"realm1", "henderson", "surabaya", "Jordan Henderson"},
    {"realm1", "lineker", "surabaya", "Gary Lineker"},
    {"realm2", "amsal", "jakarta", "Amsal Rizky"},
    {"realm2", "herbert", "singapura", "Herbert Sterling"},
    {"realm2", "napitupulu", "jakarta", "Napitupulu"},
};

static int is_stage(const struct step *step)
{
    return step != NULL && (is(step, 0, "limit") || is(step, 0, "realm") || is(step, 0, "user"));
}

static void add_user(chatproto_config *config, const char *name, const char *password,
                     const char *display_name)
{
    OK(chatproto_config_add_user(config, S(name), S(password), S(display_name), S("")));
}

static void add_peers(chatproto_config *config, const char *const *names, size_t count, size_t own,
                      chatproto_key *const *keys, enum wire wire)
{
    chatproto_peer peer;
    size_t at;

    for (at = 0; at < count; at += 1) {
        if (at == own) {
            continue;
        }
        memset(&peer, 0, sizeof peer);
        peer.name = S(names[at]);
        peer.dial = true;
        if (wire == WIRE_INSECURE) {
            peer.mode = CHATPROTO_PEER_INSECURE;
        } else {
            OK(chatproto_key_public(keys[at], &peer.public_key));
        }
        OK(chatproto_config_add_peer(config, &peer));
    }
}

static chatproto_config *make_config(const struct step *stage, const char *name, size_t number,
                                     const struct manner *manner)
{
    chatproto_config *config;
    chatproto_bytes seed_view;
    uint8_t seed[32];
    size_t at;

    OK(chatproto_config_new(S(name), &config));
    OK(chatproto_config_set_passwords(config, CHATPROTO_PASSWORDS_PLAIN));
    memset(seed, (int)number + 1, sizeof seed);
    seed_view.data = seed;
    seed_view.len = sizeof seed;
    OK(chatproto_config_set_seed(config, seed_view));
    if (manner->is_durable) {
        OK(chatproto_config_set_store_memory(config));
    }
    for (at = 0; at < sizeof USERS / sizeof *USERS; at += 1) {
        if (strcmp(USERS[at][0], name) == 0) {
            add_user(config, USERS[at][1], USERS[at][2], USERS[at][3]);
        }
    }
    for (; is_stage(stage); stage = stage->next) {
        if (is(stage, 0, "limit")) {
            OK(chatproto_config_set_limit(config, S(stage->words[1]),
                                          strtoull(stage->words[2], NULL, 10)));
        } else if (is(stage, 0, "user") && strcmp(stage->words[1], name) == 0) {
            add_user(config, stage->words[2], stage->words[3], stage->words[4]);
        }
    }
    return config;
}

/* Makes the realms as the first lines say, and lets them link. */
static void set_up(struct player *player, const struct step *stage, chatproto_key *const *keys)
{
    struct world *world = &player->world;
    const char *names[REALMS_MAX] = {"realm1", "realm2"};
    const struct step *step;
    size_t count = 2, at;

    for (step = stage; is_stage(step); step = step->next) {
        if (is(step, 0, "realm")) {
            names[count] = step->words[1];
            count += 1;
        }
    }
    world_begin(world, player->manner.wire);
    for (at = 0; at < count; at += 1) {
        chatproto_config *config = make_config(stage, names[at], at, &player->manner);

        OK(chatproto_config_set_key(config, keys[at]));
        add_peers(config, names, count, at, keys, player->manner.wire);
        world_add(world, names[at], config);
        chatproto_config_free(config);
    }
    if (world->wire != WIRE_FRAMES) {
        world_link_configs(world);
    }
    if (!world_advance_until(world, LINK_MS_MAX, world_every_two_linked, NULL, NULL)) {
        fail(player, 1, "the realms do not link");
    }
}

static void finish(struct player *player, int line)
{
    static const uint64_t waits[] = {0, LAST_MS};
    size_t wait, at;

    for (wait = 0; wait < 2; wait += 1) {
        world_advance(&player->world, waits[wait]);
        for (at = 0; at < player->client_count; at += 1) {
            silent(player, line, player->clients[at].name, player->clients[at].client);
        }
    }
}

/* Plays a transcript; whatever did not come true is in the player. */
static void play(struct player *player, const struct transcript *transcript, struct manner manner,
                 chatproto_key *const *keys)
{
    const struct step *step = transcript->steps;
    int line = 1;

    memset(player, 0, sizeof *player);
    player->manner = manner;
    set_up(player, step, keys);
    while (is_stage(step)) {
        step = step->next;
    }
    for (; step != NULL && player->failed_line == 0; step = step->next) {
        line = step->line;
        if (is_stage(step)) {
            fail(player, line, "the realms are already running");
        } else if (take(player, step)) {
            world_settle(&player->world);
        }
    }
    if (player->failed_line == 0) {
        finish(player, line);
    }
    buffer_empty(&player->glue);
    world_free(&player->world);
}

/* All files. */

static const char *const CUTTINGS[] = {"as written", "single bytes", "glued", "cut in two"};
static const char *const WIRES[] = {"frames", "insecure", "noise"};

static size_t plays = 0;

static void play_in(const char *file, const struct transcript *transcript, chatproto_key *const *keys,
                    enum cutting cutting, size_t place, int is_durable, enum wire wire)
{
    static struct player player;
    struct manner manner;

    manner.cutting = cutting;
    manner.place = place;
    manner.is_durable = is_durable;
    manner.wire = wire;
    play(&player, transcript, manner, keys);
    plays += 1;
    if (player.failed_line != 0) {
        fprintf(stderr, "%s:%d: %s\n  in %s %u, %s, over %s\n", file, player.failed_line,
                player.failure, CUTTINGS[cutting], (unsigned)place,
                is_durable ? "durable" : "in memory", WIRES[wire]);
    }
    CHECK(player.failed_line == 0);
}

static void play_all(const char *file, const struct transcript *transcript, chatproto_key *const *keys,
                     int is_quick)
{
    int is_durable;
    size_t place;

    for (is_durable = 0; is_durable < 2 && !is_quick; is_durable += 1) {
        play_in(file, transcript, keys, AS_WRITTEN, 0, is_durable, WIRE_FRAMES);
        if (transcript->is_live) {
            continue;
        }
        play_in(file, transcript, keys, SINGLE_BYTES, 0, is_durable, WIRE_FRAMES);
        play_in(file, transcript, keys, GLUED, 0, is_durable, WIRE_FRAMES);
        for (place = 1; place < transcript->longest_write && place <= CUT_MAX; place += 1) {
            play_in(file, transcript, keys, CUT_IN_TWO, place, is_durable, WIRE_FRAMES);
        }
    }
    if (is_quick) {
        play_in(file, transcript, keys, AS_WRITTEN, 0, 0, WIRE_FRAMES);
    } else if (transcript->has_links) {
        play_in(file, transcript, keys, AS_WRITTEN, 0, 0, WIRE_INSECURE);
    }
    play_in(file, transcript, keys, AS_WRITTEN, 0, 1, WIRE_NOISE);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct buffer text;
    char block[4096];
    size_t len;

    memset(&text, 0, sizeof text);
    if (file == NULL) {
        return NULL;
    }
    while ((len = fread(block, 1, sizeof block, file)) > 0) {
        buffer_add(&text, block, len);
    }
    fclose(file);
    return text.data;
}

/* The player finds what is not true. */
static void the_player_tells_what_is_not_true(chatproto_key *const *keys)
{
#define LOGIN                                                                                      \
    "messi > auth messi surabaya \\r\\n\n"                                                         \
    "messi < {\"status\": \"OK\", \"tokenid\": \"$T1\"}\\r\\n\\r\\n\n"
    static const struct {
        const char *text;
        int line;
    } table[] = {
        {LOGIN, 0},
        {"messi > auth messi x\\r\\n\nmessi < {\"status\": \"OK\"", 2},
        {"messi > auth messi\nmessi < {", 2},
        {"messi > auth messi surabaya\\r\\n", 1},
        {"messi > auth messi surabaya\\r\\n\nmessi silent", 2},
        {LOGIN "other > auth messi surabaya \\r\\n\n"
               "other < {\"status\": \"OK\", \"tokenid\": \"$T1\"}\\r\\n\\r\\n\n", 4},
        {"messi > inbox $T1\\r\\n", 1},
        {LOGIN "messi closed", 3},
    };
    static struct player player;
    struct manner manner = {AS_WRITTEN, 0, 0, WIRE_FRAMES};
    struct transcript transcript;
    struct buffer source;
    size_t at;

    for (at = 0; at < sizeof table / sizeof *table; at += 1) {
        memset(&source, 0, sizeof source);
        buffer_add(&source, table[at].text, strlen(table[at].text));
        CHECK(read_transcript(source.data, &transcript) == 0);
        play(&player, &transcript, manner, keys);
        CHECK(player.failed_line == table[at].line);
        free_transcript(&transcript);
    }
}

static void what_is_not_of_the_format_is_refused(void)
{
    static const char *const wrong[] = {
        "messi", "messi >", "messi = a", "messi > \\q", "messi > \\", "messi > \\x4", "wait 3",
        "wait xms", "cut realm1", "limit x", "user a b c", "messi on a b",
    };
    struct transcript transcript;
    struct buffer source;
    size_t at;

    for (at = 0; at < sizeof wrong / sizeof *wrong; at += 1) {
        memset(&source, 0, sizeof source);
        buffer_add(&source, wrong[at], strlen(wrong[at]));
        CHECK(read_transcript(source.data, &transcript) == 1);
        free_transcript(&transcript);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The transcripts of a folder, in order. */
static size_t files_of(const char *folder, char **files, size_t most)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    size_t count = 0;

    while (entries != NULL && count < most && (entry = readdir(entries)) != NULL) {
        size_t len = strlen(entry->d_name);

        if (len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0) {
            size_t room = strlen(folder) + len + 2;

            files[count] = (char *)room_for(room);
            snprintf(files[count], room, "%s/%s", folder, entry->d_name);
            count += 1;
        }
    }
    if (entries != NULL) {
        closedir(entries);
    }
    qsort(files, count, sizeof *files, by_name);
    return count;
}

int main(int count, char **arguments)
{
    int is_quick = count > 1 && strcmp(arguments[1], "--quick") == 0;
    const char *folder = count > 1 + is_quick ? arguments[1 + is_quick] : "tests/transcripts";
    chatproto_key *keys[REALMS_MAX];
    static char *files[1000];
    size_t at, file_count = files_of(folder, files, 1000);

    for (at = 0; at < REALMS_MAX; at += 1) {
        OK(chatproto_key_generate(&keys[at]));
    }
    TEST(what_is_not_of_the_format_is_refused());
    TEST(the_player_tells_what_is_not_true(keys));
    CHECK(file_count > 90);
    for (at = 0; at < file_count; at += 1) {
        struct transcript transcript;
        char *source = read_file(files[at]);
        int failed_before = checks_failed;

        CHECK(source != NULL && strncmp(source, "# ", 2) == 0);
        if (CHECK(read_transcript(source, &transcript) == 0)) {
            play_all(files[at], &transcript, keys, is_quick);
        }
        test_ended(failed_before);
        free_transcript(&transcript);
        free(files[at]);
    }
    for (at = 0; at < REALMS_MAX; at += 1) {
        chatproto_key_free(keys[at]);
    }
    printf("%u transcripts played, %u plays, from C\n", (unsigned)file_count, (unsigned)plays);
    return tests_end();
}
