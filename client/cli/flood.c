/* Numbered datagrams that an echo sends back, and whether they came back as they were. */
#include "flood.h"

#include <string.h>

#include "cli.h"

#define WINDOW 32u     /* on their way at one time */
#define STALL_MS 250u  /* what has not come by then is lost: the window moves on */
#define OVER_MS 10000u /* what has not come by then never will; all that came ends it at once */

static uint64_t now_ms(void)
{
    return ct_cli_now_ns() / 1000000u;
}

void ct_flood_init(struct ct_flood *f, unsigned count, unsigned size)
{
    memset(f, 0, sizeof *f);
    f->count = count;
    f->size = size;
}

/* The number, and behind it bytes that depend on it: no two datagrams are alike. */
static void fill(uint8_t *out, unsigned size, uint32_t number)
{
    uint32_t x = number * 2654435761u + 1u;
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(number >> (24 - 8 * i));
    }
    for (unsigned i = 4; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        out[i] = (uint8_t)x;
    }
}

void ct_flood_send(struct ct_flood *f, struct ct_client *client, unsigned call)
{
    uint8_t datagram[CT_CLIENT_DATAGRAM_MAX];
    uint64_t now = now_ms();
    bool stalls = f->last_ms != 0 && now - f->last_ms >= STALL_MS;
    while (f->sent < f->count && (stalls || f->sent - f->received < WINDOW)) {
        fill(datagram, f->size, f->sent);
        if (ct_client_send(client, call, datagram, f->size) != CT_OK) {
            return;
        }
        f->sent++;
        f->last_ms = now;
        stalls = false; /* one more on its way for each that is lost */
    }
}

void ct_flood_take(struct ct_flood *f, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    uint8_t want[CT_CLIENT_DATAGRAM_MAX];
    f->received++;
    f->last_ms = now_ms();
    if (len != f->size) {
        return;
    }
    uint32_t number =
        (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    if (number >= f->sent || (f->seen[number / 8] & (1u << number % 8)) != 0) {
        return;
    }
    fill(want, f->size, number);
    if (memcmp(want, bytes, len) == 0) {
        f->seen[number / 8] |= (uint8_t)(1u << number % 8);
        f->intact++;
    }
}

bool ct_flood_is_over(const struct ct_flood *f)
{
    return f->sent == f->count && (f->intact == f->count || now_ms() - f->last_ms >= OVER_MS);
}

int ct_flood_wait_ms(const struct ct_flood *f)
{
    return f->sent < f->count ? (int)STALL_MS : ct_flood_is_over(f) ? 0 : (int)STALL_MS;
}
