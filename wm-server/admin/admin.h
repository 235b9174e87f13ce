/* The commands of wm-admin: each gets its own words of the command line. */
#ifndef CT_WM_ADMIN_H
#define CT_WM_ADMIN_H

#define ADMIN "wm-admin"

int admin_audit_verify(int argc, char **argv);
int admin_token_issue(int argc, char **argv);
int admin_token_inspect(int argc, char **argv);
int admin_token_list(int argc, char **argv);
int admin_token_revoke(int argc, char **argv);
int admin_passkey_rotate(int argc, char **argv);
int admin_key_new(int argc, char **argv);
int admin_key_import(int argc, char **argv);
int admin_key_address(int argc, char **argv);
int admin_contract_migrate(int argc, char **argv);
int admin_store_backup(int argc, char **argv);
int admin_relay_list(int argc, char **argv);
int admin_relay_revoke(int argc, char **argv);
int admin_device_revoke(int argc, char **argv);

#endif
