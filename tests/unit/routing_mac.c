/* Authentication of plain packets: the checklist of protocol.md 7.1 for RFC 8967 and RFC 9467. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/map.h"
#include "routing/mac.h"
#include "routing/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000)
#define PACKETS_MAX 64

/* One speaker: its layer, its keys, and what the layer sends by itself. */
struct speaker {
	struct babel_mac *m;
	struct address address;
	struct prng prng;
	uint64_t keys[BABEL_MAC_KEYS_MAX];
	unsigned computed; /* MACs */
	uint8_t sent[PACKETS_MAX][600];
	size_t sent_len[PACKETS_MAX];
	struct address sent_to[PACKETS_MAX];
	unsigned sent_count;
};

/* A packet on its way. */
struct frame {
	uint8_t bytes[600];
	size_t len;
	bool multicast;
	struct address from;
};

/* SipHash does for HMAC: eight bytes. The key of everybody is a number. */
static size_t speaker_compute(void *user, unsigned key, const struct bytes parts[2], uint8_t mac[BABEL_MAC_MAX])
{
	struct speaker *s = user;
	uint8_t room[700];
	struct writer w = writer_of(room, sizeof(room)), out = writer_of(mac, BABEL_MAC_MAX);
	uint64_t secret[2] = { s->keys[key], 1 };

	write_bytes(&w, parts[0]);
	write_bytes(&w, parts[1]);
	write_u64(&out, siphash24(secret, writer_bytes(&w)));
	s->computed++;
	return 8;
}

static void speaker_send(void *user, const struct address *to, struct bytes packet)
{
	struct speaker *s = user;

	assert_true(s->sent_count < PACKETS_MAX && packet.len <= sizeof(s->sent[0]));
	memcpy(s->sent[s->sent_count], packet.data, packet.len);
	s->sent_len[s->sent_count] = packet.len;
	s->sent_to[s->sent_count++] = *to;
}

static void speaker_start(struct speaker *s, uint8_t number, uint64_t seed)
{
	struct babel_mac_output output = { speaker_compute, speaker_send };
	struct babel_mac_config config = { .keys = 1 };

	s->sent_count = 0;
	s->computed = 0;
	s->address = address_ipv6((uint8_t[16]){ 0xfe, 0x80, [15] = number });
	prng_seed(&s->prng, seed);
	config.self = s->address;
	config.random = prng_random(&s->prng);
	s->m = babel_mac_new(&config, &output, s);
	assert_non_null(s->m);
}

static struct speaker *speaker_new(uint8_t number)
{
	struct speaker *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->keys[0] = 77;
	speaker_start(s, number, number);
	return s;
}

static void speaker_free(struct speaker *s)
{
	babel_mac_free(s->m);
	free(s);
}

/* It has forgotten everything; what it draws is new. */
static void speaker_restart(struct speaker *s)
{
	babel_mac_free(s->m);
	speaker_start(s, s->address.bytes[15], 1000 + prng_next(&s->prng) % 1000000);
}

static struct bytes body_packet(uint8_t room[64], struct bytes body)
{
	room[0] = BABEL_MAGIC;
	room[1] = BABEL_VERSION;
	room[2] = 0;
	room[3] = (uint8_t)body.len;
	memcpy(room + 4, body.data, body.len);
	return bytes_of(room, 4 + body.len);
}

static const uint8_t hello[] = { TLV_HELLO, 6, 0, 0, 0, 1, 1, 0x90 };

static struct frame say_body(struct speaker *s, const struct address *to, const uint8_t *body, size_t len)
{
	struct frame f = { .multicast = !to, .from = s->address };
	uint8_t room[64];

	f.len = babel_mac_protect(s->m, to, body_packet(room, bytes_of(body, len)), f.bytes, sizeof(f.bytes));
	assert_true(f.len > 0);
	return f;
}

static struct frame say(struct speaker *s)
{
	return say_body(s, NULL, hello, sizeof(hello));
}

static struct frame say_to(struct speaker *s, const struct speaker *to)
{
	return say_body(s, &to->address, hello, sizeof(hello));
}

static struct frame sent_frame(const struct speaker *s, unsigned i)
{
	struct frame f = { .len = s->sent_len[i], .from = s->address };

	memcpy(f.bytes, s->sent[i], f.len);
	return f;
}

static bool hear(struct speaker *s, uint64_t now_us, const struct frame *f)
{
	struct babel_sender from = {
		.address = f->from, .port = BABEL_PORT, .hop_limit = 1, .multicast = f->multicast
	};

	return babel_mac_receive(s->m, now_us, &from, bytes_of(f->bytes, f->len));
}

static bool hear_new(struct speaker *s, uint64_t now_us, struct frame f)
{
	return hear(s, now_us, &f);
}

/* Whatever the two have to say to each other, until both are silent. */
static void settle(struct speaker *a, struct speaker *b, uint64_t now_us)
{
	for (unsigned round = 0; round < 10 && a->sent_count + b->sent_count > 0; round++) {
		struct speaker *from = a->sent_count > 0 ? a : b;
		unsigned count = from->sent_count;

		for (unsigned i = 0; i < count; i++)
			hear_new(from == a ? b : a, now_us, sent_frame(from, i));
		memmove(from->sent, from->sent[count], (from->sent_count - count) * sizeof(from->sent[0]));
		memmove(from->sent_len, &from->sent_len[count], (from->sent_count - count) * sizeof(size_t));
		from->sent_count -= count;
	}
	assert_int_equal(a->sent_count + b->sent_count, 0);
}

static void befriend(struct speaker *a, struct speaker *b, uint64_t now_us)
{
	hear_new(a, now_us, say(b));
	settle(a, b, now_us);
	hear_new(b, now_us, say(a));
	settle(a, b, now_us);
	assert_true(hear_new(a, now_us, say(b)));
	assert_true(hear_new(b, now_us, say(a)));
}

/* The n-th TLV of this type in the body of a packet, or in its trailer. */
static bool find_tlv(const struct frame *f, bool in_trailer, uint8_t wanted, unsigned nth, struct bytes *out)
{
	struct reader r = reader_of(bytes_of(f->bytes, f->len));

	read_skip(&r, 2);
	struct reader body = read_sub(&r, read_u16(&r));
	struct reader *in = in_trailer ? &r : &body;

	while (reader_left(in) > 0) {
		uint8_t type = read_u8(in);
		struct bytes content = read_bytes(in, read_u8(in));

		assert_true(reader_ok(in));
		if (type == wanted && nth-- == 0) {
			*out = content;
			return true;
		}
	}
	return false;
}

static uint32_t counter_of(const struct frame *f)
{
	struct bytes pc = { 0 };

	assert_true(find_tlv(f, false, TLV_PC, 0, &pc));
	struct reader r = reader_of(pc);
	return read_u32(&r);
}

static struct bytes index_of(const struct frame *f)
{
	struct bytes pc = { 0 };

	assert_true(find_tlv(f, false, TLV_PC, 0, &pc));
	return bytes_of(pc.data + 4, pc.len - 4);
}

/* A packet with this body, as it stands, under one key: for what a good speaker would not send. */
static struct frame forge(struct speaker *s, const struct address *to, const uint8_t *body, size_t len)
{
	struct frame f = { .multicast = !to, .from = s->address };
	uint8_t pseudo[36];
	struct address all = address_ipv6((uint8_t[16]){ 0xff, 2, [13] = 1, [15] = 6 });
	struct writer w = writer_of(f.bytes, sizeof(f.bytes)), h = writer_of(pseudo, sizeof(pseudo));
	uint8_t mac[BABEL_MAC_MAX];

	write_copy(&h, s->address.bytes, 16);
	write_u16(&h, BABEL_PORT);
	write_copy(&h, to ? to->bytes : all.bytes, 16);
	write_u16(&h, BABEL_PORT);
	write_u8(&w, BABEL_MAGIC);
	write_u8(&w, BABEL_VERSION);
	write_u16(&w, (uint16_t)len);
	write_copy(&w, body, len);
	size_t mac_len = speaker_compute(s, 0, (struct bytes[2]){ writer_bytes(&h), writer_bytes(&w) }, mac);

	write_u8(&w, TLV_MAC);
	write_u8(&w, (uint8_t)mac_len);
	write_copy(&w, mac, mac_len);
	f.len = writer_len(&w);
	return f;
}

static unsigned places_taken(const struct speaker *s)
{
	unsigned count = 0;

	for (unsigned i = 0; i < BABEL_MAC_NEIGHBOURS_MAX; i++)
		count += s->m->neighbours[i].address.family != FAMILY_NONE;
	return count;
}

/* --- sending ------------------------------------------------------------------------------ */

static void one_counter_goes_at_the_end_of_the_body__rfc8967_4_2(void **state)
{
	struct speaker *a = speaker_new(1);
	struct frame f = say(a);
	struct bytes tlv;

	(void)state;
	assert_true(find_tlv(&f, false, TLV_HELLO, 0, &tlv));
	assert_true(find_tlv(&f, false, TLV_PC, 0, &tlv));
	assert_int_equal(tlv.len, 4 + BABEL_MAC_INDEX_LEN);
	assert_ptr_equal(tlv.data + tlv.len, f.bytes + 4 + f.bytes[3]);
	assert_false(find_tlv(&f, false, TLV_PC, 1, &tlv));
	assert_true(find_tlv(&f, true, TLV_MAC, 0, &tlv));
	assert_false(find_tlv(&f, true, TLV_MAC, 1, &tlv));
	assert_false(find_tlv(&f, false, TLV_MAC, 0, &tlv));
	speaker_free(a);
}

static void counter_goes_strictly_up__rfc8967_4_2(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	uint32_t last = 0;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		struct frame f = i % 2 ? say(a) : say_to(a, b);

		assert_true(counter_of(&f) > last);
		last = counter_of(&f);
	}
	speaker_free(a);
	speaker_free(b);
}

static void counter_that_overflows_brings_a_fresh_index__rfc8967_4_2(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);

	(void)state;
	befriend(a, b, SECOND);
	a->m->counter = UINT32_MAX - 1;
	struct frame last = say(a), first = say(a);

	assert_int_equal(counter_of(&last), UINT32_MAX);
	assert_true(hear(b, 2 * SECOND, &last));
	assert_false(bytes_equal(index_of(&last), index_of(&first)));
	assert_int_equal(counter_of(&first), 1);
	assert_false(hear(b, 2 * SECOND, &first)); /* until it is proven */
	settle(a, b, 2 * SECOND);
	assert_true(hear_new(b, 3 * SECOND, say(a)));
	speaker_free(a);
	speaker_free(b);
}

static void restart_brings_a_fresh_index__rfc8967_3_1(void **state)
{
	struct speaker *a = speaker_new(1);
	struct frame before = say(a);

	(void)state;
	speaker_restart(a);
	struct frame after = say(a);
	assert_false(bytes_equal(index_of(&before), index_of(&after)));
	speaker_free(a);
}

static void packet_has_room_for_all_keys_or_is_not_sent__rfc8967_4_2(void **state)
{
	struct speaker *a = speaker_new(1);
	uint8_t packet[64], out[600];
	struct bytes plain = body_packet(packet, bytes_of(hello, sizeof(hello)));

	(void)state;
	babel_mac_keys_set(a->m, BABEL_MAC_KEYS_MAX, false);
	size_t len = babel_mac_protect(a->m, NULL, plain, out, plain.len + BABEL_MAC_OVERHEAD);
	assert_true(len > 0 && len <= plain.len + BABEL_MAC_OVERHEAD);
	assert_int_equal(babel_mac_protect(a->m, NULL, plain, out, len - 1), 0);
	speaker_free(a);
}

/* --- the MAC ------------------------------------------------------------------------------- */

/* Every bit of the packet counts, and so do addresses of both ends. */
static void mac_covers_pseudo_header_and_body__rfc8967_4_1(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);

	(void)state;
	befriend(a, b, SECOND);
	struct frame good = say(a);
	for (size_t bit = 0; bit < 8 * good.len; bit++) {
		struct frame bad = good;

		bad.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(hear(b, SECOND, &bad));
	}
	struct frame other = good;
	other.from.bytes[15] = 9;
	assert_false(hear(b, SECOND, &other));
	other = good;
	other.multicast = false; /* to b itself */
	assert_false(hear(b, SECOND, &other));
	assert_true(hear(b, SECOND, &good));
	speaker_free(a);
	speaker_free(b);
}

static void packet_without_a_right_mac_is_dropped_and_forgotten__rfc8967_4_3(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	struct frame f = say(a);

	(void)state;
	f.len = 4u + f.bytes[3]; /* no trailer */
	assert_false(hear(b, SECOND, &f));
	assert_int_equal(babel_mac_counters(b->m)->no_mac, 1);
	assert_int_equal(b->computed, 0); /* nothing to compare with */
	a->keys[0] = 78;
	assert_false(hear_new(b, SECOND, say(a)));
	assert_int_equal(babel_mac_counters(b->m)->wrong_mac, 1);
	/* No entry, no challenge. */
	assert_int_equal(places_taken(b), 0);
	assert_int_equal(b->sent_count, 0);
	speaker_free(a);
	speaker_free(b);
}

static void mac_in_the_body_is_ignored__rfc8967_6_1(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	struct frame f = say(a);
	uint8_t body[32];
	struct bytes mac;

	(void)state;
	assert_true(find_tlv(&f, true, TLV_MAC, 0, &mac));
	/* The trailer becomes part of the body. */
	f.bytes[3] = (uint8_t)(f.bytes[3] + 2 + mac.len);
	assert_false(hear(b, SECOND, &f));
	assert_int_equal(babel_mac_counters(b->m)->no_mac, 1);
	/* Nor does one there do harm. */
	befriend(a, b, SECOND);
	memcpy(body, hello, sizeof(hello));
	memcpy(body + sizeof(hello), (uint8_t[]){ TLV_MAC, 3, 1, 2, 3 }, 5);
	assert_true(hear_new(b, SECOND, say_body(a, NULL, body, sizeof(hello) + 5)));
	speaker_free(a);
	speaker_free(b);
}

static void mac_is_computed_once_per_key__rfc8967_4_3(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	struct frame f = say(a);
	struct bytes mac;
	uint8_t right[8];

	(void)state;
	b->keys[1] = 5;
	b->keys[2] = 6;
	babel_mac_keys_set(b->m, 3, false);
	assert_true(find_tlv(&f, true, TLV_MAC, 0, &mac));
	memcpy(right, mac.data, 8);
	f.len = 4u + f.bytes[3];
	for (unsigned i = 0; i < 20; i++) {
		memcpy(f.bytes + f.len, (uint8_t[]){ TLV_MAC, 8, (uint8_t)i, 2, 3, 4, 5, 6, 7, 8 }, 10);
		f.len += 10;
	}
	hear(b, SECOND, &f);
	assert_int_equal(b->computed, 3);
	assert_int_equal(babel_mac_counters(b->m)->wrong_mac, 1);
	/* The right one at the very end, behind a pad. */
	f.bytes[f.len++] = TLV_PAD1;
	memcpy(f.bytes + f.len, (uint8_t[]){ TLV_MAC, 8 }, 2);
	memcpy(f.bytes + f.len + 2, right, 8);
	f.len += 10;
	b->computed = 0;
	hear(b, SECOND, &f);
	assert_int_equal(babel_mac_counters(b->m)->wrong_mac, 1);
	assert_int_equal(babel_mac_counters(b->m)->index_unknown, 1);
	assert_int_equal(b->computed, 3 + 3); /* ... and three for the challenge */
	speaker_free(a);
	speaker_free(b);
}

static void keys_are_changed_without_losing_anybody__rfc8967_5(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	struct bytes mac;

	(void)state;
	befriend(a, b, SECOND);
	a->keys[1] = b->keys[1] = 99;
	assert_int_equal(babel_mac_keys_set(a->m, 2, false), 0);
	struct frame both = say(a);
	assert_true(find_tlv(&both, true, TLV_MAC, 1, &mac));
	assert_true(hear(b, SECOND, &both)); /* which has one yet */
	assert_true(hear_new(a, SECOND, say(b)));
	assert_int_equal(babel_mac_keys_set(b->m, 2, false), 0);
	a->keys[0] = 99;
	assert_int_equal(babel_mac_keys_set(a->m, 1, false), 0);
	assert_true(hear_new(b, SECOND, say(a)));
	assert_true(hear_new(a, SECOND, say(b)));
	b->keys[0] = 99;
	assert_int_equal(babel_mac_keys_set(b->m, 1, false), 0);
	assert_true(hear_new(b, SECOND, say(a)));
	assert_true(hear_new(a, SECOND, say(b)));
	assert_int_equal(a->sent_count + b->sent_count, 0); /* nobody was challenged */
	speaker_free(a);
	speaker_free(b);
}

static void without_keys_there_is_no_layer(void **state)
{
	struct babel_mac_output output = { speaker_compute, speaker_send };
	struct babel_mac_config config = { .keys = 0 };
	struct speaker *a = speaker_new(1);

	(void)state;
	config.random = prng_random(&a->prng);
	assert_null(babel_mac_new(&config, &output, NULL));
	assert_int_equal(babel_mac_keys_set(a->m, 0, false), -EINVAL);
	assert_int_equal(babel_mac_keys_set(a->m, BABEL_MAC_KEYS_MAX + 1, false), -EINVAL);
	speaker_free(a);
}

static void lenient_lets_everything_in_and_signs__rfc8967_5(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	struct frame f = say(a);

	(void)state;
	babel_mac_keys_set(b->m, 1, true);
	f.len = 4u + f.bytes[3];
	assert_true(hear(b, SECOND, &f));
	assert_int_equal(babel_mac_counters(b->m)->accepted_unproven, 1);
	/* It takes part: who is strict gets its answers. */
	hear_new(a, SECOND, say(b));
	settle(a, b, SECOND);
	assert_true(hear_new(a, SECOND, say(b)));
	speaker_free(a);
	speaker_free(b);
}

/* --- counters ------------------------------------------------------------------------------ */

static void packet_is_accepted_once__rfc8967_4_3(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);

	(void)state;
	befriend(a, b, SECOND);
	struct frame f = say(a), unicast = say_to(a, b);
	assert_true(hear(b, SECOND, &f));
	assert_false(hear(b, SECOND, &f));
	assert_true(hear(b, SECOND, &unicast));
	assert_false(hear(b, SECOND, &unicast));
	assert_int_equal(babel_mac_counters(b->m)->replayed, 2);
	assert_int_equal(b->sent_count, 0); /* that is no reason to challenge */
	speaker_free(a);
	speaker_free(b);
}

static void unicast_may_overtake_multicast_by_any_distance__rfc9467_3_1__bird(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);

	(void)state;
	befriend(a, b, SECOND);
	struct frame buffered = say(a);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(hear_new(b, SECOND, say_to(a, b)));
	assert_true(hear(b, SECOND, &buffered));
	assert_false(hear(b, SECOND, &buffered));
	speaker_free(a);
	speaker_free(b);
}

static void window_accepts_each_of_128_counters_once__rfc9467_3_2(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	static struct frame frames[MAC_WINDOW + 1];

	(void)state;
	befriend(a, b, SECOND);
	for (unsigned i = 0; i <= MAC_WINDOW; i++)
		frames[i] = say(a);
	assert_true(hear(b, SECOND, &frames[MAC_WINDOW]));
	assert_false(hear(b, SECOND, &frames[0])); /* 128 below: too old */
	for (unsigned i = MAC_WINDOW - 1; i >= 1; i--) {
		assert_true(hear(b, SECOND, &frames[i]));
		assert_false(hear(b, SECOND, &frames[i]));
	}
	speaker_free(a);
	speaker_free(b);
}

/* Against one flag per counter, for jumps of all sizes. */
static void window_is_what_a_list_of_counters_would_be__rfc9467_3_2(void **state)
{
	static bool seen[20000];
	struct mac_window w = { 0 };
	struct prng prng;
	uint32_t highest = 0;

	(void)state;
	prng_seed(&prng, 9467);
	seen[0] = false;
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t counter = highest + (uint32_t)prng_below(&prng, 300);

		counter = counter > 200 ? counter - 200 : counter;
		if (counter >= sizeof(seen))
			break;
		bool is_new = !seen[counter] && (counter > highest || highest - counter < MAC_WINDOW);

		assert_int_equal(mac_window_take(&w, counter), is_new);
		seen[counter] = seen[counter] || is_new;
		highest = counter > highest ? counter : highest;
	}
	assert_true(highest > 1000);
}

/* Whoever replays a packet of an index of before brings about a challenge, which is met. */
static void what_was_accepted_before_a_challenge_stays_accepted_once__rfc8967_1_2(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	struct frame of_before, accepted[3];

	(void)state;
	of_before = say(a);
	speaker_restart(a);
	befriend(a, b, SECOND);
	for (unsigned i = 0; i < 3; i++) {
		accepted[i] = say(a);
		assert_true(hear(b, 2 * SECOND, &accepted[i]));
	}
	assert_false(hear(b, 3 * SECOND, &of_before));
	assert_int_equal(b->sent_count, 1);
	struct frame later = say(a); /* it is under way when the challenge comes */
	hear_new(a, 3 * SECOND, sent_frame(b, 0));
	assert_int_equal(a->sent_count, 1);
	assert_true(hear(b, 3 * SECOND, &later));
	b->sent_count = 0;
	settle(a, b, 3 * SECOND);
	assert_int_equal(babel_mac_counters(b->m)->challenges_met, 2);
	for (unsigned i = 0; i < 3; i++)
		assert_false(hear(b, 3 * SECOND, &accepted[i]));
	assert_false(hear(b, 3 * SECOND, &later));
	assert_true(hear_new(b, 3 * SECOND, say(a)));
	speaker_free(a);
	speaker_free(b);
}

/* An answer that was overtaken does not make room for what overtook it. */
static void late_answer_does_not_take_the_counter_back__rfc8967_1_2(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	struct frame of_before = say(a);

	(void)state;
	speaker_restart(a);
	befriend(a, b, SECOND);
	hear(b, 2 * SECOND, &of_before);
	hear_new(a, 2 * SECOND, sent_frame(b, 0));
	struct frame overtaking = say(a);
	assert_true(hear(b, 2 * SECOND, &overtaking));
	assert_true(hear_new(b, 2 * SECOND, sent_frame(a, 0)));
	assert_false(hear(b, 2 * SECOND, &overtaking));
	speaker_free(a);
	speaker_free(b);
}

static void only_the_first_counter_counts__rfc8967_4_3(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	uint8_t body[64];
	struct bytes index;

	(void)state;
	befriend(a, b, SECOND);
	struct frame known = say(a);
	assert_true(hear(b, SECOND, &known));
	index = index_of(&known);
	struct writer w = writer_of(body, sizeof(body));
	for (uint32_t i = 0; i < 2; i++) { /* the first is an old one, the second would be new */
		write_u8(&w, TLV_PC);
		write_u8(&w, (uint8_t)(4 + index.len));
		write_u32(&w, counter_of(&known) + i * 50);
		write_bytes(&w, index);
	}
	assert_false(hear_new(b, SECOND, forge(a, NULL, body, writer_len(&w))));
	assert_int_equal(babel_mac_counters(b->m)->replayed, 1);
	speaker_free(a);
	speaker_free(b);
}

static void packet_without_counter_is_dropped__rfc8967_4_3(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	uint8_t body[2 + 4 + MAC_INDEX_MAX + 1] = { TLV_PC, 4 + MAC_INDEX_MAX + 1 };

	(void)state;
	befriend(a, b, SECOND);
	assert_false(hear_new(b, SECOND, forge(a, NULL, hello, sizeof(hello))));
	assert_false(hear_new(b, SECOND, forge(a, NULL, (uint8_t[]){ TLV_PC, 2, 0, 1 }, 4)));
	assert_false(hear_new(b, SECOND, forge(a, NULL, body, sizeof(body)))); /* an index that is too long (6.2) */
	assert_int_equal(babel_mac_counters(b->m)->no_counter, 3);
	speaker_free(a);
	speaker_free(b);
}

static void index_may_be_empty__rfc8967_6_2(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	uint8_t answer[2 + MAC_NONCE_LEN + 6] = { TLV_CHALLENGE_REPLY, MAC_NONCE_LEN };
	uint8_t body[6] = { TLV_PC, 4, 0, 0, 0, 7 };
	struct frame challenge;
	struct bytes nonce;

	(void)state;
	assert_false(hear_new(b, SECOND, forge(a, NULL, body, sizeof(body))));
	challenge = sent_frame(b, 0);
	assert_true(find_tlv(&challenge, false, TLV_CHALLENGE_REQUEST, 0, &nonce));
	memcpy(answer + 2, nonce.data, nonce.len);
	memcpy(answer + 2 + MAC_NONCE_LEN, body, sizeof(body));
	assert_true(hear_new(b, SECOND, forge(a, &b->address, answer, sizeof(answer))));
	body[5] = 8;
	assert_true(hear_new(b, SECOND, forge(a, NULL, body, sizeof(body))));
	speaker_free(a);
	speaker_free(b);
}

/* --- challenges ------------------------------------------------------------------------------ */

static void unknown_index_is_challenged_by_unicast__rfc8967_4_3_1_1(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	struct bytes nonce;

	(void)state;
	assert_false(hear_new(b, SECOND, say(a)));
	assert_int_equal(b->sent_count, 1);
	assert_true(address_equal(&b->sent_to[0], &a->address));
	struct frame challenge = sent_frame(b, 0);
	assert_true(find_tlv(&challenge, false, TLV_CHALLENGE_REQUEST, 0, &nonce));
	assert_int_equal(nonce.len, MAC_NONCE_LEN);
	hear(a, SECOND, &challenge);
	struct frame answer = sent_frame(a, 0);
	assert_true(hear(b, SECOND, &answer));
	assert_true(hear_new(b, SECOND, say(a)));
	speaker_free(a);
	speaker_free(b);
}

static void known_neighbour_with_another_index_is_challenged__rfc8967_4_3(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);

	(void)state;
	befriend(a, b, SECOND);
	speaker_restart(a);
	assert_false(hear_new(b, 2 * SECOND, say(a)));
	settle(a, b, 2 * SECOND);
	assert_true(hear_new(b, 2 * SECOND, say(a)));
	speaker_free(a);
	speaker_free(b);
}

static void nonce_is_never_used_twice__rfc8967_4_3_1_1(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	static uint8_t nonces[1000][MAC_NONCE_LEN];
	struct bytes nonce;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		hear_new(b, (i + 1) * 10 * SECOND, say(a));
		assert_int_equal(b->sent_count, 1);
		struct frame challenge = sent_frame(b, 0);
		assert_true(find_tlv(&challenge, false, TLV_CHALLENGE_REQUEST, 0, &nonce));
		memcpy(nonces[i], nonce.data, sizeof(nonces[i]));
		for (unsigned k = 0; k < i; k++)
			assert_memory_not_equal(nonces[k], nonces[i], sizeof(nonces[i]));
		b->sent_count = 0;
	}
	speaker_free(a);
	speaker_free(b);
}

static void challenges_are_limited__rfc8967_4_3_1_1(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		hear_new(b, SECOND + i, say(a));
	assert_int_equal(b->sent_count, 1);
	hear_new(b, SECOND + MAC_LIMIT_US - 1, say(a));
	assert_int_equal(b->sent_count, 1);
	hear_new(b, SECOND + MAC_LIMIT_US, say(a));
	assert_int_equal(b->sent_count, 2);
	/* Ten seconds of packets, a hundred each second. */
	for (unsigned i = 0; i < 1000; i++)
		hear_new(b, 2 * SECOND + i * 10000, say(a));
	assert_true(b->sent_count <= 7);
	speaker_free(a);
	speaker_free(b);
}

/* A satellite: 600 ms there and back, and something to hear every 100 ms. */
static void answer_may_take_longer_than_the_limit(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	uint64_t now_us, answered_us[PACKETS_MAX] = { 0 };
	unsigned answered = 0;
	bool is_met = false;

	(void)state;
	for (now_us = SECOND; now_us < 10 * SECOND && !is_met; now_us += 100000) {
		hear_new(b, now_us, say(a));
		if (b->sent_count > 0) {
			hear_new(a, now_us, sent_frame(b, b->sent_count - 1));
			b->sent_count = 0;
		}
		while (a->sent_count > answered && answered_us[answered] == 0)
			answered_us[answered++] = now_us + 600000;
		for (unsigned i = 0; i < a->sent_count && i < answered; i++)
			if (answered_us[i] == now_us)
				is_met |= hear_new(b, now_us, sent_frame(a, i));
	}
	assert_true(is_met);
	assert_true(now_us < 5 * SECOND);
	speaker_free(a);
	speaker_free(b);
}

static void replies_are_limited_per_neighbour__rfc8967_4_3_1_2(void **state)
{
	static const uint8_t ask[] = { TLV_CHALLENGE_REQUEST, 3, 1, 2, 3 };
	struct speaker *a = speaker_new(1), *b = speaker_new(2), *c = speaker_new(3);

	(void)state;
	befriend(a, b, SECOND);
	befriend(a, c, SECOND);
	for (unsigned i = 0; i < 20; i++)
		hear_new(a, 2 * SECOND + i, say_body(b, &a->address, ask, sizeof(ask)));
	assert_int_equal(a->sent_count, 1);
	hear_new(a, 2 * SECOND, say_body(c, &a->address, ask, sizeof(ask)));
	assert_int_equal(a->sent_count, 2);
	hear_new(a, 2 * SECOND + MAC_LIMIT_US, say_body(b, &a->address, ask, sizeof(ask)));
	assert_int_equal(a->sent_count, 3);
	speaker_free(a);
	speaker_free(b);
	speaker_free(c);
}

static void challenge_to_all_is_ignored__rfc8967_4_3_1_2(void **state)
{
	static const uint8_t ask[] = { TLV_CHALLENGE_REQUEST, 3, 1, 2, 3 };
	struct speaker *a = speaker_new(1), *b = speaker_new(2);

	(void)state;
	befriend(a, b, SECOND);
	assert_true(hear_new(a, 2 * SECOND, say_body(b, NULL, ask, sizeof(ask))));
	assert_int_equal(a->sent_count, 0);
	speaker_free(a);
	speaker_free(b);
}

static void nonce_of_others_has_any_length_up_to_192__rfc8967_6_3(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	uint8_t body[14 + 2 + MAC_NONCE_MAX];
	struct bytes answer;

	(void)state;
	befriend(a, b, SECOND);
	struct frame known = say(b);
	for (unsigned i = 0; i < 3; i++) {
		static const size_t lens[] = { 0, 1, MAC_NONCE_MAX };
		struct writer w = writer_of(body, sizeof(body));

		write_u8(&w, TLV_PC);
		write_u8(&w, 4 + BABEL_MAC_INDEX_LEN);
		write_u32(&w, counter_of(&known) + 1 + i);
		write_bytes(&w, index_of(&known));
		write_u8(&w, TLV_CHALLENGE_REQUEST);
		write_u8(&w, (uint8_t)lens[i]);
		write_zeros(&w, lens[i]);
		assert_true(hear_new(a, (2 + i) * SECOND, forge(b, &a->address, body, writer_len(&w))));
		assert_int_equal(a->sent_count, i + 1);
		struct frame f = sent_frame(a, i);
		assert_true(find_tlv(&f, false, TLV_CHALLENGE_REPLY, 0, &answer));
		assert_int_equal(answer.len, lens[i]);
	}
	speaker_free(a);
	speaker_free(b);
}

static void replayed_challenge_gets_no_answer__rfc8967_4_3(void **state)
{
	static const uint8_t ask[] = { TLV_CHALLENGE_REQUEST, 3, 1, 2, 3 };
	struct speaker *a = speaker_new(1), *b = speaker_new(2);

	(void)state;
	befriend(a, b, SECOND);
	struct frame f = say_body(b, &a->address, ask, sizeof(ask));
	hear(a, 2 * SECOND, &f);
	assert_int_equal(a->sent_count, 1);
	hear(a, 4 * SECOND, &f);
	assert_int_equal(a->sent_count, 1);
	speaker_free(a);
	speaker_free(b);
}

static void answer_without_a_challenge_is_ignored__rfc8967_4_3_1_3(void **state)
{
	static const uint8_t answer[2 + MAC_NONCE_LEN] = { TLV_CHALLENGE_REPLY, MAC_NONCE_LEN };
	struct speaker *a = speaker_new(1), *b = speaker_new(2);

	(void)state;
	assert_false(hear_new(b, SECOND, say_body(a, &b->address, answer, sizeof(answer))));
	assert_int_equal(babel_mac_counters(b->m)->challenges_met, 0);
	assert_int_equal(babel_mac_counters(b->m)->challenges_failed, 1);
	/* A wrong one leaves the nonce for the right one. */
	assert_int_equal(b->sent_count, 1);
	assert_false(hear_new(b, SECOND, say_body(a, &b->address, answer, sizeof(answer))));
	hear_new(a, SECOND, sent_frame(b, 0));
	struct frame right = sent_frame(a, 0);
	assert_true(hear(b, SECOND, &right));
	/* Which is gone then: the answer is worth nothing the second time. */
	assert_false(hear(b, SECOND, &right));
	assert_int_equal(babel_mac_counters(b->m)->challenges_met, 1);
	speaker_free(a);
	speaker_free(b);
}

static void answer_after_30_seconds_is_too_late__rfc8967_4_3_1_3(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);

	(void)state;
	hear_new(b, SECOND, say(a));
	hear_new(a, SECOND, sent_frame(b, 0));
	assert_false(hear_new(b, SECOND + MAC_CHALLENGE_US, sent_frame(a, 0)));
	speaker_free(a);
	speaker_free(b);
}

/* Each asks the other: one packet carries the answer and the question. */
static void answer_and_challenge_share_a_packet__rfc8967_4_3_1(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	struct bytes tlv;

	(void)state;
	hear_new(b, SECOND, say(a));
	hear_new(a, SECOND, sent_frame(b, 0));
	assert_int_equal(a->sent_count, 1);
	struct frame f = sent_frame(a, 0);
	assert_true(find_tlv(&f, false, TLV_CHALLENGE_REPLY, 0, &tlv));
	assert_true(find_tlv(&f, false, TLV_CHALLENGE_REQUEST, 0, &tlv));
	speaker_free(a);
	speaker_free(b);
}

/* --- what is remembered ------------------------------------------------------------------------- */

static void index_is_forgotten_after_five_minutes__rfc8967_4_4(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);

	(void)state;
	befriend(a, b, SECOND);
	struct frame held_back = say(a);
	assert_false(hear(b, SECOND + MAC_EXPIRY_US, &held_back));
	assert_int_equal(babel_mac_counters(b->m)->index_unknown, 2);
	speaker_free(a);
	speaker_free(b);
}

static void challenge_fails(struct speaker *s, uint64_t now_us, const struct frame *f)
{
	hear(s, now_us, f);
	s->sent_count = 0; /* what it asks does not arrive */
}

static void challenges_that_fail_keep_nothing_alive__rfc8967_4_4(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	struct frame of_before = say(a);

	(void)state;
	speaker_restart(a);
	befriend(a, b, SECOND);
	struct frame held_back = say(a);
	for (uint64_t now_us = SECOND; now_us < SECOND + MAC_EXPIRY_US; now_us += SECOND)
		challenge_fails(b, now_us, &of_before);
	assert_false(hear(b, SECOND + MAC_EXPIRY_US, &held_back));
	speaker_free(a);
	speaker_free(b);
}

static void table_has_a_limit_and_time_empties_it(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);

	(void)state;
	for (unsigned i = 0; i < BABEL_MAC_NEIGHBOURS_MAX + 10; i++) {
		a->address.bytes[14] = (uint8_t)(i >> 8);
		a->address.bytes[13] = (uint8_t)i;
		a->m->config.self = a->address;
		hear_new(b, SECOND, say(a));
		b->sent_count = 0;
	}
	assert_int_equal(babel_mac_counters(b->m)->refused_neighbours, 10);
	hear_new(b, SECOND + MAC_CHALLENGE_US, say(a));
	assert_int_equal(babel_mac_counters(b->m)->refused_neighbours, 10);
	assert_int_equal(b->sent_count, 1);
	speaker_free(a);
	speaker_free(b);
}

static void sender_is_a_neighbour_on_the_babel_port__rfc8966_4(void **state)
{
	struct speaker *a = speaker_new(1), *b = speaker_new(2);
	struct frame f = say(a);
	struct babel_sender from = { .address = f.from, .port = BABEL_PORT, .hop_limit = 1, .multicast = true };

	(void)state;
	from.port = 6697;
	assert_false(babel_mac_receive(b->m, SECOND, &from, bytes_of(f.bytes, f.len)));
	from.port = BABEL_PORT;
	from.hop_limit = 255;
	assert_false(babel_mac_receive(b->m, SECOND, &from, bytes_of(f.bytes, f.len)));
	from.hop_limit = 1;
	from.address.bytes[0] = 0xfd;
	assert_false(babel_mac_receive(b->m, SECOND, &from, bytes_of(f.bytes, f.len)));
	assert_int_equal(babel_mac_counters(b->m)->bad_sender, 3);
	assert_int_equal(b->computed, 0);
	speaker_free(a);
	speaker_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_counter_goes_at_the_end_of_the_body__rfc8967_4_2),
		cmocka_unit_test(counter_goes_strictly_up__rfc8967_4_2),
		cmocka_unit_test(counter_that_overflows_brings_a_fresh_index__rfc8967_4_2),
		cmocka_unit_test(restart_brings_a_fresh_index__rfc8967_3_1),
		cmocka_unit_test(packet_has_room_for_all_keys_or_is_not_sent__rfc8967_4_2),
		cmocka_unit_test(mac_covers_pseudo_header_and_body__rfc8967_4_1),
		cmocka_unit_test(packet_without_a_right_mac_is_dropped_and_forgotten__rfc8967_4_3),
		cmocka_unit_test(mac_in_the_body_is_ignored__rfc8967_6_1),
		cmocka_unit_test(mac_is_computed_once_per_key__rfc8967_4_3),
		cmocka_unit_test(keys_are_changed_without_losing_anybody__rfc8967_5),
		cmocka_unit_test(without_keys_there_is_no_layer),
		cmocka_unit_test(lenient_lets_everything_in_and_signs__rfc8967_5),
		cmocka_unit_test(packet_is_accepted_once__rfc8967_4_3),
		cmocka_unit_test(unicast_may_overtake_multicast_by_any_distance__rfc9467_3_1__bird),
		cmocka_unit_test(window_accepts_each_of_128_counters_once__rfc9467_3_2),
		cmocka_unit_test(window_is_what_a_list_of_counters_would_be__rfc9467_3_2),
		cmocka_unit_test(what_was_accepted_before_a_challenge_stays_accepted_once__rfc8967_1_2),
		cmocka_unit_test(late_answer_does_not_take_the_counter_back__rfc8967_1_2),
		cmocka_unit_test(only_the_first_counter_counts__rfc8967_4_3),
		cmocka_unit_test(packet_without_counter_is_dropped__rfc8967_4_3),
		cmocka_unit_test(index_may_be_empty__rfc8967_6_2),
		cmocka_unit_test(unknown_index_is_challenged_by_unicast__rfc8967_4_3_1_1),
		cmocka_unit_test(known_neighbour_with_another_index_is_challenged__rfc8967_4_3),
		cmocka_unit_test(nonce_is_never_used_twice__rfc8967_4_3_1_1),
		cmocka_unit_test(challenges_are_limited__rfc8967_4_3_1_1),
		cmocka_unit_test(answer_may_take_longer_than_the_limit),
		cmocka_unit_test(replies_are_limited_per_neighbour__rfc8967_4_3_1_2),
		cmocka_unit_test(challenge_to_all_is_ignored__rfc8967_4_3_1_2),
		cmocka_unit_test(nonce_of_others_has_any_length_up_to_192__rfc8967_6_3),
		cmocka_unit_test(replayed_challenge_gets_no_answer__rfc8967_4_3),
		cmocka_unit_test(answer_without_a_challenge_is_ignored__rfc8967_4_3_1_3),
		cmocka_unit_test(answer_after_30_seconds_is_too_late__rfc8967_4_3_1_3),
		cmocka_unit_test(answer_and_challenge_share_a_packet__rfc8967_4_3_1),
		cmocka_unit_test(index_is_forgotten_after_five_minutes__rfc8967_4_4),
		cmocka_unit_test(challenges_that_fail_keep_nothing_alive__rfc8967_4_4),
		cmocka_unit_test(table_has_a_limit_and_time_empties_it),
		cmocka_unit_test(sender_is_a_neighbour_on_the_babel_port__rfc8966_4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
