/* The relay a device lives on: out of the approved ones, by measured round trip, and kept. */
#include "relays.h"

#include <string.h>

#include "lane.h"
#include "udp.h"

#define MEASURED_MAX 64u /* relays asked at once; of more, the ones that came last */

ct_err ct_relays_measure(uint32_t *rtt_us, const struct ct_relay *relays, size_t count,
                         uint64_t time_s, struct ct_why *why)
{
    struct ct_addr servers[MEASURED_MAX];
    size_t which[MEASURED_MAX];
    uint32_t rtts[MEASURED_MAX];
    size_t used = 0;

    memset(rtt_us, 0, count * sizeof *rtt_us);
    for (size_t i = count; i > 0 && used < MEASURED_MAX; i--) {
        if (ct_relay_check(&relays[i - 1], time_s, NULL) == CT_OK &&
            ct_lane_server(&servers[used], &relays[i - 1]) == CT_OK) {
            which[used++] = i - 1;
        }
    }
    if (used == 0) {
        return CT_OK;
    }
    ct_err err = ct_udp_measure(rtts, servers, used, why);
    for (size_t i = 0; i < used && err == CT_OK; i++) {
        rtt_us[which[i]] = rtts[i];
    }
    return err;
}

static ct_err best_of(struct ct_relay_choice *out, const struct ct_relay *relays, size_t count,
                      uint64_t time_s, size_t *approved, struct ct_why *why)
{
    uint32_t rtts[CT_RELAY_INDEX_MAX];
    const struct ct_relay *best = NULL;
    ct_err err = ct_relays_measure(rtts, relays, count, time_s, why);
    if (err != CT_OK) {
        return err;
    }
    for (size_t i = 0; i < count; i++) {
        *approved += ct_relay_check(&relays[i], time_s, NULL) == CT_OK;
        if (rtts[i] != 0 && (best == NULL || rtts[i] < out->rtt_us)) {
            best = &relays[i];
            out->rtt_us = rtts[i];
        }
    }
    if (best == NULL) {
        return CT_ERR_NOT_FOUND;
    }
    out->relay = *best;
    return CT_OK;
}

ct_err ct_relays_choose(struct ct_relay_choice *out, const struct ct_relay *relays, size_t count,
                        uint16_t kept, uint64_t time_s, struct ct_why *why)
{
    struct ct_relay_choice choice = {.rtt_us = 0};
    size_t approved = 0;
    ct_err err = CT_ERR_NOT_FOUND;

    if (count > CT_RELAY_INDEX_MAX) {
        return ct_why(why, CT_ERR_ARG, "there are more relays than indices");
    }
    for (size_t i = 0; i < count && kept != 0; i++) {
        if (relays[i].index == kept && ct_relay_check(&relays[i], time_s, NULL) == CT_OK) {
            err = best_of(&choice, &relays[i], 1, time_s, &approved, why);
        }
    }
    if (err == CT_ERR_NOT_FOUND) {
        approved = 0;
        err = best_of(&choice, relays, count, time_s, &approved, why);
    }
    if (err == CT_ERR_NOT_FOUND && approved == 0) {
        return ct_why(why, CT_ERR_IO,
                      "the chain lists no approved relay; wait until one has registered, or ask "
                      "who runs this deployment");
    }
    if (err == CT_ERR_NOT_FOUND) {
        return ct_why(why, CT_ERR_IO,
                      "none of the %zu approved relays answers; check that UDP is not blocked here",
                      approved);
    }
    if (err == CT_OK) {
        *out = choice;
    }
    return err;
}

ct_err ct_relays_take(struct ct_relay_choice *out, const struct ct_relay *relays, size_t count,
                      uint16_t index, uint64_t time_s, struct ct_why *why)
{
    struct ct_relay_choice choice = {.rtt_us = 0};
    size_t approved = 0;
    ct_err err = CT_ERR_NOT_FOUND;
    for (size_t i = 0; i < count; i++) {
        if (relays[i].index == index) {
            err = best_of(&choice, &relays[i], 1, time_s, &approved, why);
        }
    }
    if (err == CT_ERR_NOT_FOUND) {
        return ct_why(why, CT_ERR_IO,
                      approved == 0 ? "relay %u is not approved (any more)"
                                    : "relay %u does not answer; check that UDP to "
                                      "it is not blocked here",
                      (unsigned)index);
    }
    if (err == CT_OK) {
        *out = choice;
    }
    return err;
}
