/*
 * What is offered to each link, as a pcap file that Wireshark reads: sealed
 * frames in Ethernet, or in UDP over IPv4 where the daemon would send them so.
 * Times are the world's, in nanoseconds from 0.
 */
#ifndef SIM_WORLD_CAPTURE_H
#define SIM_WORLD_CAPTURE_H

#include "sim/world/world.h"

struct capture;

/* DIR/LINK.pcap for each segment of the world; takes the world's `offered`. NULL with one line in `error`. */
struct capture *capture_world(struct world *w, const char *dir, char *error, size_t size);
/* 0, or -EIO: something could not be written. Frees it. */
int capture_end(struct capture *c);

#endif
