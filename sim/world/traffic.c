/* Packets of hosts: what all of them have in common, and who gets them. */
#include "sim/world/traffic.h"

#define HOPS 64

uint8_t traffic_dscp(enum plan_class class)
{
	static const uint8_t codepoints[PLAN_CLASSES] = {
		[PLAN_TEXT] = 0, /* DF */
		[PLAN_COMMAND] = 40, /* CS5 */
		[PLAN_VOICE] = 46, /* EF */
		[PLAN_BULK] = 1, /* LE */
	};

	return codepoints[class];
}

enum packet_class traffic_mark(enum plan_class class)
{
	static const enum packet_class marks[PLAN_CLASSES] = {
		[PLAN_TEXT] = CLASS_TEXT,
		[PLAN_COMMAND] = CLASS_COMMAND,
		[PLAN_VOICE] = CLASS_COMMAND,
		[PLAN_BULK] = CLASS_BULK,
	};

	return marks[class];
}

void host_packet_begin(struct writer *w, const struct host_packet *p, size_t size)
{
	write_u32(w, 6u << 28 | (uint32_t)p->dscp << 22);
	write_u16(w, (uint16_t)(size - IPV6_HEADER));
	write_u8(w, p->protocol);
	write_u8(w, HOPS);
	write_copy(w, p->from.bytes, 16);
	write_copy(w, p->to.bytes, 16);
	write_u16(w, p->source_port);
	write_u16(w, p->destination_port);
}

struct bytes host_packet_end(struct writer *w)
{
	struct bytes packet = writer_bytes(w);

	if (packet.len)
		packet_seal_ipv6(w->start, packet.len);
	return packet;
}

bool host_packet_read(struct host_packet *p, struct bytes packet)
{
	struct reader r = reader_of(packet);
	uint8_t source[16], destination[16];
	uint32_t first = read_u32(&r);

	read_u16(&r);
	p->dscp = (uint8_t)(first >> 22 & 63);
	p->protocol = read_u8(&r);
	read_u8(&r);
	read_copy(&r, source, sizeof(source));
	read_copy(&r, destination, sizeof(destination));
	p->from = address_ipv6(source);
	p->to = address_ipv6(destination);
	p->source_port = read_u16(&r);
	p->destination_port = read_u16(&r);
	p->rest = read_bytes(&r, reader_left(&r));
	return reader_ok(&r) && first >> 28 == 6;
}

/* --- who gets what ---------------------------------------------------------------------- */

void trial_traffic_init(struct trial *t)
{
	probes_init(t);
	transfers_init(t);
	voices_init(t);
}

void trial_traffic_done(struct trial *t)
{
	probes_done(t);
	transfers_done(t);
	voices_done(t);
}

void trial_traffic_deliver(struct trial *t, struct station *s, struct bytes packet)
{
	struct host_packet p;

	if (!host_packet_read(&p, packet))
		return;
	if (p.protocol == IP_UDP) {
		probe_deliver(t, s, &p);
		voice_deliver(t, s, &p);
	}
	if (p.protocol == IP_TCP)
		transfer_deliver(t, s, &p);
}

uint64_t trial_strays(const struct trial *t)
{
	uint64_t strays = 0;

	for (unsigned i = 0; i < t->world->station_count; i++)
		strays += t->strays[i];
	return strays;
}
