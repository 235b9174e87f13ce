/* One sink that feeds three. */
#include "operator/tee.h"

#include <string.h>

#include "operator/metrics.h"

static void count(enum ct_log_level level, const char *line)
{
    if (level == CT_LOG_ERROR) {
        ct_metrics_count(CT_METRIC_LOG_ERRORS);
    } else if (level == CT_LOG_WARN) {
        ct_metrics_count(CT_METRIC_LOG_WARNINGS);
    }
    if (strncmp(line, "rpc_failed ", strlen("rpc_failed ")) == 0) {
        ct_metrics_count(CT_METRIC_RPC_ERRORS);
    }
}

static void sink(enum ct_log_level level, const char *line, void *arg)
{
    const struct ct_tee *tee = arg;
    if (level > tee->max) {
        return;
    }
    count(level, line);
    if (tee->is_json) {
        ct_log_json(level, line, NULL);
    } else {
        ct_log_stderr(level, line, NULL);
    }
    if (tee->events != NULL && level <= CT_LOG_INFO) {
        char json[CT_EVENT_TEXT];
        ct_log_to_json(json, sizeof json, level, line);
        ct_events_publish(tee->events, json);
    }
}

struct ct_log ct_tee_log(struct ct_tee *tee, enum ct_log_level level)
{
    tee->max = level;
    return (struct ct_log){.sink = sink, .arg = tee, .max = CT_LOG_DEBUG};
}
