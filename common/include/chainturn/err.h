/* Status codes of every function that can fail; the class in the high byte tells what to do next.
 */
#ifndef CHAINTURN_ERR_H
#define CHAINTURN_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CT_MUST_USE __attribute__((warn_unused_result))
#define CT_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define CT_MUST_USE
#define CT_PRINTF(text, first)
#endif

/*
 * Classes: 1 the caller's mistake (fix the call), 2 the peer's data (drop it, never retry), 3 the
 * world (may work later), 4 this host (give up cleanly). Outputs are written only on CT_OK.
 */
typedef enum ct_err {
    CT_OK = 0,

    CT_ERR_ARG = 0x0101,    /* an argument outside its documented range */
    CT_ERR_STATE = 0x0102,  /* not now: the object is in another state */
    CT_ERR_ROOM = 0x0103,   /* the output does not fit */
    CT_ERR_CONFIG = 0x0104, /* a configuration that cannot be used */

    CT_ERR_FORMAT = 0x0201,       /* bytes that do not parse, or are not canonical */
    CT_ERR_AUTH = 0x0202,         /* a signature, MAC, seal or proof that does not hold */
    CT_ERR_REPLAY = 0x0203,       /* seen before, or reflected */
    CT_ERR_EXPIRED = 0x0204,      /* valid once, not any more */
    CT_ERR_REFUSED = 0x0205,      /* understood and refused by the other side or by policy */
    CT_ERR_NOT_FOUND = 0x0206,    /* proven absent */
    CT_ERR_NOT_APPROVED = 0x0207, /* present, not (or no longer) approved */

    CT_ERR_IO = 0x0301,      /* unreachable, reset, closed */
    CT_ERR_TIMEOUT = 0x0302, /* no answer in time */
    CT_ERR_QUORUM = 0x0303,  /* endpoints disagree, or too few answer */
    CT_ERR_CHAIN = 0x0304,   /* the chain answered with an error, or is not the one configured */
    CT_ERR_AGAIN = 0x0305,   /* nothing yet; call again */
    CT_ERR_MOVED = 0x0306,   /* the deployment is in another contract now: open anew */

    CT_ERR_NOMEM = 0x0401,
    CT_ERR_SYSTEM = 0x0402, /* file, socket or entropy of this host failed */
    CT_ERR_FULL = 0x0403,   /* no room left on a disk; nothing was written */
} ct_err;

enum {
    CT_ERR_CLASS_CALLER = 1,
    CT_ERR_CLASS_PEER = 2,
    CT_ERR_CLASS_WORLD = 3,
    CT_ERR_CLASS_HOST = 4
};

#define CT_ERR_CLASS(err) (((unsigned)(err) >> 8) & 0xffu)

/* A short English name, never NULL: "not approved". Static storage. */
const char *ct_err_text(ct_err err);

#ifdef __cplusplus
}
#endif

#endif
