/*
 * Joins packets that follow each other in one flow into one that the TUN takes as a
 * whole. What comes out, if the kernel cut it again, would be what came in: addresses,
 * ports, hop limit, marks, flags and options are equal, sequence numbers continue, all
 * payloads but the last have one length, and every checksum was right.
 *
 * Flows keep their order: a packet is added to the last large packet of its flow or
 * begins the next one, and nothing overtakes what is of no known flow. Between flows
 * order is that of their first packets.
 */
#include "meshd/io/segment.h"

#include "meshd/base/checksum.h"

#include <netinet/in.h>
#include <string.h>

#define LOOK 8 /* so many flows are told apart; of the others each packet begins anew */
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define FRAGMENT_BITS 0x3fff
#define DONT_FRAGMENT 0x4000

/* --- what a packet is --------------------------------------------------------------------- */

static uint8_t *data_of(const struct merge *m, const struct merge_group *g)
{
	return m->packets[g->first].data;
}

/* The protocol behind a header without options, of a whole packet that is as long as it says; 0: it is none. */
static uint8_t protocol_of(const uint8_t *p, size_t len)
{
	if (len >= IPV4_HEADER && p[0] == 0x45)
		return field_u16(p + 2) == len && !(field_u16(p + 6) & FRAGMENT_BITS) ? p[9] : 0;
	if (len >= IPV6_HEADER && p[0] >> 4 == 6)
		return IPV6_HEADER + (size_t)field_u16(p + 4) == len ? p[6] : 0;
	return 0;
}

static void tcp_begin(struct merge_group *g, const uint8_t *p, size_t len)
{
	const uint8_t *tcp = p + g->transport;

	if (len < g->transport + TCP_HEADER)
		return;
	g->header_len = g->transport + (size_t)(tcp[12] >> 4) * 4;
	if (g->header_len < g->transport + TCP_HEADER || g->header_len > len)
		return;
	g->kind = MERGE_TCP;
	g->size = len - g->header_len;
	g->next_seq = field_u32(tcp + 4) + (uint32_t)g->size;
	g->is_open = g->size > 0 && tcp[13] == TCP_ACK;
}

static void udp_begin(const struct merge *m, struct merge_group *g, const uint8_t *p, size_t len)
{
	const uint8_t *udp = p + g->transport;

	if (len < g->transport + UDP_HEADER || field_u16(udp + 4) != len - g->transport)
		return;
	g->kind = MERGE_UDP;
	g->header_len = g->transport + UDP_HEADER;
	g->size = len - g->header_len;
	/* Without a checksum nothing could be vouched for. */
	g->is_open = m->takes_udp && g->size > 0 && field_u16(udp + UDP_CHECKSUM) != 0;
}

static void group_begin(struct merge *m, struct merge_group *g, int packet)
{
	const uint8_t *p = m->packets[packet].data;
	size_t len = m->packets[packet].len;
	uint8_t protocol = protocol_of(p, len);

	*g = (struct merge_group){ .first = packet, .last = packet, .count = 1, .len = len };
	g->is_v6 = p[0] >> 4 == 6;
	g->transport = g->is_v6 ? IPV6_HEADER : IPV4_HEADER;
	if (protocol == IPPROTO_TCP)
		tcp_begin(g, p, len);
	else if (protocol == IPPROTO_UDP)
		udp_begin(m, g, p, len);
}

static bool same_flow(const uint8_t *a, const uint8_t *b, bool is_v6)
{
	if (a[0] >> 4 != b[0] >> 4)
		return false;
	if (is_v6)
		return a[6] == b[6] && memcmp(a + 8, b + 8, 32 + 4) == 0; /* addresses, and ports behind them */
	return a[9] == b[9] && memcmp(a + 12, b + 12, 8 + 4) == 0;
}

/* --- what may follow ------------------------------------------------------------------------ */

static bool checksum_is_right(const struct merge_group *g, const uint8_t *p, size_t len)
{
	struct bytes transport = bytes_of(p + g->transport, len - g->transport);
	uint64_t sum = pseudo_sum(p, g->is_v6, g->kind == MERGE_UDP, transport.len);

	if (!g->is_v6 && checksum_fold(checksum_add(0, bytes_of(p, IPV4_HEADER))) != 0xffff)
		return false;
	return checksum_fold(checksum_add(sum, transport)) == 0xffff;
}

/* `p` is the packet behind `last` by its IP header. */
static bool ip_continues(const struct merge_group *g, const uint8_t *last, const uint8_t *p)
{
	if (g->is_v6)
		return memcmp(last, p, 4) == 0 && last[7] == p[7];
	if (last[1] != p[1] || last[8] != p[8] || field_u16(last + 6) != field_u16(p + 6))
		return false;
	/* Where nobody may fragment, the identification says nothing (RFC 6864). */
	return (field_u16(p + 6) & DONT_FRAGMENT) || field_u16(p + 4) == (uint16_t)(field_u16(last + 4) + 1);
}

static bool tcp_continues(const struct merge_group *g, const uint8_t *first, const uint8_t *p)
{
	const uint8_t *a = first + g->transport, *b = p + g->transport;
	size_t options = g->header_len - g->transport - TCP_HEADER;

	return field_u32(b + 4) == g->next_seq &&
	       memcmp(a + 8, b + 8, 5) == 0 && /* acknowledgement, length of header */
	       (b[13] & ~TCP_PSH) == TCP_ACK && memcmp(a + 14, b + 14, 2) == 0 && /* window */
	       memcmp(a + TCP_HEADER, b + TCP_HEADER, options) == 0;
}

static bool udp_continues(const struct merge_group *g, const uint8_t *p, size_t len)
{
	const uint8_t *udp = p + g->transport;

	return field_u16(udp + 4) == len - g->transport && field_u16(udp + UDP_CHECKSUM) != 0;
}

static bool group_takes(struct merge *m, struct merge_group *g, const uint8_t *p, size_t len)
{
	const uint8_t *first = data_of(m, g), *last = m->packets[g->last].data;

	if (len <= g->header_len || len - g->header_len > g->size || g->len + len - g->header_len > LARGE_PACKET_MAX)
		return false;
	if (!protocol_of(p, len) || !ip_continues(g, last, p))
		return false;
	if (g->kind == MERGE_TCP ? !tcp_continues(g, first, p) : !udp_continues(g, p, len))
		return false;
	if (!g->is_checked)
		g->is_open = g->is_checked = checksum_is_right(g, first, m->packets[g->first].len);
	return g->is_checked && checksum_is_right(g, p, len);
}

static void group_add(struct merge *m, struct merge_group *g, int packet)
{
	const struct merge_packet *p = &m->packets[packet];
	size_t payload = p->len - g->header_len;

	m->packets[g->last].next = packet;
	g->last = packet;
	g->count++;
	g->len += payload;
	g->next_seq += (uint32_t)payload;
	g->is_pushed = g->kind == MERGE_TCP && p->data[g->transport + 13] & TCP_PSH;
	g->is_open = payload == g->size && !g->is_pushed;
}

/* The last large packet of the flow, if the packet may be added to it. */
static struct merge_group *group_find(struct merge *m, const uint8_t *p, size_t len)
{
	unsigned least = m->group_count > LOOK ? m->group_count - LOOK : 0;

	if (len < IPV4_HEADER + 4 || (p[0] >> 4 == 6 && len < IPV6_HEADER + 4))
		return NULL;
	for (unsigned i = m->group_count; i-- > least;) {
		struct merge_group *g = &m->groups[i];

		if (g->kind == MERGE_NONE)
			return NULL;
		if (same_flow(data_of(m, g), p, g->is_v6))
			return g->is_open && group_takes(m, g, p, len) ? g : NULL;
	}
	return NULL;
}

bool merge_add(struct merge *m, uint8_t *packet, size_t len)
{
	if (m->packet_count == MERGE_PACKETS)
		return false;
	int i = (int)m->packet_count++;
	m->packets[i] = (struct merge_packet){ .data = packet, .len = len, .next = -1 };
	struct merge_group *g = group_find(m, packet, len);
	if (g)
		group_add(m, g, i);
	else
		group_begin(m, &m->groups[m->group_count++], i);
	return true;
}

/* --- out -------------------------------------------------------------------------------------- */

/* The headers of a large packet, its checksum left to the kernel. */
static void headers_write(const struct merge_group *g, uint8_t *p)
{
	uint8_t *transport = p + g->transport;
	size_t len = g->len - g->transport;
	uint64_t sum = pseudo_sum(p, g->is_v6, g->kind == MERGE_UDP, len);

	if (g->is_v6) {
		field_put_u16(p + 4, len);
	} else {
		field_put_u16(p + 2, g->len);
		field_put_u16(p + 10, 0);
		checksum_put(p + 10, checksum_add(0, bytes_of(p, IPV4_HEADER)));
	}
	if (g->kind == MERGE_UDP) {
		field_put_u16(transport + 4, len);
		checksum_put_sum(transport + UDP_CHECKSUM, sum);
		return;
	}
	transport[13] |= g->is_pushed ? TCP_PSH : 0;
	checksum_put_sum(transport + TCP_CHECKSUM, sum);
}

static uint8_t gso_type(const struct merge_group *g)
{
	if (g->kind == MERGE_UDP)
		return VIRTIO_NET_HDR_GSO_UDP_L4;
	return g->is_v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
}

unsigned merge_take(struct merge *m, unsigned i, struct virtio_net_hdr *h, struct iovec *parts)
{
	const struct merge_group *g = &m->groups[i];
	unsigned count = 0;

	*h = (struct virtio_net_hdr){ 0 };
	if (g->count > 1) {
		headers_write(g, data_of(m, g));
		*h = (struct virtio_net_hdr){
			.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.gso_type = gso_type(g),
			.hdr_len = (uint16_t)g->header_len,
			.gso_size = (uint16_t)g->size,
			.csum_start = (uint16_t)g->transport,
			.csum_offset = g->kind == MERGE_UDP ? UDP_CHECKSUM : TCP_CHECKSUM,
		};
	}
	for (int k = g->first; k >= 0; k = m->packets[k].next) {
		size_t skip = count ? g->header_len : 0;

		parts[count++] = (struct iovec){ m->packets[k].data + skip, m->packets[k].len - skip };
	}
	return count;
}

void merge_clear(struct merge *m)
{
	m->packet_count = m->group_count = 0;
}
