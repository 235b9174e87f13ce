/*
 * Text forms: hexadecimal, base64url, quantities, decimals, addresses. Property: what is accepted
 * is written back as the same text (of hexadecimal up to its case), and bytes written as text are
 * read back as the same bytes.
 */
/* links: ct_turn ct_chain ct_base */
#include <string.h>
#include <strings.h>

#include "base/hex.h"
#include "chain/key.h"
#include "chain/registry.h"
#include "chain/u256.h"
#include "chain/url.h"
#include "fuzz.h"
#include "turn/addr.h"

enum { BYTES_MAX = 600 };

static void check_forms(const char *text, size_t len)
{
    uint8_t bytes[BYTES_MAX];
    char again[2 * BYTES_MAX + 3];
    size_t count = 0;
    if (ct_unhex_var(bytes, sizeof(bytes), &count, text, len) == CT_OK) {
        size_t skip = len == 2 * count ? 0 : 2;
        HOLDS(count <= sizeof(bytes) && len == 2 * count + skip);
        ct_hex(again, bytes, count);
        HOLDS(strncasecmp(again, text + skip, 2 * count) == 0);
    }
    if (ct_unbase64url(bytes, sizeof(bytes), &count, text, len) == CT_OK) {
        HOLDS(count <= sizeof(bytes) && CT_BASE64URL_LEN(count) == len);
        ct_base64url(again, bytes, count);
        HOLDS(memcmp(again, text, len) == 0);
    }
}

static void check_numbers(const char *text)
{
    struct ct_u256 number;
    uint64_t small = 0;
    char decimal[CT_U256_DECIMAL_LEN + 2];
    char quantity[CT_U256_QUANTITY_LEN];
    if (ct_u256_from_decimal(&number, text) == CT_OK) {
        ct_u256_decimal(decimal, &number);
        HOLDS(strcmp(decimal, text) == 0);
        ct_u256_ether(decimal, &number);
    }
    if (ct_u256_from_quantity(&number, text) == CT_OK) {
        ct_u256_quantity(quantity, &number);
        HOLDS(strcasecmp(quantity, text) == 0);
        HOLDS((ct_u64_from_quantity(&small, text) == CT_OK) == (strlen(text) <= 18));
    }
}

static void check_addresses(const char *text)
{
    uint8_t addr20[20];
    char checksummed[CT_ADDR_TEXT_LEN];
    char udp[CT_ADDR_TEXT];
    struct ct_addr addr;
    struct ct_addr again;
    if (ct_addr_parse(addr20, text) == CT_OK) {
        ct_addr_text(checksummed, addr20);
        HOLDS(strcasecmp(checksummed, text) == 0);
    }
    if (ct_addr_from_text(&addr, text) == CT_OK) {
        ct_addr_to_text(udp, &addr);
        HOLDS(ct_addr_from_text(&again, udp) == CT_OK && ct_addr_equal(&addr, &again));
    }
    if (ct_url_is_good(text, false)) {
        char origin[CT_URL_MAX];
        HOLDS(ct_url_is_same(text, text));
        ct_url_origin(origin, text);
        HOLDS(strncasecmp(origin, text, 4) == 0 && strchr(origin, '@') == NULL);
    }
    if (ct_identity_valid(text)) {
        HOLDS(strlen(text) <= CT_IDENTITY_MAX && text[0] != '\0');
    }
}

static void check_bytes(const uint8_t *data, size_t size)
{
    char text[2 * BYTES_MAX + 3];
    uint8_t again[BYTES_MAX];
    size_t count = 0;
    ct_hex0x(text, data, size);
    HOLDS(ct_unhex_var(again, sizeof(again), &count, text, strlen(text)) == CT_OK &&
          count == size && memcmp(again, data, size) == 0);
    ct_base64url(text, data, size);
    HOLDS(ct_unbase64url(again, sizeof(again), &count, text, strlen(text)) == CT_OK &&
          count == size && memcmp(again, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > BYTES_MAX) {
        return 0;
    }
    char *text = malloc(size + 1);
    HOLDS(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    check_bytes(data, size);
    check_forms(text, size);
    check_numbers(text);
    check_addresses(text);
    free(text);
    return 0;
}
