/* What a service manager is told, as sd_notify(3) describes it; without one nothing happens. */
#ifndef CT_WM_NOTIFY_H
#define CT_WM_NOTIFY_H

/* "READY=1" and the like, to the socket that NOTIFY_SOCKET names. It is told or it is not. */
void ct_notify(const char *state);
/* "RELOADING=1" with the time that systemd wants beside it. */
void ct_notify_reloading(void);

#endif
