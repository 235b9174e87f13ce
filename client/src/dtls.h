/* DTLS 1.2 with ECDHE-PSK over datagrams in memory; whoever calls carries them. */
#ifndef CT_CLIENT_DTLS_H
#define CT_CLIENT_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"

#define CT_DTLS_MTU 1200
/* Record header 13 and tag 16 (RFC 7905 has no explicit nonce); the rest is slack for one day. */
#define CT_DTLS_DATA_MAX (CT_DTLS_MTU - 48)
#define CT_DTLS_HELLO_MAX 600 /* bytes that a hello carries */

/* What all associations share; costs a millisecond, so it is made before the first call. */
struct ct_dtls_env;
CT_MUST_USE ct_err ct_dtls_env_new(struct ct_dtls_env **out, struct ct_why *why);
void ct_dtls_env_free(struct ct_dtls_env *env);

struct ct_dtls;
typedef void ct_dtls_send(void *arg, const uint8_t *datagram, size_t len);

struct ct_dtls_config {
    bool is_client;
    bool repeats_hello;   /* the caller sends the ClientHello again when it is lost */
    const char *identity; /* psk_identity: the sid in hex */
    const uint8_t *psk32;
    uint32_t rtt_ms; /* measured; 0 when unknown */
    ct_dtls_send *send;
    /* What the hellos carry beside (extension 0xff43). A client's offer, copied; offer_len 0: none.
     * A server's answer to one, at most cap bytes; it returns their number, 0: no answer. */
    const uint8_t *offer;
    size_t offer_len;
    size_t (*answer)(void *arg, const uint8_t *offer, size_t len, uint8_t *out, size_t cap);
    void *arg;
};

CT_MUST_USE ct_err ct_dtls_new(struct ct_dtls **out, struct ct_dtls_env *env,
                               const struct ct_dtls_config *config);
void ct_dtls_free(struct ct_dtls *dtls); /* wipes; NULL is fine */

/* Starts: a client sends its ClientHello. */
CT_MUST_USE ct_err ct_dtls_start(struct ct_dtls *dtls);
/*
 * One datagram of the peer. Then ct_dtls_read() until CT_ERR_AGAIN. Records that are forged or
 * repeated are dropped inside. CT_ERR_AUTH: the association failed and is closed.
 */
CT_MUST_USE ct_err ct_dtls_input(struct ct_dtls *dtls, const void *datagram, size_t len);
/* CT_ERR_AGAIN: nothing there. CT_ERR_IO: the peer closed. out has room for CT_DTLS_MTU bytes. */
CT_MUST_USE ct_err ct_dtls_read(struct ct_dtls *dtls, void *out, size_t cap, size_t *len);
/* One datagram of 1 to CT_DTLS_DATA_MAX bytes. CT_ERR_STATE before it is open. */
CT_MUST_USE ct_err ct_dtls_write(struct ct_dtls *dtls, const void *data, size_t len);
/* Says goodbye (close_notify), when there is somebody to say it to. */
void ct_dtls_close(struct ct_dtls *dtls);

bool ct_dtls_is_open(const struct ct_dtls *dtls);
/* What the other's hello carried, valid while dtls is; *len is 0 for nothing. Nobody has vouched
 * for it before the association is open. */
const uint8_t *ct_dtls_hello(const struct ct_dtls *dtls, size_t *len);
/* RFC 5705, without a context: bytes that only the two ends know. CT_ERR_STATE before it is open.
 */
CT_MUST_USE ct_err ct_dtls_export(const struct ct_dtls *dtls, uint8_t out32[32], const char *label);
/* The peer has answered the ClientHello. */
bool ct_dtls_is_answered(const struct ct_dtls *dtls);
/* Milliseconds until ct_dtls_timeout() has a flight to repeat; UINT32_MAX when there is none. The
 * library underneath measures with this host's wall clock. */
uint32_t ct_dtls_timeout_ms(const struct ct_dtls *dtls);
CT_MUST_USE ct_err ct_dtls_timeout(struct ct_dtls *dtls);

#endif
