/* Numbered datagrams that an echo sends back, and whether they came back as they were. */
#ifndef CT_CLI_FLOOD_H
#define CT_CLI_FLOOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/chainturn.h>

#define CT_FLOOD_MAX 1000000u
#define CT_FLOOD_SIZE_MIN 8u

struct ct_flood {
    unsigned count, size;
    unsigned sent, received, intact;
    uint64_t last_ms;                   /* when something was sent or came */
    uint8_t seen[CT_FLOOD_MAX / 8 + 1]; /* a bit each */
};

void ct_flood_init(struct ct_flood *flood, unsigned count, unsigned size);
/* Sends as many as may be on their way at one time. */
void ct_flood_send(struct ct_flood *flood, struct ct_client *client, unsigned call);
void ct_flood_take(struct ct_flood *flood, const void *data, size_t len);
/* All are back, or nothing has come for two seconds. */
bool ct_flood_is_over(const struct ct_flood *flood);
int ct_flood_wait_ms(const struct ct_flood *flood);

#endif
