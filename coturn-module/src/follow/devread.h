/* Reads the chain's events about devices into the book, and holds them to the proven log. */
#ifndef CT_RELAY_DEVREAD_H
#define CT_RELAY_DEVREAD_H

#include "follow/devfollow.h"

/* Of f, which has a book, nothing but book and span is used. As ct_devfollow_refresh(). */
CT_MUST_USE ct_err ct_devread(struct ct_devfollow *f, const struct ct_view *view,
                              const struct ct_log_head *head, struct ct_why *why);

#endif
