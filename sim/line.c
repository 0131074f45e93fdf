/*
 * Serial lines: the ends of a link with `framing` are pseudo-terminals, whose other
 * side the lab holds as a radio would.
 *
 *   slave DIR/NODE.INTERFACE ──(baud)──► deframer ──► link model ──► framed ──► the other slaves
 *
 * What a node writes is taken at the baud rate and no faster, so that its side fills
 * up as a port does. What the model delivers is written at once. The lab keeps a
 * slave open: a daemon that comes and goes is no hang-up.
 */
#include "sim/lab.h"

#include "meshd/base/framing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define TURN_US 10000 /* a port's bytes are taken in portions of so long */
#define PORTION_MAX 4096
#define FRAME_MAX 4096
#define NOISE_TURN_US 5000

struct lab_line {
	struct lab *lab;
	struct lab_end *end;
	int slave;
	struct timer timer; /* the port has sent the next portion; noise */
	uint64_t free_us; /* the port has sent what was taken by then */
	struct deframer deframer;
	uint8_t room[LINK_HEADER + FRAME_MAX];
	struct prng prng;
	uint32_t noise_left;
};

static void path_of(const struct lab *lab, const struct lab_end *end, char path[LAB_PATH_MAX])
{
	snprintf(path, LAB_PATH_MAX, "%s/%s.%s", lab->out, end->node->conf->name, end->name);
}

/* An Ethernet header stands for the preamble, and tells the captures who sent it. */
static void frame_out(struct lab_line *l, struct bytes frame)
{
	uint8_t *data = l->room;

	memset(data, 0xff, 6);
	memcpy(data + 6, l->end->mac, 6);
	data[12] = 0x88;
	data[13] = 0xb6; /* IEEE 802, local experimental 2 */
	emulator_offer(l->lab, l->end, data, (uint32_t)(LINK_HEADER + frame.len));
}

/* So many bytes leave the port in a turn. */
static size_t portion(const struct lab_line *l)
{
	size_t bytes = (size_t)l->end->link->conf->baud / 10 * TURN_US / 1000000;

	return bytes < 1 ? 1 : bytes < PORTION_MAX ? bytes : PORTION_MAX;
}

static void line_ready(struct lab *lab, struct lab_watch *watch, uint32_t events)
{
	struct lab_end *end = container_of(watch, struct lab_end, watch);
	struct lab_line *l = end->line;
	uint8_t data[PORTION_MAX];
	ssize_t len = read(watch->fd, data, portion(l));

	(void)events;
	for (ssize_t at = 0; at < len;) {
		struct bytes frame;

		at += (ssize_t)deframer_take(&l->deframer, bytes_of(data + at, (size_t)(len - at)), &frame);
		if (frame.len)
			frame_out(l, frame);
	}
	if (len <= 0)
		return;
	uint64_t now_us = lab_clock_us();
	/* A turn that came late is made up for. */
	if (l->free_us + TURN_US < now_us)
		l->free_us = now_us;
	l->free_us += (uint64_t)len * 10 * 1000000 / end->link->conf->baud;
	lab_watch_pause(lab, watch, true);
	timer_set(&lab->heap, &l->timer, l->free_us);
}

static void noise_write(struct lab_line *l)
{
	uint8_t noise[1024];
	struct random random = prng_random(&l->prng);

	while (l->noise_left) {
		size_t len = l->noise_left < sizeof(noise) ? l->noise_left : sizeof(noise);

		random_fill(&random, noise, len);
		ssize_t n = write(l->end->watch.fd, noise, len);
		if (n <= 0)
			return;
		l->noise_left -= (uint32_t)n;
	}
}

static void line_due(struct timer *timer, uint64_t now_us)
{
	struct lab_line *l = container_of(timer, struct lab_line, timer);

	if (l->noise_left) {
		noise_write(l);
		timer_set(&l->lab->heap, timer, now_us + NOISE_TURN_US);
	}
	lab_watch_pause(l->lab, &l->end->watch, false);
}

void line_noise(struct lab_end *end, uint32_t bytes)
{
	end->line->noise_left = bytes;
	timer_set(&end->line->lab->heap, &end->line->timer, lab_clock_us());
}

bool line_write(const struct lab_end *to, const uint8_t *data, uint32_t len)
{
	uint8_t coded[FRAMING_ENCODED_MAX(FRAME_MAX)];
	struct bytes frame = bytes_of(data + LINK_HEADER, len - LINK_HEADER);
	size_t coded_len = framing_encode(coded, sizeof(coded), to->link->conf->framing, 0, frame);

	return coded_len && write(to->watch.fd, coded, coded_len) == (ssize_t)coded_len;
}

static int slave_open(struct lab_line *l, int master)
{
	char path[LAB_PATH_MAX];
	struct termios t;
	const char *name = grantpt(master) || unlockpt(master) ? NULL : ptsname(master);

	l->slave = name ? open(name, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
	if (l->slave < 0 || tcgetattr(l->slave, &t))
		return -errno;
	cfmakeraw(&t);
	path_of(l->lab, l->end, path);
	unlink(path);
	return tcsetattr(l->slave, TCSANOW, &t) || symlink(name, path) ? -errno : 0;
}

static void line_free(struct lab_line *l)
{
	timer_cancel(&l->lab->heap, &l->timer);
	if (l->slave >= 0)
		close(l->slave);
	free(l);
}

int line_open(struct lab *lab, struct lab_end *end)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct lab_line *l = calloc(1, sizeof(*l));

	if (master < 0 || !l) {
		free(l);
		return lab_complain("%s:%s: no pseudo-terminal: %s; mount /dev/pts", end->node->conf->name, end->name,
			strerror(errno));
	}
	*l = (struct lab_line){ .lab = lab, .end = end, .slave = -1 };
	timer_init(&l->timer, line_due);
	prng_seed(&l->prng, end->link->model.seed ^ end->index);
	deframer_init(&l->deframer, end->link->conf->framing, 0, l->room + LINK_HEADER, FRAME_MAX);
	int error = slave_open(l, master);
	if (error) {
		line_free(l);
		close(master);
		return lab_complain("%s:%s: %s", end->node->conf->name, end->name, strerror(-error));
	}
	end->line = l;
	end->unplugged = false;
	return lab_watch_add(lab, &end->watch, master, line_ready);
}

void line_close(struct lab *lab, struct lab_end *end)
{
	char path[LAB_PATH_MAX];

	if (!end->line)
		return;
	lab_watch_close(lab, &end->watch);
	line_free(end->line);
	end->line = NULL;
	path_of(lab, end, path);
	unlink(path);
}
