/* Seeds of STUN and TURN: messages as our writer makes them, and lives of an allocation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seeds.h"
#include "turn/stun.h"

static const uint8_t tid[CT_STUN_TID] = {1, 2, 3};
static const uint8_t key16[16] = {4};

static void end(const char *target, const char *name, struct ct_wr *w, const uint8_t *out)
{
    size_t len = 0;
    if (ct_stun_end(w, &len) != CT_OK) {
        abort();
    }
    seed(target, name, out, len);
}

static void messages(void)
{
    static const uint8_t ip4[4] = {198, 51, 100, 11};
    static const uint8_t ip6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    const struct ct_addr four = ct_addr_ip4(ip4, 50000);
    const struct ct_addr six = ct_addr_ip6(ip6, 50001);
    uint8_t out[512];
    struct ct_wr w;
    ct_stun_begin(&w, out, sizeof(out), CT_STUN_ALLOCATE, CT_STUN_REQUEST, tid);
    ct_stun_put_u32(&w, CT_ATTR_REQUESTED_TRANSPORT, 17u << 24);
    ct_stun_put_text(&w, CT_ATTR_USERNAME, "user");
    ct_stun_put_text(&w, CT_ATTR_REALM, "chainturn");
    ct_stun_put_text(&w, CT_ATTR_NONCE, "nonce1");
    ct_stun_put_integrity(&w, key16, sizeof(key16));
    ct_stun_put_fingerprint(&w);
    end("stun", "allocate", &w, out);
    ct_stun_begin(&w, out, sizeof(out), CT_STUN_ALLOCATE, CT_STUN_SUCCESS, tid);
    ct_stun_put_xor_addr(&w, CT_ATTR_XOR_RELAYED_ADDRESS, &four);
    ct_stun_put_xor_addr(&w, CT_ATTR_XOR_MAPPED_ADDRESS, &six);
    ct_stun_put_u32(&w, CT_ATTR_LIFETIME, 600);
    ct_stun_put_integrity(&w, key16, sizeof(key16));
    ct_stun_put_integrity_sha256(&w, key16, sizeof(key16));
    ct_stun_put_fingerprint(&w);
    end("stun", "allocated", &w, out);
    ct_stun_begin(&w, out, sizeof(out), CT_STUN_ALLOCATE, CT_STUN_ERROR, tid);
    ct_stun_put_error(&w, 438, "Stale Nonce");
    ct_stun_put_text(&w, CT_ATTR_SOFTWARE, "seeds");
    end("stun", "stale-nonce", &w, out);
    ct_stun_begin(&w, out, sizeof(out), CT_STUN_DATA, CT_STUN_INDICATION, tid);
    ct_stun_put_xor_addr(&w, CT_ATTR_XOR_PEER_ADDRESS, &four);
    ct_stun_put(&w, CT_ATTR_DATA, "hello", 5);
    end("stun", "data", &w, out);
    ct_stun_begin(&w, out, sizeof(out), CT_STUN_CHANNEL_BIND, CT_STUN_REQUEST, tid);
    ct_stun_put_u32(&w, CT_ATTR_CHANNEL_NUMBER, 0x4000u << 16);
    ct_stun_put_xor_addr(&w, CT_ATTR_XOR_PEER_ADDRESS, &six);
    ct_stun_put_u32(&w, 0x7777, 1); /* comprehension required, and known to nobody */
    end("stun", "channel-bind", &w, out);
}

static void channels(void)
{
    uint8_t out[64];
    size_t len = 0;
    if (ct_channel_write(out, sizeof(out), &len, 0x4000, "hello", 5) != CT_OK) {
        abort();
    }
    seed("channel", "hello", out, len);
    memset(out + len, 0, 3);
    seed("channel", "padded", out, len + 3);
    seed("channel", "padded-too-far", out, len + 4);
    seed("channel", "empty", "\x4f\xff\x00\x00", 4);
}

/* ---- steps of fuzz_alloc.c ---- */

enum { RAW, ANSWER, SIGNED, WAIT, PERMIT, BIND, WRAP, FORGET, RENEW, RELEASE };

static void put_attr(struct ct_wr *w, uint16_t attr, const void *data, size_t len)
{
    ct_wr_be16(w, attr);
    ct_wr_u8(w, (uint8_t)len);
    ct_wr_bytes(w, data, len);
}

static void put_challenge(struct ct_wr *all, unsigned code)
{
    uint8_t body[128];
    uint8_t error[6] = {0, 0, (uint8_t)(code / 100), (uint8_t)(code % 100), 'n', 'o'};
    struct ct_wr w = ct_wr_init(body, sizeof(body));
    ct_wr_u8(&w, 1); /* CT_STUN_ERROR */
    put_attr(&w, CT_ATTR_ERROR_CODE, error, sizeof(error));
    put_attr(&w, CT_ATTR_REALM, "chainturn", 9);
    put_attr(&w, CT_ATTR_NONCE, "nonce1", 6);
    seed_step(all, ANSWER, body, w.len);
}

static void put_allocated(struct ct_wr *all)
{
    static const uint8_t addr[8] = {0, 1, 0xe2, 0x42, 0xe7, 0x21, 0xc0, 0x49}; /* XORed */
    static const uint8_t lifetime[4] = {0, 0, 2, 0x58};
    uint8_t body[128];
    struct ct_wr w = ct_wr_init(body, sizeof(body));
    ct_wr_u8(&w, 0); /* CT_STUN_SUCCESS */
    put_attr(&w, CT_ATTR_XOR_RELAYED_ADDRESS, addr, sizeof(addr));
    put_attr(&w, CT_ATTR_XOR_MAPPED_ADDRESS, addr, sizeof(addr));
    put_attr(&w, CT_ATTR_LIFETIME, lifetime, sizeof(lifetime));
    seed_step(all, SIGNED, body, w.len);
}

static void lives(void)
{
    uint8_t out[2048];
    uint8_t zeros[200] = {0};
    struct ct_wr w = ct_wr_init(out, sizeof(out));
    put_challenge(&w, 401);
    put_allocated(&w);
    seed_step(&w, PERMIT, "\x0b", 1);
    seed_step(&w, SIGNED, "\x00", 1);
    seed_step(&w, BIND, "\x0c", 1);
    seed_step(&w, SIGNED, "\x00", 1);
    seed_step(&w, WRAP, "\x0chello", 6);
    seed_step(&w, RAW, "\x40\x00\x00\x05hello", 9);
    seed_step(&w, WAIT, zeros, 200);
    seed_step(&w, RENEW, NULL, 0);
    put_allocated(&w);
    seed_step(&w, FORGET, "\x0c", 1);
    seed_step(&w, RELEASE, NULL, 0);
    seed_step(&w, SIGNED, "\x00", 1);
    seed("alloc", "life", out, w.len);
    w = ct_wr_init(out, sizeof(out));
    put_challenge(&w, 401);
    put_challenge(&w, 438);
    put_challenge(&w, 486);
    seed_step(&w, WAIT, zeros, 200);
    seed("alloc", "refused", out, w.len);
    w = ct_wr_init(out, sizeof(out));
    for (unsigned i = 0; i < 6; i++) {
        seed_step(&w, WAIT, zeros, 200);
    }
    seed("alloc", "silence", out, w.len);
    static const uint8_t bare[] = {1, 0, CT_ATTR_ERROR_CODE, 4, 0, 0, 4, 1};
    w = ct_wr_init(out, sizeof(out));
    seed_step(&w, ANSWER, bare, sizeof(bare)); /* 401 without realm and nonce */
    put_challenge(&w, 401);
    seed_step(&w, ANSWER, bare, sizeof(bare));
    seed("alloc", "challenge-without-realm", out, w.len);
}

void seeds_turn(void)
{
    messages();
    channels();
    lives();
}
