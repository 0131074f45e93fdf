/*
 * What the authentication of one plain link remembers (RFC 8967, 3). Private to routing/.
 */
#ifndef ROUTING_MAC_H
#define ROUTING_MAC_H

#include "routing/babel.h"

#define MAC_INDEX_MAX 32 /* of others (6.2) */
#define MAC_NONCE_MAX 192 /* of others (6.3) */
#define MAC_NONCE_LEN 16 /* of ours */
#define MAC_WINDOW 128 /* counters below the highest one (RFC 9467, 3.2) */
#define MAC_CHALLENGE_US UINT64_C(30000000) /* for so long an answer counts (4.3.1.1) */
#define MAC_LIMIT_US UINT64_C(300000) /* between challenges, and between answers, to one neighbour */
#define MAC_LIMIT_MAX_US (16 * MAC_LIMIT_US) /* between challenges that are not met */
#define MAC_EXPIRY_US UINT64_C(300000000) /* an index without accepted packets is forgotten (4.4) */

/* Which counters were seen: bit k of `seen` stands for highest - k. */
struct mac_window {
	uint32_t highest;
	uint64_t seen[MAC_WINDOW / 64];
};

enum { MAC_UNICAST, MAC_MULTICAST }; /* each has its own window (RFC 9467, 3.1) */

struct mac_neighbour {
	struct address address; /* FAMILY_NONE: the place is free */
	uint64_t until_us; /* ... and it is free from then on */
	bool has_index;
	uint8_t index_len;
	uint8_t index[MAC_INDEX_MAX];
	struct mac_window windows[2];
	bool is_challenged;
	uint8_t nonce[MAC_NONCE_LEN];
	uint64_t challenged_until_us;
	uint64_t next_challenge_us, challenge_gap_us;
	uint64_t next_reply_us;
};

struct babel_mac {
	struct babel_mac_config config;
	struct babel_mac_output output;
	void *user;
	uint8_t index[BABEL_MAC_INDEX_LEN];
	uint32_t counter; /* of the last packet sent */
	struct babel_mac_counters counters;
	struct mac_neighbour neighbours[BABEL_MAC_NEIGHBOURS_MAX];
};

/* Is `counter` new? Then it is no longer. */
bool mac_window_take(struct mac_window *w, uint32_t counter);
/* Nothing up to `counter` will count as new. */
void mac_window_close(struct mac_window *w, uint32_t counter);

#endif
