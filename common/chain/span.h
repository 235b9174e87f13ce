/* Bytes somewhere else: borrowed, with their length. */
#ifndef CT_CHAIN_SPAN_H
#define CT_CHAIN_SPAN_H

#include <stddef.h>
#include <stdint.h>

struct ct_span {
    const uint8_t *data;
    size_t len;
};

#endif
