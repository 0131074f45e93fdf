/*
 * A NAT box, as a port has one between itself and what it is attached to. Several ports may
 * be behind one.
 *
 *   independent   one outer port for all that the inner one says, to whomever (RFC 4787, 4.1)
 *   symmetric     another outer port for each other end that it is said to
 *   hairpins      what one that is behind it sends to an outer port of another one comes back
 *                 in, from the outer port of who sent it (RFC 4787, 6); many boxes drop it
 *
 * Either lets in only who was sent something, from the very port it was sent to (RFC
 * 4787, 5: address and port-dependent filtering), and forgets what is silent for
 * WORLD_NAT_IDLE_US. What an end sees of another is its outer port; two boxes whose
 * ends call each other at the ports that a third one sees let each other in if both
 * are independent.
 */
#ifndef SIM_WORLD_NAT_H
#define SIM_WORLD_NAT_H

#include "meshd/node/node.h"

struct segment;
struct port;

enum nat_kind { NAT_NONE, NAT_INDEPENDENT, NAT_SYMMETRIC };

/* What is open between an inner port and one end of one segment. */
struct nat_flow {
	const struct port *inner;
	const struct segment *segment;
	unsigned end;
	uint64_t used_us;
	uint16_t port; /* outer */
	struct endpoint to; /* the end, as it is seen */
};

struct nat_box {
	enum nat_kind kind;
	bool hairpins;
	unsigned users; /* ports that are behind it */
	unsigned host; /* in its outer address: the station that was behind it first */
	uint16_t last_port; /* given */
	unsigned flow_count, flow_capacity;
	struct nat_flow *flows;
};

/* With one port behind it. */
struct nat_box *nat_new(enum nat_kind kind, bool hairpins, unsigned host);
/* One more port is behind it. */
struct nat_box *nat_share(struct nat_box *b);
/* One less; with the last one the box goes. */
void nat_free(struct nat_box *b);
/* `inner` sends something out to `to`, which is that end. Where it seems to come from. */
struct endpoint nat_out(struct nat_box *b, uint64_t now_us, const struct port *inner, const struct segment *segment,
	unsigned end, const struct endpoint *to);
/* Something that seems to come from `from`, which is that end, is for `to`. Is it let in to `inner`? */
bool nat_in(struct nat_box *b, uint64_t now_us, const struct port *inner, const struct segment *segment, unsigned end,
	const struct endpoint *from, const struct endpoint *to);
/* All flows are forgotten; those that come get other ports. */
void nat_forget(struct nat_box *b);
/* Is it an outer endpoint of the box, with whatever port? */
bool nat_has_address(const struct nat_box *b, const struct endpoint *e);
/* Is it one of `inner`, or, where nobody else is behind the box, of any port of it? */
bool nat_leads_to(const struct nat_box *b, const struct port *inner, const struct endpoint *e);

#endif
