/*
 * Ethernet links, in three files: what both ways share and what leaves (ethernet.c), and the
 * two ways in which frames arrive, by a socket of our own and by libpcap.
 *
 * Both see what passes the interface, before a bridge takes it, and let in our EtherType, to
 * us or to the group, without a VLAN tag.
 */
#ifndef MESHD_IO_ETHERNET_H
#define MESHD_IO_ETHERNET_H

#include "meshd/io/io.h"

/* Where frames to all go: locally administered, a group. */
extern const uint8_t ethernet_group[IO_MAC_LEN];

/* Each opens, sets p->fd, the socket that is sent by, and returns 0 or a negative errno with text and remedy. */
int ethernet_socket_open(struct port *p, char error[IO_ERROR_MAX]);
void ethernet_socket_readable(struct ev_loop *loop, ev_io *io, int events);
int ethernet_pcap_open(struct port *p, char error[IO_ERROR_MAX]);
void ethernet_pcap_readable(struct ev_loop *loop, ev_io *io, int events);

#endif
