/*
 * ICMPv6 echo until the first answer. Unlike ping(8) it may be started before
 * the host has an address or a route: what cannot be sent yet is tried again,
 * so that the first answer tells when the mesh began to carry packets.
 */
#include "sim/demo/commands.h"
#include "sim/demo/tools.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVERY_US (100 * MS_US)
#define ECHOES_MAX 10000

struct pinger {
	int fd;
	struct sockaddr_in6 to;
	uint16_t id, count; /* of echoes, sent or tried */
	uint64_t sent_us[ECHOES_MAX];
};

static void echo_send(struct pinger *p)
{
	struct icmp6_hdr echo = { .icmp6_type = ICMP6_ECHO_REQUEST };

	if (p->count == ECHOES_MAX)
		return;
	echo.icmp6_id = htons(p->id);
	echo.icmp6_seq = htons(p->count);
	p->sent_us[p->count++] = now_us();
	/* Not sent means not answered. */
	sendto(p->fd, &echo, sizeof(echo), MSG_DONTWAIT, (struct sockaddr *)&p->to, sizeof(p->to));
}

/* The number of the echo that is answered; -1 if it is not one of ours. */
static int answer_read(struct pinger *p)
{
	struct icmp6_hdr echo;
	ssize_t len = recv(p->fd, &echo, sizeof(echo), MSG_DONTWAIT);
	unsigned seq = ntohs(echo.icmp6_seq);

	if (len < (ssize_t)sizeof(echo) || echo.icmp6_type != ICMP6_ECHO_REPLY || ntohs(echo.icmp6_id) != p->id)
		return -1;
	return seq < p->count ? (int)seq : -1;
}

static int pinger_open(struct pinger *p, const char *to)
{
	struct icmp6_filter filter;

	p->to.sin6_family = AF_INET6;
	if (inet_pton(AF_INET6, to, &p->to.sin6_addr) != 1)
		return -EINVAL;
	p->id = (uint16_t)getpid();
	p->fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
	if (p->fd < 0 || setsockopt(p->fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) < 0)
		return -errno;
	return 0;
}

int command_ping(int argc, char **argv)
{
	static struct pinger p;
	const char *to = option(argc, argv, "--to"), *within = option(argc, argv, "--within");
	uint64_t start = now_us(), next = start,
		 deadline = start + (within ? strtoull(within, NULL, 10) : 30) * SECOND_US;

	if (!to)
		return complain("ping: needs --to ADDRESS [--within SECONDS]");
	int error = pinger_open(&p, to);
	if (error)
		return complain("ping: %s: %s", to, strerror(-error));
	for (uint64_t now = start; now < deadline; now = now_us()) {
		struct pollfd fd = { .fd = p.fd, .events = POLLIN };

		if (now >= next) {
			echo_send(&p);
			next += EVERY_US;
			continue;
		}
		if (poll(&fd, 1, (int)((next - now) / MS_US) + 1) <= 0)
			continue;
		int seq = answer_read(&p);
		if (seq < 0)
			continue;
		now = now_us();
		printf("{\"tried\": %u, \"answered_us\": %llu, \"rtt_us\": %llu}\n", p.count, (unsigned long long)now,
			(unsigned long long)(now - p.sent_us[seq]));
		return 0;
	}
	return complain("ping: %s: no answer to %u echoes", to, p.count);
}
