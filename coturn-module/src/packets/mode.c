/* The names of the modes. */
#include "packets/policy.h"

#include <string.h>

static const char *const mode_texts[] = {
    [CT_MODE_OFF] = "off",
    [CT_MODE_RELAYS] = "relays",
    [CT_MODE_DEVICES] = "devices",
    [CT_MODE_OPEN] = "open",
};
enum { MODES = sizeof(mode_texts) / sizeof(mode_texts[0]) };

ct_err ct_mode_parse(enum ct_mode *out, const char *text, struct ct_why *why)
{
    for (size_t i = 0; i < MODES; i++) {
        if (strcmp(text, mode_texts[i]) == 0) {
            *out = (enum ct_mode)i;
            return CT_OK;
        }
    }
    return ct_why(why, CT_ERR_CONFIG,
                  "chainturn-mode=%s is not a mode; use off, relays, devices or open", text);
}

const char *ct_mode_text(enum ct_mode mode)
{
    return (unsigned)mode < MODES ? mode_texts[mode] : "?";
}
