/*
 * Where a packet belongs: its class, its lane, its conversation, and the mark by which
 * a router says that it is congested.
 */
#include "meshd/node/state.h"

#include "meshd/base/map.h"

#include <string.h>

#define DSCP_LE 1 /* RFC 8622 */
#define DSCP_CS1 8
#define DSCP_AF11 10
#define DSCP_AF13 14
#define DSCP_CS5 40
#define ECN_MASK 3
#define ECN_CE 3
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define THINNER_MOST 4 /* text goes over no backup of less than a fourth of the suspect's rate */
#define TUPLE_LEN (16 + 16 + 1 + 4)

static bool is_v4(struct bytes packet)
{
	return packet.data[0] >> 4 == 4;
}

static uint8_t traffic_class(struct bytes packet)
{
	return is_v4(packet) ? packet.data[1] : (uint8_t)(packet.data[0] << 4 | packet.data[1] >> 4);
}

enum lane lane_of_class(enum packet_class class)
{
	return class == CLASS_TEXT ? LANE_TEXT : class == CLASS_COMMAND ? LANE_COMMAND : LANE_BULK;
}

uint8_t packet_dscp(struct bytes packet)
{
	return traffic_class(packet) >> 2;
}

enum packet_class class_of_dscp(struct bytes packet)
{
	unsigned dscp = packet_dscp(packet);

	if (dscp >= DSCP_CS5)
		return CLASS_COMMAND;
	if (dscp == DSCP_LE || dscp == DSCP_CS1 || (dscp >= DSCP_AF11 && dscp <= DSCP_AF13))
		return CLASS_BULK;
	return CLASS_TEXT;
}

/* Whether a packet of `p`, who is not sound, had better go to `backup`, who is. */
static bool is_better(const struct peer *p, const struct peer *backup, enum packet_class class)
{
	const struct detector *d = &p->detector, *other = &backup->detector;

	if (d->state == DETECT_DEAD || class == CLASS_COMMAND)
		return true;
	return d->is_left && class == CLASS_TEXT && other->interval_us && other->interval_us <= d->interval_us &&
	       link_rate_bps(backup->link) >= link_rate_bps(p->link) / THINNER_MOST;
}

/* Who fails is not waited for, if there is another way (detect.c). */
static struct peer *peer_or_backup(
	struct peer *p, const struct fib_entry *to, enum babel_class topology, enum packet_class class)
{
	if (p->detector.state == DETECT_SOUND)
		return p;
	struct peer *backup = p->n->numbered[to->backups[topology]];
	bool is_there = backup && backup->is_up && backup->detector.state == DETECT_SOUND;

	return is_there && is_better(p, backup, class) ? backup : p;
}

struct peer *peer_of_class(const struct fib_entry *to, enum packet_class *class)
{
	if (*class == CLASS_COMMAND || *class == CLASS_BULK) {
		struct peer *peer = to->classes[*class - 1];

		if (peer)
			return peer_or_backup(peer, to, (enum babel_class) * class, *class);
		*class = *class == CLASS_BULK ? CLASS_FALLEN : CLASS_TEXT;
	}
	return to->kind == FIB_PEER ? peer_or_backup(to->peer, to, BABEL_TEXT, *class) : NULL;
}

/* Of UDP and TCP; a later fragment has none, so no fragment may show them. */
static void ports_read(struct bytes packet, uint8_t protocol, size_t header_len, bool is_fragment, uint8_t out[4])
{
	if (!is_fragment && (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP) && packet.len >= header_len + 4)
		memcpy(out, packet.data + header_len, 4);
}

uint32_t flow_of_packet(struct bytes packet, const uint64_t secret[2])
{
	uint8_t tuple[TUPLE_LEN] = { 0 };

	if (is_v4(packet) && packet.len >= 20) {
		bool is_fragment = (packet.data[6] & 0x3f) || packet.data[7];

		memcpy(tuple, packet.data + 12, 8);
		tuple[32] = packet.data[9];
		ports_read(packet, packet.data[9], (size_t)(packet.data[0] & 0x0f) * 4, is_fragment, tuple + 33);
	} else if (packet.len >= 40) {
		memcpy(tuple, packet.data + 8, 32);
		tuple[32] = packet.data[6];
		ports_read(packet, packet.data[6], 40, false, tuple + 33);
	}
	return (uint32_t)siphash24(secret, bytes_of(tuple, sizeof(tuple)));
}

bool packet_mark_congestion(uint8_t *packet, size_t len)
{
	struct bytes all = bytes_of(packet, len);
	uint8_t ecn;

	if (len < 20)
		return false;
	ecn = traffic_class(all) & ECN_MASK;
	if (ecn == 0)
		return false;
	if (ecn == ECN_CE)
		return true;
	if (!is_v4(all)) {
		packet[1] |= ECN_CE << 4;
		return true;
	}
	/* RFC 1624, as in packet_hop(). */
	uint32_t before = (uint32_t)(packet[0] << 8 | packet[1]);
	uint32_t sum = (uint16_t) ~(packet[10] << 8 | packet[11]);

	packet[1] |= ECN_CE;
	sum += (uint16_t)~before + (uint32_t)(packet[0] << 8 | packet[1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	packet[10] = (uint8_t)(sum >> 8);
	packet[11] = (uint8_t)sum;
	return true;
}
