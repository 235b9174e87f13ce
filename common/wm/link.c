/* HTTP over libcurl: keep-alive, no proxy, no redirect; TLS only by the given PSK. */
#include "wm/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "base/secret.h"

enum { PSK_LEN = 32, IDENTITY_MAX = 64, KEY_MAX = 128 };

/* The hash of an external PSK is SHA-256 (RFC 8446 4.2.11), so only these suites can take it. */
static const char TLS13_SUITES[] = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
static const char TLS12_SUITES[] = "ECDHE-PSK-CHACHA20-POLY1305";
static const unsigned char TLS13_AES_128_GCM_SHA256[2] = {0x13, 0x01};

struct ct_wm_link {
    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *keyed; /* those of the request under way, with its key; or NULL */
    bool secure;
    char identity[IDENTITY_MAX + 1];
    uint8_t psk[PSK_LEN];
    char error[CURL_ERROR_SIZE];
    char *out; /* of the request under way */
    size_t cap;
    size_t len;
    bool too_long;
};

/* ---- the PSK ---- */

static int psk_use_session(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len,
                           SSL_SESSION **out)
{
    const struct ct_wm_link *link = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    *out = NULL;
    *id = NULL;
    *id_len = 0;
    if (md != NULL && EVP_MD_get_type(md) != NID_sha256) {
        return 1; /* a HelloRetryRequest chose a hash that this PSK is not for */
    }
    SSL_SESSION *session = SSL_SESSION_new();
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, TLS13_AES_128_GCM_SHA256);
    if (session == NULL || cipher == NULL ||
        SSL_SESSION_set1_master_key(session, link->psk, PSK_LEN) != 1 ||
        SSL_SESSION_set_cipher(session, cipher) != 1 ||
        SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) != 1) {
        SSL_SESSION_free(session);
        return 0;
    }
    *out = session;
    *id = (const unsigned char *)link->identity;
    *id_len = strlen(link->identity);
    return 1;
}

static unsigned psk_client(SSL *ssl, const char *hint, char *identity, unsigned max_identity,
                           unsigned char *psk, unsigned max_psk)
{
    const struct ct_wm_link *link = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    (void)hint;
    if (strlen(link->identity) >= max_identity || max_psk < PSK_LEN) {
        return 0;
    }
    memcpy(identity, link->identity, strlen(link->identity) + 1);
    memcpy(psk, link->psk, PSK_LEN);
    return PSK_LEN;
}

/* Called only when a certificate arrives, which no PSK handshake has. */
static int refuse_certificate(X509_STORE_CTX *store, void *arg)
{
    (void)store;
    (void)arg;
    return 0;
}

static CURLcode prepare_tls(CURL *easy, void *ssl_ctx, void *arg)
{
    SSL_CTX *ctx = ssl_ctx;
    (void)easy;
    if (SSL_CTX_set_app_data(ctx, arg) != 1) {
        return CURLE_OUT_OF_MEMORY;
    }
    SSL_CTX_set_psk_use_session_callback(ctx, psk_use_session);
    SSL_CTX_set_psk_client_callback(ctx, psk_client);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, refuse_certificate, NULL);
    return CURLE_OK;
}

/* ---- libcurl ---- */

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
    struct ct_wm_link *link = arg;
    const size_t n = size * count;
    if (n > link->cap - 1 - link->len) {
        link->too_long = true;
        return 0;
    }
    memcpy(link->out + link->len, data, n);
    link->len += n;
    return n;
}

static bool set_common(struct ct_wm_link *link)
{
    CURL *e = link->easy;
    return curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_ERRORBUFFER, link->error) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEDATA, link) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, link->secure ? "https" : "http") == CURLE_OK;
}

/* libcurl's own certificate checks are off: there is no certificate; prepare_tls refuses any. */
static bool set_secure(struct ct_wm_link *link)
{
    CURL *e = link->easy;
    return curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_SSL_CIPHER_LIST, TLS12_SUITES) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_TLS13_CIPHERS, TLS13_SUITES) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, prepare_tls) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, link) == CURLE_OK;
}

static bool set_headers(struct ct_wm_link *link)
{
    link->headers = curl_slist_append(NULL, "Content-Type: application/json");
    struct curl_slist *more =
        link->headers != NULL ? curl_slist_append(link->headers, "Expect:") : NULL;
    return more != NULL;
}

ct_err ct_wm_link_new(struct ct_wm_link **out, const char *identity, const uint8_t *psk32,
                      struct ct_why *why)
{
    struct ct_wm_link *link = calloc(1, sizeof(*link));
    if (link == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    link->secure = psk32 != NULL;
    bool ok = true;
    if (link->secure) {
        ok = strlen(identity) <= IDENTITY_MAX;
        if (ok) {
            memcpy(link->identity, identity, strlen(identity) + 1);
            memcpy(link->psk, psk32, PSK_LEN);
        }
    }
    ok = ok && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    link->easy = ok ? curl_easy_init() : NULL;
    ok = link->easy != NULL && set_headers(link) && set_common(link) &&
         (!link->secure || set_secure(link));
    if (!ok) {
        ct_wm_link_free(link);
        return ct_why(why, CT_ERR_SYSTEM,
                      "libcurl of this host cannot do HTTP with OpenSSL; install libcurl4 in its "
                      "OpenSSL flavour");
    }
    *out = link;
    return CT_OK;
}

void ct_wm_link_free(struct ct_wm_link *link)
{
    if (link != NULL) {
        curl_easy_cleanup(link->easy);
        curl_slist_free_all(link->headers);
        curl_slist_free_all(link->keyed);
        ct_wipe(link, sizeof(*link));
        free(link);
    }
}

/* The common headers, with the key before them when there is one. */
static bool set_key(struct ct_wm_link *link, const char *key)
{
    char text[KEY_MAX + sizeof "Idempotency-Key: "];
    curl_slist_free_all(link->keyed);
    link->keyed = NULL;
    if (key == NULL) {
        return curl_easy_setopt(link->easy, CURLOPT_HTTPHEADER, link->headers) == CURLE_OK;
    }
    (void)snprintf(text, sizeof text, "Idempotency-Key: %s", key);
    link->keyed = curl_slist_append(NULL, text);
    bool ok = link->keyed != NULL;
    for (const struct curl_slist *h = link->headers; ok && h != NULL; h = h->next) {
        ok = curl_slist_append(link->keyed, h->data) != NULL;
    }
    return ok && curl_easy_setopt(link->easy, CURLOPT_HTTPHEADER, link->keyed) == CURLE_OK;
}

static bool set_request(struct ct_wm_link *link, const struct ct_wm_question *q)
{
    CURL *e = link->easy;
    const bool post = strcmp(q->method, "POST") == 0;
    bool ok = curl_easy_setopt(e, CURLOPT_URL, q->url) == CURLE_OK &&
              curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms) == CURLE_OK &&
              set_key(link, post ? q->key : NULL);
    if (!post) {
        return ok && curl_easy_setopt(e, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    }
    const char *text = q->body != NULL ? q->body : "";
    return ok && curl_easy_setopt(e, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)strlen(text)) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_POSTFIELDS, text) == CURLE_OK;
}

static ct_err explain(const struct ct_wm_link *link, CURLcode code, const char *url,
                      uint32_t timeout_ms, struct ct_why *why)
{
    const char *cause = link->error[0] != '\0' ? link->error : curl_easy_strerror(code);
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return ct_why(
            why, CT_ERR_TIMEOUT,
            "the wallet manager at %s gave no answer within %u ms; check that it runs and "
            "is reachable",
            url, (unsigned)timeout_ms);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
        return ct_why(
            why, CT_ERR_AUTH,
            "TLS-PSK with the wallet manager at %s failed (%s): it does not know this key "
            "any more, or something else answers there; check the bundle's address",
            url, cause);
    case CURLE_OUT_OF_MEMORY:
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return ct_why(why, CT_ERR_CONFIG,
                      "the wallet manager's address %s cannot be used (%s); correct the bundle",
                      url, cause);
    default:
        return ct_why(why, CT_ERR_IO,
                      "cannot reach the wallet manager at %s (%s); check that it runs and that the "
                      "bundle's address is right",
                      url, cause);
    }
}

/* Once a byte of the request was written, only an answer tells whether it was done. */
static bool was_sent(const struct ct_wm_link *link)
{
    long bytes = 0;
    return curl_easy_getinfo(link->easy, CURLINFO_REQUEST_SIZE, &bytes) == CURLE_OK && bytes > 0;
}

ct_err ct_wm_link_call(struct ct_wm_link *link, struct ct_wm_reply *reply, char *out, size_t cap,
                       const struct ct_wm_question *question, struct ct_why *why)
{
    long status = 0;
    link->out = out;
    link->cap = cap;
    link->len = 0;
    link->too_long = false;
    link->error[0] = '\0';
    *reply = (struct ct_wm_reply){.status = 0};
    if (!set_request(link, question)) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    CURLcode code = curl_easy_perform(link->easy);
    reply->was_sent = was_sent(link);
    if (link->too_long) {
        return ct_why(why, CT_ERR_ROOM, "the answer of %s is too long; is it the wallet manager?",
                      question->url);
    }
    if (code != CURLE_OK ||
        curl_easy_getinfo(link->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK) {
        return explain(link, code, question->url, question->timeout_ms, why);
    }
    out[link->len] = '\0';
    reply->status = status > 0 ? (unsigned)status : 0;
    reply->len = link->len;
    return CT_OK;
}
