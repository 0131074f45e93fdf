/*
 * Batches of frames and packets on their way out of the node.
 *
 * What the node seals or opens in place lies in room of the daemon's: in that of the TUN or
 * in that of the receiving sockets. It stays there until the call into the node has returned,
 * so that nothing is copied: frames and packets are noted, and leave by batch_flush() behind
 * that call, sorted by where they go. What lies elsewhere leaves at once.
 */
#ifndef MESHD_IO_BATCH_H
#define MESHD_IO_BATCH_H

#include "meshd/io/segment.h"
#include "meshd/node/node.h"

#define BATCH_FRAMES 256 /* noted for one next hop */
#define BATCH_HOPS 16 /* told apart */
#define RECEIVE_MESSAGES 8 /* rows of frames, per call of the kernel */
#define RECEIVE_MAX 65535

struct daemon;
struct port;

/* Frames for one next hop. */
struct batch_hop {
	struct port *port;
	struct endpoint to;
	unsigned count;
	struct bytes frames[BATCH_FRAMES];
};

struct batch {
	unsigned hop_count;
	struct batch_hop hops[BATCH_HOPS];
	struct merge packets; /* for the TUN */
	/* What rows of frames are received in (udp.c). */
	uint8_t room[RECEIVE_MESSAGES][RECEIVE_MAX + 1 + NODE_TAILROOM];
};

/* --- batch_in.c --- */

#define BATCH_IN_FRAMES 64 /* in one call into the node */

/* Frames on their way in, of one link. They lie in the daemon's room. */
struct batch_in {
	struct port *port;
	uint64_t now_us;
	unsigned count, all;
	struct node_frame frames[BATCH_IN_FRAMES];
};
void batch_in_begin(struct batch_in *in, struct port *port);
void batch_in_add(struct batch_in *in, const struct endpoint *from, uint8_t *data, size_t len);
unsigned batch_in_end(struct batch_in *in); /* hands over all; returns how many there were */
/* One alone, which is copied there. */
void batch_in_one(struct port *port, uint64_t now_us, const struct endpoint *from, struct bytes frame);

/* --- batch.c --- */

/* Notes a frame; false: it must leave at once, and what was noted before it has left. */
bool batch_frame(struct daemon *d, struct port *port, const struct endpoint *to, struct bytes frame);
/* The same of a packet for the host. */
bool batch_packet(struct daemon *d, struct bytes packet);
/* A call into the node has returned: all that was noted leaves. */
void batch_flush(struct daemon *d);

#endif
