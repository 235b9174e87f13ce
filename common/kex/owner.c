/* A relay's statement: its bytes, what is signed, and whether it fits a record. */
#include "kex/owner.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "chain/eip712.h"
#include "chain/key.h"
#include "chain/registry.h"

enum { VERSION = 1 };

const char *ct_owner_mode_text(uint8_t mode)
{
    static const char *const texts[CT_OWNER_MODES] = {"off", "relays", "devices", "open"};
    return mode < CT_OWNER_MODES ? texts[mode] : "unknown";
}

void ct_owner_relay(uint8_t out32[32], const struct ct_relay *record)
{
    struct ct_relay plain = *record;
    plain.index = 0; /* a server does not know which one it will be given */
    memset(plain.key32, 0, sizeof plain.key32); /* it has two while it changes it; see the header */
    ct_relay_digest(out32, &plain);
}

const char ct_owner_type[] = "RelayOwner(bytes32 relay,bytes32 nonce,uint8 mode,uint64 until)";

static void digest(uint8_t out32[32], uint8_t words[CT_OWNER_WORDS][32], const struct ct_owner *s,
                   uint64_t chain_id, const uint8_t contract20[20])
{
    uint8_t domain[32];
    uint8_t hash[32];
    memcpy(words[0], s->relay32, 32);
    memcpy(words[1], s->nonce32, 32);
    ct_word_u64(words[2], s->mode);
    ct_word_u64(words[3], s->until_s);
    ct_eip712_struct(hash, ct_owner_type, (const uint8_t(*)[32])words, CT_OWNER_WORDS);
    ct_eip712_chainturn(domain, chain_id, contract20);
    ct_eip712_digest(out32, domain, hash);
}

ct_err ct_owner_sign(struct ct_owner *statement, uint64_t chain_id, const uint8_t contract20[20],
                     const struct ct_wallet *wallet)
{
    uint8_t words[CT_OWNER_WORDS][32];
    uint8_t hash[32];
    const struct ct_typed typed = {ct_owner_type, (const uint8_t(*)[32])words, CT_OWNER_WORDS};
    memcpy(statement->owner20, wallet->addr20, sizeof statement->owner20);
    digest(hash, words, statement, chain_id, contract20);
    return ct_wallet_sign_typed(statement->sig65, wallet, hash, &typed);
}

void ct_owner_write(uint8_t out159[CT_OWNER_LEN], const struct ct_owner *statement)
{
    struct ct_wr w = ct_wr_init(out159, CT_OWNER_LEN);
    ct_wr_u8(&w, VERSION);
    ct_wr_u8(&w, statement->mode);
    ct_wr_bytes(&w, statement->owner20, 20);
    ct_wr_bytes(&w, statement->relay32, 32);
    ct_wr_bytes(&w, statement->nonce32, 32);
    ct_wr_be64(&w, statement->until_s);
    ct_wr_bytes(&w, statement->sig65, 65);
}

ct_err ct_owner_parse(struct ct_owner *out, const void *data, size_t len)
{
    struct ct_owner s;
    struct ct_rd r = ct_rd_init(data, len);
    uint8_t version = ct_rd_u8(&r);
    s.mode = ct_rd_u8(&r);
    ct_rd_copy(&r, s.owner20, 20);
    ct_rd_copy(&r, s.relay32, 32);
    ct_rd_copy(&r, s.nonce32, 32);
    s.until_s = ct_rd_be64(&r);
    ct_rd_copy(&r, s.sig65, 65);
    if (ct_rd_end(&r) != CT_OK || version != VERSION || s.mode >= CT_OWNER_MODES) {
        return CT_ERR_FORMAT;
    }
    *out = s;
    return CT_OK;
}

ct_err ct_owner_check(const struct ct_owner *statement, uint64_t chain_id,
                      const uint8_t contract20[20], const struct ct_relay *record, uint64_t now_s,
                      struct ct_why *why)
{
    uint8_t words[CT_OWNER_WORDS][32];
    uint8_t hash[32];
    char named[CT_ADDR_TEXT_LEN];
    char owner[CT_ADDR_TEXT_LEN];
    ct_addr_text(named, statement->owner20);
    ct_addr_text(owner, record->owner20);
    if (memcmp(statement->owner20, record->owner20, 20) != 0) {
        return ct_why(why, CT_ERR_AUTH,
                      "the server there names %s as its owner, and the record is %s's: a relay is "
                      "registered by the wallet that it runs with",
                      named, owner);
    }
    digest(hash, words, statement, chain_id, contract20);
    if (ct_sig_check(statement->owner20, hash, statement->sig65) != CT_OK) {
        return ct_why(why, CT_ERR_AUTH,
                      "the server there names %s as its owner without that wallet's signature: is "
                      "its bundle this platform's?",
                      named);
    }
    ct_owner_relay(hash, record);
    if (memcmp(statement->relay32, hash, 32) != 0) {
        return ct_why(why, CT_ERR_REFUSED,
                      "the server there is %s's, but says that it is another relay than the record "
                      "has: start it with the addresses and ports that are registered, or "
                      "register it anew",
                      named);
    }
    if (statement->until_s < now_s ||
        statement->until_s > now_s + CT_OWNER_LIFE_S + CT_OWNER_SKEW_S) {
        return ct_why(why, CT_ERR_EXPIRED,
                      "the server's statement of its owner is good until %" PRIu64
                      ", and it is %" PRIu64 " here: set its clock, and look in its log for why "
                      "its wallet does not sign",
                      statement->until_s, now_s);
    }
    return CT_OK;
}
