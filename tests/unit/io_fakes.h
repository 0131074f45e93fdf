/*
 * A node and a daemon that only take notes, so that a file of the shell is
 * tested by itself. Included by one program each; what a test defines here or
 * in its own file replaces the library's.
 */
#ifndef TESTS_UNIT_IO_FAKES_H
#define TESTS_UNIT_IO_FAKES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/io/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FAKE_FRAMES 512
#define FAKE_FRAME_SHOWN 64

static struct {
	/* links */
	bool has_link[NODE_LINK_MAX], is_up[NODE_LINK_MAX];
	struct node_link_config links[NODE_LINK_MAX];
	unsigned adds, removes, leaves;
	struct kernel_addresses plain[NODE_LINK_MAX]; /* where plain links stand */
	unsigned rules[NODE_LINK_MAX][2];
	unsigned babel_packets;
	unsigned readies[NODE_LINK_MAX]; /* times that the link had room */
	struct endpoint targets[NODE_LINK_MAX][NODE_TARGET_MAX];
	unsigned targets_told;
	/* frames that came in */
	unsigned frame_count;
	struct {
		unsigned link;
		struct endpoint from;
		size_t len;
		uint8_t first, last;
		uint8_t shown[FAKE_FRAME_SHOWN];
	} frames[FAKE_FRAMES];
	/* peers, for node_dump_peers() */
	unsigned peer_count;
	struct node_peer_info peers[4];
	/* prefixes announced */
	unsigned origin_count;
	struct prefix origins[16];
	int origin_error;
	/* what was said */
	unsigned said;
	char code[32], text[IO_ERROR_MAX];
	bool has_failed;
	unsigned tapped, taps_ended; /* packets that somebody looked at; links whose taps ended */
} fake;

void node_link_leave(struct node *n, uint64_t now_us, unsigned link)
{
	(void)n, (void)now_us;
	assert_true(fake.has_link[link]);
	fake.leaves++;
}

int node_link_add(struct node *n, uint64_t now_us, unsigned link, const struct node_link_config *config)
{
	(void)n, (void)now_us;
	assert_false(fake.has_link[link]);
	assert_in_range(config->mtu, config->is_plain ? NODE_PLAIN_MIN : NODE_FRAME_MIN, NODE_FRAME_MAX);
	fake.has_link[link] = true;
	fake.is_up[link] = false;
	fake.links[link] = *config;
	fake.adds++;
	return 0;
}

void node_link_remove(struct node *n, uint64_t now_us, unsigned link)
{
	(void)n, (void)now_us;
	assert_true(fake.has_link[link]);
	fake.has_link[link] = fake.is_up[link] = false;
	fake.removes++;
}

void node_link_set_up(struct node *n, uint64_t now_us, unsigned link, bool up)
{
	(void)n, (void)now_us;
	assert_true(fake.has_link[link]);
	fake.is_up[link] = up;
}

int node_plain_address(
	struct node *n, uint64_t now_us, unsigned link, const struct address *self, const struct address *ipv4)
{
	(void)n, (void)now_us;
	assert_true(fake.has_link[link]);
	if (fake.is_up[link] && !address_equal(self, &fake.plain[link].link_local))
		return -EBUSY;
	fake.plain[link].link_local = *self;
	fake.plain[link].ipv4 = ipv4 ? *ipv4 : (struct address){ 0 };
	return 0;
}

int node_policy_set(struct node *n, uint64_t now_us, unsigned link, enum node_direction direction,
	const struct rule *rules, unsigned count)
{
	(void)n, (void)now_us, (void)rules;
	assert_true(fake.has_link[link]);
	fake.rules[link][direction] = count;
	return 0;
}

int node_mac_set(struct node *n, unsigned link, const struct secret_packet_key *keys, unsigned count, bool is_lenient)
{
	(void)n, (void)keys, (void)is_lenient;
	assert_true(fake.has_link[link]);
	assert_true(count <= NODE_MAC_KEYS_MAX);
	return 0;
}

void node_babel_in(struct node *n, uint64_t now_us, unsigned link, const struct babel_sender *from, struct bytes packet)
{
	(void)n, (void)now_us, (void)link, (void)from, (void)packet;
	fake.babel_packets++;
}

void node_link_ready(struct node *n, uint64_t now_us, unsigned link, size_t bytes)
{
	(void)n, (void)now_us;
	fake.readies[link] += bytes > 0;
}

int node_target_set(struct node *n, uint64_t now_us, unsigned link, unsigned slot, const struct endpoint *endpoint)
{
	(void)n, (void)now_us;
	fake.targets[link][slot] = endpoint ? *endpoint : (struct endpoint){ 0 };
	fake.targets_told++;
	return 0;
}

bool node_link_is_in_use(const struct node *n, uint64_t now_us, unsigned link)
{
	(void)n, (void)now_us, (void)link;
	return false;
}

static void fake_frame_in(unsigned link, const struct endpoint *from, uint8_t *frame, size_t len)
{
	assert_in_range(fake.frame_count, 0, FAKE_FRAMES - 1);
	fake.frames[fake.frame_count].link = link;
	fake.frames[fake.frame_count].from = *from;
	fake.frames[fake.frame_count].len = len;
	fake.frames[fake.frame_count].first = frame[0];
	fake.frames[fake.frame_count].last = frame[len - 1];
	memcpy(fake.frames[fake.frame_count].shown, frame, len < FAKE_FRAME_SHOWN ? len : FAKE_FRAME_SHOWN);
	fake.frame_count++;
	memset(frame, 0xaa, len); /* opened where it lies */
}

void node_frames_in(struct node *n, uint64_t now_us, unsigned link, struct node_frame *frames, size_t count)
{
	(void)n, (void)now_us;
	for (size_t i = 0; i < count; i++)
		fake_frame_in(link, &frames[i].from, frames[i].data, frames[i].len);
}

void node_dump_peers(const struct node *n, void (*each)(void *arg, const struct node_peer_info *info), void *arg)
{
	(void)n;
	for (unsigned i = 0; i < fake.peer_count; i++)
		each(arg, &fake.peers[i]);
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, ENDPOINT_MAX) == 0;
}

int node_originate(struct node *n, uint64_t now_us, const struct prefix *prefix)
{
	(void)n, (void)now_us;
	if (fake.origin_error)
		return fake.origin_error;
	fake.origins[fake.origin_count++] = *prefix;
	return 0;
}

int node_withdraw(struct node *n, uint64_t now_us, const struct prefix *prefix)
{
	(void)n, (void)now_us;
	for (unsigned i = 0; i < fake.origin_count; i++) {
		if (prefix_equal(&fake.origins[i], prefix)) {
			fake.origins[i] = fake.origins[--fake.origin_count];
			return 0;
		}
	}
	return -ENOENT;
}

void daemon_say(struct daemon *d, const char *code, const char *format, ...)
{
	va_list args;

	(void)d;
	snprintf(fake.code, sizeof(fake.code), "%s", code);
	va_start(args, format);
	vsnprintf(fake.text, sizeof(fake.text), format, args);
	va_end(args);
	fake.said++;
}

void daemon_fail(struct daemon *d, const char *format, ...)
{
	va_list args;

	(void)d;
	va_start(args, format);
	vsnprintf(fake.text, sizeof(fake.text), format, args);
	va_end(args);
	fake.has_failed = true;
}

void tap_out(struct port *p, const struct endpoint *to, struct bytes frame)
{
	(void)p, (void)to, (void)frame;
	fake.tapped++;
}

void tap_frames_in(struct port *p, uint64_t now_us, struct node_frame *frames, size_t count)
{
	fake.tapped += (unsigned)count;
	node_frames_in(NULL, now_us, p->id, frames, count);
}

void tap_babel_in(struct port *p, const struct address *from, bool is_to_all, struct bytes packet)
{
	(void)p, (void)from, (void)is_to_all, (void)packet;
	fake.tapped++;
}

void tap_link_gone(struct port *p)
{
	(void)p;
	fake.taps_ended++;
}

/* Compiles in every program, used by it or not. */
static inline struct daemon *fake_daemon(void)
{
	struct daemon *d = calloc(1, sizeof(*d));

	memset(&fake, 0, sizeof(fake));
	assert_non_null(d);
	d->loop = ev_loop_new(EVFLAG_AUTO);
	assert_non_null(d->loop);
	return d;
}

static inline void fake_daemon_free(struct daemon *d)
{
	ev_loop_destroy(d->loop);
	free(d);
}

#endif
