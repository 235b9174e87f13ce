/* When a device may renew its own live record, and what is told and kept of that. */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "chain/keccak.h"
#include "store/store_observed.h"

enum { DAY_S = 86400, LAST_DAYS = 30 };

/* Of a record's life, in which it may be renewed. */
static uint64_t last_days(const struct ct_api *api)
{
    return api->device_days / 3 < LAST_DAYS ? api->device_days / 3 : LAST_DAYS;
}

bool ct_api_may_renew(const struct ct_api_call *call, const struct ct_device *record,
                      uint16_t expiry_day)
{
    const char *identity = call->session->party.identity;
    const uint64_t today = call->api->wall_s() / DAY_S;
    const uint64_t days = last_days(call->api);
    const uint64_t least = 2 * days;
    if (record->expiry_day > today + days) {
        ct_answer_problem(
            call->answer, 409, "registered",
            "%s has a live record, through day %u since 1970, which is renewed within "
            "its last %llu days; ask again then",
            identity, record->expiry_day, (unsigned long long)days);
        return false;
    }
    if (expiry_day <= record->expiry_day || expiry_day < today + least) {
        ct_answer_problem(call->answer, 422, "format",
                          "a renewal lasts longer than the record, and %llu days at least: ask for "
                          "a later expiry_day than %u",
                          (unsigned long long)least, expiry_day);
        return false;
    }
    return true;
}

/*
 * By a day that the device does not choose, as it chooses when its record ends: the first one of
 * this span. A renewal lasts two spans at least and the next one comes in its last, a whole span
 * later, thus in another one.
 */
void ct_api_renewal_key(uint8_t out16[16], const struct ct_api_call *call)
{
    static const char label[] = "chainturn/1 renewal";
    const struct ct_hs_party *p = &call->session->party;
    const uint64_t today = call->api->wall_s() / DAY_S;
    const uint64_t span = last_days(call->api) > 0 ? last_days(call->api) : 1;
    const uint64_t first = today - today % span;
    const uint8_t day[2] = {(uint8_t)(first >> 8), (uint8_t)first};
    struct ct_keccak k;
    uint8_t hash32[32];
    ct_keccak_init(&k);
    ct_keccak_update(&k, label, sizeof label - 1);
    ct_keccak_update(&k, p->wallet20, sizeof p->wallet20);
    ct_keccak_update(&k, day, sizeof day);
    ct_keccak_update(&k, p->identity, strlen(p->identity));
    ct_keccak_final(&k, hash32);
    memcpy(out16, hash32, 16);
}

bool ct_api_tell_renewal(const struct ct_api_call *call, uint16_t expiry_day)
{
    const struct ct_hs_party *p = &call->session->party;
    char wallet[2 * 20 + 3];
    char day[8];
    ct_hex0x(wallet, p->wallet20, 20);
    (void)snprintf(day, sizeof day, "%u", expiry_day);
    const struct ct_audit_field fields[] = {
        {"identity", p->identity}, {"wallet", wallet}, {"expires", day}};
    ct_err err = ct_audit(ct_store_audit(call->api->store), "renewal_allowed", fields, 3);
    if (err != CT_OK) {
        ct_api_store_failed(call, "renewal_allowed", err);
    }
    return err == CT_OK;
}
