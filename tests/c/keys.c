/* Key files: for the owner's eyes alone, and never written over. */
#include "check.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/chatproto-keys-XXXXXX";

static chatproto_str path_of(const char *name)
{
    static char path[200];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return S(path);
}

static void a_key_is_read_as_it_was_written(void)
{
    chatproto_key *made, *read;
    chatproto_str public_key, again;
    struct stat status;
    FILE *file;
    char line[64];

    OK(chatproto_key_generate(&made));
    OK(chatproto_key_save(made, path_of("realm1.key")));
    OK(chatproto_key_load(path_of("realm1.key"), &read));
    OK(chatproto_key_public(made, &public_key));
    OK(chatproto_key_public(read, &again));

    CHECK(public_key.len == 44 && again.len == 44);
    CHECK(memcmp(public_key.data, again.data, 44) == 0);
    CHECK(stat(path_of("realm1.key").data, &status) == 0 && (status.st_mode & 0777) == 0600);
    file = fopen(path_of("realm1.pub").data, "r");
    CHECK(file != NULL && fgets(line, sizeof line, file) != NULL);
    CHECK(memcmp(line, public_key.data, 44) == 0 && line[44] == '\n');
    fclose(file);
    chatproto_key_free(made);
    chatproto_key_free(read);
}

static void a_file_that_is_there_stays(void)
{
    chatproto_key *other, *found;
    chatproto_str public_key, kept;

    OK(chatproto_key_generate(&other));
    FAILS(chatproto_key_save(other, path_of("realm1.key")), KEY_EXISTS);
    OK(chatproto_key_load_or_make(path_of("realm1.key"), &found));
    OK(chatproto_key_public(other, &public_key));
    OK(chatproto_key_public(found, &kept));

    CHECK(memcmp(public_key.data, kept.data, 44) != 0);
    chatproto_key_free(other);
    chatproto_key_free(found);
}

static void a_key_is_made_where_there_is_none(void)
{
    chatproto_key *made, *found;
    chatproto_str public_key, again;

    FAILS(chatproto_key_load(path_of("realm2.key"), &made), KEY_NOT_THERE);
    OK(chatproto_key_load_or_make(path_of("realm2.key"), &made));
    OK(chatproto_key_load(path_of("realm2.key"), &found));
    OK(chatproto_key_public(made, &public_key));
    OK(chatproto_key_public(found, &again));

    CHECK(memcmp(public_key.data, again.data, 44) == 0);
    chatproto_key_free(made);
    chatproto_key_free(found);
}

static void a_file_of_another_kind_is_refused(void)
{
    chatproto_key *key;

    CHECK(chmod(path_of("realm2.key").data, 0640) == 0);
    FAILS(chatproto_key_load(path_of("realm2.key"), &key), KEY_OPEN);
    CHECK(strstr(chatproto_error_detail(), "chmod 600") != NULL);
    CHECK(chmod(path_of("realm2.pub").data, 0600) == 0);
    CHECK(truncate(path_of("realm2.pub").data, 10) == 0);
    FAILS(chatproto_key_load(path_of("realm2.pub"), &key), NO_KEY_FILE);
    FAILS(chatproto_key_load(S(folder), &key), KEY_FILE);
    FAILS(chatproto_key_load(S(""), &key), INVALID_ARGUMENT);
}

int main(void)
{
    static const char *const names[] = {"realm1.key", "realm1.pub", "realm2.key", "realm2.pub"};
    size_t at;

    if (mkdtemp(folder) == NULL) {
        perror(folder);
        return 1;
    }
    TEST(a_key_is_read_as_it_was_written());
    TEST(a_file_that_is_there_stays());
    TEST(a_key_is_made_where_there_is_none());
    TEST(a_file_of_another_kind_is_refused());
    for (at = 0; at < sizeof names / sizeof *names; at += 1) {
        CHECK(remove(path_of(names[at]).data) == 0);
    }
    CHECK(rmdir(folder) == 0);
    return tests_end();
}
