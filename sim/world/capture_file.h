/* Capture files as Wireshark reads them. Private to the capture (capture.c). */
#ifndef SIM_WORLD_CAPTURE_FILE_H
#define SIM_WORLD_CAPTURE_FILE_H

#include "meshd/base/address.h"
#include "meshd/base/bytes.h"

#include <stdio.h>

#define CAPTURE_PACKET_MAX 4096

/* One link's packets, pcap with nanoseconds. */
void pcap_begin(FILE *f);
void pcap_packet(FILE *f, uint64_t time_ns, struct bytes packet);

/* Many links' packets, pcapng with nanoseconds: first the section, then an
 * interface for each link (numbered from 0), names of addresses, packets. */
void pcapng_begin(FILE *f);
void pcapng_interface(FILE *f, const char *name, uint64_t rate_bps); /* 0: no limit */
void pcapng_name(FILE *f, const char *name, const struct address *addresses, unsigned count); /* IPv6, at most 4 */
void pcapng_packet(FILE *f, unsigned interface, uint64_t time_ns, struct bytes packet);

#endif
