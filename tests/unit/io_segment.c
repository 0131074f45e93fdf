/*
 * Large packets: cut, every piece is what the kernel would have sent; joined and cut
 * again, every packet is what it was. Checksums are those of a slow sum of our own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/random.h"
#include "meshd/io/segment.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_MAX 2048
#define ROUNDS 400
#define CWR 0x80
#define ACK 0x10
#define PSH 0x08
#define SYN 0x02
#define FIN 0x01

static struct prng prng;
static struct random rnd;

static unsigned draw(unsigned below)
{
	return random_u32(&rnd) % below;
}

/* --- what is right ------------------------------------------------------------------------- */

static uint32_t slow_add(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static size_t transport_at(const uint8_t *p)
{
	return p[0] >> 4 == 6 ? 40 : (size_t)(p[0] & 15) * 4;
}

static uint32_t transport_sum(const uint8_t *p, size_t len)
{
	size_t at = transport_at(p);
	uint8_t rest[4] = { 0, p[0] >> 4 == 6 ? p[6] : p[9], (uint8_t)((len - at) >> 8), (uint8_t)(len - at) };
	uint32_t sum = p[0] >> 4 == 6 ? slow_add(0, p + 8, 32) : slow_add(0, p + 12, 8);

	return slow_add(slow_add(sum, rest, 4), p + at, len - at);
}

static void assert_packet_is_right(const uint8_t *p, size_t len)
{
	assert_int_equal(transport_sum(p, len), 0xffff);
	if (p[0] >> 4 == 6) {
		assert_int_equal(field_u16(p + 4) + 40, len);
		return;
	}
	assert_int_equal(field_u16(p + 2), len);
	assert_int_equal(slow_add(0, p, transport_at(p)), 0xffff);
}

/* --- packets ----------------------------------------------------------------------------------- */

struct flow {
	bool is_v6, is_udp, dont_fragment;
	uint8_t hosts[32];
	uint16_t ports[2], id;
	uint32_t seq, ack;
	unsigned options; /* bytes */
	uint8_t tos, hops;
};

static struct flow flow_draw(void)
{
	struct flow f = { .is_v6 = draw(2), .is_udp = draw(2), .dont_fragment = draw(2) };

	random_fill(&rnd, f.hosts, sizeof(f.hosts));
	f.ports[0] = (uint16_t)draw(65536);
	f.ports[1] = (uint16_t)draw(65536);
	f.id = (uint16_t)draw(65536);
	f.seq = random_u32(&rnd);
	f.ack = random_u32(&rnd);
	f.options = 4 * draw(4);
	f.tos = (uint8_t)draw(256);
	f.hops = (uint8_t)(1 + draw(255));
	return f;
}

static size_t ip_write(const struct flow *f, uint8_t *p, size_t payload)
{
	memset(p, 0, 40);
	if (f->is_v6) {
		p[0] = (uint8_t)(0x60 | f->tos >> 4);
		p[1] = (uint8_t)(f->tos << 4);
		field_put_u16(p + 4, payload);
		p[6] = f->is_udp ? IPPROTO_UDP : IPPROTO_TCP;
		p[7] = f->hops;
		memcpy(p + 8, f->hosts, 32);
		return 40;
	}
	p[0] = 0x45;
	p[1] = f->tos;
	field_put_u16(p + 2, 20 + payload);
	field_put_u16(p + 4, f->id);
	p[6] = f->dont_fragment ? 0x40 : 0;
	p[8] = f->hops;
	p[9] = f->is_udp ? IPPROTO_UDP : IPPROTO_TCP;
	memcpy(p + 12, f->hosts, 8);
	field_put_u16(p + 10, (uint16_t)~slow_add(0, p, 20));
	return 20;
}

/* A packet of the flow as it is now; its checksum is right. Returns its length. */
static size_t packet_write(const struct flow *f, uint8_t flags, uint8_t *p, size_t payload)
{
	size_t header = f->is_udp ? 8 : 20 + f->options, at = ip_write(f, p, header + payload),
	       len = at + header + payload;
	uint8_t *t = p + at;

	memset(t, 0, header);
	field_put_u16(t, f->ports[0]);
	field_put_u16(t + 2, f->ports[1]);
	if (f->is_udp) {
		field_put_u16(t + 4, header + payload);
	} else {
		field_put_u32(t + 4, f->seq);
		field_put_u32(t + 8, f->ack);
		t[12] = (uint8_t)(header / 4 << 4);
		t[13] = flags;
		field_put_u16(t + 14, 1234);
		memset(t + 20, 1, f->options);
	}
	random_fill(&rnd, t + header, payload);
	uint16_t sum = (uint16_t)~transport_sum(p, len);
	field_put_u16(t + (f->is_udp ? 6 : 16), sum || !f->is_udp ? sum : 0xffff);
	return len;
}

static void flow_next(struct flow *f, size_t payload)
{
	f->seq += (uint32_t)payload;
	f->id++;
}

/* A large packet and what the TUN says of it. */
static size_t large_write(
	const struct flow *f, uint8_t flags, struct virtio_net_hdr *h, uint8_t *p, size_t payload, unsigned size)
{
	size_t len = packet_write(f, flags, p, payload), at = transport_at(p);
	unsigned tcp = f->is_v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;

	*h = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = (uint8_t)(f->is_udp ? VIRTIO_NET_HDR_GSO_UDP_L4 : tcp),
		.hdr_len = (uint16_t)at,
		.gso_size = (uint16_t)size,
		.csum_start = (uint16_t)at,
		.csum_offset = f->is_udp ? 6 : 16 };
	return len;
}

/* --- cutting -------------------------------------------------------------------------------------- */

static uint8_t large[LARGE_PACKET_MAX + 1];

static void assert_piece(const struct flow *f, uint8_t flags, const struct segments *s, unsigned i)
{
	static uint8_t expected[LARGE_PACKET_MAX], piece[LARGE_PACKET_MAX];
	struct flow at = *f;
	size_t payload = segments_payload(s, i);
	bool is_last = i + 1 == s->count;

	at.seq += (uint32_t)(i * s->shape.size);
	at.id = (uint16_t)(at.id + i);
	flags = (uint8_t)(flags & ~(is_last ? 0 : PSH | FIN) & ~(i ? CWR : 0));
	size_t len = packet_write(&at, flags, expected, payload), header = len - payload;
	memcpy(piece + header, large + header + i * s->shape.size, payload);
	assert_int_equal(segments_write(s, i, piece), len);
	assert_packet_is_right(piece, len);
	/* The same but for payload, and so for checksum. */
	size_t checksum = transport_at(piece) + (f->is_udp ? 6 : 16);
	memcpy(expected + checksum, piece + checksum, 2);
	assert_memory_equal(piece, expected, header);
}

static void every_piece_is_what_the_kernel_would_have_sent(void **state)
{
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct flow f = flow_draw();
		unsigned size = 1 + draw(1400);
		size_t payload = size + 1 + draw(20 * size);
		uint8_t flags = (uint8_t)(ACK | (draw(2) ? PSH : 0) | (draw(4) ? 0 : FIN) | (draw(4) ? 0 : CWR));
		struct virtio_net_hdr h;
		struct segments s;

		if (payload > 65000)
			payload = 65000;
		size_t len = large_write(&f, flags, &h, large, payload, size), sum = 0;
		assert_int_equal(segments_init(&s, &h, bytes_of(large, len), len), 0);
		assert_int_equal(s.shape.header_len + payload, len);
		for (unsigned i = 0; i < s.count; i++) {
			assert_piece(&f, flags, &s, i);
			sum += segments_payload(&s, i);
		}
		assert_int_equal(sum, payload);
	}
}

static void nonsense_is_refused_and_nothing_beyond_is_read(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 20 * ROUNDS; round++) {
		struct flow f = flow_draw();
		struct virtio_net_hdr h;
		struct segments s;
		size_t len = large_write(&f, ACK, &h, large, 500, 100), at_hand = draw((unsigned)len + 1);
		uint8_t *head = malloc(at_hand + 1); /* a sanitizer sees its end */
		uint8_t *broken = (uint8_t *)&h + draw(sizeof(h));

		assert_non_null(head);
		*broken = (uint8_t)draw(256);
		large[transport_at(large) + draw(20)] ^= (uint8_t)draw(256);
		memcpy(head, large, at_hand);
		if (segments_init(&s, &h, bytes_of(head, at_hand), len) == 0) {
			assert_true(s.shape.header_len <= at_hand && s.shape.header_len <= SEGMENT_HEADERS_MAX);
			assert_true(s.count >= 1 && segments_payload(&s, s.count - 1) >= 1);
			assert_true(segments_payload(&s, s.count - 1) <= s.shape.size);
		}
		h.gso_type = VIRTIO_NET_HDR_GSO_NONE;
		checksum_complete(&h, head, at_hand);
		free(head);
	}
}

static void a_checksum_that_was_left_out_is_filled_in(void **state)
{
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct flow f = flow_draw();
		uint8_t packet[PACKET_MAX];
		size_t len = packet_write(&f, ACK, packet, draw(1400)), at = transport_at(packet);
		struct virtio_net_hdr h = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.csum_start = (uint16_t)at,
			.csum_offset = f.is_udp ? 6 : 16 };
		uint8_t *checksum = packet + at + h.csum_offset;
		uint16_t right = field_u16(checksum);

		/* What the kernel leaves there: the sum of the pseudo header. */
		field_put_u16(checksum, 0);
		uint32_t whole = transport_sum(packet, len), without = slow_add(0, packet + at, len - at);
		uint32_t pseudo = whole >= without ? whole - without : whole + 0xffff - without;
		field_put_u16(checksum, pseudo);
		assert_int_equal(checksum_complete(&h, packet, len), 0);
		assert_packet_is_right(packet, len);
		if (right != 0xffff && right != 0)
			assert_int_equal(field_u16(checksum), right);
	}
}

/* --- joining ----------------------------------------------------------------------------------------- */

#define FLOWS 3
#define QUEUE 120

struct queue {
	unsigned count;
	struct queued {
		unsigned flow;
		size_t len;
		uint8_t data[PACKET_MAX];
	} packets[QUEUE];
};

static struct queue came, went;
static struct merge merge;

/* A packet of a flow, mostly one that continues it. */
static void come(struct flow *flows, unsigned which, unsigned size)
{
	struct flow *f = &flows[which];
	struct queued *q = &came.packets[came.count++];
	size_t payload = draw(10) ? size : draw(size + 200);
	uint8_t flags = ACK;

	if (draw(30) == 0)
		f->seq += draw(3); /* a gap, or not */
	if (draw(30) == 0)
		f->ack++;
	if (draw(30) == 0)
		f->tos ^= 3;
	if (draw(30) == 0)
		f->hops++;
	if (draw(30) == 0)
		f->id++;
	if (draw(12) == 0)
		flags |= PSH;
	if (draw(40) == 0)
		flags |= draw(2) ? FIN : SYN;
	q->flow = which;
	q->len = packet_write(f, flags, q->data, payload);
	if (draw(40) == 0 && payload)
		q->data[q->len - 1] ^= 1; /* its checksum is wrong: it must arrive as it is */
	flow_next(f, payload);
}

static unsigned flow_of(const struct flow *flows, const uint8_t *p)
{
	for (unsigned i = 0; i < FLOWS; i++) {
		size_t at = flows[i].is_v6 ? 40 : 20;

		if (p[0] >> 4 == (flows[i].is_v6 ? 6 : 4) &&
			memcmp(p + (flows[i].is_v6 ? 8 : 12), flows[i].hosts, flows[i].is_v6 ? 32 : 8) == 0 &&
			field_u16(p + at) == flows[i].ports[0])
			return i;
	}
	fail();
	return 0;
}

/* As the kernel does with what it is given. */
static void go(const struct flow *flows, const struct virtio_net_hdr *h, const struct iovec *parts, unsigned count)
{
	struct segments s;
	size_t len = 0;

	for (unsigned i = 0; i < count; i++) {
		assert_true(len + parts[i].iov_len <= LARGE_PACKET_MAX);
		memcpy(large + len, parts[i].iov_base, parts[i].iov_len);
		len += parts[i].iov_len;
	}
	unsigned which = flow_of(flows, large);
	if (h->gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		struct queued *q = &went.packets[went.count++];

		assert_int_equal(count, 1);
		q->flow = which;
		q->len = len;
		memcpy(q->data, large, len);
		return;
	}
	assert_int_equal(segments_init(&s, h, bytes_of(large, len), len), 0);
	assert_int_equal(s.count, count);
	for (unsigned i = 0; i < s.count; i++) {
		struct queued *q = &went.packets[went.count++];

		q->flow = which;
		memcpy(q->data + s.shape.header_len, large + s.shape.header_len + i * s.shape.size,
			segments_payload(&s, i));
		q->len = segments_write(&s, i, q->data);
	}
}

static const struct queued *next_of(const struct queue *q, unsigned flow, unsigned *at)
{
	while (*at < q->count && q->packets[*at].flow != flow)
		++*at;
	return *at < q->count ? &q->packets[(*at)++] : NULL;
}

static void assert_flow_is_untouched(const struct flow *f, unsigned which)
{
	unsigned in = 0, out = 0;
	const struct queued *a, *b;

	do {
		uint8_t got[PACKET_MAX];

		a = next_of(&came, which, &in);
		b = next_of(&went, which, &out);
		assert_true(!a == !b);
		if (!a)
			break;
		assert_int_equal(b->len, a->len);
		memcpy(got, b->data, b->len);
		if (!f->is_v6 && f->dont_fragment) {
			memcpy(got + 4, a->data + 4, 2); /* the identification says nothing */
			memcpy(got + 10, a->data + 10, 2);
		}
		assert_memory_equal(got, a->data, a->len);
	} while (a);
}

static unsigned merged; /* packets that found others */

static void round_trip(uint64_t seed, bool takes_udp)
{
	static uint8_t copies[QUEUE][PACKET_MAX];
	struct iovec parts[MERGE_PACKETS];
	struct flow flows[FLOWS];
	unsigned sizes[FLOWS];

	prng_seed(&prng, seed);
	came.count = went.count = 0;
	merge = (struct merge){ .takes_udp = takes_udp };
	for (unsigned i = 0; i < FLOWS; i++) {
		flows[i] = flow_draw();
		sizes[i] = 1 + draw(1300);
	}
	const struct flow *known = flows;
	for (unsigned i = 0, which = 0; i < QUEUE; i++) {
		which = draw(4) ? which : draw(FLOWS);
		come(flows, which, sizes[which]);
		memcpy(copies[i], came.packets[i].data, came.packets[i].len);
		assert_true(merge_add(&merge, copies[i], came.packets[i].len));
	}
	for (unsigned i = 0; i < merge.group_count; i++) {
		struct virtio_net_hdr h;
		unsigned count = merge_take(&merge, i, &h, parts);

		merged += count - 1;
		go(known, &h, parts, count);
	}
	assert_int_equal(went.count, QUEUE);
	for (unsigned i = 0; i < FLOWS; i++)
		assert_flow_is_untouched(&flows[i], i);
}

static void joined_and_cut_again_every_flow_is_what_it_was(void **state)
{
	(void)state;
	merged = 0;
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		round_trip(seed, true);
		round_trip(seed, false);
	}
	/* It does join: more than one in four. */
	assert_true(merged > ROUNDS * 2 * QUEUE / 4);
}

/* Packets that belong together, as the fast path has them: payload `size` each, the last one `last`. */
static unsigned groups_of(struct flow f, unsigned count, unsigned size, unsigned last)
{
	static uint8_t packets[MERGE_PACKETS][PACKET_MAX];

	merge = (struct merge){ .takes_udp = true };
	for (unsigned i = 0; i < count; i++) {
		unsigned payload = i + 1 < count ? size : last;

		merge_add(&merge, packets[i], packet_write(&f, ACK, packets[i], payload));
		flow_next(&f, payload);
	}
	return merge.group_count;
}

static void a_whole_row_is_one_packet_of_either_family_and_protocol(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		struct flow f = flow_draw();

		f.is_v6 = kind & 1;
		f.is_udp = kind & 2;
		assert_int_equal(groups_of(f, 45, 1300, 700), 1);
		assert_int_equal(groups_of(f, 45, 1300, 1301), 2);
		/* No more than a packet can be long. */
		assert_int_equal(groups_of(f, 60, 1300, 1300), 2);
	}
}

static void a_full_merge_says_so(void **state)
{
	struct flow f = flow_draw();
	uint8_t packet[PACKET_MAX];

	(void)state;
	groups_of(f, MERGE_PACKETS, 1, 1);
	assert_false(merge_add(&merge, packet, packet_write(&f, ACK, packet, 1)));
	merge_clear(&merge);
	assert_true(merge_add(&merge, packet, packet_write(&f, ACK, packet, 1)));
}

/* What is no TCP or UDP, or cut, or has options, keeps its place among all others. */
static void nothing_passes_what_is_of_no_known_flow(void **state)
{
	struct flow f = flow_draw();
	uint8_t packets[3][PACKET_MAX];

	(void)state;
	f.is_v6 = f.is_udp = false;
	for (unsigned i = 0; i < 3; i++) {
		packet_write(&f, ACK, packets[i], 100);
		flow_next(&f, 100);
	}
	packets[1][9] = IPPROTO_ICMP;
	merge = (struct merge){ 0 };
	for (unsigned i = 0; i < 3; i++)
		merge_add(&merge, packets[i], 140);
	assert_int_equal(merge.group_count, 3);
}

static void short_and_strange_packets_are_passed_as_they_are(void **state)
{
	struct iovec parts[MERGE_PACKETS];

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint8_t *packets[20];
		size_t lens[20];

		merge = (struct merge){ .takes_udp = true };
		for (unsigned i = 0; i < 20; i++) {
			lens[i] = 1 + draw(60);
			packets[i] = malloc(lens[i]); /* a sanitizer sees its end */
			assert_non_null(packets[i]);
			random_fill(&rnd, packets[i], lens[i]);
			packets[i][0] = draw(2) ? 0x45 : 0x60;
			if (lens[i] > 9)
				packets[i][9] = packets[i][6] = draw(2) ? IPPROTO_TCP : IPPROTO_UDP;
			if (lens[i] > 5)
				field_put_u16(packets[i] + (packets[i][0] == 0x45 ? 2 : 4),
					packets[i][0] == 0x45 ? lens[i] : lens[i] - 40);
			assert_true(merge_add(&merge, packets[i], lens[i]));
		}
		unsigned total = 0;
		for (unsigned i = 0; i < merge.group_count; i++) {
			struct virtio_net_hdr h;

			total += merge_take(&merge, i, &h, parts);
		}
		assert_int_equal(total, 20);
		for (unsigned i = 0; i < 20; i++)
			free(packets[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_piece_is_what_the_kernel_would_have_sent),
		cmocka_unit_test(nonsense_is_refused_and_nothing_beyond_is_read),
		cmocka_unit_test(a_checksum_that_was_left_out_is_filled_in),
		cmocka_unit_test(joined_and_cut_again_every_flow_is_what_it_was),
		cmocka_unit_test(a_whole_row_is_one_packet_of_either_family_and_protocol),
		cmocka_unit_test(a_full_merge_says_so),
		cmocka_unit_test(nothing_passes_what_is_of_no_known_flow),
		cmocka_unit_test(short_and_strange_packets_are_passed_as_they_are),
	};

	prng_seed(&prng, 1);
	rnd = prng_random(&prng);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
