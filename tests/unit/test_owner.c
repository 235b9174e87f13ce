/* Claims about a relay's statement of whose it is: what a wallet manager takes, and what not. */
/* links: ct_kex ct_chain ct_base */
#include "ct_test.h"

#include "base/hex.h"
#include "chain/key.h"
#include "chain/registry.h"
#include "kex/owner.h"

enum { CHAIN = 31337, NOW = 1800000000 };

static const uint8_t contract[20] = {0xc0, 0x01};
static struct ct_wallet owner, thief;
static struct ct_relay record;
static struct ct_owner statement;

static void set_up(void)
{
    struct ct_secret32 secret;
    memset(secret.bytes, 1, 32);
    CHECK_EQ(ct_wallet_from_secret(&owner, &secret), CT_OK);
    memset(secret.bytes, 2, 32);
    CHECK_EQ(ct_wallet_from_secret(&thief, &secret), CT_OK);
    record = (struct ct_relay){.state = CT_RECORD_PENDING,
                               .listen_port = 3478,
                               .port_min = 50000,
                               .port_max = 50100,
                               .listen_ip4 = {198, 51, 100, 7},
                               .relay_ip4 = {198, 51, 100, 8},
                               .key32 = {7}};
    memcpy(record.owner20, owner.addr20, 20);
    statement = (struct ct_owner){.mode = 1, .nonce32 = {9}, .until_s = NOW + 3600};
    ct_owner_relay(statement.relay32, &record);
    CHECK_EQ(ct_owner_sign(&statement, CHAIN, contract, &owner), CT_OK);
}

static ct_err check(const struct ct_relay *r, uint64_t now_s, struct ct_why *why)
{
    return ct_owner_check(&statement, CHAIN, contract, r, now_s, why);
}

static void the_owners_statement_holds_whatever_the_records_state(void)
{
    set_up();
    CHECK_EQ(check(&record, NOW, NULL), CT_OK);
    record.state = CT_RECORD_APPROVED; /* the server does not know these */
    record.index = 12;
    record.expiry_day = 21000;
    record.key32[0] ^= 1; /* nor, while its key changes, which of the two it has */
    CHECK_EQ(check(&record, NOW, NULL), CT_OK);
}

static void another_wallets_server_is_refused_by_name(void)
{
    struct ct_why why;
    char named[CT_ADDR_TEXT_LEN];
    set_up();
    memcpy(record.owner20, thief.addr20, 20); /* the thief's record of the owner's server */
    CHECK_EQ(check(&record, NOW, &why), CT_ERR_AUTH);
    ct_addr_text(named, owner.addr20);
    CHECK(strstr(why.text, named) != NULL);
    memcpy(statement.owner20, thief.addr20, 20); /* and a name that was only put in */
    CHECK_EQ(check(&record, NOW, &why), CT_ERR_AUTH);
    CHECK(strstr(why.text, "signature") != NULL);
}

static void the_owners_other_server_is_refused(void)
{
    struct ct_why why;
    for (unsigned i = 0; i < 6; i++) {
        set_up();
        struct ct_relay r = record;
        uint8_t *fields[] = {r.listen_ip4, r.relay_ip4, r.listen_ip6, r.relay_ip6};
        if (i < 4) {
            fields[i][3] ^= 1;
        } else {
            r.port_max++;
            r.listen_port = i == 5 ? (uint16_t)(r.listen_port + 1) : r.listen_port;
        }
        CHECK_EQ(check(&r, NOW, &why), CT_ERR_REFUSED);
        CHECK(strstr(why.text, "another relay") != NULL);
    }
}

static void a_statement_ends_and_none_is_for_long(void)
{
    set_up();
    CHECK_EQ(check(&record, NOW + 3600, NULL), CT_OK);
    CHECK_EQ(check(&record, NOW + 3601, NULL), CT_ERR_EXPIRED);
    CHECK_EQ(check(&record, NOW + 3600 - CT_OWNER_LIFE_S - CT_OWNER_SKEW_S, NULL), CT_OK);
    CHECK_EQ(check(&record, NOW + 3600 - CT_OWNER_LIFE_S - CT_OWNER_SKEW_S - 1, NULL),
             CT_ERR_EXPIRED);
}

static void another_platforms_statement_is_refused(void)
{
    static const uint8_t other[20] = {0xc0, 0x02};
    set_up();
    CHECK_EQ(ct_owner_check(&statement, CHAIN, other, &record, NOW, NULL), CT_ERR_AUTH);
    CHECK_EQ(ct_owner_check(&statement, CHAIN + 1, contract, &record, NOW, NULL), CT_ERR_AUTH);
}

static void every_changed_byte_is_noticed(void)
{
    uint8_t bytes[CT_OWNER_LEN];
    size_t taken = 0;
    set_up();
    ct_owner_write(bytes, &statement);
    for (size_t i = 0; i < sizeof bytes * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        if (ct_owner_parse(&statement, bytes, sizeof bytes) == CT_OK) {
            taken += check(&record, NOW, NULL) == CT_OK;
        }
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    CHECK_EQ(taken, 0);
}

static void every_other_length_is_refused(void)
{
    uint8_t bytes[CT_OWNER_LEN + 1] = {0};
    struct ct_owner out;
    set_up();
    ct_owner_write(bytes, &statement);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        CHECK_EQ(ct_owner_parse(&out, bytes, len), len == CT_OWNER_LEN ? CT_OK : CT_ERR_FORMAT);
    }
    CHECK_EQ(ct_owner_parse(&out, bytes, CT_OWNER_LEN), CT_OK);
    CHECK_EQ(out.mode, 1);
    CHECK_EQ(out.until_s, NOW + 3600);
    CHECK_MEM(out.nonce32, statement.nonce32, 32);
    CHECK_MEM(out.sig65, statement.sig65, 65);
    bytes[1] = CT_OWNER_MODES;
    CHECK_EQ(ct_owner_parse(&out, bytes, CT_OWNER_LEN), CT_ERR_FORMAT);
    bytes[0] = 2;
    CHECK_EQ(ct_owner_parse(&out, bytes, CT_OWNER_LEN), CT_ERR_FORMAT);
}

static const struct ct_test TESTS[] = {
    CT_TEST(the_owners_statement_holds_whatever_the_records_state),
    CT_TEST(another_wallets_server_is_refused_by_name),
    CT_TEST(the_owners_other_server_is_refused),
    CT_TEST(a_statement_ends_and_none_is_for_long),
    CT_TEST(another_platforms_statement_is_refused),
    CT_TEST(every_changed_byte_is_noticed),
    CT_TEST(every_other_length_is_refused),
};
CT_TEST_MAIN(TESTS)
