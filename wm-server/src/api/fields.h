/* Members of a JSON body, strictly: nothing unknown, nothing missing, one sentence for each fault.
 */
#ifndef CT_WM_FIELDS_H
#define CT_WM_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/json.h"

/* A document that is one object and names no member twice; free it with ct_json_free().
 * CT_ERR_FORMAT. */
CT_MUST_USE ct_err ct_fields_parse(struct ct_json **out, const char *text, size_t len,
                                   struct ct_why *why);
/* Every member's name is one of the count names, none twice. */
CT_MUST_USE ct_err ct_fields_only(const struct ct_json *object, const char *const *names,
                                  size_t count, struct ct_why *why);
CT_MUST_USE ct_err ct_field_text(const char **out, const struct ct_json *object, const char *name,
                                 struct ct_why *why);
/* base64url of min to max bytes. */
CT_MUST_USE ct_err ct_field_bytes(void *out, size_t min, size_t max, size_t *len,
                                  const struct ct_json *object, const char *name,
                                  struct ct_why *why);
/* Hexadecimal of exactly len bytes, "0x" before it or not. */
CT_MUST_USE ct_err ct_field_hex(void *out, size_t len, const struct ct_json *object,
                                const char *name, struct ct_why *why);
/* A whole number 0 .. max. */
CT_MUST_USE ct_err ct_field_number(uint64_t *out, uint64_t max, const struct ct_json *object,
                                   const char *name, struct ct_why *why);
CT_MUST_USE ct_err ct_field_u16(uint16_t *out, const struct ct_json *object, const char *name,
                                struct ct_why *why);

#endif
