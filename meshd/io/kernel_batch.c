/*
 * Changes of our routes in the kernel, many in one call. What the node says while packets and
 * deadlines are worked off is noted, and goes out before the loop sleeps: a lost uplink moves a
 * thousand routes at once, and one by one, each waiting for its answer, they take three times
 * as long. Order is kept. Only the last of a batch asks for an answer; of the others the kernel
 * says something only if it refuses.
 */
#include "meshd/io/io.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM 65536 /* bytes of messages ... */
#define ROUTES 512 /* ... at least this many fit */
#define ANSWER_MS 1000 /* the kernel answers before it returns */

struct noted {
	struct prefix prefix;
	bool is_gone;
};

struct route_batch {
	int fd;
	uint32_t seq; /* of the next message */
	size_t len, count, last; /* where the last message begins */
	struct noted noted[ROUTES]; /* of those that wait: theirs are the last sequence numbers before seq */
	uint8_t room[ROOM];
};

int route_batch_open(struct daemon *d)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct timeval patience = { .tv_sec = ANSWER_MS / 1000 };
	struct route_batch *b = calloc(1, sizeof(*b));
	int size = 4 * ROOM;

	if (!b)
		return -ENOMEM;
	b->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (b->fd < 0 || connect(b->fd, (struct sockaddr *)&kernel, sizeof(kernel)) < 0) {
		int code = -errno;

		if (b->fd >= 0)
			close(b->fd);
		free(b);
		return code;
	}
	setsockopt(b->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(b->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(b->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	d->kernel.batch = b;
	return 0;
}

void route_batch_close(struct daemon *d)
{
	struct route_batch *b = d->kernel.batch;

	if (!b)
		return;
	close(b->fd);
	free(b);
	d->kernel.batch = NULL;
}

static void refuse(struct daemon *d, const struct noted *n, int nl_error)
{
	char text[PREFIX_TEXT];

	d->kernel.routes_failed++;
	d->route_refused_us = io_now_us();
	daemon_say(d, "kernel-refused", "route to %s %s: %s; %s", prefix_format(&n->prefix, text),
		n->is_gone ? "not removed" : "not set", nl_geterror(nl_error), kernel_remedy(nl_error));
}

/* True if it was what the last one is answered with. */
static bool answer_take(struct daemon *d, const struct nlmsghdr *h, unsigned *refused)
{
	const struct route_batch *b = d->kernel.batch;
	size_t i = h->nlmsg_seq - (b->seq - b->count);
	struct nlmsgerr e;

	if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_len < NLMSG_LENGTH(sizeof(e)) || i >= b->count)
		return false;
	memcpy(&e, NLMSG_DATA(h), sizeof(e));
	/* Gone already: as asked. */
	if (e.error && !(b->noted[i].is_gone && (e.error == -ESRCH || e.error == -ENOENT || e.error == -ENODEV))) {
		refuse(d, &b->noted[i], -nl_syserr2nlerr(-e.error));
		(*refused)++;
	}
	return i == b->count - 1;
}

static unsigned answers_read(struct daemon *d)
{
	_Alignas(struct nlmsghdr) uint8_t answer[8192];
	unsigned refused = 0;
	bool is_over = false;
	ssize_t len;

	while (!is_over && (len = recv(d->kernel.batch->fd, answer, sizeof(answer), 0)) > 0)
		for (const struct nlmsghdr *h = (const void *)answer; NLMSG_OK(h, len) && !is_over;
			h = NLMSG_NEXT(h, len))
			is_over = answer_take(d, h, &refused);
	return refused;
}

unsigned route_batch_send(struct daemon *d)
{
	struct route_batch *b = d->kernel.batch;
	unsigned refused = 0;

	if (!b->count)
		return 0;
	((struct nlmsghdr *)(void *)(b->room + b->last))->nlmsg_flags |= NLM_F_ACK;
	if (send(b->fd, b->room, b->len, 0) == (ssize_t)b->len) {
		refused = answers_read(d);
	} else {
		refuse(d, &b->noted[0], -nl_syserr2nlerr(errno));
		refused = (unsigned)b->count;
	}
	b->len = b->count = 0;
	underlay_forget(d);
	return refused;
}

void route_batch_add(struct daemon *d, const struct prefix *prefix, bool is_gone, struct nl_msg *message)
{
	struct route_batch *b = d->kernel.batch;
	const struct nlmsghdr *h = nlmsg_hdr(message);
	size_t len = NLMSG_ALIGN(h->nlmsg_len);

	if (b->count == ROUTES || b->len + len > ROOM)
		route_batch_send(d);
	struct nlmsghdr *copy = (void *)(b->room + b->len);
	memset(copy, 0, len);
	memcpy(copy, h, h->nlmsg_len);
	copy->nlmsg_seq = b->seq++;
	copy->nlmsg_pid = 0;
	copy->nlmsg_flags = (uint16_t)((copy->nlmsg_flags | NLM_F_REQUEST) & ~NLM_F_ACK);
	b->noted[b->count++] = (struct noted){ *prefix, is_gone };
	b->last = b->len;
	b->len += len;
}
