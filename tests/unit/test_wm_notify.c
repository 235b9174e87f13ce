/* Claims about what a service manager is told. */
/* links: ct_wmserver ct_base */
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ct_test.h"
#include "temp_dir.h"
#include "wm-server/src/service/notify.h"

/* A manager's socket at this name; '@' is the abstract namespace. */
static int listen_at(const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    memcpy(at.sun_path, name, len);
    at.sun_path[0] = name[0] == '@' ? '\0' : name[0];
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socklen_t at_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&at, at_len) == 0);
    CHECK_EQ(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static void heard(int fd, char out[200])
{
    ssize_t n = recv(fd, out, 199, 0);
    out[n > 0 ? n : 0] = '\0';
}

static void a_manager_is_told_of_each_state(void)
{
    struct temp_dir folder;
    char path[100];
    char text[200];
    REQUIRE(temp_dir_make(&folder));
    (void)snprintf(path, sizeof path, "%s/notify", folder.path);
    int fd = listen_at(path);
    ct_notify("READY=1");
    heard(fd, text);
    CHECK_STR(text, "READY=1");
    ct_notify_reloading();
    heard(fd, text);
    CHECK(strncmp(text, "RELOADING=1\nMONOTONIC_USEC=", 27) == 0 && strlen(text) > 30);
    (void)close(fd);
    temp_dir_remove(&folder);
}

static void the_abstract_namespace_serves_too(void)
{
    char name[64];
    char text[200];
    (void)snprintf(name, sizeof name, "@ct-notify-%d", (int)getpid());
    int fd = listen_at(name);
    ct_notify("STOPPING=1");
    heard(fd, text);
    CHECK_STR(text, "STOPPING=1");
    (void)close(fd);
}

static void without_a_manager_nothing_happens(void)
{
    static char long_name[300];
    memset(long_name, '/', sizeof long_name - 1);
    CHECK_EQ(unsetenv("NOTIFY_SOCKET"), 0);
    ct_notify("READY=1");
    CHECK_EQ(setenv("NOTIFY_SOCKET", "nowhere", 1), 0);
    ct_notify("READY=1");
    CHECK_EQ(setenv("NOTIFY_SOCKET", long_name, 1), 0);
    ct_notify("READY=1");
}

static const struct ct_test tests[] = {
    CT_TEST(a_manager_is_told_of_each_state),
    CT_TEST(the_abstract_namespace_serves_too),
    CT_TEST(without_a_manager_nothing_happens),
};
CT_TEST_MAIN(tests)
