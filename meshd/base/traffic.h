/*
 * Classes of traffic in an operator's words: which packets are of which class where
 * they enter the mesh, and how much of a class one source may send.
 *
 *   rule := CLASS [any] [PREFIX] [from PREFIX] [to PREFIX] [PROTOCOL] [port PORT[-PORT]] [dscp DSCP]
 *
 * The first rule of which everything is true decides. A bare prefix, and a port, may be
 * of either end: both directions of a conversation are found by one rule.
 */
#ifndef MESHD_BASE_TRAFFIC_H
#define MESHD_BASE_TRAFFIC_H

#include "meshd/base/address.h"

#define TRAFFIC_CLASSES 3
#define TRAFFIC_RULES_MAX 32

/* In the order of the routing engine's (babel.h). */
enum traffic_class { TRAFFIC_TEXT, TRAFFIC_COMMAND, TRAFFIC_BULK };
const char *traffic_class_name(unsigned class); /* "text", "command", "bulk" */
/* -EINVAL. */
int traffic_class_parse(unsigned *out, const char *text);

/* What a rule does not say is FAMILY_NONE, or false. */
struct traffic_rule {
	uint8_t class; /* enum traffic_class */
	struct prefix either, from, to;
	bool has_protocol, has_ports, has_dscp;
	uint8_t protocol; /* IANA; that of ICMP stands for ICMPv6 too */
	uint16_t port_low, port_high; /* both included */
	uint8_t dscp;
};

/* NULL, or what is wrong with the text and what to write instead. */
const char *traffic_rule_parse(struct traffic_rule *out, const char *text);

/* TCP, UDP and others whose headers begin with the two ports. */
bool traffic_protocol_has_ports(uint8_t protocol);

/* What rules look at in a packet. */
struct traffic_key {
	struct address source, destination;
	uint8_t dscp;
	bool has_protocol, has_ports; /* false: cut, or behind what cannot be looked through */
	uint8_t protocol;
	uint16_t source_port, destination_port;
};
bool traffic_rule_matches(const struct traffic_rule *r, const struct traffic_key *key);

enum traffic_limit_kind { TRAFFIC_LIMIT_DEFAULT, TRAFFIC_LIMIT_NONE, TRAFFIC_LIMIT_STATED };
struct traffic_limit {
	enum traffic_limit_kind kind;
	uint64_t rate_bps; /* stated */
	unsigned burst_ms; /* so much of the rate may come at once */
};

struct traffic_policy {
	unsigned rule_count;
	struct traffic_rule rules[TRAFFIC_RULES_MAX];
	struct traffic_limit limits[TRAFFIC_CLASSES]; /* of each neighbour, and of this host with what is behind it */
};

#endif
