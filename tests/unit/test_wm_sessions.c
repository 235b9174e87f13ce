/* Claims about the table of enrolments: how long they last, and who gives way when it is full. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include <stdint.h>

#include "ct_test.h"
#include "wm-server/src/http/sessions.h"

static void session_table_drops_the_oldest_unused(void)
{
    struct ct_sessions *all = NULL;
    struct ct_hs_session s = {.purpose = CT_HS_ENROL_DEVICE};
    struct ct_session got;
    char name[33];
    REQUIRE(ct_sessions_new(&all, 2) == CT_OK);
    for (uint8_t i = 1; i <= 2; i++) {
        memset(s.sid16, i, 16);
        CHECK_EQ(ct_sessions_add(all, &s, UINT64_C(100) * i), CT_OK);
    }
    CHECK_EQ(ct_sessions_add(all, &s, 300), CT_ERR_REPLAY);
    memset(name, '1', 32);
    name[32] = '\0';
    for (int i = 0; i < 32; i += 2) {
        name[i] = '0';
    }
    CHECK_EQ(ct_sessions_use(all, name, 300, &got), CT_OK); /* 01..: in use from now on */
    memset(s.sid16, 3, 16);
    CHECK_EQ(ct_sessions_add(all, &s, 300), CT_OK); /* 02.. gives way */
    CHECK_EQ(ct_sessions_use(all, name, 300, &got), CT_OK);
    CHECK_EQ(ct_sessions_use(all, name, 100 + 600 * 1000, &got), CT_ERR_NOT_FOUND);
    ct_sessions_free(all);
}

static void name_of_sid(char name[33], uint8_t byte)
{
    for (size_t i = 0; i < 16; i++) {
        (void)snprintf(name + 2 * i, 3, "%02x", byte);
    }
}

static void full_session_table_lets_go_who_was_quiet_for_longest(void)
{
    struct ct_sessions *all = NULL;
    struct ct_hs_session s = {.purpose = CT_HS_ENROL_DEVICE};
    struct ct_session got;
    char name[33];
    REQUIRE(ct_sessions_new(&all, 3) == CT_OK);
    for (uint8_t i = 1; i <= 3; i++) {
        memset(s.sid16, i, 16);
        CHECK_EQ(ct_sessions_add(all, &s, 1000), CT_OK);
        name_of_sid(name, i);
        CHECK_EQ(ct_sessions_use(all, name, 1000, &got), CT_OK);
    }
    name_of_sid(name, 1);
    CHECK_EQ(ct_sessions_use(all, name, 2000, &got), CT_OK); /* now 02.. is the quietest */
    memset(s.sid16, 4, 16);
    CHECK_EQ(ct_sessions_add(all, &s, 1000 + 29999), CT_ERR_AGAIN); /* all were here lately */
    CHECK_EQ(ct_sessions_add(all, &s, 1000 + 30000), CT_OK);
    name_of_sid(name, 2);
    CHECK_EQ(ct_sessions_use(all, name, 31000, &got), CT_ERR_NOT_FOUND);
    for (uint8_t i = 1; i <= 4; i++) {
        name_of_sid(name, i);
        CHECK_EQ(ct_sessions_use(all, name, 31000, &got), i == 2 ? CT_ERR_NOT_FOUND : CT_OK);
    }
    CHECK_EQ(ct_sessions_count(all, 31000), 3);
    CHECK_EQ(ct_sessions_count(all, 1000 + 600 * 1000), 1); /* 04.. came later */
    ct_sessions_free(all);
}

static const struct ct_test tests[] = {
    CT_TEST(session_table_drops_the_oldest_unused),
    CT_TEST(full_session_table_lets_go_who_was_quiet_for_longest),
};
CT_TEST_MAIN(tests)
