/* What the registrar gives up: other users' files, new files and sockets, traces of its memory. */
#include "confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

ct_err ct_confine_memory(struct ct_why *why)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0) {
        return ct_why(why, CT_ERR_SYSTEM, "the registrar's memory could not be made private: %s",
                      strerror(errno));
    }
    return CT_OK;
}

static ct_err become(const char *user, struct ct_why *why)
{
    if (user[0] == '\0' || geteuid() != 0) {
        return CT_OK;
    }
    const struct passwd *pw = getpwnam(user);
    if (!pw) {
        return ct_why(why, CT_ERR_CONFIG, "chainturn-registrar-user=%s: there is no such user",
                      user);
    }
    gid_t gid = pw->pw_gid;
    uid_t uid = pw->pw_uid;
    if (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0) {
        return ct_why(why, CT_ERR_SYSTEM, "the registrar could not become the user %s: %s", user,
                      strerror(errno));
    }
    return CT_OK;
}

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

/* Sanitizers write reports and read /proc; architectures that nobody tried are left as they are. */
#if defined(OUR_ARCH) && !defined(SANITIZED)
#define ALLOW(name)                                         \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static ct_err filter(struct ct_why *why)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(recvfrom), /* the channel */
        ALLOW(sendto),
        ALLOW(close),
        ALLOW(brk), /* memory */
        ALLOW(mmap),
        ALLOW(munmap),
        ALLOW(mremap),
        ALLOW(madvise),
        ALLOW(futex),
        ALLOW(getrandom), /* blinding */
        ALLOW(clock_gettime),
        ALLOW(rt_sigreturn), /* the end */
        ALLOW(rt_sigprocmask),
        ALLOW(exit),
        ALLOW(exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    struct sock_fprog all = {.len = sizeof(program) / sizeof(program[0]), .filter = program};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) != 0) {
        return ct_why(why, CT_ERR_SYSTEM, "the registrar's system calls could not be limited: %s",
                      strerror(errno));
    }
    return CT_OK;
}
#else
static ct_err filter(struct ct_why *why)
{
    (void)why;
    return CT_OK;
}
#endif

ct_err ct_confine_rest(const char *user, struct ct_why *why)
{
    (void)mlockall(MCL_CURRENT); /* the key's own page is locked by who read it */
    ct_err err = become(user, why);
    if (err == CT_OK) {
        err = ct_confine_memory(why); /* a change of user makes the memory readable again */
    }
    if (err == CT_OK && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        err = ct_why(why, CT_ERR_SYSTEM, "the registrar could not give up privileges: %s",
                     strerror(errno));
    }
    return err == CT_OK ? filter(why) : err;
}
