/* The forwarding table against a list that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/random.h"
#include "meshd/node/fib.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES 400
#define PEERS 5

/* The table only compares peers. */
static char peers[PEERS];

static struct peer *peer_number(unsigned i)
{
	return (struct peer *)(void *)&peers[i];
}

struct oracle {
	struct fib_entry entries[ENTRIES];
	size_t count;
};

static void oracle_set(struct oracle *o, const struct prefix *p, enum fib_kind kind, struct peer *peer)
{
	size_t i = 0;

	while (i < o->count && !prefix_equal(&o->entries[i].prefix, p))
		i++;
	assert_true(i < ENTRIES);
	o->entries[i] = (struct fib_entry){ .kind = (uint8_t)kind, .peer = peer, .prefix = *p };
	if (i == o->count)
		o->count++;
}

static void oracle_remove(struct oracle *o, const struct prefix *p)
{
	for (size_t i = 0; i < o->count; i++) {
		if (prefix_equal(&o->entries[i].prefix, p)) {
			o->entries[i] = o->entries[--o->count];
			return;
		}
	}
}

static const struct fib_entry *oracle_lookup(const struct oracle *o, const struct address *to)
{
	const struct fib_entry *best = NULL;

	for (size_t i = 0; i < o->count; i++)
		if (prefix_contains_address(&o->entries[i].prefix, to) &&
			(!best || o->entries[i].prefix.plen > best->prefix.plen))
			best = &o->entries[i];
	return best;
}

/* Few distinct bits, so that prefixes nest and part at every depth. */
static struct address random_address(struct prng *prng, uint8_t family)
{
	struct address a = { .family = family };
	unsigned bytes = family_bits(family) / 8;

	for (unsigned i = 0; i < bytes; i++)
		a.bytes[i] = prng_below(prng, 4) == 0 ? (uint8_t)(1u << prng_below(prng, 8)) : 0;
	return a;
}

static struct prefix random_prefix(struct prng *prng)
{
	uint8_t family = prng_below(prng, 2) ? FAMILY_IPV4 : FAMILY_IPV6;

	return prefix_of(random_address(prng, family), (unsigned)prng_below(prng, family_bits(family) + 1u));
}

static void entries_agree(const struct fib_entry *a, const struct fib_entry *b)
{
	assert_int_equal(a != NULL, b != NULL);
	if (!a)
		return;
	assert_true(prefix_equal(&a->prefix, &b->prefix));
	assert_int_equal(a->kind, b->kind);
	assert_ptr_equal(a->peer, b->peer);
}

static void compare(const struct fib *f, const struct oracle *o, struct prng *prng)
{
	assert_int_equal(f->count, o->count);
	for (unsigned i = 0; i < 60; i++) {
		struct address to = random_address(prng, i % 2 ? FAMILY_IPV4 : FAMILY_IPV6);

		entries_agree(fib_lookup(f, &to), oracle_lookup(o, &to));
	}
	for (size_t i = 0; i < o->count; i++) {
		entries_agree(fib_exact(f, &o->entries[i].prefix), &o->entries[i]);
		entries_agree(
			fib_lookup(f, &o->entries[i].prefix.address), oracle_lookup(o, &o->entries[i].prefix.address));
	}
}

static void forget(struct fib *f, struct oracle *o, const struct peer *peer)
{
	fib_forget_peer(f, peer);
	for (size_t i = 0; i < o->count; i++) {
		if (o->entries[i].kind == FIB_PEER && o->entries[i].peer == peer) {
			o->entries[i].kind = FIB_HELD;
			o->entries[i].peer = NULL;
		}
	}
}

static void random_tables_agree_with_oracle(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct fib f = { 0 };
		struct oracle o = { 0 };
		struct prng prng;

		prng_seed(&prng, seed);
		for (unsigned step = 0; step < 600; step++) {
			unsigned which = (unsigned)prng_below(&prng, 100);
			struct prefix p = random_prefix(&prng);

			if (which < 50 && o.count < ENTRIES) {
				struct peer *peer = peer_number((unsigned)prng_below(&prng, PEERS));

				assert_int_equal(fib_set(&f, &p, FIB_PEER, peer), 0);
				oracle_set(&o, &p, FIB_PEER, peer);
			} else if (which < 60 && o.count < ENTRIES) {
				enum fib_kind kind = which % 2 ? FIB_OWN : FIB_HELD;

				assert_int_equal(fib_set(&f, &p, kind, NULL), 0);
				oracle_set(&o, &p, kind, NULL);
			} else if (which < 97) {
				if (o.count && which % 4)
					p = o.entries[prng_below(&prng, o.count)].prefix;
				fib_remove(&f, &p);
				oracle_remove(&o, &p);
			} else {
				forget(&f, &o, peer_number((unsigned)prng_below(&prng, PEERS)));
			}
			if (step % 10 == 0)
				compare(&f, &o, &prng);
		}
		while (o.count) {
			struct prefix p = o.entries[prng_below(&prng, o.count)].prefix;

			fib_remove(&f, &p);
			oracle_remove(&o, &p);
			compare(&f, &o, &prng);
		}
		assert_null(f.roots[0]);
		assert_null(f.roots[1]);
		fib_done(&f);
	}
}

/* So few addresses that most come and go many times, in a table that is nearly full. */
static void random_hosts_agree_with_oracle(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct prefix wide = prefix_of((struct address){ .family = FAMILY_IPV6, .bytes = { 0xfd } }, 8);
		struct fib f = { .secret = { seed, 1 } };
		struct oracle o = { 0 };
		struct prng prng;

		prng_seed(&prng, seed);
		assert_int_equal(fib_set(&f, &wide, FIB_PEER, peer_number(0)), 0);
		oracle_set(&o, &wide, FIB_PEER, peer_number(0));
		for (unsigned step = 0; step < 2000; step++) {
			uint8_t last = (uint8_t)prng_below(&prng, seed < 10 ? 13 : 200);
			struct prefix p = prefix_of_host(address_ipv6((uint8_t[16]){ 0xfd, [15] = last }));
			struct peer *peer = peer_number((unsigned)prng_below(&prng, PEERS));

			if (prng_below(&prng, 20) == 0) {
				forget(&f, &o, peer);
			} else if (prng_below(&prng, 2)) {
				assert_int_equal(fib_set(&f, &p, FIB_PEER, peer), 0);
				oracle_set(&o, &p, FIB_PEER, peer);
			} else {
				fib_remove(&f, &p);
				oracle_remove(&o, &p);
			}
			entries_agree(fib_exact(&f, &p), prefix_equal(&oracle_lookup(&o, &p.address)->prefix, &p)
								 ? oracle_lookup(&o, &p.address)
								 : NULL);
			if (step % 20 == 0)
				compare(&f, &o, &prng);
		}
		fib_done(&f);
	}
}

static struct prefix prefix_make(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(&p, text), 0);
	return p;
}

static const struct fib_entry *lookup(const struct fib *f, const char *text)
{
	struct address a;

	assert_int_equal(address_parse(&a, text), 0);
	return fib_lookup(f, &a);
}

static void default_routes_cover_only_their_family(void **state)
{
	struct prefix v4 = prefix_make("0.0.0.0/0"), v6 = prefix_make("::/0");
	struct fib f = { 0 };

	(void)state;
	assert_int_equal(fib_set(&f, &v6, FIB_PEER, peer_number(0)), 0);
	assert_null(lookup(&f, "10.0.0.1"));
	assert_null(lookup(&f, "0.0.0.0"));
	assert_ptr_equal(lookup(&f, "2001:db8::1")->peer, peer_number(0));
	assert_int_equal(fib_set(&f, &v4, FIB_PEER, peer_number(1)), 0);
	assert_ptr_equal(lookup(&f, "10.0.0.1")->peer, peer_number(1));
	fib_remove(&f, &v6);
	assert_null(lookup(&f, "::"));
	assert_ptr_equal(lookup(&f, "255.255.255.255")->peer, peer_number(1));
	fib_done(&f);
	assert_null(lookup(&f, "10.0.0.1"));
}

static void held_prefix_hides_the_covering_one__rfc8966_3_5_4(void **state)
{
	struct prefix wide = prefix_make("10.0.0.0/8"), narrow = prefix_make("10.1.0.0/16");
	struct fib f = { 0 };

	(void)state;
	assert_int_equal(fib_set(&f, &wide, FIB_PEER, peer_number(0)), 0);
	assert_int_equal(fib_set(&f, &narrow, FIB_PEER, peer_number(1)), 0);
	fib_forget_peer(&f, peer_number(1));
	assert_int_equal(lookup(&f, "10.1.2.3")->kind, FIB_HELD);
	assert_null(lookup(&f, "10.1.2.3")->peer);
	assert_int_equal(lookup(&f, "10.2.2.3")->kind, FIB_PEER);
	fib_remove(&f, &narrow);
	assert_ptr_equal(lookup(&f, "10.1.2.3")->peer, peer_number(0));
	fib_done(&f);
}

static void setting_again_replaces(void **state)
{
	struct prefix p = prefix_make("fd00::1/128"), fork = prefix_make("fd00::/127");
	struct fib f = { 0 };

	(void)state;
	assert_int_equal(fib_set(&f, &p, FIB_PEER, peer_number(0)), 0);
	assert_int_equal(fib_set(&f, &p, FIB_OWN, NULL), 0);
	assert_int_equal(f.count, 1);
	assert_int_equal(lookup(&f, "fd00::1")->kind, FIB_OWN);
	assert_null(fib_exact(&f, &fork));
	assert_null(lookup(&f, "fd00::"));
	fib_remove(&f, &fork);
	assert_int_equal(f.count, 1);
	fib_done(&f);
}

/* One entry for all classes: none of them uses a shorter prefix while another has a way. */
static void classes_hide_the_covering_prefix_as_well__rfc8966_3_5_4(void **state)
{
	static const char *const texts[] = { "10.1.0.0/16", "fd00::1/128" };
	static const char *const hosts[] = { "10.1.2.3", "fd00::1" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct prefix wide = prefix_make(i ? "fd00::/16" : "10.0.0.0/8"), p = prefix_make(texts[i]);
		struct fib f = { 0 };

		assert_int_equal(fib_set(&f, &wide, FIB_PEER, peer_number(0)), 0);
		assert_int_equal(fib_set_class(&f, &p, 1, peer_number(1)), 0);
		const struct fib_entry *e = lookup(&f, hosts[i]);
		assert_int_equal(e->kind, FIB_HELD);
		assert_ptr_equal(e->classes[0], peer_number(1));
		assert_null(e->classes[1]);
		assert_int_equal(f.count, 2);
		assert_int_equal(fib_set(&f, &p, FIB_PEER, peer_number(2)), 0);
		fib_remove(&f, &p);
		assert_int_equal(lookup(&f, hosts[i])->kind, FIB_HELD);
		assert_ptr_equal(lookup(&f, hosts[i])->classes[0], peer_number(1));
		fib_set_class(&f, &p, 1, NULL);
		assert_int_equal(f.count, 1);
		assert_ptr_equal(lookup(&f, hosts[i])->peer, peer_number(0));
		assert_int_equal(fib_set_class(&f, &p, 2, NULL), 0);
		assert_int_equal(f.count, 1);
		fib_done(&f);
	}
}

static void a_hold_outlasts_the_ways_of_classes(void **state)
{
	struct prefix p = prefix_make("fd00::1/128");
	struct fib f = { 0 };

	(void)state;
	assert_int_equal(fib_set_class(&f, &p, 2, peer_number(1)), 0);
	assert_int_equal(fib_set(&f, &p, FIB_HELD, NULL), 0);
	fib_forget_peer(&f, peer_number(1));
	assert_null(lookup(&f, "fd00::1")->classes[1]);
	fib_set_class(&f, &p, 2, NULL);
	assert_int_equal(lookup(&f, "fd00::1")->kind, FIB_HELD);
	fib_remove(&f, &p);
	assert_null(lookup(&f, "fd00::1"));
	fib_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_tables_agree_with_oracle),
		cmocka_unit_test(random_hosts_agree_with_oracle),
		cmocka_unit_test(default_routes_cover_only_their_family),
		cmocka_unit_test(held_prefix_hides_the_covering_one__rfc8966_3_5_4),
		cmocka_unit_test(setting_again_replaces),
		cmocka_unit_test(classes_hide_the_covering_prefix_as_well__rfc8966_3_5_4),
		cmocka_unit_test(a_hold_outlasts_the_ways_of_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
