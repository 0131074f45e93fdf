/*
 * How many packets a chain of three node cores carries: entry, relay and exit in
 * one thread, wires without cost. Beside it the AEAD alone, which a packet meets
 * four times on this way (two seals, two opens): what remains is our own work.
 */
#include "tests/bench/node_chain.h"

#include <stdio.h>
#include <time.h>

#define BATCH 64
#define RUN_S 2.0

static double clock_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Packets per second from the host of node 0 to the host of node 2. */
static double chain_rate(struct chain *c, size_t len)
{
	static uint8_t buffers[BATCH][NODE_HEADROOM + NODE_FRAME_MAX + NODE_TAILROOM];
	struct node_packet packets[BATCH];
	uint64_t before = c->nodes[2].delivered, sent = 0;
	double start = clock_s(), elapsed;

	do {
		for (unsigned i = 0; i < BATCH; i++) {
			packets[i] = (struct node_packet){ buffers[i] + NODE_HEADROOM, len };
			chain_packet(c, 0, 2, packets[i].data, len);
		}
		node_packets_in(c->nodes[0].node, c->now_us, packets, BATCH);
		chain_drain(c);
		sent += BATCH;
		elapsed = clock_s() - start;
	} while (elapsed < RUN_S);
	uint64_t arrived = c->nodes[2].delivered - before;

	if (arrived != sent) {
		fprintf(stderr, "node_forward: %llu of %llu packets arrived\n", (unsigned long long)arrived,
			(unsigned long long)sent);
		exit(1);
	}
	return (double)arrived / elapsed;
}

/* How often per second a packet of `len` bytes can be sealed and opened twice. */
static double aead_rate(size_t len)
{
	static uint8_t frame[NODE_FRAME_MAX + NODE_HEADROOM + NODE_TAILROOM];
	uint8_t there[KEY_LEN] = { 1 }, back[KEY_LEN] = { 2 };
	struct secret_session a, b;
	uint64_t count = 0;
	double start = clock_s(), elapsed;

	session_init(&a, 1, 2, there, back, true, 0);
	session_init(&b, 2, 1, back, there, false, 0);
	do {
		for (unsigned i = 0; i < 2 * BATCH; i++) {
			int sealed = session_seal(&a, frame, len + 1, 0);

			if (session_open(&b, frame, (size_t)sealed) != (int)len + 1)
				exit(1);
		}
		count += BATCH;
		elapsed = clock_s() - start;
	} while (elapsed < RUN_S);
	session_done(&a);
	session_done(&b);
	return (double)count / elapsed;
}

int main(void)
{
	static const size_t sizes[] = { 64, 1400 };
	struct enrolment enrolments[3];

	if (sodium_init() < 0)
		return 1;
	chain_enrol(enrolments, 3, 1);
	struct chain *c = chain_new(enrolments, 3, 1500, 1);
	chain_run(c, 20000000);
	for (unsigned i = 0; i < 2; i++) {
		double chain = chain_rate(c, sizes[i]), aead = aead_rate(sizes[i]);

		printf("%4zu B: %8.0f packets/s through three nodes (%.2f us each), AEAD alone %8.0f/s (%.2f us): %.0f "
		       "%%\n",
			sizes[i], chain, 1e6 / chain, aead, 1e6 / aead, 100 * chain / aead);
	}
	chain_free(c);
	for (unsigned i = 0; i < 3; i++)
		enrolment_done(&enrolments[i]);
	return 0;
}
