/*
 * A file on its way from host to host by TCP: handshake, slow start, CUBIC, fast
 * retransmit by selective acknowledgements, retransmission timer; segments that
 * fill the smallest MTU of the mesh. A host that loses power forgets its end of the
 * connection; the file then begins anew.
 *
 *   sender ── SYN ──► receiver          sender without power: begins anew when it
 *          ◄─ SYN ACK ─                 has some
 *          ── data ... FIN ──►          receiver without power: answers RST when it
 *          ◄─ ACK, SACK ─               has some, and the sender begins anew
 *
 * transfer.c, the sending end; congestion.c, how much it may have on its way;
 * transfer_end.c, the receiving one; transfer_wire.c, segments as bytes.
 */
#ifndef SIM_WORLD_TRANSFER_H
#define SIM_WORLD_TRANSFER_H

#include "sim/world/congestion.h"
#include "sim/world/traffic.h"

#define SEGMENT_SIZE (WORLD_PACKET_MAX - IPV6_HEADER - TCP_HEADER) /* of a file */
#define SACK_BLOCKS 3
#define TRANSFER_PORT 20000 /* of the receiver, plus the transfer's number */
#define TRANSFER_CALLER_PORT 30000 /* of the sender, and those behind it */
#define TRANSFER_CALLER_PORTS 30000 /* another one for each connection */

enum tcp_flags { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

/* Sequence numbers count from the SYN: it is 0, the file's first byte 1. */
struct tcp_segment {
	unsigned flags;
	uint32_t seq, ack;
	unsigned sack_count;
	struct {
		uint32_t from, until;
	} sack[SACK_BLOCKS];
	size_t len; /* of the file's bytes in it */
};

enum transfer_state { TRANSFER_IDLE, TRANSFER_CALLING, TRANSFER_SENDING, TRANSFER_DONE };

/* The sending station's. Segments are counted from 0; a state for each. */
struct transfer_sender {
	struct timer timer;
	enum transfer_state state;
	uint64_t life_us; /* of the station, in which this connection is */
	unsigned attempts;
	uint8_t *segments; /* enum segment_state */
	uint32_t *marks; /* for each, the first that was fresh when it was sent */
	uint32_t first, next; /* not acknowledged; not sent */
	uint32_t in_flight, lost;
	uint32_t top; /* behind the highest that is selectively acknowledged */
	bool is_recovering;
	uint32_t recover; /* until all before are acknowledged */
	/* Of this recovery (RFC 6937): in flight when it began, delivered and sent since, and may go now. */
	uint32_t flight, delivered, out, quota;
	struct congestion congestion;
	uint64_t rtt_us, rtt_variance_us, timeout_us; /* smoothed; rtt_us 0: not known */
	uint64_t due_us; /* the retransmission timer; NEVER */
	bool is_timing;
	uint32_t timed;
	uint64_t timed_us;
	uint64_t sent, repeated, timeouts, recoveries;
	struct timeline asked; /* 1 in each step in which it had something to send */
};

/* The receiving station's. */
struct transfer_receiver {
	struct timer timer;
	uint64_t life_us;
	bool is_open;
	uint16_t port; /* of the caller */
	uint8_t *got; /* a byte for each segment */
	uint32_t next, top; /* the first that is missing; behind the highest */
	uint32_t recent[SACK_BLOCKS]; /* out of order; newest first */
	unsigned recent_count;
	unsigned unanswered; /* segments in order without an acknowledgement */
	bool is_greeting; /* a SYN waits for its answer */
	uint64_t whole_us; /* 0: not yet */
	uint32_t most; /* segments in order that it ever had */
	struct timeline came; /* bytes */
};

struct transfer {
	struct trial *trial;
	unsigned index;
	const struct plan_file *conf;
	uint32_t count; /* segments */
	struct transfer_sender sender;
	struct transfer_receiver receiver;
};

/* transfer_wire.c: a packet of WORLD_PACKET_MAX bytes has room. */
struct bytes tcp_write(uint8_t *out, const struct host_packet *p, const struct tcp_segment *s);
bool tcp_read(struct tcp_segment *s, const struct host_packet *p);

/* transfer_end.c */
void transfer_receiver_init(struct transfer *t);
void transfer_segment_arrived(struct transfer *t, const struct host_packet *p, const struct tcp_segment *s);

static inline uint16_t transfer_caller_port(const struct transfer_sender *s)
{
	return (uint16_t)(TRANSFER_CALLER_PORT + s->attempts % TRANSFER_CALLER_PORTS);
}
static inline uint32_t transfer_segment_len(const struct transfer *t, uint32_t segment)
{
	return segment + 1 < t->count ? SEGMENT_SIZE : t->conf->size - segment * SEGMENT_SIZE;
}
static inline unsigned transfer_restarts(const struct transfer *t)
{
	return t->sender.attempts > 1 ? t->sender.attempts - 1 : 0;
}
/* The sequence number at which a segment begins; of `count`, that behind the FIN. */
static inline uint32_t transfer_seq(const struct transfer *t, uint32_t segment)
{
	return segment < t->count ? 1 + segment * SEGMENT_SIZE : 2 + t->conf->size;
}
/* How many segments lie before a sequence number. */
static inline uint32_t transfer_segment(const struct transfer *t, uint32_t seq)
{
	return seq > t->conf->size ? t->count : seq ? (seq - 1) / SEGMENT_SIZE : 0;
}

#endif
