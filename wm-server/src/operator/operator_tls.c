/* Three PEM files, all or none, and none only where nobody else comes. */
#include "operator/operator_tls.h"

#include <stdlib.h>

#include "base/secret.h"
#include "http/bind.h"

enum { PEM_MAX = 65536 };

struct ct_operator_tls {
    char certificate[PEM_MAX], key[PEM_MAX], clients[PEM_MAX];
    struct ct_http_tls tls;
};

static ct_err read_pem(char out[PEM_MAX], const char *path, bool is_private, struct ct_why *why)
{
    size_t len = 0;
    ct_err err = ct_file_read(out, PEM_MAX, &len, path, is_private, why);
    return err == CT_ERR_NOT_FOUND
               ? ct_why(why, CT_ERR_CONFIG, "there is no file %s for the operators' listener", path)
               : err;
}

static ct_err none(const struct ct_settings *s, struct ct_why *why)
{
    bool is_loopback = false;
    const char *address = ct_settings_operator(s);
    ct_err err = ct_bind_reach(&is_loopback, address, why);
    if (err == CT_OK && !is_loopback) {
        err = ct_why(why, CT_ERR_CONFIG,
                     "listen.operator is %s, where others come, and there is no certificate: set "
                     "listen.operator-certificate, operator-key and operator-clients, or listen on "
                     "127.0.0.1",
                     address);
    }
    return err;
}

ct_err ct_operator_tls_load(struct ct_operator_tls **out, const struct ct_settings *s,
                            struct ct_why *why)
{
    *out = NULL;
    if (ct_settings_operator(s) == NULL) {
        return CT_OK;
    }
    if (s->op_certificate == NULL && s->op_key == NULL && s->op_clients == NULL) {
        return none(s, why);
    }
    if (s->op_certificate == NULL || s->op_key == NULL || s->op_clients == NULL) {
        return ct_why(why, CT_ERR_CONFIG,
                      "of listen.operator-certificate, operator-key and operator-clients some are "
                      "set; set all three, or none");
    }
    struct ct_operator_tls *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    ct_err err = read_pem(t->certificate, s->op_certificate, false, why);
    if (err == CT_OK) {
        err = read_pem(t->key, s->op_key, true, why);
    }
    if (err == CT_OK) {
        err = read_pem(t->clients, s->op_clients, false, why);
    }
    if (err != CT_OK) {
        ct_operator_tls_free(t);
        return err;
    }
    t->tls = (struct ct_http_tls){t->certificate, t->key, t->clients};
    *out = t;
    return CT_OK;
}

const struct ct_http_tls *ct_operator_tls(const struct ct_operator_tls *t)
{
    return t == NULL ? NULL : &t->tls;
}

void ct_operator_tls_free(struct ct_operator_tls *t)
{
    if (t != NULL) {
        ct_wipe(t, sizeof *t);
        free(t);
    }
}
