/* What a C program sees of the library: that it is there, which one it is, and its errors. */
#include "check.h"

static void library_and_header_fit(void)
{
    CHECK(chatproto_abi_version() == CHATPROTO_ABI_VERSION);
    CHECK(strcmp(chatproto_version(), VERSION) == 0);
}

static void errors_have_texts(void)
{
    CHECK(strcmp(chatproto_error_text(CHATPROTO_OK), "OK") == 0);
    CHECK(strcmp(chatproto_error_text(CHATPROTO_ERROR_WRONG_PASSWORD), "Password Salah") == 0);
    CHECK(strcmp(chatproto_error_name(CHATPROTO_ERROR_INBOX_FULL), "inbox_full") == 0);
    CHECK(strcmp(chatproto_error_name(CHATPROTO_ERROR_BUSY), "busy") == 0);
    CHECK(strcmp(chatproto_error_text(CHATPROTO_ERROR_CLOSED), "The object was closed before.") == 0);
    CHECK(chatproto_error_text(2) == chatproto_error_text(2));
    CHECK(strcmp(chatproto_error_detail(), "") == 0);
}

static void strange_numbers_do_no_harm(void)
{
    static const chatproto_error numbers[] = {-1, INT32_MIN, INT32_MAX, 65537, 1000};
    size_t at;

    for (at = 0; at < sizeof numbers / sizeof *numbers; at += 1) {
        CHECK(strcmp(chatproto_error_text(numbers[at]), "Kesalahan tidak dikenal") == 0);
        CHECK(strcmp(chatproto_error_name(numbers[at]), "unknown") == 0);
    }
}

int main(void)
{
    TEST(library_and_header_fit());
    TEST(errors_have_texts());
    TEST(strange_numbers_do_no_harm());
    return tests_end();
}
