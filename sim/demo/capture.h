/*
 * What the captures of the emulated links say: how many frames each station sent
 * in each tenth of a second, and whether anything in them is readable.
 * Private to sim/demo/.
 */
#ifndef SIM_DEMO_CAPTURE_H
#define SIM_DEMO_CAPTURE_H

#include "sim/demo/scan.h"

#define CAPTURE_BIN_US 100000
#define CAPTURE_BINS_MAX 6000 /* ten minutes */
#define CAPTURE_STATIONS_MAX 8
#define CAPTURE_ERROR_MAX 256
/* From this size on a frame carries payload: the mesh's own are smaller when at rest. */
#define CAPTURE_PAYLOAD_MIN 300

struct capture_station {
	uint8_t mac[6];
	uint64_t frames, bytes;
	uint32_t payload_frames[CAPTURE_BINS_MAX]; /* of CAPTURE_PAYLOAD_MIN bytes and more, by time */
	uint64_t payload_bytes[CAPTURE_BINS_MAX];
};

struct capture {
	uint64_t start_us; /* wall clock; bin 0 begins here */
	unsigned station_count;
	struct capture_station stations[CAPTURE_STATIONS_MAX]; /* by source address, in order of appearance */
	uint64_t frames, frames_cut; /* cut: the capture holds only their beginning */
	struct scan_hits hits;
};

/* Reads the whole file; `scan` may be NULL. 0, or -1 with a line in `error`. */
int capture_read(
	struct capture *c, const char *path, uint64_t start_us, const struct scan *scan, char error[CAPTURE_ERROR_MAX]);
/* One frame of a capture; what capture_read() does with each. */
void capture_frame(struct capture *c, uint64_t at_us, struct bytes frame);
/* NULL: it never sent. */
const struct capture_station *capture_station_find(const struct capture *c, const uint8_t mac[6]);
/* Frames and bytes with payload that the station (NULL: none) sent in the bins that begin in [from_us, to_us). */
uint64_t capture_frames_between(
	const struct capture *c, const struct capture_station *s, uint64_t from_us, uint64_t to_us);
uint64_t capture_bytes_between(
	const struct capture *c, const struct capture_station *s, uint64_t from_us, uint64_t to_us);

#endif
