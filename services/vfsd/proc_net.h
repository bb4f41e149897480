/* SPDX-License-Identifier: MIT */
/* Files of /proc/net (proc_net.c). */
#ifndef AMBOS_VFSD_PROC_NET_H
#define AMBOS_VFSD_PROC_NET_H

#include "shown.h"

status_t show_net_arp(struct shown_context *c);
status_t show_net_dev(struct shown_context *c);
status_t show_net_netlink(struct shown_context *c);
status_t show_net_packet(struct shown_context *c);
status_t show_net_protocols(struct shown_context *c);
status_t show_net_raw(struct shown_context *c);
status_t show_net_route(struct shown_context *c);
status_t show_net_tcp(struct shown_context *c);
status_t show_net_udp(struct shown_context *c);
status_t show_net_unix(struct shown_context *c);

#endif
