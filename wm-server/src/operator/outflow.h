/* How fast an account is spent: what its balance lost in the last day, and how long it lasts so. */
#ifndef CT_WM_OUTFLOW_H
#define CT_WM_OUTFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

enum { CT_OUTFLOW_HOURS = 24, CT_OUTFLOW_SEEN_S = 600 };
enum { CT_OUTFLOW_BYTES = 8 * (3 + CT_OUTFLOW_HOURS) };

/* Starts as zeros. */
struct ct_outflow_meter {
    bool begun;
    uint64_t since_s, hour; /* hour: number of the newest bucket since 1970 */
    double last;
    double spent[CT_OUTFLOW_HOURS];
};

/* The balance now; a rise is a deposit and no outflow. */
void ct_outflow_sample(struct ct_outflow_meter *m, uint64_t now_s, double balance);
/* A day's outflow out of the last 24 h; NaN before CT_OUTFLOW_SEEN_S have been seen. */
double ct_outflow_a_day(const struct ct_outflow_meter *m, uint64_t now_s);
/* Days until the balance is gone: infinite when nothing goes out, NaN as above. */
double ct_outflow_runway(const struct ct_outflow_meter *m, uint64_t now_s);

/* To be kept over a restart: big-endian, since_s, hour, then last and spent as IEEE 754. */
void ct_outflow_pack(uint8_t out[CT_OUTFLOW_BYTES], const struct ct_outflow_meter *m);
/* CT_ERR_FORMAT: it is none. CT_ERR_EXPIRED: it says nothing of the day before now_s. */
CT_MUST_USE ct_err ct_outflow_unpack(struct ct_outflow_meter *out, const uint8_t *bytes, size_t len,
                                     uint64_t now_s);

#endif
