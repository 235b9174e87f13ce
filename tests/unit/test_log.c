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

static const char *json_of(const char *line)
{
    static char text[CT_LOG_JSON_MAX];
    ct_log_to_json(text, sizeof(text), CT_LOG_WARN, line);
    const char *after = strstr(text, "\"level\"");
    return after == NULL ? text : after; /* without the time */
}

static void a_line_becomes_one_json_object(void)
{
    CHECK_STR(json_of("relay_refused operation=12 cause=\"no answer; is it up?\""),
              "\"level\":\"warn\",\"event\":\"relay_refused\",\"operation\":\"12\","
              "\"cause\":\"no answer; is it up?\"}");
    CHECK_STR(json_of("ended"), "\"level\":\"warn\",\"event\":\"ended\"}");
    CHECK_STR(json_of("sent n=1 cause=two words x=y"),
              "\"level\":\"warn\",\"event\":\"sent\",\"n\":\"1\",\"cause\":\"two words\","
              "\"x\":\"y\"}");
    CHECK_STR(json_of("free text"), "\"level\":\"warn\",\"event\":\"free\",\"text\":\"text\"}");
    CHECK_STR(json_of("a b=\"cut"), "\"level\":\"warn\",\"event\":\"a\",\"b\":\"\\\"cut\"}");
    CHECK(strncmp(json_of("a"), "\"level\"", 7) == 0);
}

/* What a peer wrote cannot make members of its own: its text ends at the line's last quote. */
static void a_quoted_text_makes_no_members(void)
{
    CHECK_STR(json_of("failed cause=\"x\" state=done y=\"z\\\" stored=no"),
              "\"level\":\"warn\",\"event\":\"failed\","
              "\"cause\":\"x\\\" state=done y=\\\"z\\\\\",\"stored\":\"no\"}");
    CHECK_STR(json_of("a t=\"\x01\xff<\""),
              "\"level\":\"warn\",\"event\":\"a\",\"t\":\"\\u0001\\u00ff<\"}");
}

static void the_longest_line_fits_and_a_small_room_is_kept(void)
{
    char line[1024];
    char text[CT_LOG_JSON_MAX + 1];
    memset(line, 1, sizeof(line));
    memcpy(line, "a b=\"", 5);
    line[1022] = '"';
    line[1023] = '\0';
    ct_log_to_json(text, CT_LOG_JSON_MAX, CT_LOG_INFO, line);
    CHECK(strlen(text) > 6000);
    CHECK_STR(text + strlen(text) - 2, "\"}");
    for (size_t cap = 1; cap < 200; cap++) {
        text[cap] = 'X';
        ct_log_to_json(text, cap, CT_LOG_INFO, "event key=value other=\"a b\"");
        CHECK(text[cap] == 'X' && strlen(text) < cap);
        CHECK(cap < 100 || text[strlen(text) - 1] == '}');
    }
}

static const struct ct_test tests[] = {
    CT_TEST(a_line_stays_one_line_whatever_a_peer_wrote),
    CT_TEST(levels_beyond_the_limit_and_no_sink_are_silent),
    CT_TEST(a_line_becomes_one_json_object),
    CT_TEST(a_quoted_text_makes_no_members),
    CT_TEST(the_longest_line_fits_and_a_small_room_is_kept),
};
CT_TEST_MAIN(tests)
