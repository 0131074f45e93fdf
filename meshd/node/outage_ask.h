/*
 * Asks about the sites of an outage clock (outage.h): whether there is a route, and each
 * class from end to end (node_reach_ask()), one question at a time. The questions are
 * inside the control budget of each link that they cross: one for which there is no room
 * tells nothing.
 */
#ifndef MESHD_NODE_OUTAGE_ASK_H
#define MESHD_NODE_OUTAGE_ASK_H

#include "meshd/node/node.h"
#include "meshd/node/outage.h"

#define OUTAGE_ASK_GOOD_US 20000000ull /* between rounds of questions to a site where all works */
#define OUTAGE_ASK_OUT_US 5000000ull /* ... and to one that is out */

/* Of one site. Zero: nobody is known there, and nothing was asked. */
struct outage_asker {
	bool is_found; /* somebody is there: */
	struct address address;
	unsigned class; /* whose turn it is */
	bool is_asked;
	uint64_t asked_us, next_us, round_us;
};
/* Each second; outages_poll() is said when all sites have had their turn. `unix_s` is the date. */
void outage_ask(
	struct outages *o, unsigned site, struct outage_asker *a, struct node *n, uint64_t now_us, uint64_t unix_s);

#endif
