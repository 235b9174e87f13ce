/* DTLS 1.2 with ECDHE-PSK over datagrams in memory: the one file that knows OpenSSL's SSL. */
#include "dtls.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/secret.h"

#define CIPHER "ECDHE-PSK-CHACHA20-POLY1305" /* RFC 7905 */
#define RTO_MIN_US 100000u
#define RTO_MAX_US 3000000u
#define RTO_UNKNOWN_US 300000u
#define NEVER_US 3600000000u
#define HELLO_EXTENSION 0xff43u /* of those for private use, RFC 8447 7 */

struct ct_dtls_env {
    SSL_CTX *ctx;
    BIO_METHOD *method;
};

struct ct_dtls {
    SSL *ssl;
    struct ct_dtls_config config;
    char identity[33];
    uint8_t psk32[32];
    const uint8_t *in; /* the datagram being read, while ct_dtls_input() runs */
    size_t in_len;
    uint8_t hello_out[CT_DTLS_HELLO_MAX], hello_in[CT_DTLS_HELLO_MAX];
    size_t hello_out_len, hello_in_len;
    bool is_open, is_closed;
};

/* ---- datagrams in and out of the library ---- */

static int bio_write(BIO *bio, const char *data, int len)
{
    struct ct_dtls *dtls = BIO_get_data(bio);
    if (len <= 0) {
        return 0;
    }
    dtls->config.send(dtls->config.arg, (const uint8_t *)data, (size_t)len);
    return len;
}

static int bio_read(BIO *bio, char *out, int len)
{
    struct ct_dtls *dtls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (dtls->in == NULL || len <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t n = dtls->in_len < (size_t)len ? dtls->in_len : (size_t)len;
    memcpy(out, dtls->in, n);
    dtls->in = NULL; /* a datagram is read in one piece or cut */
    return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return CT_DTLS_MTU;
    case BIO_CTRL_DGRAM_SET_MTU:
        return number;
    default:
        return 0;
    }
}

/* ---- what the library asks us ---- */

static struct ct_dtls *of(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

static unsigned psk_of_client(SSL *ssl, const char *hint, char *identity, unsigned identity_cap,
                              unsigned char *psk, unsigned psk_cap)
{
    struct ct_dtls *dtls = of(ssl);
    size_t len = strlen(dtls->identity) + 1;
    (void)hint;
    if (len > identity_cap || sizeof dtls->psk32 > psk_cap) {
        return 0;
    }
    memcpy(identity, dtls->identity, len);
    memcpy(psk, dtls->psk32, sizeof dtls->psk32);
    return sizeof dtls->psk32;
}

static unsigned psk_of_server(SSL *ssl, const char *identity, unsigned char *psk, unsigned psk_cap)
{
    struct ct_dtls *dtls = of(ssl);
    if (!ct_equal(identity, strlen(identity), dtls->identity, strlen(dtls->identity)) ||
        sizeof dtls->psk32 > psk_cap) {
        return 0;
    }
    memcpy(psk, dtls->psk32, sizeof dtls->psk32);
    return sizeof dtls->psk32;
}

static unsigned timer(SSL *ssl, unsigned last_us)
{
    struct ct_dtls *dtls = of(ssl);
    uint64_t rto = (uint64_t)dtls->config.rtt_ms * 2000u;
    if (dtls->config.repeats_hello && !ct_dtls_is_answered(dtls)) {
        return NEVER_US;
    }
    if (last_us != 0 && last_us != NEVER_US) {
        rto = 2u * (uint64_t)last_us;
    } else if (rto == 0) {
        rto = RTO_UNKNOWN_US;
    }
    rto = rto < RTO_MIN_US ? RTO_MIN_US : rto;
    return (unsigned)(rto > RTO_MAX_US ? RTO_MAX_US : rto);
}

/* ---- what the hellos carry ---- */

static int add_hello(SSL *ssl, unsigned type, unsigned context, const unsigned char **out,
                     size_t *len, X509 *x, size_t chain, int *alert, void *arg)
{
    struct ct_dtls *dtls = of(ssl);
    (void)type, (void)context, (void)x, (void)chain, (void)alert, (void)arg;
    if (!dtls->config.is_client && dtls->config.answer != NULL && dtls->hello_out_len == 0) {
        dtls->hello_out_len =
            dtls->config.answer(dtls->config.arg, dtls->hello_in, dtls->hello_in_len,
                                dtls->hello_out, sizeof dtls->hello_out);
    }
    *out = dtls->hello_out;
    *len = dtls->hello_out_len;
    return dtls->hello_out_len > 0;
}

static int take_hello(SSL *ssl, unsigned type, unsigned context, const unsigned char *in,
                      size_t len, X509 *x, size_t chain, int *alert, void *arg)
{
    struct ct_dtls *dtls = of(ssl);
    (void)type, (void)context, (void)x, (void)chain, (void)arg;
    if (len == 0 || len > sizeof dtls->hello_in) {
        *alert = SSL_AD_DECODE_ERROR;
        return 0;
    }
    memcpy(dtls->hello_in, in, len);
    dtls->hello_in_len = len;
    return 1;
}

/* ---- set-up ---- */

static bool set_up_context(SSL_CTX *ctx)
{
    int groups[] = {NID_X25519};
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_QUERY_MTU |
                                 SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(ctx, 1); /* a datagram may hold several records */
    SSL_CTX_set_psk_client_callback(ctx, psk_of_client);
    SSL_CTX_set_psk_server_callback(ctx, psk_of_server);
    return SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, CIPHER) == 1 && SSL_CTX_set1_groups(ctx, groups, 1) == 1 &&
           SSL_CTX_add_custom_ext(ctx, HELLO_EXTENSION,
                                  SSL_EXT_DTLS_ONLY | SSL_EXT_CLIENT_HELLO |
                                      SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_IGNORE_ON_RESUMPTION,
                                  add_hello, NULL, NULL, take_hello, NULL) == 1;
}

static BIO_METHOD *new_method(void)
{
    int type = BIO_get_new_index();
    BIO_METHOD *method =
        type == -1 ? NULL : BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "datagrams in memory");
    if (method != NULL && BIO_meth_set_write(method, bio_write) == 1 &&
        BIO_meth_set_read(method, bio_read) == 1 && BIO_meth_set_ctrl(method, bio_ctrl) == 1) {
        return method;
    }
    BIO_meth_free(method);
    return NULL;
}

ct_err ct_dtls_env_new(struct ct_dtls_env **out, struct ct_why *why)
{
    struct ct_dtls_env *env = calloc(1, sizeof *env);
    if (env == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    env->ctx = SSL_CTX_new(DTLS_method());
    env->method = new_method();
    if (env->ctx == NULL || env->method == NULL || !set_up_context(env->ctx)) {
        ct_dtls_env_free(env);
        ERR_clear_error();
        return ct_why(why, CT_ERR_SYSTEM,
                      "OpenSSL has no DTLS 1.2 with %s and X25519; install OpenSSL 3 or newer",
                      CIPHER);
    }
    *out = env;
    return CT_OK;
}

void ct_dtls_env_free(struct ct_dtls_env *env)
{
    if (env != NULL) {
        SSL_CTX_free(env->ctx);
        BIO_meth_free(env->method);
        free(env);
    }
}

static bool attach(struct ct_dtls *dtls, struct ct_dtls_env *env)
{
    dtls->ssl = SSL_new(env->ctx);
    BIO *bio = BIO_new(env->method);
    if (dtls->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        return false;
    }
    BIO_set_data(bio, dtls);
    BIO_set_init(bio, 1);
    SSL_set_bio(dtls->ssl, bio, bio);
    SSL_set_app_data(dtls->ssl, dtls);
    SSL_set_mtu(dtls->ssl, CT_DTLS_MTU);
    DTLS_set_timer_cb(dtls->ssl, timer);
    if (dtls->config.is_client) {
        SSL_set_connect_state(dtls->ssl);
    } else {
        SSL_set_accept_state(dtls->ssl);
    }
    return true;
}

ct_err ct_dtls_new(struct ct_dtls **out, struct ct_dtls_env *env,
                   const struct ct_dtls_config *config)
{
    struct ct_dtls *dtls;
    if (strlen(config->identity) >= sizeof dtls->identity ||
        config->offer_len > sizeof dtls->hello_out) {
        return CT_ERR_ARG;
    }
    dtls = calloc(1, sizeof *dtls);
    if (dtls == NULL) {
        return CT_ERR_NOMEM;
    }
    dtls->config = *config;
    memcpy(dtls->identity, config->identity, strlen(config->identity) + 1);
    memcpy(dtls->psk32, config->psk32, sizeof dtls->psk32);
    if (config->offer_len > 0) {
        memcpy(dtls->hello_out, config->offer, config->offer_len);
        dtls->hello_out_len = config->offer_len;
    }
    dtls->config.identity = NULL; /* the caller's, and copied */
    dtls->config.psk32 = NULL;
    dtls->config.offer = NULL;
    if (!attach(dtls, env)) {
        ct_dtls_free(dtls);
        return CT_ERR_NOMEM;
    }
    *out = dtls;
    return CT_OK;
}

void ct_dtls_free(struct ct_dtls *dtls)
{
    if (dtls != NULL) {
        SSL_free(dtls->ssl);
        ct_wipe(dtls, sizeof *dtls);
        free(dtls);
    }
}

/* ---- running ---- */

static ct_err fail(struct ct_dtls *dtls)
{
    dtls->is_closed = true;
    ct_wipe(dtls->psk32, sizeof dtls->psk32);
    ERR_clear_error();
    return CT_ERR_AUTH;
}

/* Goes on with the handshake as far as the datagrams that came allow. */
static ct_err shake(struct ct_dtls *dtls)
{
    if (dtls->is_closed) {
        return CT_ERR_STATE;
    }
    ERR_clear_error();
    int n = SSL_do_handshake(dtls->ssl);
    if (n == 1) {
        dtls->is_open = true;
        ct_wipe(dtls->psk32, sizeof dtls->psk32);
        return CT_OK;
    }
    return SSL_get_error(dtls->ssl, n) == SSL_ERROR_WANT_READ ? CT_OK : fail(dtls);
}

ct_err ct_dtls_start(struct ct_dtls *dtls)
{
    return shake(dtls);
}

ct_err ct_dtls_input(struct ct_dtls *dtls, const void *datagram, size_t len)
{
    if (dtls->is_closed) {
        return CT_ERR_STATE;
    }
    dtls->in = datagram;
    dtls->in_len = len;
    ct_err err = CT_OK;
    if (!dtls->is_open) {
        err = shake(dtls);
    }
    if (dtls->is_open && err == CT_OK && dtls->in != NULL) {
        /* Draws the datagram into the library: the bytes are not ours after this call. */
        char none;
        ERR_clear_error();
        int n = SSL_peek(dtls->ssl, &none, sizeof none);
        int cause = SSL_get_error(dtls->ssl, n);
        if (n <= 0 && cause != SSL_ERROR_WANT_READ && cause != SSL_ERROR_ZERO_RETURN) {
            err = fail(dtls);
        }
    }
    dtls->in = NULL;
    return err;
}

ct_err ct_dtls_read(struct ct_dtls *dtls, void *out, size_t cap, size_t *len)
{
    if (dtls->is_closed) {
        return CT_ERR_IO;
    }
    if (!dtls->is_open) {
        return CT_ERR_AGAIN;
    }
    ERR_clear_error();
    int n = SSL_read(dtls->ssl, out, cap > INT32_MAX ? INT32_MAX : (int)cap);
    if (n > 0) {
        *len = (size_t)n;
        return CT_OK;
    }
    switch (SSL_get_error(dtls->ssl, n)) {
    case SSL_ERROR_WANT_READ:
        return CT_ERR_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        dtls->is_closed = true;
        return CT_ERR_IO;
    default:
        return fail(dtls);
    }
}

ct_err ct_dtls_write(struct ct_dtls *dtls, const void *data, size_t len)
{
    if (!dtls->is_open || dtls->is_closed) {
        return CT_ERR_STATE;
    }
    if (len == 0 || len > CT_DTLS_DATA_MAX) {
        return CT_ERR_ARG;
    }
    ERR_clear_error();
    return SSL_write(dtls->ssl, data, (int)len) == (int)len ? CT_OK : fail(dtls);
}

void ct_dtls_close(struct ct_dtls *dtls)
{
    if (dtls->is_open && !dtls->is_closed) {
        ERR_clear_error();
        (void)SSL_shutdown(dtls->ssl);
        ERR_clear_error();
    }
    dtls->is_closed = true;
}

bool ct_dtls_is_open(const struct ct_dtls *dtls)
{
    return dtls->is_open && !dtls->is_closed;
}

const uint8_t *ct_dtls_hello(const struct ct_dtls *dtls, size_t *len)
{
    *len = dtls->hello_in_len;
    return dtls->hello_in;
}

ct_err ct_dtls_export(const struct ct_dtls *dtls, uint8_t out32[32], const char *label)
{
    if (!ct_dtls_is_open(dtls)) {
        return CT_ERR_STATE;
    }
    ERR_clear_error();
    return SSL_export_keying_material(dtls->ssl, out32, 32, label, strlen(label), NULL, 0, 0) == 1
               ? CT_OK
               : CT_ERR_SYSTEM;
}

bool ct_dtls_is_answered(const struct ct_dtls *dtls)
{
    OSSL_HANDSHAKE_STATE state = SSL_get_state(dtls->ssl);
    return state != TLS_ST_BEFORE && state != TLS_ST_CW_CLNT_HELLO;
}

uint32_t ct_dtls_timeout_ms(const struct ct_dtls *dtls)
{
    struct timeval left;
    if (dtls->is_closed || DTLSv1_get_timeout(dtls->ssl, &left) != 1) {
        return UINT32_MAX;
    }
    uint64_t ms = (uint64_t)left.tv_sec * 1000u + ((uint64_t)left.tv_usec + 999u) / 1000u;
    return ms >= NEVER_US / 2000u ? UINT32_MAX : (uint32_t)ms;
}

ct_err ct_dtls_timeout(struct ct_dtls *dtls)
{
    if (dtls->is_closed) {
        return CT_ERR_STATE;
    }
    ERR_clear_error();
    return DTLSv1_handle_timeout(dtls->ssl) < 0 ? fail(dtls) : CT_OK;
}
