/* What the two halves of the device share: its machine, and the jobs that the worker does for it.
 */
#ifndef CT_CLIENT_DEVICE_H
#define CT_CLIENT_DEVICE_H

#include "client_private.h"

#define CT_DEVICE_BACKOFF_MIN_MS 2000u
#define CT_DEVICE_RECORD_CHECK_MS 3600000u
#define CT_DEVICE_ROTATION_CHECK_MS 5000u
#define CT_DEVICE_SAVE_MS 120000u /* how often allocation.json follows the allocation's life */

/* Ends it, or waits and tries again: a device that has been up stays at it. */
void ct_device_failed(struct ct_client *c, ct_err err, const char *text);
void ct_device_tell_place(struct ct_client *c, enum ct_client_event_kind kind,
                          const struct ct_addr *relayed, uint16_t relay);
/* Lets go of HOME's lock, unless a job for the record is under way. */
void ct_device_unlock(struct ct_device_machine *d);
/* As new, but for the lock and the job that is under way. */
void ct_device_reset(struct ct_device_machine *d, bool is_once);
/* Opens the home lane, going on with an allocation that was left, if there is one. */
void ct_device_allocate(struct ct_client *c);

/* Jobs: everything before the allocation, and the record that names it. */
void ct_device_prepare(struct ct_client *c);
void ct_device_register(struct ct_client *c);
/* Until the record is looked at again. */
uint64_t ct_device_check_ms(const struct ct_client *c);

#endif
