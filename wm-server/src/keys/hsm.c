/* The one file that sees PKCS#11. A session that the token lost is opened anew, once a signature.
 */
#include "keys/hsm.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

#include "keys/hsm_uri.h"

enum { SLOTS_MAX = 64, FOUND_MAX = 2, POINT_MAX = 128 };

struct ct_hsm {
    void *library;
    CK_FUNCTION_LIST *f;
    bool initialised_here; /* and thus finalised here */
    bool has_session;
    bool pin_refused; /* not tried again: a token locks itself after a few wrong ones */
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    struct ct_hsm_uri uri;
    struct ct_passphrase pin; /* for a session that has to be opened anew */
    pthread_mutex_t one_at_a_time;
};

static const char *rv_text(CK_RV rv)
{
    static const struct {
        CK_RV rv;
        const char *text;
    } names[] = {
        {CKR_PIN_INCORRECT, "the PIN is wrong"},
        {CKR_PIN_LEN_RANGE, "the PIN has a length that the token does not take"},
        {CKR_PIN_LOCKED, "the PIN is locked after too many wrong ones"},
        {CKR_DEVICE_ERROR, "device error"},
        {CKR_DEVICE_REMOVED, "the token was removed"},
        {CKR_TOKEN_NOT_PRESENT, "the token is not there"},
        {CKR_MECHANISM_INVALID, "the token cannot sign with ECDSA"},
        {CKR_KEY_FUNCTION_NOT_PERMITTED, "the key may not sign"},
        {CKR_USER_PIN_NOT_INITIALIZED, "the token has no PIN yet"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].rv == rv) {
            return names[i].text;
        }
    }
    return "the token failed";
}

static ct_err failed(CK_RV rv, const char *doing, struct ct_why *why)
{
    bool is_pin = rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_LOCKED;
    return ct_why(why, is_pin ? CT_ERR_AUTH : CT_ERR_SYSTEM, "PKCS#11: cannot %s: %s (code 0x%lx)",
                  doing, rv_text(rv), (unsigned long)rv);
}

static ct_err load_module(struct ct_hsm *h, struct ct_why *why)
{
    const char *name = h->uri.module[0] != '\0' ? h->uri.module : "p11-kit-proxy.so";
    CK_RV (*list)(CK_FUNCTION_LIST **) = NULL;
    h->library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    void *symbol = h->library == NULL ? NULL : dlsym(h->library, "C_GetFunctionList");
    if (symbol == NULL) {
        const char *cause = dlerror();
        return ct_why(why, CT_ERR_CONFIG, "cannot load the PKCS#11 module %s: %s", name,
                      cause != NULL ? cause : "no reason given");
    }
    memcpy(&list, &symbol, sizeof list); /* C has no cast from object to function */
    CK_RV rv = list(&h->f);
    if (rv != CKR_OK) {
        return failed(rv, "get the module's functions", why);
    }
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    rv = h->f->C_Initialize(&args);
    h->initialised_here = rv == CKR_OK;
    return rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED
               ? CT_OK
               : failed(rv, "initialise the module", why);
}

/* Fixed fields of PKCS#11 are padded with blanks. */
static bool same_padded(const CK_UTF8CHAR *field, size_t cap, const char *want)
{
    size_t len = strlen(want);
    if (len > cap || memcmp(field, want, len) != 0) {
        return false;
    }
    for (size_t i = len; i < cap; i++) {
        if (field[i] != ' ' && field[i] != '\0') {
            return false;
        }
    }
    return true;
}

static ct_err find_slot(CK_SLOT_ID *out, const struct ct_hsm *h, struct ct_why *why)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    size_t found = 0;
    CK_RV rv = h->f->C_GetSlotList(CK_TRUE, slots, &count);
    if (rv != CKR_OK) {
        return failed(rv, "list the slots", why);
    }
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (h->f->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
            (info.flags & CKF_TOKEN_INITIALIZED) == 0 ||
            (h->uri.token[0] != '\0' &&
             !same_padded(info.label, sizeof info.label, h->uri.token)) ||
            (h->uri.serial[0] != '\0' &&
             !same_padded(info.serialNumber, sizeof info.serialNumber, h->uri.serial))) {
            continue;
        }
        *out = slots[i];
        found++;
    }
    return found == 1
               ? CT_OK
               : ct_why(why, CT_ERR_CONFIG,
                        found == 0 ? "PKCS#11: there is no token %s%s; plug it in, or correct "
                                     "token= and serial="
                                   : "PKCS#11: more than one token answers to %s%s; name it by "
                                     "token= and serial=",
                        h->uri.token, h->uri.serial);
}

static void fill(CK_ATTRIBUTE *a, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
    a->type = type;
    a->pValue = (void *)(uintptr_t)value; /* only read in a search */
    a->ulValueLen = len;
}

static ct_err find_object(CK_OBJECT_HANDLE *out, const struct ct_hsm *h, CK_OBJECT_CLASS class,
                          struct ct_why *why)
{
    CK_ATTRIBUTE search[4];
    CK_OBJECT_HANDLE found[FOUND_MAX];
    CK_KEY_TYPE type = CKK_EC;
    CK_ULONG fields = 2;
    CK_ULONG count = 0;
    fill(&search[0], CKA_CLASS, &class, sizeof class);
    fill(&search[1], CKA_KEY_TYPE, &type, sizeof type);
    if (h->uri.object[0] != '\0') {
        fill(&search[fields++], CKA_LABEL, h->uri.object, strlen(h->uri.object));
    }
    if (h->uri.id_len > 0) {
        fill(&search[fields++], CKA_ID, h->uri.id, h->uri.id_len);
    }
    CK_RV rv = h->f->C_FindObjectsInit(h->session, search, fields);
    if (rv == CKR_OK) {
        rv = h->f->C_FindObjects(h->session, found, FOUND_MAX, &count);
        (void)h->f->C_FindObjectsFinal(h->session);
    }
    if (rv != CKR_OK) {
        return failed(rv, "search the token", why);
    }
    if (count == 1) {
        *out = found[0];
        return CT_OK;
    }
    return ct_why(why, CT_ERR_CONFIG, "PKCS#11: the token has %s EC %s key %s%s",
                  count == 0 ? "no" : "more than one",
                  class == CKO_PRIVATE_KEY ? "private" : "public", h->uri.object,
                  count == 0 ? "; a pair with one label and id is needed"
                             : "; name it by object= and id=");
}

static void close_session(struct ct_hsm *h)
{
    if (h->has_session) {
        (void)h->f->C_CloseSession(h->session);
        h->has_session = false;
    }
}

static ct_err open_session(struct ct_hsm *h, struct ct_why *why)
{
    CK_SLOT_ID slot = 0;
    close_session(h);
    ct_err err = h->pin_refused ? CT_ERR_AUTH : find_slot(&slot, h, why);
    if (err != CT_OK) {
        return err;
    }
    CK_RV rv = h->f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &h->session);
    if (rv != CKR_OK) {
        return failed(rv, "open a session with the token", why);
    }
    h->has_session = true;
    rv = h->f->C_Login(h->session, CKU_USER, (CK_UTF8CHAR *)h->pin.text, h->pin.len);
    if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN) {
        err = failed(rv, "log in to the token", why);
        h->pin_refused = err == CT_ERR_AUTH;
        return err;
    }
    return find_object(&h->key, h, CKO_PRIVATE_KEY, why);
}

/* 0x04 | x | y, which a token gives within a DER octet string, and some without. */
static bool read_point(uint8_t point65[65], const uint8_t *data, size_t len)
{
    if (len == 67 && data[0] == 0x04 && data[1] == 65) {
        data += 2;
        len -= 2;
    }
    if (len != 65 || data[0] != 0x04) {
        return false;
    }
    memcpy(point65, data, 65);
    return true;
}

static ct_err public_key(uint8_t point65[65], struct ct_hsm *h, struct ct_why *why)
{
    static const uint8_t secp256k1[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a}; /* SEC 2 A.2.1 */
    uint8_t curve[POINT_MAX];
    uint8_t point[POINT_MAX];
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE parts[2];
    ct_err err = find_object(&key, h, CKO_PUBLIC_KEY, why);
    if (err != CT_OK) {
        return err;
    }
    fill(&parts[0], CKA_EC_PARAMS, curve, sizeof curve);
    fill(&parts[1], CKA_EC_POINT, point, sizeof point);
    CK_RV rv = h->f->C_GetAttributeValue(h->session, key, parts, 2);
    if (rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL) {
        return failed(rv, "read the public key", why);
    }
    if (rv != CKR_OK || parts[0].ulValueLen != sizeof secp256k1 ||
        memcmp(curve, secp256k1, sizeof secp256k1) != 0 ||
        !read_point(point65, point, parts[1].ulValueLen)) {
        return ct_why(
            why, CT_ERR_CONFIG,
            "PKCS#11: the key %s is not on the curve secp256k1; make one with pkcs11-tool "
            "--keypairgen --key-type EC:secp256k1",
            h->uri.object);
    }
    return CT_OK;
}

static CK_RV sign_once(struct ct_hsm *h, uint8_t rs64[64], const uint8_t hash32[32])
{
    CK_MECHANISM ecdsa = {.mechanism = CKM_ECDSA};
    uint8_t hash[32];
    CK_ULONG len = 64;
    memcpy(hash, hash32, sizeof hash); /* the interface takes no const */
    CK_RV rv =
        h->has_session ? h->f->C_SignInit(h->session, &ecdsa, h->key) : CKR_SESSION_HANDLE_INVALID;
    if (rv == CKR_OK) {
        rv = h->f->C_Sign(h->session, hash, sizeof hash, rs64, &len);
    }
    return rv == CKR_OK && len != 64 ? CKR_GENERAL_ERROR : rv;
}

static ct_err sign(void *arg, uint8_t rs64[64], const uint8_t hash32[32])
{
    struct ct_hsm *h = arg;
    (void)pthread_mutex_lock(&h->one_at_a_time);
    CK_RV rv = sign_once(h, rs64, hash32);
    /* a token that was pulled and put back has forgotten session, login and handles */
    if (rv != CKR_OK && open_session(h, NULL) == CT_OK) {
        rv = sign_once(h, rs64, hash32);
    }
    (void)pthread_mutex_unlock(&h->one_at_a_time);
    return rv == CKR_OK ? CT_OK : CT_ERR_SYSTEM;
}

ct_err ct_hsm_open(struct ct_hsm **out, struct ct_wallet *wallet, const char *uri,
                   const struct ct_passphrase *pin, struct ct_why *why)
{
    uint8_t point[65];
    struct ct_hsm *h = calloc(1, sizeof *h);
    if (h == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    (void)pthread_mutex_init(&h->one_at_a_time, NULL);
    (void)ct_memory_lock(h, sizeof *h);
    h->pin = *pin;
    ct_err err = ct_hsm_uri_parse(&h->uri, uri, why);
    if (err == CT_OK) {
        err = load_module(h, why);
    }
    if (err == CT_OK) {
        err = open_session(h, why);
    }
    if (err == CT_OK) {
        err = public_key(point, h, why);
    }
    const struct ct_signer signer = {.sign = sign, .arg = h};
    if (err == CT_OK && ct_wallet_from_signer(wallet, point, &signer) != CT_OK) {
        err = ct_why(why, CT_ERR_CONFIG, "PKCS#11: the public key %s is no point of its curve",
                     h->uri.object);
    }
    if (err != CT_OK) {
        ct_hsm_close(h);
        return err;
    }
    *out = h;
    return CT_OK;
}

void ct_hsm_close(struct ct_hsm *h)
{
    if (h == NULL) {
        return;
    }
    close_session(h);
    if (h->initialised_here) {
        (void)h->f->C_Finalize(NULL);
    }
    if (h->library != NULL) {
        (void)dlclose(h->library);
    }
    (void)pthread_mutex_destroy(&h->one_at_a_time);
    ct_wipe(h, sizeof *h);
    free(h);
}
