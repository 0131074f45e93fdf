/*
 * The test flow: numbered packets at a steady rate in both directions, and what
 * its record says of an interruption. Private to sim/demo/.
 */
#ifndef SIM_DEMO_FLOW_H
#define SIM_DEMO_FLOW_H

#include "meshd/base/bytes.h"

#define FLOW_INTERVAL_US 10000l /* 100 packets a second */
#define FLOW_PAYLOAD 200 /* bytes; more than any frame of the mesh's own at rest */
#define FLOW_PORT 5201
#define FLOW_SAMPLES_MAX 100000

struct flow_sample {
	uint64_t seq, sent_us, got_us;
};

/* What one side wrote down. */
struct flow_record {
	struct flow_sample *samples; /* in order of arrival */
	size_t count;
	uint64_t sent; /* packets that this side sent */
};

/* The file that `meshdemo flow` wrote. -EBADMSG: not such a file, named by its line in *bad_line. */
int flow_record_read(struct flow_record *r, const char *path, unsigned *bad_line);
int flow_record_parse(struct flow_record *r, struct bytes text, unsigned *bad_line);
void flow_record_done(struct flow_record *r);

/* The longest silence at the receiver that overlaps [from_us, to_us]. */
struct flow_silence {
	uint64_t begin_us, end_us; /* arrivals on both sides of it */
	uint64_t gap_us; /* its length less the sending interval */
	bool is_over; /* false: nothing arrived any more; end_us is to_us */
};
struct flow_silence flow_silence_find(const struct flow_record *r, uint64_t from_us, uint64_t to_us);
/* Packets sent within [from_us, to_us) that arrived, each once. */
uint64_t flow_arrived(const struct flow_record *r, uint64_t from_us, uint64_t to_us);
/* Median of the one-way times of packets that arrived within [from_us, to_us); 0 if none did. */
uint64_t flow_delay_us(const struct flow_record *r, uint64_t from_us, uint64_t to_us);

#endif
