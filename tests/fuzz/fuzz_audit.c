/*
 * Lines of the audit log. Property: no line is accepted any more when one of its bits is changed
 * (the input says which), and what is accepted is one line with a number. Inputs are also
 * closed with their right hash here, so that the parser is passed.
 */
/* links: ct_wmserver ct_chain ct_base */
#include "wm-server/src/operator/audit_link.h"

#include <string.h>

#include "base/hex.h"
#include "chain/keccak.h"
#include "fuzz.h"

static void check(const char *line, size_t len, size_t bit)
{
    struct ct_audit_link link;
    uint8_t prev32[32];
    char changed[CT_AUDIT_LINE];
    if (ct_audit_parse(&link, prev32, line, len) != CT_OK) {
        return;
    }
    HOLDS(len < sizeof changed && link.n > 0 && memchr(line, '\n', len) == NULL);
    memcpy(changed, line, len);
    changed[bit / 8 % len] = (char)(changed[bit / 8 % len] ^ (1 << bit % 8));
    HOLDS(ct_audit_parse(&link, prev32, changed, len) != CT_OK);
    HOLDS(ct_audit_parse(&link, prev32, line, len - 1) != CT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[CT_AUDIT_LINE];
    char digits[65];
    uint8_t hash32[32];
    size_t bit = 0;
    if (size < 2) {
        return 0;
    }
    bit = (size_t)data[0] << 8 | data[1];
    data += 2;
    size -= 2;
    check((const char *)data, size, bit);
    if (size + 77 < sizeof line) {
        memcpy(line, data, size);
        ct_keccak256(hash32, line, size);
        ct_hex(digits, hash32, 32);
        size_t len =
            size + (size_t)snprintf(line + size, sizeof line - size, ",\"hash\":\"%s\"}", digits);
        check(line, len, bit);
    }
    return 0;
}
