/* The relay's course on the chain: what life.c decides, done one step at a time. */
#include "life/course.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "chain/rpc.h"
#include "life/enrol.h"
#include "life/rotation.h"

enum {
    RETRY_MIN_MS = 1000,
    RETRY_MAX_MS = 60000,
    REFUSED_MAX_MS = 600000, /* whom the platform refuses does not ask it once a minute */
    SHOWS_MS = 60000,        /* from the wallet manager's word to the proof */
    PURSE_MS = 600000,
    POOR_MS = 6 * 3600000,
    GWEI = 1000000000,
};

static const struct ct_relay *own_record(const struct ct_course *c)
{
    const struct ct_follow *f = c->follow;
    return f->index != 0 && f->index <= f->relays.count ? &f->relays.list[f->index - 1] : NULL;
}

void ct_course_load(struct ct_course *c)
{
    struct ct_why why = {""};
    c->outbox = (struct ct_outbox){.chain = c->follow->chain,
                                   .link = c->config->link,
                                   .memo = &c->memo,
                                   .path = c->config->memo_path,
                                   .log = c->config->log};
    memcpy(c->outbox.owner.deployment32, c->config->bundle->deployment32, 32);
    memcpy(c->outbox.owner.addr20, c->config->wallet->addr20, 20);
    ct_err err = ct_memo_load(&c->memo, &c->outbox.owner, c->config->memo_path, &why);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        ct_log(&c->config->log, CT_LOG_WARN, "memo_not_loaded reason=\"%s\"", why.text);
    }
    c->follow->known = c->memo.index;
}

static uint16_t today_of(const struct ct_course *c)
{
    return (uint16_t)(c->follow->view_time_s / 86400);
}

static void look(const struct ct_course *c, struct ct_life_now *now, bool is_leaving)
{
    const struct ct_relay *own = own_record(c);
    uint64_t now_ms = ct_mono_ms();
    *now = (struct ct_life_now){
        .chain_read = c->follow->done,
        .is_due = now_ms >= c->due_ms && (is_leaving || now_ms >= c->shows_ms),
        .is_leaving = is_leaving,
        .is_sent = c->memo.sent.call.what != 0,
        .is_withdrawn = c->memo.sent.call.what == CT_RG_WITHDRAW && c->memo.sent.mined_block != 0 &&
                        !c->outbox.is_reverted,
        .is_approved = own && own->state == CT_RECORD_APPROVED,
        .standing = c->follow->standing,
        .expiry_day = own ? own->expiry_day : 0,
        .today = today_of(c),
        .renew_days = c->config->renew_days,
        .renewed_day = c->memo.renewed_day,
    };
}

/* The index is kept: when every address has changed, it alone tells which record is ours. */
static void keep_index(struct ct_course *c)
{
    struct ct_follow *f = c->follow;
    if (f->done && f->standing == CT_STANDING_LISTED) {
        c->shows_ms = 0;
    }
    if (f->done && f->index != 0 && f->index != c->memo.index) {
        c->memo.index = f->known = f->index;
        ct_outbox_save(&c->outbox);
    }
}

static void failed(struct ct_course *c, const char *event, ct_err err, const struct ct_why *why)
{
    uint32_t most = CT_ERR_CLASS(err) == CT_ERR_CLASS_PEER ? REFUSED_MAX_MS : RETRY_MAX_MS;
    uint32_t twice = c->wait_ms == 0 ? RETRY_MIN_MS : 2 * c->wait_ms;
    c->wait_ms = twice < most ? twice : most;
    c->due_ms = ct_mono_ms() + c->wait_ms;
    ct_board_registrar(c->config->board, "failed, to be tried again");
    ct_follow_tell(c->follow, event, why);
}

static void enrol(struct ct_course *c, bool is_renewal)
{
    struct ct_why why = {""};
    bool approved = false;
    struct ct_enrol_env env = {.chain = c->follow->chain,
                               .config = c->config,
                               .outbox = &c->outbox,
                               .head = &c->follow->head,
                               .gives_up = c->gives_up,
                               .arg = c->arg,
                               .replaces = c->follow->index};
    ct_board_registrar(c->config->board, is_renewal ? "renewing" : "registering");
    ct_err err = ct_relay_enrol(&approved, &env, &why);
    if (err != CT_OK) {
        failed(c, is_renewal ? "renewal_failed" : "enrolment_failed", err, &why);
        return;
    }
    c->wait_ms = 0;
    if (approved) {
        ct_follow_reread(c->follow); /* and give the approval's block time to show */
        c->shows_ms = ct_mono_ms() + SHOWS_MS;
        c->memo.renewed_day = is_renewal ? today_of(c) : c->memo.renewed_day;
        ct_outbox_save(&c->outbox);
        ct_board_registrar(c->config->board, "approved, waiting for the block");
        ct_log(&c->config->log, CT_LOG_INFO, "approval_given replaces=%u", env.replaces);
    }
}

static void withdraw(struct ct_course *c)
{
    struct ct_why why = {""};
    struct ct_rg_call call = {.what = CT_RG_WITHDRAW, .index = c->follow->index};
    ct_board_registrar(c->config->board, "withdrawing");
    ct_err err = ct_outbox_send(&c->outbox, &call, &why);
    if (err != CT_OK) {
        failed(c, "withdrawal_failed", err, &why);
    }
}

static void settle(struct ct_course *c)
{
    struct ct_why why = {""};
    ct_board_registrar(c->config->board, "waiting for its transaction's block");
    ct_err err = ct_outbox_settle(&c->outbox, c->follow->view_number, &why);
    if (err == CT_OK) {
        c->purse_ms = 0; /* it has cost something */
        ct_follow_reread(c->follow);
    } else if (err != CT_ERR_AGAIN) {
        ct_follow_tell(c->follow, "transaction_waits", &why);
    }
}

/* What the next transaction would fail for is told before it does. */
static void look_into_purse(struct ct_course *c)
{
    uint64_t now = ct_mono_ms();
    struct ct_u256 balance;
    struct ct_why why;
    char addr[CT_ADDR_TEXT_LEN];
    char has[CT_U256_DECIMAL_LEN + 2];
    char text[sizeof(has) + 8];
    if (!c->config->link || (c->purse_ms != 0 && now - c->purse_ms < PURSE_MS)) {
        return;
    }
    c->purse_ms = now;
    if (ct_rpc_balance(c->follow->chain, c->config->wallet->addr20, &balance, &why) != CT_OK) {
        return;
    }
    ct_u256_ether(has, &balance);
    (void)snprintf(text, sizeof(text), "%s ether", has);
    ct_board_wallet(c->config->board, text);
    struct ct_u256 least = ct_u256_from_u64((uint64_t)c->config->balance_warn_gwei * GWEI);
    if (ct_u256_cmp(&balance, &least) >= 0) {
        c->poor_ms = 0;
        return;
    }
    if (c->poor_ms == 0 || now - c->poor_ms >= POOR_MS) {
        c->poor_ms = now;
        ct_addr_text(addr, c->config->wallet->addr20);
        ct_log(
            &c->config->log, CT_LOG_WARN,
            "balance_low wallet=%s ether=%s: send it ether, or its next registration, renewal or "
            "withdrawal fails",
            addr, has);
    }
}

void ct_course_step(struct ct_course *c, bool is_leaving)
{
    struct ct_life_now now;
    keep_index(c);
    if (c->follow->done) {
        ct_rotation_step(c->config, c->follow, !is_leaving && c->memo.sent.call.what == 0);
    }
    look(c, &now, is_leaving);
    c->step = ct_life_next(&now);
    switch (c->step) {
    case CT_LIFE_ENROL:
    case CT_LIFE_RENEW:
        enrol(c, c->step == CT_LIFE_RENEW);
        break;
    case CT_LIFE_SETTLE:
        settle(c);
        break;
    case CT_LIFE_WITHDRAW:
        withdraw(c);
        break;
    case CT_LIFE_REST:
        if (now.chain_read && now.standing == CT_STANDING_LISTED) {
            ct_board_registrar(c->config->board, "nothing to do");
        }
        break;
    case CT_LIFE_GONE:
        ct_board_registrar(c->config->board, "not listed any more");
        break;
    }
    if (now.chain_read) {
        look_into_purse(c);
    }
}

bool ct_course_is_busy(const struct ct_course *c)
{
    return c->memo.sent.call.what != 0 || c->step == CT_LIFE_ENROL || c->step == CT_LIFE_RENEW ||
           c->step == CT_LIFE_WITHDRAW;
}
