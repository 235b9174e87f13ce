/*
 * The relay module's options, line by line as turnserver.conf has them. Property: whatever is
 * accepted is within the documented ranges and NUL-terminated; whatever is refused has a sentence
 * of one line.
 */
/* links: ct_chain ct_turn ct_base */
/* sources: coturn-module/src/options.c coturn-module/src/packets/mode.c */
#include "options.h"

#include <string.h>

#include "ct_options.h"
#include "fuzz.h"

#define OPTION_NAME(identifier, name, has_value) name,
static const char *const names[] = {CT_OPTIONS(OPTION_NAME)};

static void check(const struct ct_relay_options *o)
{
    HOLDS(o->max_age_s >= 1 && o->max_age_s <= 30 * 86400);
    HOLDS(o->poll_ms >= 100 && o->poll_ms <= 600000);
    HOLDS(memchr(o->bundle, '\0', CT_PATH_MAX) != NULL &&
          memchr(o->state, '\0', CT_PATH_MAX) != NULL);
    HOLDS(o->metrics.family == 0 || o->metrics.port != 0);
    HOLDS(memchr(o->wallet, '\0', CT_PATH_MAX) != NULL &&
          memchr(o->key, '\0', CT_PATH_MAX) != NULL);
}

/* "name", "name value" or "name=value", as coturn splits them. */
static void take_line(struct ct_relay_options *o, char *line)
{
    struct ct_why why = {""};
    char *value = strpbrk(line, "= \t");
    if (value != NULL) {
        *value++ = '\0';
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], line) == 0) {
            if (ct_relay_options_set(o, CT_OPT_FIRST + 1 + (int)i, value, &why) != CT_OK) {
                HOLDS(why.text[0] != '\0' && fuzz_is_line(why.text, sizeof(why.text)));
            }
            return;
        }
    }
    if (ct_relay_options_unknown(line, &why) != CT_OK) {
        HOLDS(why.text[0] != '\0' && fuzz_is_line(why.text, sizeof(why.text)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_relay_options options;
    struct ct_why why = {""};
    char *text = malloc(size + 1);
    HOLDS(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    ct_relay_options_init(&options);
    for (char *line = text; line != NULL;) {
        char *next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        take_line(&options, line);
        check(&options);
        line = next;
    }
    if (ct_relay_options_finish(&options, &why) == CT_OK) {
        check(&options);
        HOLDS(options.wallet[0] != '\0' && options.key[0] != '\0');
    }
    free(text);
    return 0;
}
