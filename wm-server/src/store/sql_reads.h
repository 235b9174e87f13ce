/* The connections that read, beside the one that writes; between the files of sql.h. */
#ifndef CT_WM_SQL_READS_H
#define CT_WM_SQL_READS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/sql_conn.h"

enum { CT_SQL_READERS = 4 };

struct ct_sql_member; /* of the group under way */

struct ct_sql {
    struct ct_conn *conn;
    pthread_mutex_t lock;
    struct ct_sql *readers[CT_SQL_READERS]; /* none in a reader */
    bool is_reader;
    bool is_quick;                /* the change under way */
    bool is_open;                 /* the transaction; a reader's may outlast a read */
    atomic_uint_fast64_t commits; /* so many */
    struct ct_sql *writer;        /* of a reader: */
    uint64_t seen, since_ms;      /* its commits when the transaction began, and when */
    atomic_uint waiting;          /* for the lock */
    struct ct_sql_member *group;  /* made, and not committed yet */
    size_t group_count;
    pthread_cond_t committed;
};

/* Ends the snapshots that nobody reads in and that began then or before. */
void ct_sql_end_idle(struct ct_sql *db, uint64_t before_ms);
/* What ct_sql_end() does with a reader. */
ct_err ct_sql_end_read(struct ct_sql *reader, ct_err err);

#endif
