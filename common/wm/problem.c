/* The words of urn:chainturn:error: and what each means for whoever asked. */
#include "wm/problem.h"

#include <string.h>

#include "chain/json.h"

static const char URN[] = "urn:chainturn:error:";

static const struct {
    const char *word;
    ct_err err;
    const char *happened;
    const char *remedy;
} PROBLEMS[] = {
    {"format", CT_ERR_FORMAT, "the wallet manager could not read the request",
     "use versions of the same release on both sides"},
    {"token-invalid", CT_ERR_AUTH, "the token is not valid", "ask the platform for a new one"},
    {"token-expired", CT_ERR_EXPIRED, "the token has expired", "ask the platform for a new one"},
    {"token-gas", CT_ERR_REFUSED, "the token pays for too little gas",
     "ask the platform for a new one"},
    {"factory-used-up", CT_ERR_REFUSED, "the factory credential is used up",
     "ask the platform for another one"},
    {"token-used", CT_ERR_AUTH, "the token was used before", "ask the platform for a new one"},
    {"identity", CT_ERR_AUTH, "this identity is not allowed here",
     "use the identity that the token names"},
    {"signature", CT_ERR_AUTH, "a signature does not hold",
     "check that the wallet and the contract are the right ones"},
    {"not-registered", CT_ERR_NOT_APPROVED, "this device is not registered (any more)",
     "register it again with a new token"},
    {"not-pending", CT_ERR_STATE, "the chain holds no pending record of this device",
     "send addClient and wait for its block, then ask again"},
    {"not-approved", CT_ERR_STATE, "the record is not approved",
     "read the chain again; another step comes first"},
    {"registered", CT_ERR_STATE, "this name has a live record already",
     "change that one instead of writing a new one"},
    {"contract-refuses", CT_ERR_REFUSED, "the contract would refuse this record",
     "read the chain again and choose other relays, ports or days"},
    {"no-funder", CT_ERR_REFUSED, "this platform pays for no device",
     "send ether to the device's wallet, or register by the sponsored road"},
    {"funding-limit", CT_ERR_AGAIN, "the platform's limit for payments is reached",
     "try again later"},
    {"relay-mismatch", CT_ERR_REFUSED, "the relay is not what its record on the chain says",
     "check addresses, ports and key, and register it again"},
    {"probe-failed", CT_ERR_REFUSED, "the wallet manager's test of the relay failed",
     "check that its ports can be reached from outside"},
    {"chain-unavailable", CT_ERR_CHAIN, "the wallet manager cannot reach the chain",
     "try again later"},
    {"not-found", CT_ERR_NOT_FOUND, "the wallet manager knows no such thing",
     "start the operation again"},
    {"too-large", CT_ERR_REFUSED, "the request is too large",
     "use versions of the same release on both sides"},
    {"too-many", CT_ERR_REFUSED, "too many requests", "try again in a minute"},
    {"under-way", CT_ERR_AGAIN, "the same request is under way", "ask again in a moment"},
    {"idempotency-conflict", CT_ERR_REFUSED, "another request had this request's key", "try again"},
    {"stopping", CT_ERR_IO, "the wallet manager ends just now", "try again in a minute"},
    {"internal", CT_ERR_IO, "the wallet manager failed", "try again later, or see its log"},
};

static ct_err by_status(unsigned status, const char *what, struct ct_why *why)
{
    if (status == 404) {
        return ct_why(why, CT_ERR_NOT_FOUND,
                      "%s: HTTP 404; check that the address in the bundle is the wallet manager's",
                      what);
    }
    if (status >= 500) {
        return ct_why(why, CT_ERR_IO, "%s: HTTP %u; try again later", what, status);
    }
    return ct_why(why, CT_ERR_REFUSED,
                  "%s: refused with HTTP %u; check that the address in the bundle is the wallet "
                  "manager's",
                  what, status);
}

/* Copies word and detail out of the body; empty when they are not there. */
static void read_problem(struct ct_wm_answer *answer, char *detail, size_t cap)
{
    struct ct_json *document = NULL;
    answer->problem[0] = '\0';
    detail[0] = '\0';
    if (ct_json_parse(&document, answer->body, answer->body_len) != CT_OK) {
        return;
    }
    const char *type = ct_json_text(ct_json_get(document, "type"));
    const char *text = ct_json_text(ct_json_get(document, "detail"));
    const size_t skip = sizeof(URN) - 1;
    if (type != NULL && strncmp(type, URN, skip) == 0 &&
        strlen(type + skip) < sizeof(answer->problem)) {
        memcpy(answer->problem, type + skip, strlen(type + skip) + 1);
    }
    if (text != NULL) {
        const size_t n = strlen(text) < cap - 1 ? strlen(text) : cap - 1;
        memcpy(detail, text, n);
        detail[n] = '\0';
    }
    ct_json_free(document);
}

ct_err ct_wm_problem(struct ct_wm_answer *answer, const char *what, struct ct_why *why)
{
    char detail[200];
    read_problem(answer, detail, sizeof(detail));
    for (size_t i = 0; i < sizeof(PROBLEMS) / sizeof(PROBLEMS[0]); i++) {
        if (strcmp(PROBLEMS[i].word, answer->problem) != 0) {
            continue;
        }
        if (detail[0] == '\0') {
            return ct_why(why, PROBLEMS[i].err, "%s; %s", PROBLEMS[i].happened, PROBLEMS[i].remedy);
        }
        return ct_why(why, PROBLEMS[i].err, "%s (%s); %s", PROBLEMS[i].happened, detail,
                      PROBLEMS[i].remedy);
    }
    return by_status(answer->status, what, why);
}
