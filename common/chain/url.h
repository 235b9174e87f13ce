/* http and https URLs of endpoints: are they usable, are two of them one endpoint, what to log? */
#ifndef CT_CHAIN_URL_H
#define CT_CHAIN_URL_H

#include <stdbool.h>
#include <stddef.h>

#include <chainturn/err.h>

enum { CT_URL_MAX = 200 }; /* with the NUL */

/*
 * http://host[:port][/path][?query], or https only; printable ASCII without what JSON or a shell
 * would trip over. A fragment and user:password@ are refused: the one is never sent, the other is a
 * secret that would show up wherever the URL does.
 */
bool ct_url_is_good(const char *url, bool only_https);

/*
 * Do two good URLs name one endpoint? Scheme and host in any case, the default port written or not,
 * an empty path for "/" (RFC 3986 6.2.3).
 */
bool ct_url_is_same(const char *one, const char *other);

/*
 * scheme://host[:port] of a URL, cut to fit: for logs and sentences, as path and query often hold
 * the key of an RPC provider's customer.
 */
void ct_url_origin(char out[CT_URL_MAX], const char *url);

#endif
