/* wm-server init: keys made, contract deployed, configuration and bundle written. */
#ifndef CT_WM_INIT_H
#define CT_WM_INIT_H

#define CT_INIT_USAGE                                                                           \
    "--rpc URL [--rpc URL ..] [--quorum K] --dir DIR --address HOST\n"                          \
    "      [--port 8080] [--tls-port 8443] [--owner-key KEY] [--approver-key KEY]\n"            \
    "      [--funder-key KEY] [--ROLE-passphrase SOURCE] [--fund-from KEY] [--fund-passphrase " \
    "SOURCE]\n"                                                                                 \
    "      [--approver-ether N] [--chain-id N] [--key-days N] [--adopt ADDRESS]\n"              \
    "      [--allow-private] [--insecure-single-rpc]"

int ct_init_main(int argc, char **argv);

#endif
