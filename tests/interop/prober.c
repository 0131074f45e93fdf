/*
 * Sends echo requests that live for a few hops to many targets for ever, from raw
 * sockets, and tells what came back:
 *
 *   prober DIR NAME HOPS INTERVAL_MS SOURCE4 SOURCE6 TARGET=ADDRESS4=ADDRESS6...
 *
 *   DIR/NAME.state   each interval, a line a target: its name, and for both families
 *                    the age in ms of the youngest request that was answered (-1: none)
 *   DIR/NAME.loops   a line for each request that was sent back because it had lived
 *                    too long: time, target, who sent it back
 *
 * One process a router: a ping for each pair of routers costs a busy machine more
 * than the routers do.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TARGETS_MAX 64
#define HOPS_VARIED 12 /* a packet that goes in a circle dies at another router each time: all of them are seen */
#define PACKET_MAX 2048

struct target {
	char name[32];
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	int64_t answered_ms[2]; /* when the youngest request with an answer was sent; 0: none */
};

struct prober {
	const char *dir, *name;
	int fd[2]; /* IPv4, IPv6 */
	int hops; /* at most, and a few less */
	struct target targets[TARGETS_MAX];
	unsigned count;
	uint16_t id;
	int64_t sent_ms[UINT16_MAX + 1]; /* by sequence number */
	uint16_t sequence;
	FILE *loops;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "prober: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- opening ------------------------------------------------------------------------------ */

static void hops_set(const struct prober *p, int hops)
{
	if (setsockopt(p->fd[0], IPPROTO_IP, IP_TTL, &hops, sizeof(hops)) < 0 ||
		setsockopt(p->fd[1], IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops)) < 0)
		die("hop limit");
}

static void sockets_open(struct prober *p, const char *source4, const char *source6)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, source4, &v4.sin_addr) != 1 || inet_pton(AF_INET6, source6, &v6.sin6_addr) != 1)
		die("a source is no address");
	p->fd[0] = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
	p->fd[1] = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	if (p->fd[0] < 0 || p->fd[1] < 0)
		die("raw sockets");
	if (bind(p->fd[0], (struct sockaddr *)&v4, sizeof(v4)) < 0 ||
		bind(p->fd[1], (struct sockaddr *)&v6, sizeof(v6)) < 0)
		die("source address");
}

static void target_read(struct prober *p, const char *text)
{
	struct target *t = &p->targets[p->count++];
	char v4[32], v6[64];

	if (p->count > TARGETS_MAX || sscanf(text, "%31[^=]=%31[^=]=%63s", t->name, v4, v6) != 3)
		die(text);
	t->v4.sin_family = AF_INET;
	t->v6.sin6_family = AF_INET6;
	if (inet_pton(AF_INET, v4, &t->v4.sin_addr) != 1 || inet_pton(AF_INET6, v6, &t->v6.sin6_addr) != 1)
		die(text);
}

/* --- sending -------------------------------------------------------------------------------- */

static uint16_t checksum(const void *data, size_t len)
{
	const uint8_t *at = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* What cannot be sent is not answered: that is all that counts. */
static void round_send(struct prober *p)
{
	struct icmphdr v4 = { .type = ICMP_ECHO };
	struct icmp6_hdr v6 = { .icmp6_type = ICMP6_ECHO_REQUEST };

	p->sent_ms[++p->sequence] = now_ms();
	hops_set(p, p->hops - p->sequence % HOPS_VARIED);
	v4.un.echo.id = v6.icmp6_id = p->id;
	v4.un.echo.sequence = v6.icmp6_seq = htons(p->sequence);
	v4.checksum = checksum(&v4, sizeof(v4));
	for (unsigned i = 0; i < p->count; i++) {
		struct target *t = &p->targets[i];

		sendto(p->fd[0], &v4, sizeof(v4), 0, (struct sockaddr *)&t->v4, sizeof(t->v4));
		sendto(p->fd[1], &v6, sizeof(v6), 0, (struct sockaddr *)&t->v6, sizeof(t->v6));
	}
}

/* --- receiving -------------------------------------------------------------------------------- */

static struct target *target_find(struct prober *p, int family, const void *address)
{
	for (unsigned i = 0; i < p->count; i++) {
		struct target *t = &p->targets[i];

		if (family == AF_INET ? memcmp(&t->v4.sin_addr, address, 4) == 0
				      : memcmp(&t->v6.sin6_addr, address, 16) == 0)
			return t;
	}
	return NULL;
}

static void answer_take(struct prober *p, int family, const void *from, uint16_t id, uint16_t sequence)
{
	struct target *t = target_find(p, family, from);
	int64_t *youngest = t ? &t->answered_ms[family == AF_INET6] : NULL;

	if (id == p->id && youngest && p->sent_ms[sequence] > *youngest)
		*youngest = p->sent_ms[sequence];
}

static void loop_take(struct prober *p, int family, const void *from, const void *to)
{
	const struct target *t = target_find(p, family, to);
	char by[INET6_ADDRSTRLEN];

	if (!t)
		return;
	inet_ntop(family, from, by, sizeof(by));
	fprintf(p->loops, "%.1f %s %s\n", (double)now_ms() / 1000, t->name, by);
	fflush(p->loops);
}

static void packet4_take(struct prober *p, const uint8_t *packet, size_t len)
{
	const struct iphdr *ip = (const void *)packet;
	size_t header_len = len >= sizeof(*ip) ? ip->ihl * 4u : len;
	const struct icmphdr *icmp = (const void *)(packet + header_len);
	const struct iphdr *inner = (const void *)(icmp + 1);

	if (len < header_len + sizeof(*icmp))
		return;
	if (icmp->type == ICMP_ECHOREPLY)
		answer_take(p, AF_INET, &ip->saddr, icmp->un.echo.id, ntohs(icmp->un.echo.sequence));
	else if (icmp->type == ICMP_TIME_EXCEEDED && len >= header_len + sizeof(*icmp) + sizeof(*inner))
		loop_take(p, AF_INET, &ip->saddr, &inner->daddr);
}

static void packet6_take(struct prober *p, const uint8_t *packet, size_t len, const struct in6_addr *from)
{
	const struct icmp6_hdr *icmp = (const void *)packet;
	const struct ip6_hdr *inner = (const void *)(icmp + 1);

	if (len < sizeof(*icmp))
		return;
	if (icmp->icmp6_type == ICMP6_ECHO_REPLY)
		answer_take(p, AF_INET6, from, icmp->icmp6_id, ntohs(icmp->icmp6_seq));
	else if (icmp->icmp6_type == ICMP6_TIME_EXCEEDED && len >= sizeof(*icmp) + sizeof(*inner))
		loop_take(p, AF_INET6, from, &inner->ip6_dst);
}

static void all_receive(struct prober *p)
{
	_Alignas(8) uint8_t packet[PACKET_MAX];
	struct sockaddr_in6 from;
	ssize_t len;

	while ((len = recv(p->fd[0], packet, sizeof(packet), 0)) > 0)
		packet4_take(p, packet, (size_t)len);
	for (;;) {
		socklen_t from_len = sizeof(from);

		len = recvfrom(p->fd[1], packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_len);
		if (len <= 0)
			return;
		packet6_take(p, packet, (size_t)len, &from.sin6_addr);
	}
}

/* --- telling -------------------------------------------------------------------------------------- */

static void state_write(const struct prober *p)
{
	char path[512], next[520];
	int64_t now = now_ms();

	snprintf(path, sizeof(path), "%s/%s.state", p->dir, p->name);
	snprintf(next, sizeof(next), "%s.next", path);
	FILE *f = fopen(next, "w");
	if (!f)
		die(next);
	for (unsigned i = 0; i < p->count; i++) {
		const int64_t *answered = p->targets[i].answered_ms;

		fprintf(f, "%s %lld %lld\n", p->targets[i].name, answered[0] ? (long long)(now - answered[0]) : -1ll,
			answered[1] ? (long long)(now - answered[1]) : -1ll);
	}
	fclose(f);
	if (rename(next, path) < 0)
		die(path);
}

int main(int argc, char **argv)
{
	static struct prober p;
	char path[512];

	if (argc < 8) {
		fprintf(stderr,
			"usage: prober DIR NAME HOPS INTERVAL_MS SOURCE4 SOURCE6 TARGET=ADDRESS4=ADDRESS6...\n");
		return 2;
	}
	p.dir = argv[1];
	p.name = argv[2];
	int64_t interval = atoi(argv[4]), next = now_ms();
	p.id = (uint16_t)getpid();
	p.hops = atoi(argv[3]);
	if (p.hops <= HOPS_VARIED)
		die("too few hops");
	sockets_open(&p, argv[5], argv[6]);
	for (int i = 7; i < argc; i++)
		target_read(&p, argv[i]);
	snprintf(path, sizeof(path), "%s/%s.loops", p.dir, p.name);
	p.loops = fopen(path, "w");
	if (!p.loops)
		die(path);
	for (;;) {
		struct pollfd fds[2] = { { p.fd[0], POLLIN, 0 }, { p.fd[1], POLLIN, 0 } };
		int64_t now = now_ms();

		if (now >= next) {
			state_write(&p);
			round_send(&p);
			next = now + interval;
		}
		poll(fds, 2, (int)(next - now > 0 ? next - now : 0));
		all_receive(&p);
	}
}
