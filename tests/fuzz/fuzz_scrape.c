/*
 * Requests to the relay's endpoint for Prometheus; the first byte says whether it is on loopback.
 * Property: the answer is one of those documented, never 200 for what is not GET or HEAD of
 * /metrics; once there is one, more bytes of a body do not change it; fewer bytes never give more.
 */
/* sources: coturn-module/src/status/scrape_head.c */
/* links: ct_base */
#include "status/scrape.h"

#include <string.h>

#include "fuzz.h"

static bool is_documented(unsigned status)
{
    return status == 0 || status == 200 || status == 400 || status == 404 || status == 405 ||
           status == 421 || status == 431;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    bool on_loopback = data[0] % 2 == 0;
    const char *head = (const char *)data + 1;
    size_t len = size - 1;
    bool is_head = false;
    unsigned status = ct_scrape_status(head, len, on_loopback, &is_head);
    HOLDS(is_documented(status));
    const char *wanted = is_head ? "HEAD /metrics HTTP/1." : "GET /metrics HTTP/1.";
    HOLDS(status != 200 || strncmp(head, wanted, strlen(wanted)) == 0);
    HOLDS(status != 0 || len < CT_SCRAPE_HEAD_MAX);
    if (len > 0) {
        unsigned before = ct_scrape_status(head, len - 1, on_loopback, &is_head);
        HOLDS(before == 0 || before == status || status == 431);
    }
    return 0;
}
