/*
 * Between the kernel's large packets and those of the wire. Pure: bytes in, bytes out.
 *
 *   TUN ──one large packet──► segment.c ──packets──► node ──► links
 *   links ──► node ──packets──► merge.c ──one large packet──► TUN
 *
 * The kernel cuts a TCP stream, and a row of UDP datagrams, as late as it can, and joins
 * what it receives as early as it can; in between one pass through its stack serves forty
 * packets. A TUN may take part (struct virtio_net_hdr before each packet): then it gets what
 * is not yet cut, with checksums that are not yet filled in, and may return what is joined.
 */
#ifndef MESHD_IO_SEGMENT_H
#define MESHD_IO_SEGMENT_H

#include "meshd/base/bytes.h"
#include "meshd/base/packet.h"

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <sys/uio.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define SEGMENT_HEADERS_MAX 256 /* IP, with options or further headers, and TCP; longer ones are not cut */
#define LARGE_PACKET_MAX 65535

#define TCP_CHECKSUM 16 /* where it is in the header */
#define UDP_CHECKSUM 6

/* Fields of headers, which are in network order and anywhere. */
static inline uint16_t field_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline void field_put_u16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline uint32_t field_u32(const uint8_t *at)
{
	return (uint32_t)field_u16(at) << 16 | field_u16(at + 2);
}

static inline void field_put_u32(uint8_t *at, uint32_t value)
{
	field_put_u16(at, value >> 16);
	field_put_u16(at + 2, value & 0xffff);
}

/* --- segment.c ------------------------------------------------------------------------ */

/* What a transport's checksum begins with: addresses, protocol, and the length of what is behind the IP header. */
uint64_t pseudo_sum(const uint8_t *packet, bool is_v6, bool is_udp, size_t len);

struct segments_shape {
	size_t header_len; /* IP and TCP or UDP */
	size_t size; /* payload of each, but the last may have less */
};

/* A large packet that is being cut. */
struct segments {
	struct segments_shape shape;
	size_t payload; /* of all */
	unsigned count;
	bool is_v6, is_udp;
	size_t transport; /* where its header begins */
	uint8_t header[SEGMENT_HEADERS_MAX];
};

/* What `h` says of a packet of `len` bytes, of which the first `head.len` are at hand. -EINVAL: nothing that can be
 * cut, or too little of it at hand. */
int segments_init(struct segments *s, const struct virtio_net_hdr *h, struct bytes head, size_t len);
size_t segments_payload(const struct segments *s, unsigned i); /* of the i-th */
/* Writes the headers of the i-th before its payload, which lies at packet + header_len; returns the whole length. */
size_t segments_write(const struct segments *s, unsigned i, uint8_t *packet);
/* Fills in the checksum of a packet that is not to be cut. -EINVAL: `h` says nonsense. */
int checksum_complete(const struct virtio_net_hdr *h, uint8_t *packet, size_t len);

/* --- merge.c ---------------------------------------------------------------------------- */

#define MERGE_PACKETS 256 /* that wait together */

struct merge_packet {
	uint8_t *data;
	size_t len;
	int next; /* of the same large packet; -1: none */
};

enum merge_kind { MERGE_NONE, MERGE_TCP, MERGE_UDP };

/* A large packet that grows; alone it is just a packet. */
struct merge_group {
	enum merge_kind kind; /* MERGE_NONE: no flow is known of it, and nothing passes it */
	bool is_open; /* more may be added */
	bool is_checked; /* the checksum of the first one was right */
	bool is_pushed; /* the last one says so (PSH) */
	bool is_v6;
	int first, last;
	unsigned count;
	size_t transport, header_len, size; /* of the first one; payload */
	size_t len; /* of the large packet */
	uint32_t next_seq; /* TCP */
};

/* Packets on their way to the TUN, in the order in which they came; all zero: none. The packets are borrowed until
 * merge_clear(), and their headers are changed. */
struct merge {
	bool takes_udp; /* the kernel takes rows of UDP datagrams */
	unsigned packet_count, group_count;
	struct merge_packet packets[MERGE_PACKETS];
	struct merge_group groups[MERGE_PACKETS];
};

/* False: it is full. */
bool merge_add(struct merge *m, uint8_t *packet, size_t len);
/* The i-th large packet, as the TUN is given it: `h`, then `parts` (of MERGE_PACKETS), whose number is returned. Once
 * for each. */
unsigned merge_take(struct merge *m, unsigned i, struct virtio_net_hdr *h, struct iovec *parts);
void merge_clear(struct merge *m);

#endif
