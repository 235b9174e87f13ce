/* What a request to the endpoint for Prometheus is to be answered with: a pure function. */
#include "status/scrape.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* A line without its end; at is moved behind it. len is what is left of the head. */
struct line {
    const char *at;
    size_t len;
};

static bool next_line(struct line *out, const char **at, const char *end)
{
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    if (!stop) {
        return false;
    }
    out->at = *at;
    out->len = (size_t)(stop - *at);
    out->len -= out->len > 0 && stop[-1] == '\r';
    *at = stop + 1;
    return true;
}

static bool is_text(const struct line *l, const char *text)
{
    return l->len == strlen(text) && memcmp(l->at, text, l->len) == 0;
}

static struct line take_word(struct line *l)
{
    const char *space = memchr(l->at, ' ', l->len);
    struct line word = {l->at, space ? (size_t)(space - l->at) : l->len};
    size_t used = word.len + (space != NULL);
    l->at += used;
    l->len -= used;
    return word;
}

/* "localhost", "127.0.0.1", "[::1]", each with a port or without. */
static bool is_own_name(const struct line *host)
{
    char name[64];
    uint8_t ip[16];
    if (host->len >= sizeof(name)) {
        return false;
    }
    memcpy(name, host->at, host->len);
    name[host->len] = '\0';
    char *port = name[0] == '[' ? strchr(name, ']') : name;
    port = port ? strchr(port, ':') : NULL;
    if (port) {
        *port = '\0';
    }
    return strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0 ||
           (inet_pton(AF_INET, name, ip) == 1 && ip[0] == 127);
}

/* The value of a Host line; false for any other. */
static bool host_of(struct line *out, const struct line *header)
{
    static const char name[] = "host:";
    if (header->len < sizeof(name) - 1 || strncasecmp(header->at, name, sizeof(name) - 1) != 0) {
        return false;
    }
    *out = (struct line){header->at + sizeof(name) - 1, header->len - (sizeof(name) - 1)};
    while (out->len > 0 && (*out->at == ' ' || *out->at == '\t')) {
        out->at++;
        out->len--;
    }
    while (out->len > 0 && (out->at[out->len - 1] == ' ' || out->at[out->len - 1] == '\t')) {
        out->len--;
    }
    return true;
}

static unsigned of_first_line(struct line first, bool *is_head)
{
    struct line method = take_word(&first);
    struct line target = take_word(&first);
    if (method.len == 0 || target.len == 0 ||
        !(is_text(&first, "HTTP/1.1") || is_text(&first, "HTTP/1.0"))) {
        return 400;
    }
    *is_head = is_text(&method, "HEAD");
    if (!*is_head && !is_text(&method, "GET")) {
        return 405;
    }
    return is_text(&target, "/metrics") ? 200 : 404;
}

unsigned ct_scrape_status(const char *head, size_t len, bool on_loopback, bool *is_head)
{
    const char *at = head;
    const char *end = head + len;
    struct line first;
    struct line line;
    struct line host = {NULL, 0};
    *is_head = false;
    if (len > CT_SCRAPE_HEAD_MAX) {
        return 431;
    }
    bool whole = false;
    bool has_first = next_line(&first, &at, end);
    while (has_first && !whole && next_line(&line, &at, end)) {
        struct line value;
        whole = line.len == 0;
        if (host_of(&value, &line)) {
            if (host.at) {
                return 400; /* two of them: who is meant? */
            }
            host = value;
        }
    }
    if (!whole) {
        return len == CT_SCRAPE_HEAD_MAX ? 431 : 0;
    }
    if (!host.at || host.len == 0 || memchr(head, '\0', (size_t)(at - head))) {
        return 400;
    }
    unsigned status = of_first_line(first, is_head);
    return status != 400 && on_loopback && !is_own_name(&host) ? 421 : status;
}
