/* Three endpoints of one chain that go away and come back. */
#ifndef CT_WM_ENDPOINTS_H
#define CT_WM_ENDPOINTS_H

#include <stdbool.h>
#include <stdint.h>

enum { ENDPOINTS = 3 };

/* Ports for them before 127.0.0.1:to_port; all are away. */
void endpoints_prepare(uint16_t to_port);
uint16_t endpoint_port(unsigned i);
/* It answers again; false when it cannot. */
bool endpoint_up(unsigned i);
/* Its connections end, and new ones are refused. */
void endpoint_down(unsigned i);

#endif
