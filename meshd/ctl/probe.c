/*
 * The kernel keeps the ICMP errors about a socket's datagrams in its error queue
 * (IP_RECVERR), each with the datagram's destination: the port tells which probe
 * it is about, so that a late answer is not taken for a quick one.
 */
#include "meshd/ctl/probe.h"

#include <errno.h>
#include <netinet/in.h> /* before the kernel's headers, which then leave its structures to it (musl) */
#include <time.h> /* errqueue.h does not include it */
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define BASE_PORT 33434 /* where nobody listens: traceroute's */
#define PAYLOAD_LEN 32

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int probe_open(uint8_t family)
{
	bool v6 = family == FAMILY_IPV6;
	int one = 1, fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one));
	else
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
	return fd;
}

static socklen_t sockaddr_make(struct sockaddr_storage *out, const struct address *to, uint16_t port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };

	memset(out, 0, sizeof(*out));
	if (to->family == FAMILY_IPV6) {
		memcpy(&v6.sin6_addr, to->bytes, 16);
		memcpy(out, &v6, sizeof(v6));
		return sizeof(v6);
	}
	memcpy(&v4.sin_addr, to->bytes, 4);
	memcpy(out, &v4, sizeof(v4));
	return sizeof(v4);
}

static struct address address_take(const struct sockaddr *from)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	if (from->sa_family == AF_INET6) {
		memcpy(&v6, from, sizeof(v6));
		return address_ipv6(v6.sin6_addr.s6_addr);
	}
	if (from->sa_family != AF_INET)
		return (struct address){ 0 };
	memcpy(&v4, from, sizeof(v4));
	return address_ipv4((const uint8_t *)&v4.sin_addr);
}

static void outcome_of(const struct sock_extended_err *e, struct probe_result *result)
{
	bool v6 = e->ee_origin == SO_EE_ORIGIN_ICMP6;

	result->from = address_take(SO_EE_OFFENDER(e));
	if (e->ee_origin == SO_EE_ORIGIN_LOCAL) {
		result->outcome = PROBE_NO_ROUTE;
		result->error = (int)e->ee_errno;
	} else if (e->ee_type == (v6 ? ICMPV6_TIME_EXCEED : ICMP_TIME_EXCEEDED)) {
		result->outcome = PROBE_HOP;
	} else if (e->ee_type == (v6 ? ICMPV6_DEST_UNREACH : ICMP_DEST_UNREACH) &&
		   e->ee_code == (v6 ? ICMPV6_PORT_UNREACH : ICMP_PORT_UNREACH)) {
		result->outcome = PROBE_ARRIVED;
	} else {
		result->outcome = PROBE_REFUSED;
		result->is_prohibited = e->ee_code == (v6 ? ICMPV6_ADM_PROHIBITED : ICMP_PKT_FILTERED);
	}
}

/* The next error in the queue, if it is about `port`. False: the queue is empty. */
static bool error_take(int fd, uint16_t port, struct probe_result *result)
{
	struct sockaddr_in6 to;
	char data[256];
	_Alignas(struct cmsghdr) char control[512];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr message = { .msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };

	memset(&to, 0, sizeof(to));
	if (recvmsg(fd, &message, MSG_ERRQUEUE) < 0)
		return false;
	/* The port is at the same place in both families. */
	if (ntohs(to.sin6_port) != port)
		return true;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if ((c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR) ||
			(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR))
			outcome_of((const struct sock_extended_err *)(const void *)CMSG_DATA(c), result);
	}
	return true;
}

/* An answer by the port's owner, should somebody listen there after all. */
static void reply_take(int fd, const struct address *to, struct probe_result *result)
{
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);
	char data[64];

	if (recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from, &len) < 0)
		return;
	struct address address = address_take((const struct sockaddr *)&from);
	if (address_equal(&address, to))
		*result = (struct probe_result){ .outcome = PROBE_ARRIVED, .from = address };
}

static int datagram_send(int fd, const struct address *to, uint16_t port, unsigned hop_limit)
{
	static const char payload[PAYLOAD_LEN] = "meshctl trace";
	bool v6 = to->family == FAMILY_IPV6;
	struct sockaddr_storage address;
	socklen_t len = sockaddr_make(&address, to, port);
	int limit = (int)hop_limit;

	setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_UNICAST_HOPS : IP_TTL, &limit, sizeof(limit));
	/* An error about an earlier probe is told here once, instead of sending. */
	for (int tries = 0; tries < 4; tries++)
		if (sendto(fd, payload, sizeof(payload), 0, (const struct sockaddr *)&address, len) >= 0)
			return 0;
	return -errno;
}

void probe_send(int fd, const struct address *to, unsigned number, unsigned hop_limit, unsigned wait_ms,
	struct probe_result *result)
{
	uint16_t port = (uint16_t)(BASE_PORT + number % 16384);
	uint64_t start_us = now_us(), end_us = start_us + (uint64_t)wait_ms * 1000;

	*result = (struct probe_result){ .outcome = PROBE_SILENT };
	int error = datagram_send(fd, to, port, hop_limit);
	if (error) {
		*result = (struct probe_result){ .outcome = PROBE_NO_ROUTE, .error = -error };
		return;
	}
	while (result->outcome == PROBE_SILENT) {
		uint64_t now = now_us();
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		if (now >= end_us)
			return;
		if (poll(&wait, 1, (int)((end_us - now) / 1000) + 1) <= 0)
			continue;
		while (result->outcome == PROBE_SILENT && error_take(fd, port, result))
			;
		if (result->outcome == PROBE_SILENT)
			reply_take(fd, to, result);
	}
	result->rtt_us = now_us() - start_us;
}
