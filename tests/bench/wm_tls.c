/* The only file of the bench that sees OpenSSL. */
#include "wm_tls.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/clock.h"

/* As libraries of hosts with AES instructions have them; on both sides of every comparison. */
static const char suites13[] = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";
static const char suites12[] = "ECDHE-PSK-CHACHA20-POLY1305";

struct bench_tls_client {
    SSL_CTX *ctx;
};

struct bench_tls {
    SSL *ssl;
    bool wants_write;
};

static int session_of(SSL *ssl, const struct bench_psk *psk, SSL_SESSION **out)
{
    static const unsigned char suite[2] = {0x13, 0x01}; /* any of SHA-256 */
    SSL_SESSION *s = SSL_SESSION_new();
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
    if (s == NULL || cipher == NULL ||
        SSL_SESSION_set1_master_key(s, psk->key32, sizeof psk->key32) != 1 ||
        SSL_SESSION_set_cipher(s, cipher) != 1 ||
        SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) != 1) {
        SSL_SESSION_free(s);
        return 0;
    }
    *out = s;
    return 1;
}

static int use_session(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len,
                       SSL_SESSION **out)
{
    const struct bench_psk *psk = SSL_get_app_data(ssl);
    *out = NULL;
    *id = (const unsigned char *)psk->identity;
    *id_len = strlen(psk->identity);
    return md != NULL && EVP_MD_get_type(md) != NID_sha256 ? 1 : session_of(ssl, psk, out);
}

static unsigned psk12(SSL *ssl, const char *hint, char *identity, unsigned max_identity,
                      unsigned char *out, unsigned max_psk)
{
    const struct bench_psk *psk = SSL_get_app_data(ssl);
    (void)hint;
    if (strlen(psk->identity) >= max_identity || max_psk < sizeof psk->key32) {
        return 0;
    }
    memcpy(identity, psk->identity, strlen(psk->identity) + 1);
    memcpy(out, psk->key32, sizeof psk->key32);
    return sizeof psk->key32;
}

static SSL_CTX *new_ctx(const SSL_METHOD *method, bool is_13)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    int version = is_13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, version) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, version) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, suites13) != 1 ||
        SSL_CTX_set_cipher_list(ctx, suites12) != 1) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    (void)SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_read_ahead(
        ctx, 1); /* a read of the socket for each answer, not for each record's half */
    return ctx;
}

struct bench_tls_client *bench_tls_client_new(bool is_13)
{
    struct bench_tls_client *client = calloc(1, sizeof *client);
    if (client == NULL || (client->ctx = new_ctx(TLS_client_method(), is_13)) == NULL) {
        free(client);
        return NULL;
    }
    SSL_CTX_set_psk_use_session_callback(client->ctx, use_session);
    SSL_CTX_set_psk_client_callback(client->ctx, psk12);
    return client;
}

void bench_tls_client_free(struct bench_tls_client *client)
{
    if (client != NULL) {
        SSL_CTX_free(client->ctx);
        free(client);
    }
}

/* The library keeps it without const, and it only reads. */
static bool set_psk(SSL *ssl, const struct bench_psk *psk)
{
    void *arg;
    memcpy(&arg, &psk, sizeof arg);
    return SSL_set_app_data(ssl, arg) == 1;
}

struct bench_tls *bench_tls_open(struct bench_tls_client *client, int fd,
                                 const struct bench_psk *psk)
{
    struct bench_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        return NULL;
    }
    tls->ssl = SSL_new(client->ctx);
    if (tls->ssl == NULL || SSL_set_fd(tls->ssl, fd) != 1 || !set_psk(tls->ssl, psk)) {
        bench_tls_free(tls);
        return NULL;
    }
    SSL_set_connect_state(tls->ssl);
    return tls;
}

void bench_tls_free(struct bench_tls *tls)
{
    if (tls != NULL) {
        SSL_free(tls->ssl);
        free(tls);
    }
}

static int what(struct bench_tls *tls, int code)
{
    int error = SSL_get_error(tls->ssl, code);
    tls->wants_write = error == SSL_ERROR_WANT_WRITE;
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? BENCH_AGAIN : BENCH_GONE;
}

int bench_tls_shake(struct bench_tls *tls)
{
    int code = SSL_do_handshake(tls->ssl);
    tls->wants_write = false;
    return code == 1 ? 0 : what(tls, code);
}

bool bench_tls_wants_write(const struct bench_tls *tls)
{
    return tls->wants_write;
}

long bench_tls_read(struct bench_tls *tls, void *out, size_t cap)
{
    int n = SSL_read(tls->ssl, out, (int)cap);
    return n > 0 ? n : what(tls, n);
}

long bench_tls_write(struct bench_tls *tls, const void *data, size_t len)
{
    int n = SSL_write(tls->ssl, data, (int)len);
    return n > 0 ? n : what(tls, n);
}

void bench_tls_end(struct bench_tls *tls)
{
    (void)SSL_shutdown(tls->ssl);
    ERR_clear_error();
}

/* ---- both sides in memory ---- */

static int find_session(SSL *ssl, const unsigned char *id, size_t id_len, SSL_SESSION **out)
{
    (void)id;
    (void)id_len;
    return session_of(ssl, SSL_get_app_data(ssl), out);
}

static unsigned find_psk(SSL *ssl, const char *identity, unsigned char *out, unsigned max)
{
    const struct bench_psk *psk = SSL_get_app_data(ssl);
    (void)identity;
    if (max < sizeof psk->key32) {
        return 0;
    }
    memcpy(out, psk->key32, sizeof psk->key32);
    return sizeof psk->key32;
}

static bool shake_once(SSL_CTX *of_server, SSL_CTX *of_client, const struct bench_psk *psk)
{
    BIO *a = NULL;
    BIO *b = NULL;
    SSL *server = SSL_new(of_server);
    SSL *client = SSL_new(of_client);
    bool good = server != NULL && client != NULL && BIO_new_bio_pair(&a, 0, &b, 0) == 1 &&
                set_psk(server, psk) && set_psk(client, psk);
    if (good) {
        SSL_set_bio(server, a, a);
        SSL_set_bio(client, b, b);
        SSL_set_accept_state(server);
        SSL_set_connect_state(client);
        int s = 0;
        int c = 0;
        for (int turns = 0; turns < 10 && (s != 1 || c != 1); turns++) {
            c = SSL_do_handshake(client);
            s = SSL_do_handshake(server);
        }
        good = s == 1 && c == 1;
    }
    SSL_free(server);
    SSL_free(client);
    return good;
}

double bench_tls_in_memory(bool is_13, uint32_t ms)
{
    const struct bench_psk psk = {.identity = "0123456789abcdef0123456789abcdef", .key32 = {7}};
    struct bench_tls_client *client = bench_tls_client_new(is_13);
    SSL_CTX *server = new_ctx(TLS_server_method(), is_13);
    uint64_t began = ct_mono_ms();
    uint64_t count = 0;
    double rate = 0;
    if (client != NULL && server != NULL) {
        SSL_CTX_set_psk_find_session_callback(server, find_session);
        SSL_CTX_set_psk_server_callback(server, find_psk);
        while (ct_mono_ms() - began < ms && shake_once(server, client->ctx, &psk)) {
            count++;
        }
        rate = (double)count * 1000 / (double)(ct_mono_ms() - began + 1);
    }
    SSL_CTX_free(server);
    bench_tls_client_free(client);
    return rate;
}
