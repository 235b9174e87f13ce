/* The records of the old contract, found and proven, beside what the new one has. */
#include "contract_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "chain/registry.h"
#include "chain/registry_devices.h"

enum { SPAN_MAX = 10000 /* blocks in one answer */, AT_ONCE = 16 /* records in one proof */ };
enum { DAY_S = 86400 };

/* ---- relays ---- */

static ct_err out_of_memory(struct ct_why *why)
{
    return ct_why(why, CT_ERR_NOMEM, "out of memory");
}

/* Is it the same record? The state and the day may have changed since. */
static bool same_relay(const struct ct_relay *a, const struct ct_relay *b)
{
    return memcmp(a->owner20, b->owner20, 20) == 0 && memcmp(a->key32, b->key32, 32) == 0;
}

static void judge_relay(struct admin_relay_move *m, const struct ct_relay *old,
                        const struct ct_relay *here, uint64_t time_s)
{
    m->index = old->index;
    m->record = *old;
    m->fate = ADMIN_STAYS;
    if (here->state != CT_RECORD_NONE) {
        m->fate = same_relay(old, here) ? ADMIN_IS_THERE : ADMIN_STAYS;
        m->why = "another relay has its index in the new contract";
    } else if (old->state == CT_RECORD_APPROVED && ct_relay_check(old, time_s, NULL) == CT_OK) {
        m->fate = ADMIN_MOVES;
    } else {
        m->why = old->state == CT_RECORD_APPROVED  ? "its approval has ended"
                 : old->state == CT_RECORD_REVOKED ? "it is revoked"
                                                   : "its owner has withdrawn it";
    }
}

static ct_err plan_relays(struct admin_plan *plan, struct admin_side *from, struct admin_side *to,
                          struct ct_why *why)
{
    uint16_t total = 0;
    struct ct_relay old[AT_ONCE], here[AT_ONCE];
    uint16_t indices[AT_ONCE];
    ct_err err = ct_registry_relay_count(from->chain, &from->view, &total, why);
    if (err != CT_OK) {
        return err;
    }
    plan->relays = calloc((size_t)total + 1, sizeof *plan->relays);
    if (plan->relays == NULL) {
        return out_of_memory(why);
    }
    for (size_t done = 0; err == CT_OK && done < total; done += AT_ONCE) {
        size_t n = total - done < AT_ONCE ? total - done : AT_ONCE;
        for (size_t i = 0; i < n; i++) {
            indices[i] = (uint16_t)(done + i + 1);
        }
        err = ct_registry_relays_of(from->chain, &from->view, indices, n, old, why);
        if (err == CT_OK) {
            err = ct_registry_relays_of(to->chain, &to->view, indices, n, here, why);
        }
        for (size_t i = 0; err == CT_OK && i < n; i++) {
            if (old[i].state != CT_RECORD_NONE) { /* the old one may have gaps of an older move */
                judge_relay(&plan->relays[plan->relay_count++], &old[i], &here[i],
                            from->view.timestamp_s);
            }
        }
    }
    return err;
}

/* ---- devices: which there are ---- */

static ct_err add_device(struct admin_plan *plan, const uint8_t hash32[32], const char *name,
                         struct ct_why *why)
{
    if (plan->device_count == plan->room) {
        size_t room = plan->room == 0 ? 1024 : plan->room * 2;
        struct admin_device_move *more = realloc(plan->devices, room * sizeof *more);
        if (more == NULL) {
            return out_of_memory(why);
        }
        plan->devices = more;
        plan->room = room;
    }
    struct admin_device_move *d = &plan->devices[plan->device_count++];
    *d = (struct admin_device_move){.fate = ADMIN_STAYS};
    memcpy(d->hash32, hash32, 32);
    (void)snprintf(d->name, sizeof d->name, "%.63s", name); /* as long as a name may be */
    return CT_OK;
}

static ct_err add_known(struct admin_plan *plan, struct ct_store *store, struct ct_why *why)
{
    static struct ct_device_row rows[CT_STORE_PAGE];
    char after[CT_STORE_IDENTITY] = "";
    size_t count = CT_STORE_PAGE;
    while (count == CT_STORE_PAGE) {
        uint8_t hash[32];
        ct_err err = store->ops->device_page(store, after[0] == '\0' ? NULL : after, rows,
                                             CT_STORE_PAGE, &count);
        if (err != CT_OK) {
            return ct_why(why, err, "the old store failed: %s", ct_err_text(err));
        }
        for (size_t i = 0; i < count && err == CT_OK; i++) {
            err = ct_identity_hash(hash, rows[i].identity) == CT_OK
                      ? add_device(plan, hash, rows[i].identity, why)
                      : CT_OK;
            (void)snprintf(after, sizeof after, "%.63s", rows[i].identity);
        }
        if (err != CT_OK) {
            return err;
        }
    }
    return CT_OK;
}

/* Everybody whom the contract has ever approved from that block on. */
static ct_err add_told(struct admin_plan *plan, struct admin_side *from, uint64_t block,
                       struct ct_why *why)
{
    uint64_t span = SPAN_MAX;
    while (block <= from->view.number) {
        struct ct_device_events events = {.list = NULL};
        uint64_t left = from->view.number - block;
        uint64_t last = left < span ? from->view.number : block + span - 1;
        ct_err err = ct_registry_device_events(from->chain, block, last, &events, why);
        if (err == CT_ERR_CHAIN && span > 1) {
            span = span > 8 ? span / 8 : 1; /* endpoints differ in how much they answer */
            continue;
        }
        for (size_t i = 0; i < events.count && err == CT_OK; i++) {
            err = add_device(plan, events.list[i].id_hash32, "", why);
        }
        ct_device_events_free(&events);
        if (err != CT_OK) {
            return err;
        }
        block = last + 1;
    }
    return CT_OK;
}

/* By hash, the one with a name first. */
static int by_hash(const void *a, const void *b)
{
    const struct admin_device_move *x = a;
    const struct admin_device_move *y = b;
    int order = memcmp(x->hash32, y->hash32, 32);
    return order != 0 ? order : strcmp(y->name, x->name);
}

static void drop_repeats(struct admin_plan *plan)
{
    size_t kept = 0;
    if (plan->device_count == 0) {
        return;
    }
    qsort(plan->devices, plan->device_count, sizeof *plan->devices, by_hash);
    for (size_t i = 1; i < plan->device_count; i++) {
        if (memcmp(plan->devices[i].hash32, plan->devices[kept].hash32, 32) != 0) {
            plan->devices[++kept] = plan->devices[i];
        }
    }
    plan->device_count = kept + 1;
}

/* ---- devices: what becomes of them ---- */

static void judge_device(struct admin_device_move *m, const struct ct_device *old,
                         const struct ct_device *here, uint64_t today)
{
    if (here->state != CT_RECORD_NONE) {
        m->fate = memcmp(old->wallet20, here->wallet20, 20) == 0 ? ADMIN_IS_THERE : ADMIN_STAYS;
        m->why = "its name has another record in the new contract";
    } else if (old->state == CT_RECORD_APPROVED && old->expiry_day >= today) {
        m->fate = ADMIN_MOVES;
    } else {
        m->why = old->state == CT_RECORD_APPROVED  ? "its record has expired: it enrols anew"
                 : old->state == CT_RECORD_REVOKED ? "it is revoked"
                                                   : "its record is pending: it enrols there";
    }
}

static ct_err judge_devices(struct admin_plan *plan, struct admin_side *from, struct admin_side *to,
                            struct ct_why *why)
{
    uint8_t hashes[AT_ONCE][32];
    struct ct_device old[AT_ONCE], here[AT_ONCE];
    ct_err err = CT_OK;
    for (size_t done = 0; err == CT_OK && done < plan->device_count; done += AT_ONCE) {
        size_t n = plan->device_count - done < AT_ONCE ? plan->device_count - done : AT_ONCE;
        for (size_t i = 0; i < n; i++) {
            memcpy(hashes[i], plan->devices[done + i].hash32, 32);
        }
        const uint8_t(*asked)[32] = (const uint8_t(*)[32])hashes;
        err = ct_registry_devices(from->chain, &from->view, asked, n, old, why);
        if (err == CT_OK) {
            err = ct_registry_devices(to->chain, &to->view, asked, n, here, why);
        }
        for (size_t i = 0; err == CT_OK && i < n; i++) {
            judge_device(&plan->devices[done + i], &old[i], &here[i],
                         from->view.timestamp_s / DAY_S);
        }
    }
    return err;
}

ct_err admin_plan_make(struct admin_plan *out, struct admin_side *from, struct admin_side *to,
                       struct ct_store *old_store, uint64_t from_block, struct ct_why *why)
{
    *out = (struct admin_plan){.relays = NULL};
    ct_err err = plan_relays(out, from, to, why);
    if (err == CT_OK) {
        err = add_known(out, old_store, why);
    }
    if (err == CT_OK) {
        err = add_told(out, from, from_block, why);
    }
    if (err == CT_OK) {
        drop_repeats(out);
        err = judge_devices(out, from, to, why);
    }
    return err;
}

void admin_plan_free(struct admin_plan *plan)
{
    free(plan->relays);
    free(plan->devices);
    *plan = (struct admin_plan){.relays = NULL};
}

size_t admin_plan_relays(const struct admin_plan *plan, enum admin_fate fate)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->relay_count; i++) {
        n += plan->relays[i].fate == fate;
    }
    return n;
}

size_t admin_plan_devices(const struct admin_plan *plan, enum admin_fate fate)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->device_count; i++) {
        n += plan->devices[i].fate == fate;
    }
    return n;
}

/* ---- for people ---- */

const char *admin_device_name(const struct admin_device_move *d, char hash[67])
{
    ct_hex0x(hash, d->hash32, 32);
    return d->name[0] != '\0' ? d->name : hash;
}

void admin_plan_print(const struct admin_plan *p, uint64_t block)
{
    char hash[67];
    (void)printf("relays: %zu to move, %zu there, %zu stay; devices: %zu to move, %zu there, "
                 "%zu stay (block %llu)\n",
                 admin_plan_relays(p, ADMIN_MOVES), admin_plan_relays(p, ADMIN_IS_THERE),
                 admin_plan_relays(p, ADMIN_STAYS), admin_plan_devices(p, ADMIN_MOVES),
                 admin_plan_devices(p, ADMIN_IS_THERE), admin_plan_devices(p, ADMIN_STAYS),
                 (unsigned long long)block);
    for (size_t i = 0; i < p->relay_count; i++) {
        if (p->relays[i].fate == ADMIN_STAYS) {
            (void)printf("relay %u stays: %s\n", p->relays[i].index, p->relays[i].why);
        }
    }
    for (size_t i = 0; i < p->device_count; i++) {
        if (p->devices[i].fate == ADMIN_STAYS) {
            (void)printf("device %s stays: %s\n", admin_device_name(&p->devices[i], hash),
                         p->devices[i].why);
        }
    }
}
