/* Claims about the STUN and TURN codec, on the vectors of RFC 5769 and on messages of our own. */
/* links: ct_turn ct_base */
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "turn/stun.h"

#include "ct_test.h"

#define SHORT_TERM "VOkJxbRl1RmTxUk/WvJxBt"

static const uint8_t tid[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const uint8_t key[16] = {'k', 'e', 'y'};

/* The message of a section out of the file; 0 when it is not there. */
static size_t vector(uint8_t *out, size_t cap, const char *section)
{
    char line[1024];
    size_t len = 0;
    FILE *file = fopen(CT_SOURCE_DIR "/tests/vectors/rfc5769.txt", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *blank = strchr(line, ' ');
        if (line[0] == '#' || blank == NULL || strncmp(line, section, strlen(section)) != 0) {
            continue;
        }
        blank[1 + strcspn(blank + 1, "\r\n")] = '\0';
        if (ct_unhex_var(out, cap, &len, blank + 1, strlen(blank + 1)) != CT_OK) {
            len = 0;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return len;
}

static bool view_is(struct ct_stun_bytes view, const char *text)
{
    return view.len == strlen(text) && memcmp(view.at, text, view.len) == 0;
}

static void rfc5769_request(void)
{
    uint8_t bytes[256];
    struct ct_stun m;
    size_t len = vector(bytes, sizeof bytes, "2.1");
    REQUIRE(len == 108);
    REQUIRE(ct_stun_parse(&m, bytes, len) == CT_OK);
    CHECK_EQ(m.method, CT_STUN_BINDING);
    CHECK_EQ(m.class_, CT_STUN_REQUEST);
    CHECK(view_is(m.software, "STUN test client"));
    CHECK(view_is(m.username, "evtj:h6vY"));
    CHECK_EQ(m.unknown_count, 1); /* PRIORITY, which only ICE knows */
    CHECK_EQ(m.unknown[0], 0x0024);
    CHECK(m.has_fingerprint);
    CHECK_EQ(ct_stun_verify(&m, SHORT_TERM, strlen(SHORT_TERM)), CT_OK);
    CHECK_EQ(ct_stun_verify(&m, "another", 7), CT_ERR_AUTH);
}

static void rfc5769_responses(void)
{
    uint8_t bytes[256];
    char text[CT_ADDR_TEXT];
    struct ct_stun m;
    size_t len = vector(bytes, sizeof bytes, "2.2");
    REQUIRE(ct_stun_parse(&m, bytes, len) == CT_OK);
    CHECK_EQ(m.class_, CT_STUN_SUCCESS);
    ct_addr_to_text(text, &m.mapped);
    CHECK_STR(text, "192.0.2.1:32853");
    CHECK_EQ(ct_stun_verify(&m, SHORT_TERM, strlen(SHORT_TERM)), CT_OK);

    len = vector(bytes, sizeof bytes, "2.3");
    REQUIRE(ct_stun_parse(&m, bytes, len) == CT_OK);
    ct_addr_to_text(text, &m.mapped);
    CHECK_STR(text, "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
    CHECK(view_is(m.software, "test vector"));
    CHECK_EQ(ct_stun_verify(&m, SHORT_TERM, strlen(SHORT_TERM)), CT_OK);
}

static void rfc5769_long_term(void)
{
    uint8_t bytes[256];
    uint8_t key16[16];
    char user[64] = "";
    struct ct_stun m;
    size_t len = vector(bytes, sizeof bytes, "2.4");
    REQUIRE(len == 116);
    REQUIRE(ct_stun_parse(&m, bytes, len) == CT_OK);
    CHECK(view_is(m.nonce, "f//499k954d6OL34oL9FSTvy64sA"));
    CHECK(view_is(m.realm, "example.org"));
    REQUIRE(m.username.len == 18);
    memcpy(user, m.username.at, m.username.len);
    REQUIRE(ct_stun_long_term_key(key16, user, "example.org", "TheMatrIX") == CT_OK);
    CHECK_EQ(ct_stun_verify(&m, key16, sizeof key16), CT_OK);
}

static void rfc5769_response_is_written_alike(void)
{
    uint8_t want[256];
    uint8_t got[256];
    struct ct_stun m;
    struct ct_wr w;
    size_t got_len = 0;
    size_t len = vector(want, sizeof want, "2.2");
    REQUIRE(ct_stun_parse(&m, want, len) == CT_OK);
    ct_stun_begin(&w, got, sizeof got, m.method, m.class_, m.tid);
    ct_stun_put(&w, CT_ATTR_SOFTWARE, m.software.at, m.software.len);
    got[w.len - 1] = 0x20; /* the RFC pads with a blank */
    ct_stun_put_xor_addr(&w, CT_ATTR_XOR_MAPPED_ADDRESS, &m.mapped);
    ct_stun_put_integrity(&w, SHORT_TERM, strlen(SHORT_TERM));
    ct_stun_put_fingerprint(&w);
    REQUIRE(ct_stun_end(&w, &got_len) == CT_OK);
    CHECK_EQ(got_len, len);
    CHECK_MEM(got, want, len);
}

static void every_truncation_of_the_vectors_is_refused(void)
{
    static const char *const sections[] = {"2.1", "2.2", "2.3", "2.4"};
    uint8_t bytes[256];
    struct ct_stun m;
    for (size_t s = 0; s < 4; s++) {
        size_t len = vector(bytes, sizeof bytes, sections[s]);
        for (size_t cut = 0; cut < len; cut++) {
            uint8_t *exact = malloc(cut + 1); /* so that a sanitizer sees a read past the end */
            REQUIRE(exact != NULL);
            memcpy(exact, bytes, cut);
            CHECK_EQ(ct_stun_parse(&m, exact, cut), CT_ERR_FORMAT);
            free(exact);
        }
        bytes[len] = 0;
        CHECK_EQ(ct_stun_parse(&m, bytes, len + 1), CT_ERR_FORMAT);
    }
}

/* In front of the integrity, and in it, every bit counts: FINGERPRINT sees them all. */
static void every_flipped_bit_of_the_vectors_is_refused(void)
{
    static const char *const sections[] = {"2.1", "2.2", "2.3"};
    uint8_t bytes[256];
    struct ct_stun m;
    for (size_t s = 0; s < 3; s++) {
        size_t len = vector(bytes, sizeof bytes, sections[s]);
        for (size_t bit = 0; bit < 8 * len; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            CHECK(ct_stun_parse(&m, bytes, len) != CT_OK || !m.has_fingerprint ||
                  ct_stun_verify(&m, SHORT_TERM, strlen(SHORT_TERM)) != CT_OK);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void every_flipped_bit_of_long_term_is_refused(void)
{
    uint8_t bytes[256];
    uint8_t key16[16];
    struct ct_stun m;
    char user[19] = "";
    size_t len = vector(bytes, sizeof bytes, "2.4");
    REQUIRE(ct_stun_parse(&m, bytes, len) == CT_OK);
    memcpy(user, m.username.at, 18);
    REQUIRE(ct_stun_long_term_key(key16, user, "example.org", "TheMatrIX") == CT_OK);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(ct_stun_parse(&m, bytes, len) != CT_OK || ct_stun_verify(&m, key16, 16) != CT_OK);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void every_field_written_is_read_back(void)
{
    uint8_t buf[512];
    size_t len = 0;
    struct ct_wr w;
    struct ct_stun m;
    struct ct_addr peer = ct_addr_ip4((const uint8_t[]){198, 51, 100, 7}, 49160);
    struct ct_addr relayed = ct_addr_ip6((const uint8_t[16]){0x20, 1, 0xd, 0xb8, [15] = 9}, 50001);

    ct_stun_begin(&w, buf, sizeof buf, CT_STUN_CHANNEL_BIND, CT_STUN_ERROR, tid);
    ct_stun_put_text(&w, CT_ATTR_USERNAME, "u");
    ct_stun_put_text(&w, CT_ATTR_REALM, "re");
    ct_stun_put_text(&w, CT_ATTR_NONCE, "non");
    ct_stun_put_error(&w, 438, "Stale Nonce");
    ct_stun_put_u32(&w, CT_ATTR_LIFETIME, 600);
    ct_stun_put_u32(&w, CT_ATTR_CHANNEL_NUMBER, 0x40010000);
    ct_stun_put_u32(&w, CT_ATTR_REQUESTED_TRANSPORT, 0x11000000);
    ct_stun_put(&w, CT_ATTR_DONT_FRAGMENT, NULL, 0);
    ct_stun_put(&w, CT_ATTR_UNKNOWN_ATTRIBUTES, "\x00\x24", 2);
    ct_stun_put_xor_addr(&w, CT_ATTR_XOR_PEER_ADDRESS, &peer);
    ct_stun_put_xor_addr(&w, CT_ATTR_XOR_RELAYED_ADDRESS, &relayed);
    ct_stun_put(&w, CT_ATTR_DATA, "hello", 5);
    ct_stun_put(&w, CT_ATTR_RELAY_OWNER, "mine", 4);
    ct_stun_put_integrity(&w, key, sizeof key);
    ct_stun_put_integrity_sha256(&w, key, sizeof key);
    ct_stun_put_fingerprint(&w);
    REQUIRE(ct_stun_end(&w, &len) == CT_OK);
    REQUIRE(ct_stun_is(buf, len));
    REQUIRE(ct_stun_parse(&m, buf, len) == CT_OK);
    CHECK_EQ(m.method, CT_STUN_CHANNEL_BIND);
    CHECK_EQ(m.class_, CT_STUN_ERROR);
    CHECK_MEM(m.tid, tid, 12);
    CHECK(view_is(m.username, "u") && view_is(m.realm, "re") && view_is(m.nonce, "non"));
    CHECK_EQ(m.error, 438);
    CHECK(view_is(m.reason, "Stale Nonce"));
    CHECK(m.has_lifetime && m.lifetime_s == 600);
    CHECK(m.has_channel && m.channel == 0x4001);
    CHECK_EQ(m.transport, 17);
    CHECK(m.has_dont_fragment && m.has_fingerprint);
    CHECK(ct_addr_equal(&m.peer, &peer));
    CHECK(ct_addr_equal(&m.relayed, &relayed));
    CHECK(view_is(m.data, "hello"));
    CHECK(view_is(m.owner, "mine"));
    CHECK_EQ(m.unknown_count, 0);
    CHECK_EQ(ct_stun_verify(&m, key, sizeof key), CT_OK);
    CHECK_EQ(ct_stun_verify_sha256(&m, key, sizeof key), CT_OK);
    CHECK_EQ(ct_stun_verify_sha256(&m, "other", 5), CT_ERR_AUTH);
}

static void attributes_behind_the_integrity_are_ignored(void)
{
    uint8_t buf[256];
    size_t len = 0;
    struct ct_wr w;
    struct ct_stun m;
    struct ct_addr evil = ct_addr_ip4((const uint8_t[]){203, 0, 113, 66}, 6666);

    ct_stun_begin(&w, buf, sizeof buf, CT_STUN_ALLOCATE, CT_STUN_SUCCESS, tid);
    ct_stun_put_u32(&w, CT_ATTR_LIFETIME, 600);
    ct_stun_put_integrity(&w, key, sizeof key);
    ct_stun_put_xor_addr(&w, CT_ATTR_XOR_RELAYED_ADDRESS, &evil);
    ct_stun_put(&w, 0x0099, "x", 1);
    ct_stun_put(&w, CT_ATTR_RELAY_OWNER, "x", 1);
    ct_stun_put_fingerprint(&w);
    REQUIRE(ct_stun_end(&w, &len) == CT_OK);
    REQUIRE(ct_stun_parse(&m, buf, len) == CT_OK);
    CHECK_EQ(m.relayed.family, 0);
    CHECK(m.owner.at == NULL);
    CHECK_EQ(m.unknown_count, 0);
    CHECK_EQ(ct_stun_verify(&m, key, sizeof key), CT_OK);
}

static void the_first_of_repeated_attributes_counts(void)
{
    uint8_t buf[128];
    size_t len = 0;
    struct ct_wr w;
    struct ct_stun m;
    ct_stun_begin(&w, buf, sizeof buf, CT_STUN_REFRESH, CT_STUN_SUCCESS, tid);
    ct_stun_put_u32(&w, CT_ATTR_LIFETIME, 1);
    ct_stun_put_u32(&w, CT_ATTR_LIFETIME, 2);
    ct_stun_put(&w, CT_ATTR_RELAY_OWNER, "", 0);
    ct_stun_put(&w, CT_ATTR_RELAY_OWNER, "second", 6);
    REQUIRE(ct_stun_end(&w, &len) == CT_OK);
    REQUIRE(ct_stun_parse(&m, buf, len) == CT_OK);
    CHECK_EQ(m.lifetime_s, 1);
    CHECK(m.owner.at != NULL && m.owner.len == 0);
}

static void wrong_fingerprint_or_one_that_is_not_last_is_refused(void)
{
    uint8_t buf[128];
    size_t len = 0;
    struct ct_wr w;
    struct ct_stun m;
    ct_stun_begin(&w, buf, sizeof buf, CT_STUN_BINDING, CT_STUN_REQUEST, tid);
    ct_stun_put_u32(&w, CT_ATTR_FINGERPRINT, 12345);
    REQUIRE(ct_stun_end(&w, &len) == CT_OK);
    CHECK_EQ(ct_stun_parse(&m, buf, len), CT_ERR_FORMAT);

    ct_stun_begin(&w, buf, sizeof buf, CT_STUN_BINDING, CT_STUN_REQUEST, tid);
    ct_stun_put_fingerprint(&w);
    ct_stun_put_u32(&w, CT_ATTR_LIFETIME, 2);
    REQUIRE(ct_stun_end(&w, &len) == CT_OK);
    CHECK_EQ(ct_stun_parse(&m, buf, len), CT_ERR_FORMAT);
}

/* An attribute whose size is not what its type says. */
static void attributes_of_a_wrong_size_are_refused(void)
{
    static const struct {
        uint16_t type;
        size_t len;
    } bad[] = {
        {CT_ATTR_LIFETIME, 3},         {CT_ATTR_LIFETIME, 5},
        {CT_ATTR_CHANNEL_NUMBER, 2},   {CT_ATTR_XOR_PEER_ADDRESS, 7},
        {CT_ATTR_XOR_PEER_ADDRESS, 9}, {CT_ATTR_MESSAGE_INTEGRITY, 19},
        {CT_ATTR_ERROR_CODE, 3},       {CT_ATTR_REQUESTED_TRANSPORT, 1},
        {CT_ATTR_DONT_FRAGMENT, 1},    {CT_ATTR_USERNAME, 509},
        {CT_ATTR_FINGERPRINT, 3},      {CT_ATTR_MESSAGE_INTEGRITY_SHA256, 12},
    };
    uint8_t value[512] = {0, 1, 3, 1};
    uint8_t buf[1024];
    struct ct_stun m;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ct_wr w;
        size_t len = 0;
        ct_stun_begin(&w, buf, sizeof buf, CT_STUN_BINDING, CT_STUN_REQUEST, tid);
        ct_stun_put(&w, bad[i].type, value, bad[i].len);
        REQUIRE(ct_stun_end(&w, &len) == CT_OK);
        CHECK_EQ(ct_stun_parse(&m, buf, len), CT_ERR_FORMAT);
    }
}

static void methods_and_classes_interleave_as_the_rfc_draws_them(void)
{
    uint8_t buf[CT_STUN_HEADER];
    for (unsigned method = 0; method < 0x1000; method += 7) {
        struct ct_wr w;
        struct ct_stun m;
        size_t len = 0;
        ct_stun_begin(&w, buf, sizeof buf, (uint16_t)method, CT_STUN_ERROR, tid);
        REQUIRE(ct_stun_end(&w, &len) == CT_OK);
        REQUIRE(ct_stun_parse(&m, buf, len) == CT_OK);
        CHECK_EQ(m.method, method);
        CHECK_EQ(m.class_, CT_STUN_ERROR);
    }
}

static void a_message_that_does_not_fit_is_reported(void)
{
    uint8_t buf[200];
    struct ct_addr peer = ct_addr_ip4((const uint8_t[]){198, 51, 100, 7}, 49160);
    size_t need = 0;
    for (size_t cap = 0; cap <= sizeof buf; cap++) {
        struct ct_wr w;
        size_t len = 0;
        memset(buf, 0xee, sizeof buf);
        ct_stun_begin(&w, buf, cap, CT_STUN_SEND, CT_STUN_INDICATION, tid);
        ct_stun_put_xor_addr(&w, CT_ATTR_XOR_PEER_ADDRESS, &peer);
        ct_stun_put(&w, CT_ATTR_DATA, "hello", 5);
        ct_stun_put_integrity(&w, key, sizeof key);
        ct_stun_put_fingerprint(&w);
        ct_err err = ct_stun_end(&w, &len);
        need = err == CT_OK && need == 0 ? cap : need;
        CHECK_EQ(err, cap >= 76 ? CT_OK : CT_ERR_ROOM);
        CHECK(cap == sizeof buf || buf[cap] == 0xee);
    }
    CHECK_EQ(need, 76);
}

static void channel_data_round_trips_and_its_length_is_checked(void)
{
    uint8_t buf[64];
    uint16_t number = 0;
    struct ct_stun_bytes data;
    size_t len = 0;
    REQUIRE(ct_channel_write(buf, sizeof buf, &len, 0x4000, "abcde", 5) == CT_OK);
    CHECK_EQ(len, 9);
    REQUIRE(ct_channel_is(buf, len));
    REQUIRE(ct_channel_parse(&number, &data, buf, len) == CT_OK);
    CHECK_EQ(number, 0x4000);
    CHECK(view_is(data, "abcde"));
    CHECK_EQ(ct_channel_parse(&number, &data, buf, 12), CT_OK); /* padded */
    CHECK_EQ(ct_channel_parse(&number, &data, buf, 13), CT_ERR_FORMAT);
    for (size_t cut = 0; cut < len; cut++) {
        CHECK_EQ(ct_channel_parse(&number, &data, buf, cut), CT_ERR_FORMAT);
    }
    buf[0] = 0x50; /* reserved, RFC 8656 12 */
    CHECK_EQ(ct_channel_parse(&number, &data, buf, len), CT_ERR_FORMAT);
}

static void addresses_as_text_are_strict(void)
{
    static const char *const good[] = {"198.51.100.11:3478", "[2001:db8::1]:1", "0.0.0.0:65535"};
    static const char *const bad[] = {
        "",           "1.2.3.4",    "1.2.3.4:",     "1.2.3.4:0", "1.2.3.4:99999", "1.2.3.4:65536",
        "1.2.3.4:+5", "1.2.3:5",    "[::1]5",       "[::1",      "::1:5",         "[1.2.3.4]:5",
        "1.2.3.4:5 ", "1.2.3.4:05", "example.org:5"};
    struct ct_addr addr;
    char text[CT_ADDR_TEXT];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        REQUIRE(ct_addr_from_text(&addr, good[i]) == CT_OK);
        ct_addr_to_text(text, &addr);
        CHECK_STR(text, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQ(ct_addr_from_text(&addr, bad[i]), CT_ERR_FORMAT);
    }
}

static const struct ct_test tests[] = {
    CT_TEST(rfc5769_request),
    CT_TEST(rfc5769_responses),
    CT_TEST(rfc5769_long_term),
    CT_TEST(rfc5769_response_is_written_alike),
    CT_TEST(every_truncation_of_the_vectors_is_refused),
    CT_TEST(every_flipped_bit_of_the_vectors_is_refused),
    CT_TEST(every_flipped_bit_of_long_term_is_refused),
    CT_TEST(every_field_written_is_read_back),
    CT_TEST(attributes_behind_the_integrity_are_ignored),
    CT_TEST(the_first_of_repeated_attributes_counts),
    CT_TEST(wrong_fingerprint_or_one_that_is_not_last_is_refused),
    CT_TEST(attributes_of_a_wrong_size_are_refused),
    CT_TEST(methods_and_classes_interleave_as_the_rfc_draws_them),
    CT_TEST(a_message_that_does_not_fit_is_reported),
    CT_TEST(channel_data_round_trips_and_its_length_is_checked),
    CT_TEST(addresses_as_text_are_strict),
};
CT_TEST_MAIN(tests)
