/*
 * A flow of numbered packets in one direction, and the longest pause in it.
 *
 *   flow send ADDRESS PORT MILLISECONDS [RATE]   RATE packets a second (1000), 100 bytes each
 *   flow receive PORT MILLISECONDS               prints, in ms: the pause; and how many came, of how many
 *
 *   flow climb ADDRESS PORT BYTES                steps of 100 ms, each with a fifth more packets of BYTES than the last
 *   flow peak PORT                               prints the packets a second of the highest step that lost less than 1
 * %
 *
 * The pause is the longest time between two arrivals, less the time that there is between
 * two of the sender; a flow that stopped paused until the end. "none": nothing came. The
 * climb ends at the second step in a row that lost more: what is offered beyond is of no
 * use, and takes the processor from those who would carry it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define PAYLOAD 72 /* with the headers of UDP and IPv4, 100 bytes */

#define STEP_US 100000
#define STEP_FIRST 2000 /* packets a second */
#define STEP_LAST 2000000
#define TICK_US 500
#define BURST 64 /* by one call */
#define BYTES_MOST 1400
#define LOST_STEPS 2

struct packet {
	uint32_t number, rate;
	uint8_t padding[PAYLOAD - 8];
};

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static socklen_t address_read(struct sockaddr_storage *out, const char *text, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		return 0;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return sizeof(*v6);
}

/* The schedule is absolute: whoever woke late sends what was due meanwhile. */
static int flow_send(const char *address, uint16_t port, int64_t for_us, uint32_t rate)
{
	struct sockaddr_storage to;
	socklen_t len = address_read(&to, address, port);
	struct packet p = { .rate = rate };
	int s = len ? socket(to.ss_family, SOCK_DGRAM, 0) : -1, timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec tick = { .it_interval = { 0, 1000000000 / (long)rate }, .it_value = { 0, 1 } };
	int64_t end_us = now_us() + for_us;
	uint64_t due;

	if (s < 0 || timer < 0 || timerfd_settime(timer, 0, &tick, NULL) < 0) {
		fprintf(stderr, "flow: %s: %s\n", address, len ? strerror(errno) : "is not an address");
		return 1;
	}
	while (now_us() < end_us && read(timer, &due, sizeof(due)) == (ssize_t)sizeof(due)) {
		while (due--) {
			/* What has no route is lost: that is what is measured. */
			sendto(s, &p, sizeof(p), MSG_DONTWAIT, (struct sockaddr *)&to, len);
			p.number++;
		}
	}
	return 0;
}

struct arrivals {
	int64_t last_us, pause_us;
	uint32_t count, most, rate;
};

static void arrived(struct arrivals *a, const struct packet *p, int64_t at_us)
{
	if (a->last_us && at_us - a->last_us > a->pause_us)
		a->pause_us = at_us - a->last_us;
	a->last_us = at_us;
	a->rate = p->rate ? p->rate : a->rate;
	a->most = p->number > a->most ? p->number : a->most;
	a->count++;
}

static int flow_receive(uint16_t port, int64_t for_us)
{
	struct sockaddr_in6 self = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct arrivals a = { .rate = 1000 };
	int s = socket(AF_INET6, SOCK_DGRAM, 0);
	int64_t end_us = now_us() + for_us;
	struct packet p;

	if (s < 0 || bind(s, (struct sockaddr *)&self, sizeof(self)) < 0) {
		fprintf(stderr, "flow: port %u: %s\n", port, strerror(errno));
		return 1;
	}
	for (int64_t left_us; (left_us = end_us - now_us()) > 0;) {
		struct pollfd fd = { .fd = s, .events = POLLIN };

		if (poll(&fd, 1, (int)(left_us / 1000 + 1)) > 0 && recv(s, &p, sizeof(p), MSG_DONTWAIT) == sizeof(p))
			arrived(&a, &p, now_us());
	}
	if (!a.count) {
		printf("none 0 0\n");
		return 0;
	}
	if (end_us - a.last_us > a.pause_us)
		a.pause_us = end_us - a.last_us;
	a.pause_us -= 1000000 / a.rate;
	printf("%.1f %u %u\n", (double)(a.pause_us < 0 ? 0 : a.pause_us) / 1000, a.count, a.most + 1);
	return 0;
}

/* --- the highest rate that arrives --------------------------------------------------------------------------- */

/* The head of each: in which step, how many were sent in all steps before it, and when it began. A step takes longer
 * than it should if to send takes longer. */
struct climber {
	uint32_t step, before, begin_us;
};

struct burst {
	struct mmsghdr messages[BURST];
	struct iovec part;
	uint8_t bytes[BYTES_MOST];
};

/* `count` of them; what finds no room counts as sent, and is lost. False: nobody listens there any more. */
static bool burst_send(int s, struct burst *b, const struct climber *c, unsigned count)
{
	memcpy(b->bytes, c, sizeof(*c));
	while (count) {
		unsigned now = count < BURST ? count : BURST;
		int taken = sendmmsg(s, b->messages, now, MSG_DONTWAIT);

		if (taken < 0 && errno == ECONNREFUSED)
			return false;
		count -= taken > 0 ? (unsigned)taken : now;
	}
	return true;
}

static int flow_climb(const char *address, uint16_t port, size_t bytes)
{
	struct sockaddr_storage to;
	socklen_t len = address_read(&to, address, port);
	int s = len ? socket(to.ss_family, SOCK_DGRAM, 0) : -1, timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec tick = { .it_interval = { 0, TICK_US * 1000 }, .it_value = { 0, 1 } };
	struct climber c = { 0 };
	struct burst b = { .part = { b.bytes, bytes } };
	uint64_t due;

	if (s < 0 || timer < 0 || bytes < sizeof(c) || bytes > BYTES_MOST ||
		connect(s, (struct sockaddr *)&to, len) < 0 || timerfd_settime(timer, 0, &tick, NULL) < 0) {
		fprintf(stderr, "flow: %s: %s\n", address, len ? strerror(errno) : "is not an address");
		return 1;
	}
	for (unsigned i = 0; i < BURST; i++)
		b.messages[i].msg_hdr = (struct msghdr){ .msg_iov = &b.part, .msg_iovlen = 1 };
	for (double rate = STEP_FIRST; rate < STEP_LAST; rate *= 1.2, c.step++) {
		int64_t begin_us = now_us(), at_us;
		uint32_t sent = 0;

		c.begin_us = (uint32_t)begin_us;
		while ((at_us = now_us() - begin_us) < STEP_US &&
			read(timer, &due, sizeof(due)) == (ssize_t)sizeof(due)) {
			uint32_t wanted = (uint32_t)(rate * (double)at_us / 1e6);

			if (!burst_send(s, &b, &c, wanted > sent ? wanted - sent : 0))
				return 0;
			sent = wanted > sent ? wanted : sent;
		}
		c.before += sent;
	}
	return 0;
}

/* A step and what came of it. */
struct step {
	struct climber c;
	uint32_t came;
};

static int flow_peak(uint16_t port)
{
	struct sockaddr_in6 self = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int s = socket(AF_INET6, SOCK_DGRAM, 0), room = 8 << 20;
	struct timeval patience = { .tv_sec = 3 };
	struct step now = { 0 };
	unsigned lost_steps = 0;
	uint32_t peak = 0;
	struct climber heads[BURST];
	struct iovec parts[BURST];
	struct mmsghdr messages[BURST];

	if (s < 0 || bind(s, (struct sockaddr *)&self, sizeof(self)) < 0) {
		fprintf(stderr, "flow: port %u: %s\n", port, strerror(errno));
		return 1;
	}
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	for (unsigned i = 0; i < BURST; i++) {
		parts[i] = (struct iovec){ &heads[i], sizeof(heads[i]) };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	for (int count; lost_steps < LOST_STEPS && (count = recvmmsg(s, messages, BURST, MSG_WAITFORONE, NULL)) > 0;) {
		for (int i = 0; i < count; i++) {
			if (heads[i].step > now.c.step) {
				uint32_t sent = heads[i].before - now.c.before;
				bool is_carried = heads[i].step == now.c.step + 1 && now.came * 100ull >= sent * 99ull;

				lost_steps = is_carried ? 0 : lost_steps + 1;
				if (is_carried)
					peak = (uint32_t)(now.came * 1000000ull / (heads[i].begin_us - now.c.begin_us));
				now = (struct step){ .c = heads[i] };
			}
			now.came += heads[i].step == now.c.step;
		}
	}
	printf("%u\n", peak);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "climb") == 0)
		return flow_climb(argv[2], (uint16_t)atoi(argv[3]), (size_t)atoi(argv[4]));
	if (argc == 3 && strcmp(argv[1], "peak") == 0)
		return flow_peak((uint16_t)atoi(argv[2]));
	if (argc >= 5 && strcmp(argv[1], "send") == 0)
		return flow_send(argv[2], (uint16_t)atoi(argv[3]), (int64_t)atoi(argv[4]) * 1000,
			argc > 5 ? (uint32_t)atoi(argv[5]) : 1000);
	if (argc == 4 && strcmp(argv[1], "receive") == 0)
		return flow_receive((uint16_t)atoi(argv[2]), (int64_t)atoi(argv[3]) * 1000);
	fprintf(stderr, "usage: flow send ADDRESS PORT MILLISECONDS [RATE] | flow receive PORT MILLISECONDS |\n"
			"       flow climb ADDRESS PORT BYTES | flow peak PORT\n");
	return 2;
}
