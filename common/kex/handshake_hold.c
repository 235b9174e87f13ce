/* A ClientHello that overtook m4: kept with its handshake until the flight comes. */
#include "kex/handshake_responder.h"

#include <stdlib.h>
#include <string.h>

enum {
    DTLS_HANDSHAKE = 22,     /* ContentType, RFC 6347 4.1 */
    DTLS_RECORD_HEADER = 13, /* before the first HandshakeType */
    DTLS_CLIENT_HELLO = 1,
};

/* A record that begins with a ClientHello, of DTLS 1.0 (as in a first record) or 1.2. */
static bool is_client_hello(const uint8_t *data, size_t len)
{
    return len > DTLS_RECORD_HEADER && len <= CT_HS_HELD_MAX && data[0] == DTLS_HANDSHAKE &&
           data[1] == 0xfe && (data[2] == 0xff || data[2] == 0xfd) &&
           data[DTLS_RECORD_HEADER] == DTLS_CLIENT_HELLO;
}

/* The handshake of this source that began last and waits for its flight. */
static struct ct_hs_entry *newest_answered(const struct ct_hs_responder *table,
                                           const struct ct_hs_source *source)
{
    struct ct_hs_entry *newest = NULL;
    for (size_t i = 0; i < table->count; i++) {
        struct ct_hs_entry *entry = table->slots[i].entry;
        if (entry->state == CT_HS_ANSWERED &&
            memcmp(entry->source.bytes, source->bytes, sizeof(source->bytes)) == 0 &&
            (newest == NULL || entry->began_ms > newest->began_ms)) {
            newest = entry;
        }
    }
    return newest;
}

/* A later one replaces it: whoever forged the first must not keep out the one that is meant. */
ct_err ct_hs_table_hold(struct ct_hs_responder *table, const struct ct_hs_source *source,
                        const uint8_t *data, size_t len)
{
    if (!is_client_hello(data, len)) {
        return CT_ERR_FORMAT;
    }
    struct ct_hs_entry *entry = ct_hs_source_known(source) ? newest_answered(table, source) : NULL;
    if (entry == NULL) {
        return CT_ERR_NOT_FOUND;
    }
    uint8_t *held = realloc(entry->held, len);
    if (held == NULL) {
        return CT_ERR_NOMEM;
    }
    memcpy(held, data, len);
    entry->held = held;
    entry->held_len = len;
    return CT_OK;
}
