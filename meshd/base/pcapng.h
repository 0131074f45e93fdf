/*
 * Captures as Wireshark reads them: pcapng (draft-ietf-opsawg-pcapng), and pcap with
 * nanoseconds. Each function appends whole blocks to the writer, which goes bad if
 * there is no room for them: PCAPNG_BLOCK_MAX is enough for any one block.
 * Little-endian on every machine, so that the same run gives the same bytes.
 *
 *   section · interface* · names* · packet* · statistics?
 */
#ifndef MESHD_BASE_PCAPNG_H
#define MESHD_BASE_PCAPNG_H

#include "meshd/base/address.h"
#include "meshd/base/bytes.h"

#define PCAPNG_PACKET_MAX 4096
#define PCAPNG_BLOCK_MAX (PCAPNG_PACKET_MAX + 64)
#define PCAPNG_BLOCK_MIN 12
#define PCAPNG_BLOCK_HEAD 8
#define PCAPNG_PACKET 6 /* types of blocks: a packet, */
#define PCAPNG_STATISTICS 5 /* ... and what was seen and lost of an interface */

/* All of one pcap file before its packets; and a packet there. Times are in nanoseconds, since 1970 where there is a
 * clock. */
void pcap_begin(struct writer *out);
void pcap_packet(struct writer *out, uint64_t time_ns, struct bytes packet);

/* Begins a pcapng file; `program` wrote it. */
void pcapng_begin(struct writer *out, const char *program);
/* Numbered from 0, in their order. `rate_bps` 0: not known. */
void pcapng_interface(struct writer *out, const char *name, uint64_t rate_bps);
/* What somebody with these IPv6 addresses, at most 4, is called. */
void pcapng_name(struct writer *out, const char *name, const struct address *addresses, unsigned count);
/* `packet` begins with an Ethernet header. */
void pcapng_packet(struct writer *out, unsigned interface, uint64_t time_ns, struct bytes packet);

struct pcapng_statistics {
	uint64_t seen; /* packets of the interface, the lost ones too */
	uint64_t lost; /* not in the file: there was no room for them */
};
/* Ends a capture. */
void pcapng_statistics(
	struct writer *out, unsigned interface, uint64_t time_ns, const struct pcapng_statistics *statistics);

/* For who reads such a stream: the type and length of the block that begins with these 8 bytes. False: none does, or it
 * is longer than PCAPNG_BLOCK_MAX. */
bool pcapng_head_read(struct bytes head, uint32_t *type, uint32_t *len);
/* What a whole block of that type says; false: its ends do not fit, or it does not say both. */
bool pcapng_statistics_read(struct bytes block, struct pcapng_statistics *statistics);

#endif
