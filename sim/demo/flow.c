/*
 * One side of the test flow: sends a numbered packet each 10 ms to the other
 * side and writes down what it sends and what arrives. The schedule is absolute,
 * so that a late wakeup is followed by what was due meanwhile and the rate holds.
 */
#include "sim/demo/flow.h"
#include "sim/demo/commands.h"
#include "sim/demo/tools.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MARKER_LEN 16

struct flow_side {
	int socket, timer, signals;
	struct sockaddr_in6 peer;
	FILE *record;
	uint64_t next_seq;
};

static void flow_send(struct flow_side *f)
{
	uint8_t payload[FLOW_PAYLOAD];
	struct writer w = writer_of(payload, sizeof(payload));
	uint64_t now = now_us();

	write_copy(&w, FLOW_MARKER, MARKER_LEN);
	write_u64(&w, f->next_seq);
	write_u64(&w, now);
	while (writer_left(&w) >= MARKER_LEN)
		write_copy(&w, FLOW_MARKER, MARKER_LEN);
	write_zeros(&w, writer_left(&w));
	/* A packet without a route is a lost packet: that is what is measured. */
	sendto(f->socket, payload, sizeof(payload), MSG_DONTWAIT, (struct sockaddr *)&f->peer, sizeof(f->peer));
	fprintf(f->record, "s,%llu,%llu\n", (unsigned long long)f->next_seq, (unsigned long long)now);
	f->next_seq++;
}

static void flow_receive(struct flow_side *f)
{
	uint8_t payload[FLOW_PAYLOAD];
	ssize_t len;

	while ((len = recv(f->socket, payload, sizeof(payload), MSG_DONTWAIT)) >= 0) {
		struct reader r = reader_of(bytes_of(payload, (size_t)len));
		struct bytes marker = read_bytes(&r, MARKER_LEN);
		uint64_t seq = read_u64(&r), sent = read_u64(&r);

		if (reader_ok(&r) && bytes_equal(marker, bytes_of(FLOW_MARKER, MARKER_LEN)))
			fprintf(f->record, "r,%llu,%llu,%llu\n", (unsigned long long)seq, (unsigned long long)sent,
				(unsigned long long)now_us());
	}
}

static int flow_open(struct flow_side *f, const char *on, const char *peer, const char *path)
{
	struct sockaddr_in6 self = { .sin6_family = AF_INET6, .sin6_port = htons(FLOW_PORT) };
	sigset_t set;

	f->peer = self;
	if (inet_pton(AF_INET6, on, &self.sin6_addr) != 1 || inet_pton(AF_INET6, peer, &f->peer.sin6_addr) != 1)
		return -EINVAL;
	f->record = fopen(path, "we");
	if (!f->record)
		return -errno;
	setvbuf(f->record, NULL, _IOLBF, 0); /* the demonstration looks at it while it grows */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	f->signals = signalfd(-1, &set, SFD_CLOEXEC);
	f->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	f->socket = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct itimerspec tick = { .it_interval = { 0, FLOW_INTERVAL_US * 1000 }, .it_value = { 0, 1 } };
	if (f->signals < 0 || f->timer < 0 || f->socket < 0 ||
		bind(f->socket, (struct sockaddr *)&self, sizeof(self)) < 0 ||
		timerfd_settime(f->timer, 0, &tick, NULL) < 0)
		return -errno;
	return 0;
}

/* Until a signal, or an error of the descriptors themselves. */
static int flow_loop(struct flow_side *f)
{
	struct pollfd fds[] = { { .fd = f->signals, .events = POLLIN }, { .fd = f->timer, .events = POLLIN },
		{ .fd = f->socket, .events = POLLIN } };

	while (!fds[0].revents) {
		uint64_t due = 0;

		if (poll(fds, 3, -1) < 0)
			return -errno;
		if (fds[2].revents)
			flow_receive(f);
		if (fds[1].revents && read(f->timer, &due, sizeof(due)) == (ssize_t)sizeof(due))
			while (due--)
				flow_send(f);
	}
	return 0;
}

int command_flow(int argc, char **argv)
{
	const char *on = option(argc, argv, "--on"), *to = option(argc, argv, "--to");
	const char *path = option(argc, argv, "--record");
	struct flow_side f = { .socket = -1, .timer = -1, .signals = -1 };

	if (!on || !to || !path)
		return complain("flow: needs --on ADDRESS --to ADDRESS --record FILE");
	int error = flow_open(&f, on, to, path);
	if (!error)
		error = flow_loop(&f);
	if (f.record && fclose(f.record) != 0 && !error)
		error = -EIO;
	if (error)
		return complain("flow: %s to %s: %s", on, to, strerror(-error));
	return 0;
}
