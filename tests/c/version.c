/* What a C program sees of the library: that it is there, which one it is, and its errors. */
#include "chatproto.h"

#include <stdio.h>
#include <string.h>

static int passed = 0;
static int failed = 0;

static void check(int holds, const char *what)
{
    if (holds) {
        passed += 1;
    } else {
        failed += 1;
        fprintf(stderr, "failed: %s\n", what);
    }
}

static void library_and_header_fit(void)
{
    check(chatproto_abi_version() == CHATPROTO_ABI_VERSION, "the interface is the header's");
    check(strcmp(chatproto_version(), VERSION) == 0, "the version is the package's");
}

static void errors_have_texts(void)
{
    check(strcmp(chatproto_error_text(CHATPROTO_OK), "OK") == 0, "text of 0");
    check(strcmp(chatproto_error_text(CHATPROTO_ERROR_WRONG_PASSWORD), "Password Salah") == 0,
          "text of a wrong password");
    check(strcmp(chatproto_error_name(CHATPROTO_ERROR_INBOX_FULL), "inbox_full") == 0,
          "name of a full inbox");
    check(chatproto_error_text(2) == chatproto_error_text(2), "a text stays where it is");
}

static void strange_numbers_do_no_harm(void)
{
    static const chatproto_error numbers[] = {-1, INT32_MIN, INT32_MAX, 65537};
    size_t at;

    for (at = 0; at < sizeof numbers / sizeof *numbers; at += 1) {
        check(strcmp(chatproto_error_text(numbers[at]), "Kesalahan tidak dikenal") == 0,
              "text of a number that is no error");
        check(strcmp(chatproto_error_name(numbers[at]), "unknown") == 0,
              "name of a number that is no error");
    }
}

int main(void)
{
    library_and_header_fit();
    errors_have_texts();
    strange_numbers_do_no_harm();
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
