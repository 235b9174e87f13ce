/* A UDP address as plain bytes: parsed, printed and compared without a socket type. */
#include "turn/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct ct_addr ct_addr_ip4(const uint8_t ip4[4], uint16_t port)
{
    struct ct_addr addr = {.port = port, .family = 4};
    memcpy(addr.ip, ip4, 4);
    return addr;
}

struct ct_addr ct_addr_ip6(const uint8_t ip6[16], uint16_t port)
{
    struct ct_addr addr = {.port = port, .family = 6};
    memcpy(addr.ip, ip6, 16);
    return addr;
}

bool ct_addr_same_ip(const struct ct_addr *a, const struct ct_addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool ct_addr_equal(const struct ct_addr *a, const struct ct_addr *b)
{
    return a->port == b->port && ct_addr_same_ip(a, b);
}

/* 1..65535 in decimal without a leading zero, to the end of the text. */
static ct_err port_from_text(uint16_t *out, const char *text)
{
    uint32_t port = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0' || text[0] == '0') {
        return CT_ERR_FORMAT;
    }
    for (size_t i = 0; i < digits; i++) {
        port = port * 10u + (uint32_t)(text[i] - '0');
    }
    if (port > UINT16_MAX) {
        return CT_ERR_FORMAT;
    }
    *out = (uint16_t)port;
    return CT_OK;
}

ct_err ct_addr_from_text(struct ct_addr *out, const char *text)
{
    char host[64];
    bool is_ip6 = text[0] == '[';
    const char *start = is_ip6 ? text + 1 : text;
    const char *end = strchr(start, is_ip6 ? ']' : ':');
    struct ct_addr addr = {.family = is_ip6 ? 6 : 4};

    if (end == NULL || (size_t)(end - start) >= sizeof host || (is_ip6 && end[1] != ':')) {
        return CT_ERR_FORMAT;
    }
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    if (inet_pton(is_ip6 ? AF_INET6 : AF_INET, host, addr.ip) != 1 ||
        port_from_text(&addr.port, end + (is_ip6 ? 2 : 1)) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    *out = addr;
    return CT_OK;
}

void ct_addr_to_text(char *out, const struct ct_addr *addr)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (addr->family != 4 && addr->family != 6) {
        (void)snprintf(out, CT_ADDR_TEXT, "none");
        return;
    }
    (void)inet_ntop(addr->family == 6 ? AF_INET6 : AF_INET, addr->ip, host, sizeof host);
    (void)snprintf(out, CT_ADDR_TEXT, addr->family == 6 ? "[%s]:%u" : "%s:%u", host,
                   (unsigned)addr->port);
}
