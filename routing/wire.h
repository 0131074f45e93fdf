/*
 * Babel packets as typed messages (RFC 8966, section 4; RFC 9229; RFC 9616).
 * Private to routing/.
 *
 * A packet becomes a sequence of struct babel_tlv; the handlers never see
 * bytes, the builder never decides. Parsing is stateful inside one packet
 * (router-id, next hops, default prefixes), and the state dies with it.
 */
#ifndef ROUTING_WIRE_H
#define ROUTING_WIRE_H

#include "routing/babel.h"

#define BABEL_MAGIC 42
#define BABEL_VERSION 2
#define BABEL_HEADER 4
#define BABEL_PACKET_MIN 512 /* what every speaker must accept (RFC 8966, 4) */

enum tlv_type {
	TLV_PAD1 = 0,
	TLV_PADN = 1,
	TLV_ACK_REQUEST = 2,
	TLV_ACK = 3,
	TLV_HELLO = 4,
	TLV_IHU = 5,
	TLV_ROUTER_ID = 6,
	TLV_NEXT_HOP = 7,
	TLV_UPDATE = 8,
	TLV_ROUTE_REQUEST = 9,
	TLV_SEQNO_REQUEST = 10,
	/* RFC 8967: read before the engine sees the packet (mac.c), and nothing to it. */
	TLV_MAC = 16,
	TLV_PC = 17,
	TLV_CHALLENGE_REQUEST = 18,
	TLV_CHALLENGE_REPLY = 19,
	/* Of the experimental range (RFC 8966, 5): between versioned neighbours only (docs/routing.md). */
	TLV_REFRESH = 224,
	TLV_DELTA = 225,
	TLV_SYNCACK = 226,
	/* ... who know each other's members by short-ids. */
	TLV_COMPACT = 227,
	TLV_BATCH_REQUEST = 228,
};

/* A decoded TLV. Router-Id, Next Hop and pads are consumed by the parser. An
 * update comes out complete: prefix decompressed, router-id and next hop filled
 * in, both unset in a retraction that does not have them. */
struct babel_tlv {
	enum tlv_type type;
	union {
		struct {
			uint16_t opaque;
			uint16_t interval_cs; /* not 0 */
		} ack_request;
		struct {
			uint16_t opaque;
		} ack;
		struct {
			bool unicast;
			uint16_t seqno;
			uint16_t interval_cs; /* 0: unscheduled */
			bool has_timestamp;
			uint32_t t1; /* transmit timestamp, us mod 2^32 (RFC 9616) */
		} hello;
		struct {
			bool has_address; /* false: AE 0, "you" */
			struct address address;
			uint16_t rxcost;
			uint16_t interval_cs; /* not 0 */
			bool has_timestamps;
			uint32_t origin; /* t1 of the last Hello from the addressee */
			uint32_t receive; /* when it came here, our clock */
		} ihu;
		struct {
			bool wildcard; /* AE 0: retract everything from this neighbour */
			bool v4_via_v6; /* came as AE 4: IPv6 next hop (RFC 9229) */
			uint8_t class; /* enum babel_class; another one than the base by a mandatory sub-TLV */
			struct prefix prefix;
			uint16_t interval_cs; /* not 0; 0xffff = not repeated */
			uint16_t seqno;
			uint16_t metric;
			router_id origin; /* valid if metric is finite */
			struct address next_hop; /* valid if metric is finite */
		} update;
		struct {
			bool wildcard;
			struct prefix prefix;
		} route_request;
		struct {
			struct prefix prefix;
			uint8_t class; /* as in updates */
			uint16_t seqno;
			uint8_t hop_count; /* not 0 */
			router_id origin;
		} seqno_request;
		struct {
			uint32_t epoch;
			uint32_t ver;
			uint16_t count; /* of finite entries, mod 2^16 */
			uint16_t interval_cs; /* until the next one; not 0 */
			uint64_t digest;
		} refresh;
		struct {
			bool begin; /* of a full sync: brings the next two */
			uint16_t interval_cs; /* of refreshes; not 0 */
			uint64_t key[2]; /* of digests */
			bool end; /* of a full sync: what it did not name is not there */
			bool urgent; /* retractions that count even before what is missing has come */
			uint32_t epoch;
			uint32_t from; /* at most 0xffff before ver */
			uint32_t ver;
		} delta; /* of the updates behind it, up to the next one */
		struct {
			bool nack; /* say what is after `applied`, or that there is nothing */
			bool full; /* say everything */
			uint32_t epoch;
			uint32_t applied;
			struct bytes whole; /* ids (wire_compact.h) of whom a list said what is not understood */
			bool is_unknown; /* ... as the members are not known */
		} syncack;
		struct {
			uint16_t check; /* of what the items stand for: compact.c */
			uint16_t base_id, base_seqno;
			struct bytes items; /* whole and readable: compact_read() */
		} compact; /* of the delta, as updates are */
		struct {
			uint8_t hop_count; /* not 0 */
			uint8_t class; /* of all of them */
			bool with_lans; /* for all prefixes that the members' certificates name, too */
			bool is_salted; /* items have salts */
			struct bytes items; /* batch_read() */
		} batch;
	} u;
};

/*
 * All that is said on a thin link in peace, instead of a packet: THIN_LEN bytes of
 * REFRESH, Hello, IHU and SYNCACK in one (protocol.md 2.3). What has more bits is meant
 * modulo what is written.
 */
#define THIN_LEN 13
struct wire_thin {
	bool is_hello; /* the Hello counts; else only the rest is said */
	bool is_refresh; /* epoch, ver and digest are those of this instant */
	bool nack, full; /* as in SYNCACK */
	uint8_t epoch;
	uint16_t ver;
	uint32_t digest;
	uint16_t interval_cs; /* of Hellos, rounded up by log_encode(); not 0 */
	uint16_t applied;
	uint8_t seqno;
	uint16_t rxcost; /* rounded up by log_encode() */
};
void wire_thin_write(uint8_t out[THIN_LEN], const struct wire_thin *thin);
bool wire_thin_read(struct wire_thin *thin, struct bytes packet); /* false: it is none */

/* What the parser needs to know of the packet's circumstances. */
struct wire_parser {
	struct reader body;
	bool has_router_id;
	router_id router_id;
	bool has_next_hop_v4, has_next_hop_v6;
	struct address next_hop_v4, next_hop_v6;
	bool has_default[3]; /* prefix compression state of AE 1, 2 and 4 */
	uint8_t default_prefix[3][16];
	struct babel_counters *counters;
};

/* Checks the header and starts. The next hop starts as the sender's address in
 * its family (RFC 8966, 4.5). -EPROTO if the packet must be dropped (counted). */
int wire_parse_begin(
	struct wire_parser *p, struct bytes packet, const struct address *sender, struct babel_counters *counters);
/* Next message for the engine: true and *out, or false at the end. What must be
 * ignored is skipped and counted. A TLV that overruns the body ends the packet. */
bool wire_parse_next(struct wire_parser *p, struct babel_tlv *out);

/*
 * The builder. wire_build_begin() starts a packet in `buffer`; each wire_write()
 * appends one message, with Router-Id and Next Hop TLVs put before an update
 * where the receiver's state needs them, prefixes compressed against the last
 * one, and the R flag used where the prefix carries the router-id (4.6.9). The
 * state changes only when everything fitted.
 */
struct wire_builder {
	struct writer packet;
	struct address self; /* IPv6 source address of the packet: the implied next hop */
	bool has_router_id;
	router_id router_id;
	bool has_next_hop_v4;
	struct address next_hop_v4, next_hop_v6;
	bool has_default[3];
	uint8_t default_prefix[3][16];
};

/* capacity: the link's packet size (mtu). */
void wire_build_begin(struct wire_builder *w, void *buffer, size_t capacity, const struct address *self);
/* 0, or -ENOSPC with the builder unchanged (flush and begin anew). In an update
 * next_hop unset (FAMILY_NONE) means the packet's source address. IPv4 prefixes
 * with an IPv6 next hop are written as AE 4. */
int wire_write(struct wire_builder *w, const struct babel_tlv *tlv);
/* Writes the message that begins at `at` bytes again with other values. It must
 * be of a type that keeps no state, and of the same length. */
void wire_amend(struct wire_builder *w, size_t at, const struct babel_tlv *tlv);
/* Finishes the header and returns the packet (borrowed from buffer), or empty
 * bytes when nothing was written. */
struct bytes wire_build_end(struct wire_builder *w);

#endif
