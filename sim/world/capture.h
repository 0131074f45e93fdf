/*
 * What is offered to each link, as files that Wireshark reads: one pcapng for all
 * links, or a pcap for each. Times are the world's, in nanoseconds from 0.
 *
 *   sealed    frames as they are sent: in Ethernet, or in UDP over IPv4 where the
 *             daemon would send them so
 *   opened    what they carry: Babel as UDP 6696 between link-local addresses (RFC
 *             8966, 4), the hosts' packets; handshakes, beacons and what neighbours
 *             say to each other beside Babel (docs/frames.md) stay sealed
 */
#ifndef SIM_WORLD_CAPTURE_H
#define SIM_WORLD_CAPTURE_H

#include "sim/world/world.h"

struct capture;
enum capture_form { CAPTURE_SEALED, CAPTURE_OPENED };

/* `path`: a directory that is there, which gets LINK.pcap for each segment; else the file for all.
 * Takes the world's `offered`, and `inner` if opened. NULL with one line in `error`. */
struct capture *capture_world(struct world *w, const char *path, enum capture_form form, char *error, size_t size);
/* 0, or -EIO: something could not be written. Frees it. */
int capture_end(struct capture *c);

#endif
