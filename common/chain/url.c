/* URLs taken apart as far as endpoints need it; the transfer itself is libcurl's matter. */
#include "chain/url.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct parts {
    const char *host; /* borrowed from the URL, [] of IPv6 included */
    size_t host_len;
    unsigned long port;
    bool https;
    const char *rest; /* path and query */
};

/* The first byte behind scheme://, or 0 when it is neither. */
static size_t scheme_len(const char *url)
{
    if (strncasecmp(url, "https://", 8) == 0) {
        return 8;
    }
    return strncasecmp(url, "http://", 7) == 0 ? 7 : 0;
}

static bool split(struct parts *out, const char *url)
{
    size_t scheme = scheme_len(url);
    const char *host = url + scheme;
    size_t len = strcspn(host, "/?#");
    const char *end = host + len;
    const char *colon = end;
    if (scheme == 0 || len == 0 || memchr(host, '@', len) != NULL) {
        return false;
    }
    while (colon > host && isdigit((unsigned char)colon[-1])) {
        colon--;
    }
    bool has_port = colon > host && colon[-1] == ':'; /* "host:" means the default port */
    *out = (struct parts){.host = host, .host_len = len, .https = scheme == 8, .rest = end};
    out->port = out->https ? 443 : 80;
    if (has_port) {
        out->host_len = (size_t)(colon - 1 - host);
        if (colon < end) {
            out->port = strtoul(colon, NULL, 10);
        }
    }
    return out->host_len > 0 && out->port > 0 && out->port <= UINT16_MAX;
}

bool ct_url_is_good(const char *url, bool only_https)
{
    struct parts parts;
    size_t len = strlen(url);
    if (len >= CT_URL_MAX || !split(&parts, url) || (only_https && !parts.https)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)url[i];
        if (c <= 0x20 || c >= 0x7f || strchr("\"\\<>^`{|}#", c) != NULL) {
            return false;
        }
    }
    return true;
}

/* Path and query, "/" when the path is empty. */
static void rest_of(char out[CT_URL_MAX + 1], const struct parts *parts)
{
    (void)snprintf(out, CT_URL_MAX + 1, "%s%s", parts->rest[0] == '/' ? "" : "/", parts->rest);
}

bool ct_url_is_same(const char *one, const char *other)
{
    struct parts a;
    struct parts b;
    char rest_a[CT_URL_MAX + 1];
    char rest_b[CT_URL_MAX + 1];
    if (!split(&a, one) || !split(&b, other)) {
        return strcmp(one, other) == 0;
    }
    rest_of(rest_a, &a);
    rest_of(rest_b, &b);
    return a.https == b.https && a.port == b.port && a.host_len == b.host_len &&
           strncasecmp(a.host, b.host, a.host_len) == 0 && strcmp(rest_a, rest_b) == 0;
}

void ct_url_origin(char out[CT_URL_MAX], const char *url)
{
    size_t scheme = scheme_len(url);
    const char *host = url + scheme;
    size_t len = strcspn(host, "/?#");
    const char *at = memchr(host, '@', len);
    for (; at != NULL; at = memchr(host, '@', len)) {
        len -= (size_t)(at + 1 - host); /* whoever wrote user:password@: not into a log */
        host = at + 1;
    }
    (void)snprintf(out, CT_URL_MAX, "%.*s%.*s", (int)scheme, url,
                   (int)(len < CT_URL_MAX ? len : CT_URL_MAX - 1), host);
}
