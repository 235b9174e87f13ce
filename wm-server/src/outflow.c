/* Losses in hourly buckets. */
#include "outflow.h"

#include <math.h>

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
