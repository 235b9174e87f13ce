/* The test harness: named claims, counted; a failed check says where and what, and goes on. */
#ifndef CT_TEST_H
#define CT_TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct ct_test {
    const char *name; /* a claim: read_past_end_is_sticky */
    void (*run)(void);
};

static int ct_test_failures; /* of the claim that runs now */
static int ct_test_checks;

#define CHECK(condition)                                                         \
    do {                                                                         \
        ct_test_checks++;                                                        \
        if (!(condition)) {                                                      \
            ct_test_failures++;                                                  \
            printf("    %s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
        }                                                                        \
    } while (0)

#define CHECK_EQ(got, want)                                                               \
    do {                                                                                  \
        long long ct_got = (long long)(got);                                              \
        long long ct_want = (long long)(want);                                            \
        ct_test_checks++;                                                                 \
        if (ct_got != ct_want) {                                                          \
            ct_test_failures++;                                                           \
            printf("    %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, ct_got, \
                   ct_want);                                                              \
        }                                                                                 \
    } while (0)

#define CHECK_MEM(got, want, len)                                                               \
    do {                                                                                        \
        ct_test_checks++;                                                                       \
        if (memcmp((got), (want), (len)) != 0) {                                                \
            ct_test_failures++;                                                                 \
            printf("    %s:%d: bytes of %s differ from %s\n", __FILE__, __LINE__, #got, #want); \
        }                                                                                       \
    } while (0)

#define CHECK_STR(got, want)                                                          \
    do {                                                                              \
        const char *ct_got = (got);                                                   \
        const char *ct_want = (want);                                                 \
        ct_test_checks++;                                                             \
        if (ct_got == NULL || strcmp(ct_got, ct_want) != 0) {                         \
            ct_test_failures++;                                                       \
            printf("    %s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #got, \
                   ct_got ? ct_got : "(null)", ct_want);                              \
        }                                                                             \
    } while (0)

/* Leaves the claim when what follows would make no sense. */
#define REQUIRE(condition)                                                       \
    do {                                                                         \
        ct_test_checks++;                                                        \
        if (!(condition)) {                                                      \
            ct_test_failures++;                                                  \
            printf("    %s:%d: required: %s\n", __FILE__, __LINE__, #condition); \
            return;                                                              \
        }                                                                        \
    } while (0)

/* Runs the claims and prints the closing line that ./run adds up; the exit code of main. */
static inline int ct_test_main(const struct ct_test *tests, size_t count)
{
    int passed = 0;
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        ct_test_failures = 0;
        tests[i].run();
        printf("%s %s\n", ct_test_failures == 0 ? "ok  " : "FAIL", tests[i].name);
        if (ct_test_failures == 0) {
            passed++;
        } else {
            failed++;
        }
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 && ct_test_checks > 0 ? 0 : 1;
}

#define CT_TEST(function)   \
    {                       \
#function, function \
    }
#define CT_TEST_MAIN(table)                                               \
    int main(void)                                                        \
    {                                                                     \
        return ct_test_main((table), sizeof(table) / sizeof((table)[0])); \
    }

#endif
