/* Many threads that ask the chain at one desk, on a chain of the test's own. */
/* links: ct_testchain ct_wmserver ct_kex ct_chain ct_base */
#include <pthread.h>
#include <stdlib.h>

#include "anvil.h"
#include "base/clock.h"
#include "chain/registry_client.h"
#include "chain/send.h"
#include "ct_test.h"
#include "wm-server/src/tx/desk.h"

enum { THREADS = 12, EACH = 6 };

static struct ct_anvil anvil;
static struct ct_bundle bundle;
static struct ct_wallet owner;

/* ---- the chain ---- */

static bool deploy(void)
{
    struct ct_why why = {""};
    struct ct_receipt receipt = {0};
    struct ct_view view;
    struct ct_account account;
    struct ct_chain *chain = NULL;
    const struct ct_wm_key key = {
        .not_after_s = ct_wall_s() + 86400, .ed25519 = {7}, .x25519 = {9}};
    bool found = false;
    uint8_t *code = malloc(ct_call_deploy_len());
    if (code == NULL || !ct_anvil_start(&anvil)) {
        free(code);
        return false;
    }
    ct_anvil_bundle(&bundle, &anvil);
    struct ct_wr w = ct_wr_init(code, ct_call_deploy_len());
    bool good = ct_chain_open(&chain, &bundle, NULL, &why) == CT_OK &&
                ct_wallet_new(&owner) == CT_OK && ct_anvil_fund(&anvil, owner.addr20);
    ct_call_deploy(&w, owner.addr20, owner.addr20, &key);
    const struct ct_send tx = {.data = code, .data_len = w.len};
    good = good && ct_wr_end(&w) == CT_OK &&
           ct_send_and_wait(chain, &owner, &tx, 1, 60000, &receipt, &why) == CT_OK &&
           ct_chain_view(chain, &view, &why) == CT_OK &&
           ct_chain_account(chain, &view, receipt.contract20, &found, &account, &why) == CT_OK;
    if (good) {
        memcpy(bundle.contract20, receipt.contract20, 20);
        memcpy(bundle.code_hash32, account.code_hash32, 32);
    } else {
        printf("    %s\n", why.text);
    }
    ct_receipt_free(&receipt);
    ct_chain_free(chain);
    free(code);
    return good;
}

/* ---- threads ---- */

struct asker {
    pthread_t thread;
    struct ct_desk *desk; /* NULL: each asks alone */
    struct ct_chain *chain;
    struct ct_desk_seat seat;
    unsigned number, absent, unreachable;
    bool went_back; /* a later answer was of an earlier block */
};

static void *ask(void *arg)
{
    struct asker *a = arg;
    const struct ct_ledger ledger = a->desk != NULL ? ct_desk_ledger(&a->seat, a->desk, a->chain)
                                                    : ct_ledger_of_chain(a->chain);
    uint64_t newest = 0;
    for (unsigned i = 0; i < EACH; i++) {
        struct ct_why why = {""};
        struct ct_device device;
        struct ct_relay relay;
        uint64_t block = 0;
        char name[32];
        (void)snprintf(name, sizeof name, "thing-%u-%u", a->number, i);
        ct_err err = i % 2 == 0 ? ledger.ops->device(ledger.arg, name, &device, &block, NULL, &why)
                                : ledger.ops->relay(ledger.arg, 7, &relay, &block, NULL, &why);
        a->absent += err == CT_ERR_NOT_FOUND;
        a->unreachable += CT_ERR_CLASS(err) == CT_ERR_CLASS_WORLD && why.text[0] != '\0';
        a->went_back = a->went_back || block < newest;
        newest = block;
    }
    return NULL;
}

static uint64_t trips_of(struct ct_chain *chain)
{
    struct ct_chain_stats stats = {0};
    if (chain != NULL) {
        ct_chain_stats(chain, &stats);
    }
    return stats.round_trips;
}

/* All at once: how many round trips it took them; UINT64_MAX when it could not be tried. */
static uint64_t ask_all(struct asker *all, struct ct_desk *at)
{
    const struct ct_chain_env env = {.timeout_ms = 30000};
    struct ct_why why = {""};
    uint64_t trips = 0;
    memset(all, 0, THREADS * sizeof *all);
    for (unsigned i = 0; i < THREADS; i++) {
        all[i].number = i;
        all[i].desk = at;
        if (ct_chain_open(&all[i].chain, &bundle, &env, &why) != CT_OK) {
            return UINT64_MAX;
        }
    }
    for (unsigned i = 0; i < THREADS; i++) {
        if (pthread_create(&all[i].thread, NULL, ask, &all[i]) != 0) {
            return UINT64_MAX;
        }
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(all[i].thread, NULL);
        trips += trips_of(all[i].chain);
        ct_chain_free(all[i].chain);
    }
    return trips;
}

/* ---- claims ---- */

static struct asker askers[THREADS];
static struct ct_desk *desk;
static struct ct_chain *of_desk;

static bool open_desk(void)
{
    const struct ct_chain_env env = {.timeout_ms = 30000};
    struct ct_why why = {""};
    return ct_chain_open(&of_desk, &bundle, &env, &why) == CT_OK &&
           ct_desk_new(&desk, of_desk) == CT_OK;
}

static void close_desk(void)
{
    ct_desk_free(desk);
    ct_chain_free(of_desk);
}

static void questions_that_come_together_are_asked_together(void)
{
    uint64_t alone = 0, together = UINT64_MAX;
    REQUIRE(deploy());
    /* what others compute here may keep the askers apart: once in a few times it does not */
    for (int tries = 0; tries < 5 && together > alone / 3; tries++) {
        REQUIRE(open_desk());
        alone = ask_all(askers, NULL);
        together = ask_all(askers, desk) + trips_of(of_desk);
        close_desk();
        for (unsigned i = 0; i < THREADS; i++) {
            CHECK_EQ(askers[i].absent, EACH); /* each got its own answer, proven */
            CHECK(!askers[i].went_back);
        }
        CHECK(alone >= (uint64_t)2 * THREADS * EACH);
    }
    if (together > alone / 3) {
        printf("    %llu round trips together, %llu alone\n", (unsigned long long)together,
               (unsigned long long)alone);
    }
    CHECK(together <= alone / 3);
}

static void chain_that_cannot_be_asked_is_told_to_all_who_asked(void)
{
    ct_anvil_stop(&anvil);
    REQUIRE(open_desk());
    REQUIRE(ask_all(askers, desk) != UINT64_MAX);
    close_desk();
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK_EQ(askers[i].unreachable, EACH);
    }
}

static const struct ct_test tests[] = {
    CT_TEST(questions_that_come_together_are_asked_together),
    CT_TEST(chain_that_cannot_be_asked_is_told_to_all_who_asked),
};

CT_TEST_MAIN(tests)
