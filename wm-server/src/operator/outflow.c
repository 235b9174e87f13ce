/* Losses in hourly buckets. */
#include "operator/outflow.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"

enum { HOUR_S = 3600 };

void ct_outflow_sample(struct ct_outflow_meter *m, uint64_t now_s, double balance)
{
    uint64_t hour = now_s / HOUR_S;
    if (!m->begun) {
        *m = (struct ct_outflow_meter){
            .begun = true, .since_s = now_s, .hour = hour, .last = balance};
        return;
    }
    if (hour < m->hour) {
        return; /* the clock was set back */
    }
    for (unsigned i = 0; m->hour < hour && i < CT_OUTFLOW_HOURS; i++) {
        m->hour++;
        m->spent[m->hour % CT_OUTFLOW_HOURS] = 0;
    }
    m->hour = hour;
    if (balance < m->last) {
        m->spent[hour % CT_OUTFLOW_HOURS] += m->last - balance;
    }
    m->last = balance;
}

double ct_outflow_a_day(const struct ct_outflow_meter *m, uint64_t now_s)
{
    if (!m->begun || now_s < m->since_s + CT_OUTFLOW_SEEN_S) {
        return NAN;
    }
    double sum = 0;
    for (unsigned i = 0; i < CT_OUTFLOW_HOURS; i++) {
        sum += m->spent[i];
    }
    /* the buckets reach back 23 hours and the part of the present one */
    double seen = (double)(now_s - m->since_s);
    double reach = (double)((CT_OUTFLOW_HOURS - 1) * HOUR_S) + (double)(now_s % HOUR_S);
    return sum * 86400 / (seen < reach ? seen : reach);
}

double ct_outflow_runway(const struct ct_outflow_meter *m, uint64_t now_s)
{
    double day = ct_outflow_a_day(m, now_s);
    return day > 0 ? m->last / day : isnan(day) ? NAN : INFINITY;
}

static void put(struct ct_wr *w, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    ct_wr_be64(w, bits);
}

/* What is no amount makes the reader bad. */
static double get(struct ct_rd *r)
{
    uint64_t bits = ct_rd_be64(r);
    double value;
    memcpy(&value, &bits, sizeof value);
    r->bad = r->bad || !isfinite(value) || value < 0;
    return value;
}

void ct_outflow_pack(uint8_t out[CT_OUTFLOW_BYTES], const struct ct_outflow_meter *m)
{
    struct ct_wr w = ct_wr_init(out, CT_OUTFLOW_BYTES);
    ct_wr_be64(&w, m->since_s);
    ct_wr_be64(&w, m->hour);
    put(&w, m->last);
    for (unsigned i = 0; i < CT_OUTFLOW_HOURS; i++) {
        put(&w, m->spent[i]);
    }
}

ct_err ct_outflow_unpack(struct ct_outflow_meter *out, const uint8_t *bytes, size_t len,
                         uint64_t now_s)
{
    struct ct_rd r = ct_rd_init(bytes, len);
    struct ct_outflow_meter m = {.begun = true};
    m.since_s = ct_rd_be64(&r);
    m.hour = ct_rd_be64(&r);
    m.last = get(&r);
    for (unsigned i = 0; i < CT_OUTFLOW_HOURS; i++) {
        m.spent[i] = get(&r);
    }
    if (ct_rd_end(&r) != CT_OK || m.hour < m.since_s / HOUR_S) {
        return CT_ERR_FORMAT;
    }
    uint64_t hour = now_s / HOUR_S;
    if (m.hour > hour || hour - m.hour >= CT_OUTFLOW_HOURS) {
        return CT_ERR_EXPIRED;
    }
    *out = m;
    return CT_OK;
}
