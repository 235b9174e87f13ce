/* wm-admin contract migrate: relays and devices of an old contract are taken over by a new one. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "base/hex.h"
#include "chain/registry.h"
#include "chain/registry_moves.h"
#include "service/command.h"
#include "contract_plan.h"
#include "contract_relays.h"
#include "revocation.h"
#include "service/settings.h"

enum { CALL_MAX = 64, TELL_EVERY = 256 };

struct order {
    const char *config, *from;
    bool is_dry;
    bool has_block;
    uint64_t block; /* that events are read from */
};

struct move {
    struct admin_side from, to;
    struct ct_store *old_store, *store;
    struct admin_plan plan;
    size_t failed;
    char bundle_path[1024];             /* of the new contract */
    unsigned long long revokes_after_s; /* 0: its server revokes no relay */
};

/* ---- both sides ---- */

/* What relays' operators are told of the new side. */
static void note_relays_side(struct move *m, const struct ct_settings *s)
{
    bool revokes = s->reprobe_s > 0 && s->strikes > 0;
    uint64_t strikes_s = s->reprobe_s * s->strikes;
    (void)snprintf(m->bundle_path, sizeof m->bundle_path, "%s", s->bundle_path);
    m->revokes_after_s = !revokes ? 0 : strikes_s > s->grace_s ? strikes_s : s->grace_s;
}

static ct_err open_side(struct move *m, struct admin_side *side, struct ct_store **store,
                        const char *config, struct ct_why *why)
{
    const struct ct_chain_env env = {.log = ct_command_log(CT_LOG_WARN)};
    struct ct_settings settings;
    ct_err err = ct_settings_load(&settings, config, why);
    if (err != CT_OK) {
        return err;
    }
    err = ct_settings_bundle(&side->bundle, &settings, why);
    if (err == CT_OK) {
        err = ct_settings_store(store, &settings, why);
    }
    if (side == &m->to) {
        note_relays_side(m, &settings);
    }
    ct_settings_free(&settings);
    if (err == CT_OK) {
        err = ct_chain_open(&side->chain, &side->bundle, &env, why);
    }
    return err == CT_OK ? ct_chain_check(side->chain, &side->view, why) : err;
}

/* The call of one address, for an owner whose key is elsewhere. */
static ct_err tell_owner(struct admin_side *side, const char *name,
                         void (*write)(struct ct_wr *w, const uint8_t contract20[20]),
                         const uint8_t contract20[20], struct ct_why *why)
{
    uint8_t call[CALL_MAX], owner20[20], next20[20];
    char text[2 * CALL_MAX + 3], owner[CT_ADDR_TEXT_LEN], at[CT_ADDR_TEXT_LEN];
    struct ct_wr w = ct_wr_init(call, sizeof call);
    ct_err err = ct_registry_owner(side->chain, &side->view, owner20, next20, why);
    if (err != CT_OK) {
        return err;
    }
    write(&w, contract20);
    if ((err = ct_wr_end(&w)) != CT_OK) {
        return ct_why(why, err, "the call did not fit");
    }
    ct_hex0x(text, call, w.len);
    ct_addr_text(owner, owner20);
    ct_addr_text(at, side->bundle.contract20);
    (void)printf("the owner %s has to send to %s:\n  %s %s\n", owner, at, name, text);
    return CT_OK;
}

static ct_err check_sides(struct move *m, const struct order *o, struct ct_why *why)
{
    uint8_t before20[20], after20[20];
    char old[CT_ADDR_TEXT_LEN];
    if (m->from.bundle.chain_id != m->to.bundle.chain_id ||
        memcmp(m->from.bundle.contract20, m->to.bundle.contract20, 20) == 0) {
        return ct_why(why, CT_ERR_CONFIG,
                      "%s and %s must name two contracts of one chain; make the new one with "
                      "wm-server init",
                      o->from, o->config);
    }
    ct_err err = ct_registry_neighbours(m->to.chain, &m->to.view, before20, after20, why);
    if (err != CT_OK || memcmp(before20, m->from.bundle.contract20, 20) == 0) {
        return err;
    }
    err = tell_owner(&m->to, "setPredecessor", ct_call_set_predecessor, m->from.bundle.contract20,
                     why);
    ct_addr_text(old, m->from.bundle.contract20);
    return err != CT_OK || o->is_dry
               ? err
               : ct_why(why, CT_ERR_CONFIG,
                        "the new contract does not name %s as its predecessor; have the call above "
                        "sent, and begin again",
                        old);
}

/* ---- moving ---- */

/* Whose turn it is: the subject of the operation, "" for one that does not move. */
typedef void subject_fn(const struct admin_plan *plan, size_t i, char out[CT_OP_SUBJECT]);

static void relay_subject(const struct admin_plan *plan, size_t i, char out[CT_OP_SUBJECT])
{
    bool moves = plan->relays[i].fate == ADMIN_MOVES;
    (void)snprintf(out, CT_OP_SUBJECT, "%u", (unsigned)(moves ? plan->relays[i].index : 0));
    out[0] = moves ? out[0] : '\0';
}

static void device_subject(const struct admin_plan *plan, size_t i, char out[CT_OP_SUBJECT])
{
    char hash[67];
    bool moves = plan->devices[i].fate == ADMIN_MOVES;
    (void)snprintf(out, CT_OP_SUBJECT, "%s",
                   moves ? admin_device_name(&plan->devices[i], hash) : "");
}

/* One that is under way from an earlier run is that one. */
static ct_err queue_all(struct move *m, enum ct_op_kind kind, subject_fn *subject_of, size_t count,
                        char (*ids)[CT_OP_ID], struct ct_why *why)
{
    for (size_t i = 0; i < count; i++) {
        char subject[CT_OP_SUBJECT];
        struct ct_op op;
        subject_of(&m->plan, i, subject);
        if (subject[0] == '\0') {
            continue;
        }
        ct_err err = admin_op_add(m->store, kind, subject, &op, why);
        if (err != CT_OK) {
            return err;
        }
        memcpy(ids[i], op.id, CT_OP_ID);
    }
    return CT_OK;
}

/* One that fails takes no other with it. */
static ct_err await_all(struct move *m, const char *what, size_t count, char (*ids)[CT_OP_ID],
                        struct ct_why *why)
{
    size_t moved = 0;
    for (size_t i = 0; i < count; i++) {
        struct ct_op op = {.state = CT_OP_QUEUED};
        if (ids[i][0] == '\0') {
            continue;
        }
        memcpy(op.id, ids[i], CT_OP_ID);
        ct_err err = admin_op_await(m->store, &op, why);
        if (err != CT_OK && err != CT_ERR_REFUSED) {
            return err;
        }
        if (err == CT_OK) {
            moved++;
        } else {
            m->failed++;
            (void)printf("%s %s stays: %s\n", what, op.subject, op.reason);
        }
        if (moved % TELL_EVERY == 0 && err == CT_OK) {
            (void)printf("%zu %ss moved, block %llu\n", moved, what, (unsigned long long)op.block);
            (void)fflush(stdout);
        }
    }
    (void)printf("%zu %s%s moved\n", moved, what, moved == 1 ? "" : "s");
    return CT_OK;
}

static ct_err move_all(struct move *m, enum ct_op_kind kind, struct ct_why *why)
{
    bool relays = kind == CT_OP_ADOPT_RELAY;
    size_t count = relays ? m->plan.relay_count : m->plan.device_count;
    char(*ids)[CT_OP_ID] = calloc(count + 1, sizeof *ids);
    if (ids == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    ct_err err = queue_all(m, kind, relays ? relay_subject : device_subject, count, ids, why);
    if (err == CT_OK) {
        err = await_all(m, relays ? "relay" : "device", count, ids, why);
    }
    free(ids);
    return err;
}

static ct_err tell_rest(struct move *m, struct ct_why *why)
{
    uint8_t before20[20], after20[20];
    admin_relays_tell(&m->plan, m->bundle_path, m->revokes_after_s);
    ct_err err = ct_registry_neighbours(m->from.chain, &m->from.view, before20, after20, why);
    if (err != CT_OK) {
        return err;
    }
    if (memcmp(after20, m->to.bundle.contract20, 20) == 0) {
        (void)printf("the old contract names the new one: devices follow\n");
        return CT_OK;
    }
    (void)printf("for devices to follow, ");
    return tell_owner(&m->from, "setSuccessor", ct_call_set_successor, m->to.bundle.contract20,
                      why);
}

static ct_err migrate(struct move *m, const struct order *o, struct ct_why *why)
{
    ct_err err = open_side(m, &m->from, &m->old_store, o->from, why);
    if (err == CT_OK) {
        err = open_side(m, &m->to, &m->store, o->config, why);
    }
    if (err == CT_OK) {
        err = check_sides(m, o, why);
    }
    if (err == CT_OK) {
        uint64_t block = o->has_block ? o->block : m->from.bundle.checkpoint_number;
        err =
            admin_plan_make(&m->plan, &m->from, &m->to, m->old_store, block == 0 ? 1 : block, why);
    }
    if (err != CT_OK) {
        return err;
    }
    admin_plan_print(&m->plan, m->from.view.number);
    (void)fflush(stdout);
    if (o->is_dry) {
        return CT_OK;
    }
    err = move_all(m, CT_OP_ADOPT_RELAY, why); /* first: devices' records name them */
    if (err == CT_OK) {
        err = move_all(m, CT_OP_ADOPT_DEVICE, why);
    }
    if (err == CT_OK) {
        err = tell_rest(m, why);
    }
    return err == CT_OK && m->failed > 0
               ? ct_why(why, CT_ERR_REFUSED, "%zu could not be moved, see above", m->failed)
               : err;
}

static bool take_block(struct order *o)
{
    char *end = NULL;
    o->has_block = true;
    o->block = strtoull(optarg, &end, 10);
    return optarg[0] >= '0' && optarg[0] <= '9' && *end == '\0';
}

int admin_contract_migrate(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"from", required_argument, NULL, 'f'},
                                            {"from-block", required_argument, NULL, 'b'},
                                            {"dry-run", no_argument, NULL, 'd'},
                                            {0}};
    struct order o = {.config = NULL};
    struct ct_why why = {{0}};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'c') {
            o.config = optarg;
        } else if (c == 'f') {
            o.from = optarg;
        } else if (c == 'd') {
            o.is_dry = true;
        } else if (c != 'b' || !take_block(&o)) {
            return c == 'b' ? ct_command_usage(ADMIN, "\"%s\" is no block's number", optarg)
                            : CT_EXIT_USAGE;
        }
    }
    if (o.config == NULL || o.from == NULL || optind != argc) {
        return ct_command_usage(ADMIN, "contract migrate needs --config, of the new contract, and "
                                       "--from, the configuration of the old one");
    }
    struct move m = {.failed = 0};
    ct_err err = migrate(&m, &o, &why);
    admin_plan_free(&m.plan);
    ct_chain_free(m.from.chain);
    ct_chain_free(m.to.chain);
    ct_store_free(m.old_store);
    ct_store_free(m.store);
    return err == CT_OK ? CT_EXIT_OK : ct_command_failed(ADMIN, err, &why);
}
