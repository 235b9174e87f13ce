/* What a device does to its own record besides moving it: another key, and the end. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "client_private.h"
#include "lookup.h"
#include "own.h"

#define ROUNDS_MAX 6u

struct answer {
    bool is_there;
    ct_err err;
    struct ct_why why;
    struct ct_written written;
    struct ct_x25519 key;
};

struct change_job {
    struct ct_job job;
    bool revokes; /* else the key is rotated */
    bool is_funded, was_applied;
    struct ct_written written;
    struct ct_x25519 key;
    struct answer *answer; /* the asker's, who waits until it is there */
};

static ct_err take_identity(struct change_job *j, struct ct_worker_env *env)
{
    struct ct_home_device home;
    struct ct_why *why = &j->job.why;
    ct_err err = ct_home_load_device(&env->home, &home, why);
    if (err == CT_OK && !env->has_keys) {
        err = ct_home_keys(&env->home, &env->wallet, &env->key, false, why);
        env->has_keys = err == CT_OK;
    }
    if (err == CT_ERR_NOT_FOUND) {
        return ct_why(why, CT_ERR_CONFIG, "%s is no enrolled device; run 'chainturn up' first",
                      env->home.dir);
    }
    if (err == CT_OK) {
        memcpy(env->identity, home.identity, sizeof env->identity);
        j->is_funded = home.is_funded;
    }
    return err;
}

/* Live, and of this wallet. */
static ct_err check_record(const struct change_job *j, const struct ct_worker_env *env,
                           const struct ct_view *view, const struct ct_device *record,
                           struct ct_why *why)
{
    ct_err err = ct_device_check(record, view->timestamp_s, env->identity, why);
    if (err != CT_OK) {
        return err;
    }
    if (memcmp(record->wallet20, env->wallet.addr20, 20) != 0) {
        return ct_why(why, CT_ERR_AUTH, "the record of %s is another wallet's than %s/wallet.key",
                      env->identity, env->home.dir);
    }
    if (!j->revokes && memcmp(record->key32, env->key.public32, 32) != 0) {
        return ct_why(why, CT_ERR_CONFIG,
                      "the record of %s names another key than %s/device.key; restore that file",
                      env->identity, env->home.dir);
    }
    return CT_OK;
}

static ct_err apply(struct change_job *j, struct ct_worker_env *env, const struct ct_view *view,
                    const struct ct_device *record)
{
    struct ct_x25519 next;
    struct ct_wm_change change = {.kind = j->revokes ? CT_WM_REVOKE : CT_WM_ROTATE};
    if (j->revokes) {
        change.of.revocation.revocation.sequence = record->sequence;
    } else {
        ct_err err = ct_home_next_key(&env->home, &next, true, &j->job.why);
        if (err != CT_OK) {
            return err;
        }
        ct_home_touch_next_key(&env->home); /* before anyone is told of it */
        change.of.rotation.rotation.sequence = record->sequence;
        memcpy(change.of.rotation.rotation.key32, next.public32, 32);
        ct_wipe(&next, sizeof next);
    }
    j->was_applied = true;
    return ct_change_apply(env, view, &change, j->is_funded, &j->written, &j->job.why);
}

/* True when the record is what it shall be, or nothing more can be done (err). */
static bool step(struct change_job *j, struct ct_worker_env *env)
{
    struct ct_own_mined mined;
    struct ct_view view;
    struct ct_device record;
    struct ct_why *why = &j->job.why;
    bool has_new_key = false;
    ct_err err = ct_own_settle(env, &mined, why);
    if (err == CT_OK) {
        j->written = (struct ct_written){.block = mined.block, .gas = mined.gas, .by_wallet = true};
    } else if (err != CT_ERR_NOT_FOUND) {
        j->job.err = err;
        return true;
    }
    if ((err = ct_change_view(env, j->written.block, &view, why)) == CT_OK &&
        (err = ct_lookup_device(env, &view, env->identity, &record, why)) == CT_OK) {
        err = ct_enrol_take_next_key(env, &record, &has_new_key, why);
    }
    bool is_revoked = err == CT_OK && record.state == CT_RECORD_REVOKED &&
                      memcmp(record.wallet20, env->wallet.addr20, 20) == 0;
    if (err == CT_OK && (j->revokes ? is_revoked : has_new_key)) {
        j->written.block = j->written.block != 0 ? j->written.block : view.number;
        return true;
    }
    if (err == CT_OK) {
        err = check_record(j, env, &view, &record, why);
    }
    if (err == CT_OK && j->was_applied) {
        err = ct_why(why, CT_ERR_CHAIN,
                     "the change of %s was sent and is in block %llu, but its record does not show "
                     "it; run the same command again",
                     env->identity, (unsigned long long)j->written.block);
    }
    if (err == CT_OK) {
        err = apply(j, env, &view, &record);
    }
    j->job.err = err;
    return err != CT_OK;
}

/* What a revoked device holds is of no use to it, and a live allocation only misleads. */
static void forget(struct ct_worker_env *env)
{
    ct_home_drop_pass(&env->home);
    ct_home_drop_lane(&env->home);
    ct_home_drop_next_key(&env->home);
    ct_wm_free(env->wm);
    env->wm = NULL;
}

static void run(struct ct_job *job, struct ct_worker_env *env)
{
    struct change_job *j = (struct change_job *)job;
    bool is_over = false;
    job->err = take_identity(j, env);
    for (unsigned i = 0; i < ROUNDS_MAX && job->err == CT_OK && !is_over; i++) {
        is_over = step(j, env);
    }
    if (job->err == CT_OK && j->revokes) {
        forget(env);
    }
    j->key = env->key;
}

static void done(struct ct_job *job, void *owner)
{
    struct change_job *j = (struct change_job *)job;
    struct answer *answer = j->answer;
    (void)owner;
    answer->is_there = true;
    answer->err = job->err;
    answer->why = job->why;
    answer->written = j->written;
    answer->key = j->key;
    ct_wipe(j, sizeof *j);
    free(j);
}

static ct_err ask(struct ct_client *c, bool revokes, struct answer *answer)
{
    struct change_job *j = calloc(1, sizeof *j);
    if (j == NULL) {
        return ct_client_fail(c, CT_ERR_NOMEM, "out of memory");
    }
    j->job.run = run;
    j->job.done = done;
    j->revokes = revokes;
    j->answer = answer;
    if (ct_worker_submit(c->worker, &j->job) != CT_OK) {
        free(j);
        return ct_client_fail(c, CT_ERR_SYSTEM, "this host gives no thread");
    }
    while (!answer->is_there) { /* every step of the job has its own limit of time */
        ct_client_wait(c, 1000);
    }
    return answer->err == CT_OK ? CT_OK : ct_client_fail(c, answer->err, "%s", answer->why.text);
}

static ct_err change(struct ct_client *c, bool revokes, struct ct_client_changed *out)
{
    struct answer answer = {.is_there = false};
    struct ct_why why = {.text = ""};
    int lock = -1;
    ct_err err = CT_OK;
    if (c->device.lock < 0 && access(c->home.dir, F_OK) == 0) {
        err = ct_home_lock(&c->home, &lock, &why);
    }
    if (err != CT_OK) {
        return ct_client_fail(c, err, "%s", why.text);
    }
    err = ask(c, revokes, &answer);
    if (lock >= 0) {
        (void)close(lock);
    }
    if (err == CT_OK) {
        c->key = answer.key;
        *out = (struct ct_client_changed){.block = answer.written.block,
                                          .gas = answer.written.gas,
                                          .by_wallet = answer.written.by_wallet};
        memcpy(out->key32, answer.key.public32, sizeof out->key32);
    }
    ct_wipe(&answer.key, sizeof answer.key);
    return err;
}

ct_err ct_client_rotate(struct ct_client *c, struct ct_client_changed *out)
{
    return change(c, false, out);
}

ct_err ct_client_revoke(struct ct_client *c, struct ct_client_changed *out)
{
    return change(c, true, out);
}
