/*
 * meshctl capture: what a link of the running meshd sends and receives, into a file.
 *
 * meshd answers with a line, and then sends pcapng. It goes to the file by whole blocks,
 * so that the file can be read however the capture ends. On SIGINT, SIGTERM, or when the
 * time is over, this end of the socket is shut, and meshd sends what still waits and, as
 * the last block, how much was lost because we were too slow.
 */
#include "meshd/base/pcapng.h"
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_S 10 /* meshd sends what waits at once, or is stuck */
#define IN_MAX 65536

struct capture {
	const char *link, *path, *span, *socket;
	bool opened, force;
	long for_s; /* 0: until it is ended */
	FILE *out;
	int fd;
	bool is_ending, is_whole; /* the statistics have come */
	uint64_t packets;
	struct pcapng_statistics statistics;
	size_t len;
	uint8_t in[IN_MAX]; /* the begin of a block */
};

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
	(void)number;
	is_stopped = 1;
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- the file ------------------------------------------------------------------------------- */

/* What is inside is for few: nobody else may read it. */
static int output_open(struct capture *c, char error[CTL_ERROR_MAX])
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (c->force ? O_TRUNC : O_EXCL);
	int fd = strcmp(c->path, "-") == 0 ? dup(STDOUT_FILENO) : open(c->path, flags, 0600);

	c->out = fd < 0 ? NULL : fdopen(fd, "w");
	if (c->out)
		return 0;
	if (errno == EEXIST)
		return ctl_error(error, -EEXIST, "%s: is there already; name another file, or add --force", c->path);
	return ctl_error(error, -errno, "%s: %s; name a file where you may write", c->path, strerror(errno));
}

static int output_failed(const struct capture *c, char error[CTL_ERROR_MAX])
{
	if (errno == EPIPE)
		return ctl_error(error, -EPIPE, "%s: whoever read the capture has gone", c->path);
	return ctl_error(error, -EIO, "%s: %s; free some space, or write elsewhere", c->path, strerror(errno));
}

/* Whole blocks go to the file. 0, or -EBADMSG, -EIO. */
static int blocks_take(struct capture *c, char error[CTL_ERROR_MAX])
{
	size_t at = 0;
	uint32_t type, len;

	while (c->len - at >= PCAPNG_BLOCK_HEAD) {
		if (!pcapng_head_read(bytes_of(c->in + at, PCAPNG_BLOCK_HEAD), &type, &len))
			return ctl_error(error, -EBADMSG, "what meshd sends is no capture; is it of another version?");
		if (c->len - at < len)
			break;
		c->packets += type == PCAPNG_PACKET;
		c->is_whole |= pcapng_statistics_read(bytes_of(c->in + at, len), &c->statistics);
		fwrite(c->in + at, 1, len, c->out);
		at += len;
	}
	c->len -= at;
	memmove(c->in, c->in + at, c->len);
	if (fflush(c->out) == 0 && !ferror(c->out))
		return 0;
	return output_failed(c, error);
}

/* --- the stream ------------------------------------------------------------------------------ */

/* Waits for bytes until `end_s`. 1: there are some; 0: time is over, or somebody stops it. */
static int wait_for(const struct capture *c, double end_s, const sigset_t *during)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	double left_s = end_s - now_s();
	struct timespec left = { .tv_sec = (time_t)left_s, .tv_nsec = (long)((left_s - (double)(time_t)left_s) * 1e9) };

	if (end_s && left_s <= 0)
		return 0;
	return ppoll(&p, 1, end_s ? &left : NULL, during) > 0;
}

static int stream_take(struct capture *c, const sigset_t *during, char error[CTL_ERROR_MAX])
{
	double end_s = c->for_s ? now_s() + (double)c->for_s : 0;
	int code = 0;

	while (!code) {
		if (!c->is_ending && is_stopped)
			end_s = now_s();
		if (wait_for(c, end_s, during)) {
			ssize_t got = recv(c->fd, c->in + c->len, sizeof(c->in) - c->len, 0);

			if (got <= 0)
				break;
			c->len += (size_t)got;
			code = blocks_take(c, error);
		}
		if (c->is_ending && now_s() >= end_s)
			break;
		if (!c->is_ending && (is_stopped || (end_s && now_s() >= end_s))) {
			c->is_ending = true;
			end_s = now_s() + DRAIN_S;
			shutdown(c->fd, SHUT_WR);
		}
	}
	return code;
}

static int capture_tell(const struct capture *c)
{
	if (!c->is_whole)
		return ctl_fail(CTL_BAD, "%s: meshd has ended before the capture; %llu packets are in the file",
			c->path, (unsigned long long)c->packets);
	fprintf(stderr, "%llu packets", (unsigned long long)c->packets);
	if (c->statistics.lost)
		fprintf(stderr, ", and %llu lost: what reads them was too slow",
			(unsigned long long)c->statistics.lost);
	fprintf(stderr, "%s\n", c->is_ending ? "" : "; the link is gone");
	return CTL_GOOD;
}

static int capture_run(struct capture *c)
{
	json_t *request = json_pack("{s:s, s:s, s:b}", "request", "capture", "link", c->link, "opened", (int)c->opened);
	struct sigaction action = { .sa_handler = stop };
	char error[CTL_ERROR_MAX];
	sigset_t stops, during;
	int code;

	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTERM);
	sigprocmask(SIG_BLOCK, &stops, &during);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	c->fd = client_stream(c->socket, request, &code, error);
	if (c->fd < 0)
		return client_fail(code, error);
	code = output_open(c, error);
	if (!code)
		code = stream_take(c, &during, error);
	close(c->fd);
	if (c->out && fclose(c->out) != 0 && !code)
		code = output_failed(c, error);
	return code ? ctl_fail(CTL_BAD, "%s", error) : capture_tell(c);
}

int command_capture(int argc, char **argv)
{
	static struct capture c;
	const struct option_spec specs[] = {
		{ "-w", .text = &c.path },
		{ "--opened", .flag = &c.opened },
		{ "--for", .text = &c.span },
		{ "--force", .flag = &c.force },
		{ "--socket", .text = &c.socket },
	};
	struct text_list words = { 0 };
	char error[CTL_ERROR_MAX];

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &words, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	if (words.count != 1 || !c.path)
		return ctl_fail(CTL_USAGE, "write: meshctl capture LINK -w FILE [--opened] [--for 30s]");
	if (c.span && span_argument(&c.for_s, c.span, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	c.link = words.texts[0];
	c.socket = c.socket ? c.socket : CTL_SOCKET;
	return capture_run(&c);
}
