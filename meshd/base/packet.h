/* IP and UDP headers and checksums, as captures, and the hosts of simulated worlds, write them. */
#ifndef MESHD_BASE_PACKET_H
#define MESHD_BASE_PACKET_H

#include "meshd/base/address.h"
#include "meshd/base/bytes.h"

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define UDP_HEADER 8
#define TCP_HEADER 20
#define IP_TCP 6
#define IP_UDP 17

struct packet_udp {
	uint8_t traffic_class, hop_limit;
	uint16_t source_port, destination_port;
	struct address source, destination; /* of one family */
};

/* Both headers and the payload, with the checksums that belong there. */
void packet_write_udp(struct writer *out, const struct packet_udp *u, struct bytes payload);
/* Puts the right UDP or TCP checksum into an IPv6 packet that has no other headers. */
void packet_seal_ipv6(uint8_t *packet, size_t len);

#endif
