// SPDX-License-Identifier: MIT
// /proc/net: AF_UNIX sockets are real; there are no other families, so their tables are headings only, which is what
// programs that list connections expect of a machine without any. Formats: proc(5).
#include "proc_net.h"

static status_t heading(struct shown_context *c, const char *text)
{
	text_print(c->text, "%s\n", text);
	return OK;
}

status_t show_net_arp(struct shown_context *c)
{
	return heading(c, "IP address       HW type     Flags       HW address            Mask     Device");
}

status_t show_net_dev(struct shown_context *c)
{
	text_print(c->text, "Inter-|   Receive                                                |  Transmit\n");
	return heading(c, " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo "
			  "colls carrier compressed");
}

status_t show_net_netlink(struct shown_context *c)
{
	return heading(c, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode");
}

status_t show_net_packet(struct shown_context *c)
{
	return heading(c, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode");
}

status_t show_net_protocols(struct shown_context *c)
{
	return heading(c, "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br "
			  "ha uh gp em");
}

status_t show_net_route(struct shown_context *c)
{
	return heading(c, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
}

status_t show_net_tcp(struct shown_context *c)
{
	return heading(c, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode");
}

status_t show_net_udp(struct shown_context *c)
{
	return heading(c, "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref "
			  "pointer drops");
}

status_t show_net_raw(struct shown_context *c) { return show_net_udp(c); }

status_t show_net_unix(struct shown_context *c) { return facts_text_into(c->text, 0, TEXT_UNIX, 0); }
