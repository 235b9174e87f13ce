/* The gauges that nobody sets as things happen. */
#include "status.h"

#include "metrics.h"

void ct_status_gauges(const struct ct_status *s)
{
    struct ct_health_check checks[CT_HEALTH_CHECKS];
    (void)ct_health_look(&s->health, checks);
    ct_metrics_set(CT_GAUGE_SESSIONS, (double)ct_sessions_count(s->sessions, s->mono_ms()));
}
