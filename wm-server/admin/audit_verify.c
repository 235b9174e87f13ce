/* wm-admin audit verify: the chain of an audit log, followed over all its files. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "operator/audit_link.h"
#include "base/hex.h"
#include "service/command.h"

enum { FILES_MAX = 4096 };

/* "N:HASH", as this command says the last line. */
static bool parse_head(struct ct_audit_link *out, const char *text)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (text[0] < '1' || text[0] > '9' || errno != 0 || *end != ':') {
        return false;
    }
    out->n = n;
    return ct_unhex(out->hash32, sizeof out->hash32, end + 1) == CT_OK;
}

struct file {
    const char *path;
    uint64_t first; /* number of its first line; 0: it has none */
};

/* What cannot be read here is told when it is followed. */
static uint64_t first_number(const char *path)
{
    unsigned long long n = 0;
    FILE *f = fopen(path, "re");
    if (f != NULL) {
        if (fscanf(f, "{\"n\":%20llu", &n) != 1) {
            n = 0;
        }
        (void)fclose(f);
    }
    return n;
}

static int by_number(const void *a, const void *b)
{
    const struct file *x = a;
    const struct file *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

static ct_err follow_all(struct ct_audit_walk *w, struct file *files, size_t count,
                         struct ct_why *why)
{
    ct_err err = CT_OK;
    qsort(files, count, sizeof files[0], by_number);
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        err = ct_audit_follow(w, files[i].path, why);
    }
    if (err == CT_OK && !w->begun) {
        err = ct_why(why, CT_ERR_NOT_FOUND, "there is no line in %s", files[0].path);
    }
    if (err == CT_OK && w->expected.n != 0 && !w->expected_seen) {
        err = ct_why(why, CT_ERR_AUTH,
                     "line %llu is not there: lines were cut from the end, or a file is missing",
                     (unsigned long long)w->expected.n);
    }
    return err;
}

static void say(const struct ct_audit_walk *w)
{
    char digits[65];
    ct_hex(digits, w->last.hash32, 32);
    (void)printf("%llu lines hold, %llu to %llu; the last is %llu:%s\n",
                 (unsigned long long)w->lines, (unsigned long long)w->first.n,
                 (unsigned long long)w->last.n, (unsigned long long)w->last.n, digits);
    if (w->first.n > 1) {
        ct_hex(digits, w->before32, 32);
        (void)printf("they follow %llu:%s, which is in none of these files\n",
                     (unsigned long long)w->first.n - 1, digits);
    }
    if (w->cut > 0) {
        (void)printf("an unfinished line of %llu bytes is at the end: a write that was cut short; "
                     "wm-server goes on after it\n",
                     (unsigned long long)w->cut);
    }
}

int admin_audit_verify(int argc, char **argv)
{
    static const struct option options[] = {{"head", required_argument, NULL, 'h'}, {0}};
    static struct file files[FILES_MAX];
    struct ct_audit_walk w = {.begun = false};
    struct ct_why why = {{0}};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c != 'h') {
            return CT_EXIT_USAGE;
        }
        if (!parse_head(&w.expected, optarg)) {
            return ct_command_usage(ADMIN, "--head is N:HASH, as audit verify says the last line");
        }
    }
    size_t count = (size_t)(argc - optind);
    if (count == 0 || count > FILES_MAX) {
        return ct_command_usage(ADMIN, "audit verify needs 1 to %d files", (int)FILES_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        files[i].path = argv[optind + (int)i];
        files[i].first = first_number(files[i].path);
    }
    ct_err err = follow_all(&w, files, count, &why);
    if (err != CT_OK) {
        return ct_command_failed(ADMIN, err, &why);
    }
    say(&w);
    return CT_EXIT_OK;
}
