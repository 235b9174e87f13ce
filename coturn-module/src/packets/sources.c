/* What addresses outside have used up, by prefix, in tables of fixed size. */
#include "packets/sources.h"

#include <string.h>

#include "base/secret.h"

ct_err ct_sources_init(struct ct_sources *sources)
{
    memset(sources, 0, sizeof(*sources));
    return ct_random(sources->secret, sizeof(sources->secret));
}

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

/* IPv4 /24, IPv6 /48: what one party can usually send from. */
static void prefix_of(uint64_t words[2], const struct ct_endpoint *e)
{
    uint8_t prefix[16] = {0};
    bool is_ip4 = memcmp(e->addr16, mapped_prefix, sizeof(mapped_prefix)) == 0;
    memcpy(prefix, e->addr16, is_ip4 ? 15 : 6);
    memcpy(words, prefix, sizeof(prefix));
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    /* the two halves of a product of 128 bits, from products of 64 */
    uint64_t low = a * b;
    uint64_t ah = a >> 32;
    uint64_t al = a & UINT32_MAX;
    uint64_t bh = b >> 32;
    uint64_t bl = b & UINT32_MAX;
    uint64_t middle = ah * bl + (al * bl >> 32);
    uint64_t high = ah * bh + (middle >> 32) + ((al * bh + (middle & UINT32_MAX)) >> 32);
    return low ^ high;
}

/* Nobody outside can choose prefixes that share a place: the secret is drawn at the start. */
static uint64_t hash_of(const struct ct_sources *sources, const struct ct_endpoint *e)
{
    const uint64_t *secret = sources->secret;
    uint64_t words[2];
    prefix_of(words, e);
    return fold(fold(words[0] ^ secret[0], words[1] ^ secret[1]) ^ secret[2], secret[3] | 1);
}

/* Who shares one place with a flood hardly shares the other, too. */
static bool take(struct ct_sources *sources, struct ct_bucket table[][CT_SOURCES_PLACES],
                 const struct ct_rate *rate, const struct ct_endpoint *e, uint64_t earned,
                 uint64_t units, uint64_t now_ns)
{
    bool taken = false;
    if (rate->cost == 0) {
        return true;
    }
    uint64_t hash = hash_of(sources, e);
    for (size_t row = 0; row < CT_SOURCES_ROWS; row++) {
        struct ct_bucket *bucket = &table[row][(hash >> (32 * row)) % CT_SOURCES_PLACES];
        taken = ct_bucket_trade(bucket, rate, earned, units, now_ns) || taken;
    }
    return taken;
}

bool ct_sources_packet(struct ct_sources *sources, const struct ct_rate *rate,
                       const struct ct_endpoint *from, uint64_t now_ns)
{
    return take(sources, sources->packets, rate, from, 0, 1, now_ns);
}

bool ct_sources_sign_on(struct ct_sources *sources, const struct ct_rate *rate,
                        const struct ct_endpoint *from, uint64_t now_ns)
{
    return take(sources, sources->sign_ons, rate, from, 0, 1, now_ns);
}

/* What a question pays for counts in both, or the flood of one prefix would leave the others none.
 */
bool ct_sources_answer(struct ct_sources *sources, const struct ct_answer_rates *rates,
                       const struct ct_endpoint *to, size_t in, size_t out, uint64_t now_ns)
{
    size_t paid = in / 2;
    if (out <= in) {
        return true;
    }
    bool fits = take(sources, sources->answers, &rates->prefix, to, paid, out, now_ns);
    return ct_bucket_trade(&sources->all_answers, &rates->all, paid, fits ? out : 0, now_ns) &&
           fits;
}
