/*
 * What hosts say to each other: IP packets of a class, and what came of them over
 * time. Private to the trial's traffic.
 *
 *   traffic.c   packets, classes, who gets what
 *   probe.c     flows and pings
 *   transfer.c  a file's way by TCP, transfer_end.c its receiving end
 *   voice.c     group voice, calls
 *
 * The two ends of anything know of each other by packets only: what the sender
 * touches and what the receiver touches are different fields, so that each end may
 * run with its own station. They meet when the world has ended.
 */
#ifndef SIM_WORLD_TRAFFIC_H
#define SIM_WORLD_TRAFFIC_H

#include "meshd/base/packet.h"
#include "sim/world/timeline.h"
#include "sim/world/trial.h"

struct host_packet {
	uint8_t protocol, dscp;
	struct address from, to;
	uint16_t source_port, destination_port;
	struct bytes rest; /* behind the ports; borrowed */
};

/* The codepoint that is this class on packets of hosts (RFC 4594; bulk: RFC 8622). */
uint8_t traffic_dscp(enum plan_class class);
/* As what packets of the class enter the mesh. */
enum packet_class traffic_mark(enum plan_class class);
/* The header of a packet of `size` bytes in all, up to the ports. */
void host_packet_begin(struct writer *w, const struct host_packet *p, size_t size);
/* Sums it up; borrowed from the writer. */
struct bytes host_packet_end(struct writer *w);
/* False: it is none of ours. */
bool host_packet_read(struct host_packet *p, struct bytes packet);

/* --- probe.c ------------------------------------------------------------------------------ */

void probes_init(struct trial *t);
void probes_done(struct trial *t);
/* A datagram that a station's host got. */
void probe_deliver(struct trial *t, struct station *s, const struct host_packet *p);

/* --- voice.c ------------------------------------------------------------------------------ */

void voices_init(struct trial *t);
void voices_done(struct trial *t);
void voice_deliver(struct trial *t, struct station *s, const struct host_packet *p);
/* A reach for voice: speaks to the other node, who echoes, until enough comes back in time. */
void trial_call_due(struct timer *timer, uint64_t now_us);

/* --- transfer.c --------------------------------------------------------------------------- */

void transfers_init(struct trial *t);
void transfers_done(struct trial *t);
/* A TCP segment that a station's host got. */
void transfer_deliver(struct trial *t, struct station *s, const struct host_packet *p);

#endif
