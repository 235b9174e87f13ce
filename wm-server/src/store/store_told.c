/* Fields as text, and the line that they make. */
#include "store/store_told.h"

#include <stdio.h>

#include "base/hex.h"

const struct ct_store_ops *ct_observed_driver(const struct ct_store *s)
{
    return s->observed->driver;
}

void ct_told_put(struct ct_told *l, const char *name, const char *value)
{
    l->field[l->count++] = (struct ct_audit_field){name, value};
}

void ct_told_hex(struct ct_told *l, const char *name, const uint8_t *data, size_t len)
{
    char *text = l->text[l->count];
    ct_hex0x(text, data, len);
    ct_told_put(l, name, text);
}

void ct_told_u64(struct ct_told *l, const char *name, uint64_t value)
{
    char *text = l->text[l->count];
    (void)snprintf(text, sizeof l->text[0], "%llu", (unsigned long long)value);
    ct_told_put(l, name, text);
}

ct_err ct_told_tell(struct ct_store *s, const char *what, const struct ct_told *l)
{
    return ct_audit(s->observed->audit, what, l->field, l->count);
}
