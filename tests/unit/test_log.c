/* Claims about log lines. */
/* links: ct_base */
#include "base/log.h"
#include "ct_test.h"

static char last[1100];
static int lines;

static void keep(enum ct_log_level level, const char *line, void *arg)
{
    (void)level;
    (void)arg;
    (void)snprintf(last, sizeof(last), "%s", line);
    lines++;
}

static void a_line_stays_one_line_whatever_a_peer_wrote(void)
{
    struct ct_log log = {keep, NULL, CT_LOG_INFO};
    ct_log(&log, CT_LOG_INFO, "peer says=\"%s\"", "x\nerror forged=1\x1b[31m");
    CHECK_STR(last, "peer says=\"x?error forged=1?[31m\"");
}

static void levels_beyond_the_limit_and_no_sink_are_silent(void)
{
    struct ct_log log = {keep, NULL, CT_LOG_WARN};
    lines = 0;
    ct_log(&log, CT_LOG_INFO, "quiet");
    ct_log(NULL, CT_LOG_ERROR, "nowhere");
    CHECK_EQ(lines, 0);
    ct_log(&log, CT_LOG_ERROR, "loud");
    CHECK_EQ(lines, 1);
}

static const struct ct_test tests[] = {
    CT_TEST(a_line_stays_one_line_whatever_a_peer_wrote),
    CT_TEST(levels_beyond_the_limit_and_no_sink_are_silent),
};
CT_TEST_MAIN(tests)
