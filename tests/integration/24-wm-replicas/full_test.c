/*
 * A wallet manager whose disk fills up, on a small one of the test's own: it says so, keeps what it
 * acknowledged, takes nothing else, and goes on when there is room; nobody is paid twice or not at
 * all.
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>

#include "ct_test.h"
#include "paid.h"
#include "scene.h"

enum { DEVICES = 24 };

static const char *server, *admin;
static struct device devices[DEVICES];
static struct ct_wm_operation ops[DEVICES];
static unsigned asked; /* devices whose payment was acknowledged */

static bool shell(const char *command)
{
    char sh[600];
    char said[1024];
    const char *const argv[] = {"/bin/sh", "-ec", sh, NULL};
    (void)snprintf(sh, sizeof sh, "cd %s; %s", platform.folder, command);
    bool good = scene_run(said, sizeof said, argv) == 0;
    if (!good) {
        printf("    %s\n", said);
    }
    return good;
}

/* The wallet manager's folder becomes a disk of 3 MB, seen by this test and its children alone. */
static bool small_disk(void)
{
    char folder[96];
    (void)snprintf(folder, sizeof folder, "%s/wm", platform.folder);
    return shell("cp -a wm kept") && unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", folder, "tmpfs", 0, "size=3m,mode=0700") == 0 && shell("cp -a kept/. wm");
}

/* Device n; false, with the server's words, when it was not acknowledged. */
static bool ask(unsigned n, struct ct_why *why)
{
    char name[24];
    struct ct_wm_voucher v;
    const struct ct_wm_terms terms = device_terms();
    struct device *d = &devices[n];
    (void)snprintf(name, sizeof name, "device-%u", n);
    if (d->wm == NULL && !device_new(d, name)) {
        (void)snprintf(why->text, sizeof why->text, "no session");
        return false;
    }
    if (ct_wm_voucher(d->wm, &v, d->token, &terms, why) != CT_OK) {
        return false;
    }
    ops[n] = v.payment;
    return true;
}

static void device_is_told_that_the_disk_is_full(void)
{
    struct ct_why why = {{0}};
    REQUIRE(paid_platform(server, false) && small_disk() && platform_run());
    REQUIRE(ask(0, &why));
    asked = 1;
    REQUIRE(shell("cat /dev/zero > wm/filler || true"));
    while (asked < DEVICES && ask(asked, &why)) {
        asked++;
    }
    REQUIRE(asked < DEVICES); /* what room was left in the files is used up */
    printf("    told: %s\n", why.text);
    CHECK(strstr(why.text, "the disk is full") != NULL ||
          strstr(why.text, "disk is full:") != NULL);
}

static void operator_is_told_what_to_do(void)
{
    REQUIRE(platform.pid > 0);
    CHECK(scene_says(platform.log, "disk_full what=", PAID_WAIT_MS));
    CHECK(scene_says(platform.log, "what was acknowledged is kept", 1));
    CHECK(scene_says(platform.log, "goes on by itself", 1));
}

static void all_goes_on_when_there_is_room_and_nobody_is_paid_twice(void)
{
    struct ct_why why = {{0}};
    REQUIRE(platform.pid > 0);
    REQUIRE(shell("rm wm/filler"));
    CHECK(scene_says(platform.log, "disk_has_room what=", PAID_WAIT_MS));
    CHECK(ask(asked, &why)); /* who was refused */
    for (unsigned n = 0; n <= asked; n++) {
        CHECK(paid_is_done(&devices[n], &ops[n]));
        CHECK_EQ(paid_count(&devices[n]), 1);
    }
}

static void audit_log_holds_after_a_full_disk(void)
{
    REQUIRE(platform.pid > 0);
    CHECK_EQ(platform_end(SIGTERM), 0);
    CHECK(platform_audit_holds(admin));
}

static const struct ct_test tests[] = {
    CT_TEST(device_is_told_that_the_disk_is_full),
    CT_TEST(operator_is_told_what_to_do),
    CT_TEST(all_goes_on_when_there_is_room_and_nobody_is_paid_twice),
    CT_TEST(audit_log_holds_after_a_full_disk),
};

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: full_test WM-SERVER WM-ADMIN\n");
        return 2;
    }
    server = argv[1];
    admin = argv[2];
    (void)signal(SIGPIPE, SIG_IGN);
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    for (size_t i = 0; i < DEVICES; i++) {
        device_close(&devices[i]);
    }
    char folder[96];
    (void)snprintf(folder, sizeof folder, "%s/wm", platform.folder);
    (void)platform_end(SIGKILL);
    (void)umount2(folder, MNT_DETACH);
    platform_stop();
    return code;
}
