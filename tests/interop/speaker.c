/*
 * A neighbour that says what no good speaker would say, to a router at the other end
 * of a cable, and notes the answers:
 *
 *   speaker INTERFACE
 *
 * Of each announcement the effect is whether the router has then a route to its own
 * prefix, fd66:N::/32 or 10.66.N.0/24: the caller looks into the router's kernel.
 * Each question is printed with yes or no: was it answered within ANSWER_MS? The last
 * lines say "announced" (now look), and "retracted" after a wildcard retraction.
 * Between these lines it waits for a line on its standard input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT 6696
#define HELLO_MS 500
#define ANSWER_MS 700
#define BODY_MAX 256

/* What is done to the packet around the body. */
enum wrapping { NORMAL, BAD_MAGIC, BAD_VERSION, LONG_BODY, IN_TRAILER, OTHER_PORT, HOPS_255, TO_UNICAST };

struct saying {
	const char *name;
	uint8_t number; /* of the prefix; 0: a question */
	enum wrapping wrapping;
	uint8_t len;
	uint8_t body[BODY_MAX];
	uint8_t answer_type; /* of a question: the TLV that answers it ... */
	uint8_t answer[16]; /* ... and what it has in it */
	uint8_t answer_len;
};

#define BODY(...) .len = sizeof((uint8_t[]){ __VA_ARGS__ }), .body = { __VA_ARGS__ }
#define ANSWER(type, ...)                                                                                              \
	.answer_type = (type), .answer_len = sizeof((uint8_t[]){ __VA_ARGS__ }), .answer = { __VA_ARGS__ }
#define RID 6, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 9
#define NUMBERS 0x75, 0x30, 0, 7, 0, 0 /* 300 s, seqno 7, metric 0 */
#define RETRACTED 0x75, 0x30, 0, 7, 0xff, 0xff
#define P(n) 0xfd, 0x66, 0, n
#define UPDATE(n, flags) 8, 14, 2, flags, 32, 0, NUMBERS, P(n)
/* The router is number 1 or 2: it is asked for both, and one is its own. */
#define OWN(n) 0xfd, 0x77, 0, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1
#define SEQNO_REQUEST(n, hops) 10, 30, 2, 128, 0, 1, hops, 0, 2, 0, 0, 0, 0, 0, 0, 7, OWN(n)
#define MANDATORY 0x80 | 60, 0
#define OPTIONAL 60, 1, 9

static const struct saying sayings[] = {
	{ "a good update", 1, BODY(RID, UPDATE(1, 0)) },
	{ "no router-id (4.6.9)", 2, BODY(UPDATE(2, 0)) },
	{ "unknown TLV before it (4.3)", 3, BODY(RID, 200, 3, 1, 2, 3, UPDATE(3, 0)) },
	{ "unknown TLV behind it overruns the body (4.3)", 4, BODY(RID, UPDATE(4, 0), 200, 99, 1) },
	{ "pads between (4.6.1)", 5, BODY(0, 0, RID, 1, 3, 0, 0, 0, 0, UPDATE(5, 0)) },
	{ "unknown sub-TLV (4.4)", 6, BODY(RID, 8, 17, 2, 0, 32, 0, NUMBERS, P(6), OPTIONAL) },
	{ "unknown mandatory sub-TLV (4.4)", 7, BODY(RID, 8, 16, 2, 0, 32, 0, NUMBERS, P(7), MANDATORY) },
	{ "mandatory sub-TLV in the router-id: state counts (4.5)", 8,
		BODY(6, 12, 0, 0, 2, 0, 0, 0, 0, 0, 0, 9, MANDATORY, UPDATE(8, 0)) },
	{ "mandatory sub-TLV in an update with P: state counts (4.5)", 9,
		BODY(RID, 8, 16, 2, 0x80, 32, 0, NUMBERS, 0xfd, 0x66, 0, 99, MANDATORY, 8, 11, 2, 0, 32, 3, NUMBERS,
			9) },
	{ "omitted bytes without a prefix before (4.6.9)", 10, BODY(RID, 8, 11, 2, 0, 32, 3, NUMBERS, 10) },
	{ "unknown address encoding before it (4.1.4)", 11,
		BODY(RID, 8, 14, 9, 0, 32, 0, NUMBERS, P(98), UPDATE(11, 0)) },
	{ "interval 0 (4.6.9)", 12, BODY(RID, 8, 14, 2, 0, 32, 0, 0, 0, 0, 7, 0, 0, P(12)) },
	{ "router-id of zeros (4.1.3)", 13, BODY(6, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, UPDATE(13, 0)) },
	{ "router-id of ones (4.1.3)", 14, BODY(6, 10, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, UPDATE(14, 0)) },
	{ "length beyond the family (4.6.9)", 15,
		BODY(RID, 8, 27, 2, 0, 129, 0, NUMBERS, P(15), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
	{ "more omitted than there are (4.6.9)", 16, BODY(RID, UPDATE(1, 0x80), 8, 10, 2, 0, 32, 5, NUMBERS) },
	{ "router-id in the prefix (4.6.9)", 17,
		BODY(8, 26, 2, 0x40, 128, 0, NUMBERS, 0xfd, 0x66, 0, 97, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 9,
			UPDATE(17, 0)) },
	{ "bits beyond the length (4.6.9)", 18, BODY(RID, 8, 14, 2, 0, 31, 0, NUMBERS, 0xfd, 0x66, 0, 18 | 1) },
	{ "reserved flags (4.6.9)", 19, BODY(RID, UPDATE(19, 0x3f)) },
	{ "shorter than its fields (4.3)", 20, BODY(RID, 8, 8, 2, 0, 32, 0, 0x75, 0x30, 0, 7) },
	{ "shorter than its prefix (4.6.9)", 21, BODY(RID, 8, 12, 2, 0, 32, 0, NUMBERS, 0xfd, 0x66) },
	{ "finite wildcard before it (4.6.9)", 22, BODY(RID, 8, 10, 0, 0, 0, 0, NUMBERS, UPDATE(22, 0)) },
	{ "announced", 23, BODY(RID, UPDATE(23, 0)) },
	{ "and retracted without a router-id (4.6.9)", 23, BODY(8, 14, 2, 0, 32, 0, RETRACTED, P(23)) },
	{ "in the trailer (4.2)", 24, .wrapping = IN_TRAILER, BODY(RID, UPDATE(24, 0)) },
	{ "wrong magic (4.2)", 25, .wrapping = BAD_MAGIC, BODY(RID, UPDATE(25, 0)) },
	{ "wrong version (4.2)", 26, .wrapping = BAD_VERSION, BODY(RID, UPDATE(26, 0)) },
	{ "body longer than the packet (4.2)", 27, .wrapping = LONG_BODY, BODY(RID, UPDATE(27, 0)) },
	{ "from another port (4)", 28, .wrapping = OTHER_PORT, BODY(RID, UPDATE(28, 0)) },
	{ "hop limit 255 (4)", 29, .wrapping = HOPS_255, BODY(RID, UPDATE(29, 0)) },
	{ "by unicast", 30, .wrapping = TO_UNICAST, BODY(RID, UPDATE(30, 0)) },
	{ "IPv4 without a next hop (4.6.9)", 31, BODY(RID, 8, 13, 1, 0, 24, 0, NUMBERS, 10, 66, 31) },
	{ "IPv4 with one", 32, BODY(RID, 7, 6, 1, 0, 10, 78, 1, 2, 8, 13, 1, 0, 24, 0, NUMBERS, 10, 66, 32) },
	{ "IPv4 by an IPv6 next hop (RFC 9229)", 33, BODY(RID, 8, 13, 4, 0, 24, 0, NUMBERS, 10, 66, 33) },
	{ "next hop without an encoding before it (4.6.8)", 34, BODY(RID, 7, 2, 0, 0, UPDATE(34, 0)) },
	{ "next hop with mandatory sub-TLV: state counts (4.5)", 35,
		BODY(RID, 7, 8, 1, 0, 10, 78, 1, 2, MANDATORY, 8, 13, 1, 0, 24, 0, NUMBERS, 10, 66, 35) },
	{ "IPv4 compressed against an AE 4 prefix (RFC 9229, 4.2)", 36,
		BODY(RID, 7, 6, 1, 0, 10, 78, 1, 2, 8, 13, 4, 0x80, 24, 0, NUMBERS, 10, 66, 96, 8, 11, 1, 0, 24, 2,
			NUMBERS, 36) },
	{ "length 0 TLV of our own types before it (4.3)", 37, BODY(RID, 4, 0, 5, 0, 9, 0, 10, 0, UPDATE(37, 0)) },
	{ "link-local prefix (4.6.9)", 38,
		BODY(RID, 8, 18, 3, 0, 64, 0, NUMBERS, 0, 0, 0, 0, 0, 0, 0, 38, UPDATE(38, 0)) },
	{ "loopback, multicast, link-local destinations", 39,
		BODY(RID, 8, 26, 2, 0, 128, 0, NUMBERS, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 8, 11, 2, 0, 8,
			0, NUMBERS, 0xff, 8, 12, 2, 0, 10, 0, NUMBERS, 0xfe, 0x80, UPDATE(39, 0)) },

	{ "acknowledgment is asked for", 0, BODY(2, 6, 0, 0, 0x12, 0x34, 0, 50), ANSWER(3, 0x12, 0x34),
		.wrapping = TO_UNICAST },
	{ "... with an unknown sub-TLV", 0, BODY(2, 9, 0, 0, 0x12, 0x35, 0, 50, OPTIONAL), ANSWER(3, 0x12, 0x35),
		.wrapping = TO_UNICAST },
	{ "... with an unknown mandatory sub-TLV (4.4)", 0, BODY(2, 8, 0, 0, 0x12, 0x36, 0, 50, MANDATORY),
		ANSWER(3, 0x12, 0x36), .wrapping = TO_UNICAST },
	{ "... within no time (4.6.3)", 0, BODY(2, 6, 0, 0, 0x12, 0x37, 0, 0), ANSWER(3, 0x12, 0x37),
		.wrapping = TO_UNICAST },
	{ "route request for its own prefix (3.8.1.1)", 0, BODY(9, 18, 2, 128, OWN(1), 9, 18, 2, 128, OWN(2)),
		ANSWER(8), .wrapping = TO_UNICAST },
	{ "route request for what nobody has (3.8.1.1)", 0, BODY(9, 6, 2, 32, 0xfd, 0x66, 0xff, 1), ANSWER(8),
		.wrapping = TO_UNICAST },
	{ "wildcard route request with a length (4.6.10)", 0, BODY(9, 2, 0, 8), ANSWER(8), .wrapping = TO_UNICAST },
	{ "route request with a mandatory sub-TLV (4.4)", 0, BODY(9, 8, 2, 32, 0xfd, 0x66, 0xff, 2, MANDATORY),
		ANSWER(8), .wrapping = TO_UNICAST },
	{ "seqno request without an encoding (4.6.11)", 0, BODY(10, 14, 0, 0, 0, 1, 5, 0, 2, 0, 0, 0, 0, 0, 0, 7),
		ANSWER(8), .wrapping = TO_UNICAST },
	{ "seqno request of hop count 0 for its own prefix (4.6.11)", 0, BODY(SEQNO_REQUEST(1, 0), SEQNO_REQUEST(2, 0)),
		ANSWER(8), .wrapping = TO_UNICAST },
	{ "seqno request for its own prefix, of another origin (3.8.1.2)", 0,
		BODY(SEQNO_REQUEST(1, 5), SEQNO_REQUEST(2, 5)), ANSWER(8), .wrapping = TO_UNICAST },
};

struct speaker {
	int fd, other_fd;
	unsigned ifindex;
	struct in6_addr router;
	bool has_router;
	uint16_t seqno;
	int64_t hello_ms;
	/* Of the question that is open. */
	const struct saying *open;
	bool is_answered;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "speaker: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int socket_open(const struct speaker *s, const char *interface, uint16_t port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct ipv6_mreq group = { .ipv6mr_interface = s->ifindex };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), one = 1, zero = 0, index = (int)s->ifindex;

	inet_pton(AF_INET6, "ff02::1:6", &group.ipv6mr_multiaddr);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index)) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &one, sizeof(one)) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &one, sizeof(one)) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &zero, sizeof(zero)) < 0 ||
		bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof(group)) < 0)
		die(interface);
	return fd;
}

static void packet_send(struct speaker *s, const uint8_t *body, uint8_t len, enum wrapping wrapping)
{
	uint8_t packet[4 + BODY_MAX] = { 42, 2, 0, len };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_scope_id = s->ifindex };
	int hops = wrapping == HOPS_255 ? 255 : 1, fd = wrapping == OTHER_PORT ? s->other_fd : s->fd;

	memcpy(packet + 4, body, len);
	if (wrapping == BAD_MAGIC)
		packet[0] = 43;
	else if (wrapping == BAD_VERSION)
		packet[1] = 3;
	else if (wrapping == LONG_BODY)
		packet[3] = (uint8_t)(len + 9);
	else if (wrapping == IN_TRAILER)
		packet[3] = 0;
	inet_pton(AF_INET6, "ff02::1:6", &to.sin6_addr);
	if (wrapping == TO_UNICAST)
		to.sin6_addr = s->router;
	setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops));
	if (sendto(fd, packet, 4u + len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("send");
}

/* Good news of us: we are there, and hear the router. */
static void hello_send(struct speaker *s)
{
	uint8_t body[8 + 16] = { 4, 6, 0, 0, (uint8_t)(s->seqno >> 8), (uint8_t)s->seqno, 0, HELLO_MS / 10, 5, 14, 3, 0,
		0, 96, 0x03, 0xe8 };

	s->seqno++;
	memcpy(body + 16, s->router.s6_addr + 8, 8);
	packet_send(s, body, s->has_router ? sizeof(body) : 8, NORMAL);
	s->hello_ms = now_ms() + HELLO_MS;
}

static bool tlv_answers(const struct saying *q, uint8_t type, const uint8_t *content, uint8_t len)
{
	return type == q->answer_type && len >= q->answer_len && memcmp(content, q->answer, q->answer_len) == 0;
}

static void acknowledge(struct speaker *s, const uint8_t *request, uint8_t len)
{
	uint8_t body[4] = { 3, 2 };

	if (len < 4)
		return;
	memcpy(body + 2, request + 2, 2);
	packet_send(s, body, sizeof(body), TO_UNICAST);
}

static void packet_take(struct speaker *s, const uint8_t *packet, size_t len, const struct in6_addr *from)
{
	s->router = *from;
	s->has_router = true;
	for (size_t at = 4; at + 2 <= len; at += packet[at] ? packet[at + 1] + 2u : 1u) {
		const uint8_t *content = packet + at + 2;
		uint8_t type = packet[at], content_len = packet[at + 1];

		if (type == 0 || at + 2 + content_len > len)
			continue;
		if (type == 2)
			acknowledge(s, content, content_len);
		if (s->open)
			s->is_answered |= tlv_answers(s->open, type, content, content_len);
	}
}

static void listen_until(struct speaker *s, int64_t until_ms, bool may_end)
{
	for (;;) {
		struct pollfd fds[2] = { { s->fd, POLLIN, 0 }, { may_end ? STDIN_FILENO : -1, POLLIN, 0 } };
		int64_t now = now_ms(), next = s->hello_ms < until_ms ? s->hello_ms : until_ms;
		uint8_t packet[2048];
		struct sockaddr_in6 from;
		socklen_t from_len = sizeof(from);
		char line[16];

		if (now >= until_ms || (s->open && s->is_answered))
			return;
		if (now >= s->hello_ms)
			hello_send(s);
		if (poll(fds, 2, (int)(next > now ? next - now : 0)) <= 0)
			continue;
		if (fds[1].revents) {
			if (read(STDIN_FILENO, line, sizeof(line)) < 0)
				die("standard input");
			return;
		}
		ssize_t len = recvfrom(s->fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_len);
		if (len > 0)
			packet_take(s, packet, (size_t)len, &from.sin6_addr);
	}
}

static void wait_for_a_line(struct speaker *s, const char *say)
{
	printf("%s\n", say);
	fflush(stdout);
	listen_until(s, INT64_MAX, true);
}

int main(int argc, char **argv)
{
	static const uint8_t wildcard[] = { 8, 10, 0, 0, 0, 0, RETRACTED };
	struct speaker s = { .seqno = 1 };
	const size_t count = sizeof(sayings) / sizeof(sayings[0]);

	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < count; i++)
			if (sayings[i].number)
				printf("%u %s\n", sayings[i].number, sayings[i].name);
		return 0;
	}
	s.ifindex = argc == 2 ? if_nametoindex(argv[1]) : 0;
	if (!s.ifindex) {
		fprintf(stderr, "usage: speaker INTERFACE | --list\n");
		return 2;
	}
	s.fd = socket_open(&s, argv[1], PORT);
	s.other_fd = socket_open(&s, argv[1], PORT + 1);
	listen_until(&s, now_ms() + 10 * HELLO_MS, false);
	if (!s.has_router)
		die("nobody there");
	for (size_t i = 0; i < count; i++) {
		const struct saying *it = &sayings[i];

		packet_send(&s, it->body, it->len, it->wrapping);
		listen_until(&s, now_ms() + 50, false);
		if (it->number)
			continue;
		s.open = it;
		s.is_answered = false;
		packet_send(&s, it->body, it->len, it->wrapping);
		listen_until(&s, now_ms() + ANSWER_MS, false);
		s.open = NULL;
		printf("%s: %s\n", it->name, s.is_answered ? "yes" : "no");
	}
	wait_for_a_line(&s, "announced");
	packet_send(&s, wildcard, sizeof(wildcard), NORMAL);
	wait_for_a_line(&s, "retracted");
	return 0;
}
