/* Relays after a move: who has to be told, and what. */
#include "contract_relays.h"

#include <stdio.h>

#include "chain/key.h"
#include "turn/addr.h"

static void print_relay(const struct ct_relay *r)
{
    char owner[CT_ADDR_TEXT_LEN];
    char four[CT_ADDR_TEXT] = "", six[CT_ADDR_TEXT] = "";
    bool has4 = ct_relay_has_ip4(r->listen_ip4);
    bool has6 = ct_relay_has_ip6(r->listen_ip6);
    const struct ct_addr at4 = ct_addr_ip4(r->listen_ip4, r->listen_port);
    const struct ct_addr at6 = ct_addr_ip6(r->listen_ip6, r->listen_port);
    ct_addr_text(owner, r->owner20);
    if (has4) {
        ct_addr_to_text(four, &at4);
    }
    if (has6) {
        ct_addr_to_text(six, &at6);
    }
    (void)printf("  relay %u at %s%s%s, owner %s\n", r->index, four, has4 && has6 ? " and " : "",
                 six, owner);
}

void admin_relays_tell(const struct admin_plan *plan, const char *bundle_path,
                       unsigned long long revokes_after_s)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->relay_count; i++) {
        count += plan->relays[i].fate != ADMIN_STAYS;
    }
    if (count == 0) {
        return;
    }
    (void)printf("relays do not follow by themselves; to the operator of each of these %zu:\n",
                 count);
    for (size_t i = 0; i < plan->relay_count; i++) {
        if (plan->relays[i].fate != ADMIN_STAYS) {
            print_relay(&plan->relays[i].record);
        }
    }
    (void)printf("give %s, and have them\n"
                 "  1. put it in the place of the file that chainturn-bundle in turnserver.conf "
                 "names\n"
                 "  2. leave wallet, key and ports as they are: index and record are the same in "
                 "the new contract\n"
                 "  3. restart turnserver, when the owner of the old contract sends the call "
                 "below: until both are done its devices are not reached\n",
                 bundle_path);
    if (revokes_after_s > 0) {
        (void)printf("a relay that has not done it %llu s after others have is taken for failing "
                     "and may be revoked; it is reinstated when it answers\n",
                     revokes_after_s);
    }
}
