/* Claims about the module's hooks in an order that threads bring about: there is no server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_hooks.h"
#include "ct_options.h"
#include "ct_test.h"
#include "follow/logfile.h"
#include "place.h"

static struct place place;
static uint64_t cancelled; /* the session that was cancelled last, 0: none */

static char warned[512];

static void log_line(enum ct_hook_level level, const char *line)
{
    if (level == CT_HOOK_WARNING) {
        (void)snprintf(warned, sizeof(warned), "%s", line);
    }
    if (level == CT_HOOK_ERROR) {
        (void)fprintf(stderr, "%s\n", line);
    }
}

static void cancel(uint64_t session)
{
    cancelled = session;
}

/* What an earlier run left: the log revokes this pass. */
static bool revoke_early(const uint8_t pass16[16])
{
    struct ct_revoked_pass pass = {.block = 7, .seen_s = ct_wall_s()};
    const struct ct_logfile file = {
        .mark = {.block = 7, .head = {.count = 1}}, .passes = &pass, .count = 1};
    struct ct_why why = {""};
    char path[128];
    memcpy(pass.id16, pass16, 16);
    (void)snprintf(path, sizeof(path), "%s/state/log", place.folder);
    return ct_logfile_save(&file, place.deployment32, path, &why) == CT_OK;
}

static bool set_options(const char *registrar)
{
    char bundle[128];
    char state[128];
    (void)snprintf(bundle, sizeof(bundle), "%s/bundle.json", place.folder);
    (void)snprintf(state, sizeof(state), "%s/state", place.folder);
    return ct_module_hooks.option(CT_OPT_BUNDLE, bundle) &&
           ct_module_hooks.option(CT_OPT_STATE, state) &&
           ct_module_hooks.option(CT_OPT_REGISTRAR, registrar) &&
           ct_module_hooks.option(CT_OPT_ALLOW_PRIVATE, "") &&
           ct_module_hooks.option(CT_OPT_MAX_AGE, "6") &&
           ct_module_hooks.option(CT_OPT_POLL_MS, "1000") &&
           ct_module_hooks.option(CT_OPT_INSECURE_SINGLE_RPC, "");
}

static bool configure(const char *registrar)
{
    static const struct ct_endpoint at = {.addr16 = {[10] = 0xff, 0xff, 127, 0, 0, 1},
                                          .port = 3478};
    static const struct ct_endpoint relayed = {.addr16 = {[10] = 0xff, 0xff, 127, 0, 0, 1}};
    static struct ct_host host;
    host = (struct ct_host){.listeners = &at,
                            .listener_count = 1,
                            .relays = &relayed,
                            .relays_public = &relayed,
                            .relay_count = 1,
                            .port_min = RELAYED_MIN,
                            .port_max = RELAYED_MAX,
                            .allow_loopback = true,
                            .log = log_line,
                            .cancel = cancel};
    return set_options(registrar) && ct_module_hooks.configure(&host) == CT_CONFIGURED_ON;
}

static struct credential good;
static struct credential revoked;

static void allocate(void **use, const struct credential *pass, uint64_t session)
{
    static const struct ct_endpoint at = {.addr16 = {[10] = 0xff, 0xff, 127, 0, 0, 1},
                                          .port = RELAYED_MIN};
    const struct ct_allocation_info info = {
        .user = pass->user, .relayed = &at, .relayed_count = 1, .is_udp = true, .session = session};
    cancelled = 0;
    *use = ct_module_hooks.allocation(NULL, CT_ALLOCATION_NEW, &info);
}

static void end(void *use, const struct credential *pass)
{
    const struct ct_allocation_info info = {.user = pass->user};
    (void)ct_module_hooks.allocation(use, CT_ALLOCATION_DELETED, &info);
}

static void allocation_of_a_pass_stands(void)
{
    void *use = NULL;
    allocate(&use, &good, 7);
    CHECK(use != NULL);
    CHECK_EQ(cancelled, 0);
    end(use, &good);
}

/* Its credentials were right when the request was checked. */
static void revocation_before_the_allocation_is_known_ends_it(void)
{
    void *use = NULL;
    allocate(&use, &revoked, 8);
    CHECK_EQ(cancelled, 8);
    end(use, &revoked);
}

static enum ct_user ask(const struct credential *pass)
{
    char password[CT_USER_PASSWORD_MAX] = "";
    enum ct_user verdict = ct_module_hooks.password(password, pass->user);
    CHECK((verdict == CT_USER_KNOWN) == (password[0] != '\0'));
    return verdict;
}

/* The chain cannot be reached: after chainturn-max-age nobody knows what is revoked. */
static void passes_make_no_new_sessions_once_the_log_is_too_old(void)
{
    uint32_t left_s = 0;
    uint64_t began = ct_mono_ms();
    const struct timespec pause = {.tv_nsec = 100000000};
    void *use = NULL;
    CHECK_EQ(ask(&good), CT_USER_KNOWN);
    CHECK_EQ(ask(&revoked), CT_USER_REFUSED);
    CHECK(ct_module_hooks.may_allocate(good.user));
    while (ask(&good) == CT_USER_KNOWN && ct_mono_ms() - began < 60000) {
        (void)nanosleep(&pause, NULL);
    }
    CHECK_EQ(ask(&good), CT_USER_REFUSED);
    CHECK(strstr(warned, "the contract's log could not be read and proven") != NULL);
    CHECK(ct_module_hooks.session(&left_s, good.user)); /* who is in stays */
    CHECK(left_s > 0);
    allocate(&use, &good, 6);
    CHECK_EQ(ask(&good), CT_USER_KNOWN); /* at another relay thread, say */
    CHECK(!ct_module_hooks.may_allocate(good.user));
    CHECK(ct_module_hooks.may_allocate("alice")); /* a user of the server's own */
    end(use, &good);
    CHECK_EQ(ask(&good), CT_USER_REFUSED);
}

static const struct ct_test tests[] = {
    CT_TEST(passes_make_no_new_sessions_once_the_log_is_too_old),
    CT_TEST(allocation_of_a_pass_stands),
    CT_TEST(revocation_before_the_allocation_is_known_ends_it),
};

int main(int argc, char **argv)
{
    static char *none[4]; /* programs: there is no server */
    uint8_t good16[16];
    uint8_t revoked16[16];
    (void)alarm(300);
    if (argc != 2 || !place_make(&place, none) || !place_pass_short(&place, &good, 900, good16) ||
        !place_pass_short(&place, &revoked, 900, revoked16) || !revoke_early(revoked16) ||
        !configure(argv[1])) {
        (void)fprintf(stderr, "the module could not be configured\n");
        return 2;
    }
    return place_end(&place, ct_test_main(tests, sizeof(tests) / sizeof(tests[0])));
}
