/* The names of the status codes. */
#include <chainturn/err.h>

const char *ct_err_text(ct_err err)
{
    switch (err) {
    case CT_OK:
        return "ok";
    case CT_ERR_ARG:
        return "bad argument";
    case CT_ERR_STATE:
        return "wrong state";
    case CT_ERR_ROOM:
        return "does not fit";
    case CT_ERR_CONFIG:
        return "bad configuration";
    case CT_ERR_FORMAT:
        return "malformed";
    case CT_ERR_AUTH:
        return "not authentic";
    case CT_ERR_REPLAY:
        return "replayed";
    case CT_ERR_EXPIRED:
        return "expired";
    case CT_ERR_REFUSED:
        return "refused";
    case CT_ERR_NOT_FOUND:
        return "not found";
    case CT_ERR_NOT_APPROVED:
        return "not approved";
    case CT_ERR_IO:
        return "unreachable";
    case CT_ERR_TIMEOUT:
        return "no answer in time";
    case CT_ERR_QUORUM:
        return "endpoints disagree";
    case CT_ERR_CHAIN:
        return "chain error";
    case CT_ERR_AGAIN:
        return "not yet";
    case CT_ERR_MOVED:
        return "moved";
    case CT_ERR_NOMEM:
        return "out of memory";
    case CT_ERR_SYSTEM:
        return "system error";
    case CT_ERR_FULL:
        return "the disk is full";
    }
    return "unknown error";
}
