/*
 * One probe: a UDP datagram with a small hop limit, and what comes back for it
 * through the socket's error queue. Needs no privilege.
 */
#ifndef MESHD_CTL_PROBE_H
#define MESHD_CTL_PROBE_H

#include "meshd/base/address.h"

enum probe_outcome {
	PROBE_HOP, /* a node on the way: its hop limit was used up there */
	PROBE_ARRIVED,
	PROBE_REFUSED, /* a node on the way says that it cannot pass it on */
	PROBE_NO_ROUTE, /* it did not even leave this machine */
	PROBE_SILENT,
};

struct probe_result {
	enum probe_outcome outcome;
	struct address from; /* for HOP, ARRIVED, REFUSED */
	uint64_t rtt_us;
	bool is_prohibited; /* REFUSED: not for lack of a route */
	int error; /* NO_ROUTE: errno */
};

/* A socket for this family, or a negative errno. */
int probe_open(uint8_t family);
/* Sends one and waits up to wait_ms. `number` tells answers apart: use each once. */
void probe_send(int fd, const struct address *to, unsigned number, unsigned hop_limit, unsigned wait_ms,
	struct probe_result *result);

#endif
