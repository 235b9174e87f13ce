/* The process's own figures, as every Prometheus client names them. */
#ifndef CT_WM_METRICS_PROCESS_H
#define CT_WM_METRICS_PROCESS_H

#include "service/text.h"

void ct_metrics_process(struct ct_text *out);

#endif
