/*
 * Serial links: a tty, and behind it a radio or a TNC.
 *
 *   node ──► waiting ──(turn)──► [to][from] frame, COBS or KISS ──► tty
 *   tty ──► deframer ──► for this station? ──► node
 *
 * Radios have no addresses, so each station draws a number when it opens the port,
 * and another one if it hears its own from somebody else. Two that do not hear each
 * other may have the same: then each takes in what is for the other, and the node
 * finds no session for it.
 *
 * What the line takes is told by its rate and by what the kernel still holds
 * (TIOCOUTQ), whichever is slower: the next frame is written when the last one has
 * left. A port that takes nothing at all for STUCK_US is told as "no-carrier" (the
 * radio holds CTS down, or sent XOFF and was switched off), and tried every second.
 */
#include "meshd/base/escape.h"
#include "meshd/io/line.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define STATION_TO_ALL 0
#define STATION_HEADER 2 /* to, from */
#define FRAME_ROOM (STATION_HEADER + NODE_FRAME_MAX)
#define READ_BYTES 4096
#define ONE_FRAME 1 /* byte of room lets a frame of any size leave */
#define QUEUED_US 8000 /* the kernel may hold so much when the next frame is written */
#define LOOK_US 5000 /* at it again, at least so much later */
#define STUCK_US (4 * SECOND_US)
#define CARRIER_US (10 * SECOND_US) /* a carrier detect that is held so long without a byte means nothing */

struct serial {
	struct port *p;
	int fd; /* -1: closed */
	ev_io readable;
	ev_timer due;
	struct turn turn;
	struct random random;
	struct line_queue waiting;
	struct deframer deframer;
	bool is_escape_open; /* software flow control: the last byte was an escape */
	uint8_t station;
	uint8_t room[FRAME_ROOM];
	uint8_t last[FRAME_ROOM]; /* the frame sent last, stations included: radios may repeat it to us */
	size_t last_len;
	uint8_t out[2 * FRAMING_ENCODED_MAX(FRAME_ROOM)]; /* the frame under way, as it looks on the line */
	size_t out_len, out_at;
	uint64_t moved_us; /* the line took something last */
	size_t held; /* bytes that the kernel had then */
	bool is_stuck;
	bool dcd_is_high, dcd_was_low; /* one that was never low is tied to its level and tells nothing */
	uint64_t dcd_since_us;
};

static const struct config_serial *config_of(const struct serial *s)
{
	return &s->p->config->serial;
}

static uint64_t line_us(const struct serial *s, size_t bytes)
{
	return (uint64_t)bytes * 8 * SECOND_US / s->turn.rate_bps;
}

/* --- opening -------------------------------------------------------------------------------------- */

static speed_t speed_of(unsigned baud)
{
	static const struct {
		unsigned baud;
		speed_t speed;
	} speeds[] = { { 1200, B1200 }, { 2400, B2400 }, { 4800, B4800 }, { 9600, B9600 }, { 19200, B19200 },
		{ 38400, B38400 }, { 57600, B57600 }, { 115200, B115200 }, { 230400, B230400 }, { 460800, B460800 },
		{ 921600, B921600 } };

	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (speeds[i].baud == baud)
			return speeds[i].speed;
	return B9600;
}

static int open_fail(char error[IO_ERROR_MAX], const char *device, int code)
{
	switch (-code) {
	case EACCES:
	case EPERM:
		return io_fail(error, code, "%s is not allowed; add the user of meshd to the group dialout", device);
	case EBUSY:
		return io_fail(error, code, "%s is in use; stop the other program (\"fuser %s\")", device, device);
	default:
		return io_fail(error, code, "%s: %s; look at its cable, and at \"dmesg\"", device, strerror(-code));
	}
}

/* Eight bits, no parity, nothing interpreted. */
static int line_setup(int fd, const struct config_serial *c, char error[IO_ERROR_MAX])
{
	struct termios t, taken;
	speed_t speed = speed_of(c->baud);

	if (tcgetattr(fd, &t) < 0)
		return io_fail(error, -ENOTTY, "%s is not a serial port; write device: /dev/ttyUSB0", c->device);
	cfmakeraw(&t);
	t.c_cflag = (t.c_cflag & ~(tcflag_t)(CSTOPB | CRTSCTS)) | CLOCAL | CREAD;
	t.c_cflag |= c->flow == CONFIG_FLOW_HARDWARE ? CRTSCTS : 0;
	t.c_iflag &= ~(tcflag_t)(IXON | IXOFF | IXANY);
	t.c_iflag |= c->flow == CONFIG_FLOW_SOFTWARE ? IXON | IXOFF : 0;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	cfsetispeed(&t, speed);
	cfsetospeed(&t, speed);
	if (tcsetattr(fd, TCSANOW, &t) < 0 || tcgetattr(fd, &taken) < 0 || cfgetospeed(&taken) != speed)
		return io_fail(error, -EINVAL, "%s does not take %u baud; write another baud, as the radio has it",
			c->device, c->baud);
	if (c->flow == CONFIG_FLOW_HARDWARE && !(taken.c_cflag & CRTSCTS))
		return io_fail(error, -EINVAL, "%s has no hardware flow control; write flow: none", c->device);
	tcflush(fd, TCIOFLUSH);
	return 0;
}

static void station_draw(struct serial *s)
{
	s->station = (uint8_t)(1 + randombytes_uniform(255));
}

/* What a TNC is told: how long its radio takes to key up. */
static void tnc_tell(struct serial *s)
{
	const struct config_serial *c = config_of(s);
	uint8_t tens = (uint8_t)(c->tx_delay_ms / 10);

	if (c->framing == FRAMING_KISS && c->has_tx_delay)
		s->out_len =
			kiss_encode(s->out, sizeof(s->out), (uint8_t)c->kiss_port, KISS_TX_DELAY, bytes_of(&tens, 1));
}

static void kernel_random_fill(void *user, void *out, size_t len)
{
	(void)user;
	randombytes_buf(out, len);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events);
static void on_due(struct ev_loop *loop, ev_timer *timer, int events);

static struct serial *serial_make(struct port *p)
{
	const struct config_serial *c = &p->config->serial;
	struct serial *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->p = p;
	s->fd = -1;
	s->random.fill = kernel_random_fill;
	deframer_init(&s->deframer, c->framing, (uint8_t)c->kiss_port, s->room, STATION_HEADER + p->config->mtu);
	line_queue_init(&s->waiting, 2 * NODE_FRAME_MAX);
	ev_init(&s->due, on_due);
	s->due.data = s;
	return s;
}

int serial_open(struct port *p, char error[IO_ERROR_MAX])
{
	const struct config_serial *c = &p->config->serial;

	if (!p->serial)
		p->serial = serial_make(p);
	struct serial *s = p->serial;
	if (!s)
		return io_fail(error, -ENOMEM, "not enough memory; free some");
	int fd = open(c->device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return open_fail(error, c->device, -errno);
	int code = line_setup(fd, c, error);
	if (!code && ioctl(fd, TIOCEXCL) < 0)
		code = open_fail(error, c->device, -errno);
	if (code < 0) {
		close(fd);
		return code;
	}
	s->fd = fd;
	s->out_len = s->out_at = s->last_len = s->held = 0;
	s->is_stuck = s->is_escape_open = s->dcd_is_high = s->dcd_was_low = false;
	s->moved_us = io_now_us();
	deframer_reset(&s->deframer);
	turn_init(&s->turn, p->config->rate_bps, c->half_duplex, c->turnaround_ms * 1000ull);
	station_draw(s);
	tnc_tell(s);
	ev_io_init(&s->readable, on_readable, fd, EV_READ);
	s->readable.data = s;
	ev_io_start(p->d->loop, &s->readable);
	ev_timer_set(&s->due, 0, 0);
	ev_timer_start(p->d->loop, &s->due);
	return 0;
}

void serial_close(struct port *p)
{
	struct serial *s = p->serial;

	if (!s || s->fd < 0)
		return;
	ev_io_stop(p->d->loop, &s->readable);
	ev_timer_stop(p->d->loop, &s->due);
	line_queue_clear(&s->waiting);
	tcflush(s->fd, TCOFLUSH); /* else closing waits for a radio that is gone */
	close(s->fd);
	s->fd = -1;
}

void serial_free(struct port *p)
{
	free(p->serial);
	p->serial = NULL;
}

/* --- in ---------------------------------------------------------------------------------------------- */

static void port_gone(struct serial *s, int code)
{
	ev_io_stop(s->p->d->loop, &s->readable);
	port_broken(s->p, "%s: %s; plug it in again, it is looked for every second", config_of(s)->device,
		code ? strerror(code) : "the port is gone");
}

/* What we said ourselves, or somebody else under our number. */
static void own_number_heard(struct serial *s, struct bytes frame)
{
	if (bytes_equal(frame, bytes_of(s->last, s->last_len)))
		return;
	s->p->line.stations_changed++;
	station_draw(s);
}

static void frame_in(struct serial *s, uint64_t now_us, struct bytes frame)
{
	struct reader r = reader_of(frame);
	uint8_t to = read_u8(&r), from = read_u8(&r);
	struct bytes inner = read_bytes(&r, reader_left(&r));

	if (!inner.len || from == STATION_TO_ALL) {
		s->p->rx_dropped++;
		return;
	}
	turn_heard_frame(&s->turn, to == s->station);
	if (from == s->station) {
		own_number_heard(s, frame);
		return;
	}
	if (to != STATION_TO_ALL && to != s->station)
		return;
	struct endpoint endpoint = endpoint_of_station(from);
	batch_in_one(s->p, now_us, &endpoint, inner);
}

static void bytes_in(struct serial *s, uint64_t now_us, struct bytes in)
{
	struct deframer *f = &s->deframer;
	uint64_t rubbish = f->rubbish_bytes;

	turn_heard(&s->turn, now_us);
	s->dcd_since_us = now_us;
	while (in.len && s->fd >= 0) {
		struct bytes frame;
		size_t taken = deframer_take(f, in, &frame);

		in = bytes_of(in.data + taken, in.len - taken);
		if (frame.len)
			frame_in(s, now_us, frame);
	}
	if (f->rubbish_bytes != rubbish)
		turn_heard_rubbish(&s->turn);
	s->p->line.rubbish_bytes = f->rubbish_bytes;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct serial *s = io->data;
	uint8_t data[READ_BYTES];
	ssize_t len = read(s->fd, data, sizeof(data));

	(void)loop;
	(void)events;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		port_gone(s, len < 0 ? errno : 0);
		return;
	}
	size_t kept = (size_t)len;
	if (config_of(s)->flow == CONFIG_FLOW_SOFTWARE)
		kept = escape_read(data, kept, &s->is_escape_open);
	bytes_in(s, io_now_us(), bytes_of(data, kept));
}

/* --- out ---------------------------------------------------------------------------------------------- */

static void encode(struct serial *s, const struct line_frame *f)
{
	const struct config_serial *c = config_of(s);
	struct writer w = writer_of(s->last, sizeof(s->last));
	uint8_t coded[FRAMING_ENCODED_MAX(FRAME_ROOM)];

	write_u8(&w, f->is_to_all ? STATION_TO_ALL : f->to.bytes[0]);
	write_u8(&w, s->station);
	write_bytes(&w, bytes_of(f->bytes, f->len));
	s->last_len = writer_len(&w);
	struct bytes frame = bytes_of(s->last, s->last_len);
	size_t len = framing_encode(coded, sizeof(coded), c->framing, (uint8_t)c->kiss_port, frame);
	s->out_at = 0;
	if (c->flow == CONFIG_FLOW_SOFTWARE) {
		s->out_len = escape_write(s->out, bytes_of(coded, len));
	} else {
		memcpy(s->out, coded, len);
		s->out_len = len;
	}
}

/* What the kernel has of us and the line has not taken. A pseudo-terminal never says. */
static size_t kernel_holds(const struct serial *s)
{
	int held = 0;

	return ioctl(s->fd, TIOCOUTQ, &held) == 0 && held > 0 ? (size_t)held : 0;
}

static void look_again(struct serial *s, uint64_t now_us, uint64_t at_us)
{
	ev_tstamp after = (double)(at_us > now_us ? at_us - now_us : 0) / SECOND_US;

	ev_timer_stop(s->p->d->loop, &s->due);
	ev_timer_set(&s->due, after, 0);
	ev_now_update(s->p->d->loop);
	ev_timer_start(s->p->d->loop, &s->due);
}

/* The line takes nothing: for how long may it go on so? */
static void line_waits(struct serial *s, uint64_t now_us, size_t held)
{
	if (held < s->held)
		s->moved_us = now_us;
	s->held = held;
	if (now_us < s->moved_us + STUCK_US || s->is_stuck)
		return;
	s->is_stuck = true;
	s->p->line.stuck++;
	port_stalled(s->p,
		config_of(s)->flow == CONFIG_FLOW_NONE
			? "%s takes nothing; look at the adapter, or unplug it and plug it in again"
			: "%s takes nothing, the radio holds it up; switch the radio on, or write flow: none",
		config_of(s)->device);
}

/* Writes on what is under way; true: all of it is with the kernel. */
static bool write_on(struct serial *s, uint64_t now_us)
{
	while (s->out_at < s->out_len) {
		ssize_t n = write(s->fd, s->out + s->out_at, s->out_len - s->out_at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			s->p->tx_errors++;
			s->p->tx_errno = errno;
			port_gone(s, errno);
			return false;
		}
		if (n <= 0)
			return false;
		s->out_at += (size_t)n;
		s->moved_us = now_us;
		turn_sent(&s->turn, now_us, (size_t)n);
	}
	return true;
}

/* Others speak, says the radio: one whose carrier detect is not tied to a level. */
static void carrier_listen(struct serial *s, uint64_t now_us)
{
	int lines;

	if (!config_of(s)->half_duplex || ioctl(s->fd, TIOCMGET, &lines) < 0)
		return;
	bool is_high = lines & TIOCM_CAR;
	if (is_high && !s->dcd_is_high)
		s->dcd_since_us = now_us;
	s->dcd_is_high = is_high;
	s->dcd_was_low = s->dcd_was_low || !is_high;
	if (is_high && s->dcd_was_low && now_us < s->dcd_since_us + CARRIER_US)
		turn_heard(&s->turn, now_us);
}

/* What can be written now is; false: the line is not free for another frame, and is looked at again. */
static bool line_is_free(struct serial *s, uint64_t now_us)
{
	if (!write_on(s, now_us)) {
		line_waits(s, now_us, s->out_len - s->out_at);
		look_again(s, now_us, now_us + LOOK_US + line_us(s, s->out_len - s->out_at) / 4);
		return false;
	}
	size_t held = kernel_holds(s);
	if (line_us(s, held) > QUEUED_US) {
		line_waits(s, now_us, held);
		look_again(s, now_us, now_us + LOOK_US + line_us(s, held) - QUEUED_US);
		return false;
	}
	s->moved_us = now_us;
	s->held = 0;
	if (s->waiting.first)
		carrier_listen(s, now_us);
	uint64_t next_us = turn_next_us(&s->turn, now_us, &s->random);
	if (next_us > now_us)
		look_again(s, now_us, next_us);
	return next_us <= now_us;
}

/* May be called from within outputs of the node. */
static void pump(struct serial *s)
{
	uint64_t now_us = io_now_us();
	struct line_frame *f;

	while (!s->is_stuck && !s->p->wants_reopen && line_is_free(s, now_us)) {
		f = line_queue_pop(&s->waiting);
		if (!f) {
			node_link_ready(s->p->d->node, now_us, s->p->id, ONE_FRAME);
			return;
		}
		encode(s, f);
		free(f);
	}
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	pump(timer->data);
}

void serial_send(struct port *p, const struct endpoint *to, struct bytes frame)
{
	struct serial *s = p->serial;

	if (to && to->len != STATION_ENDPOINT_LEN)
		return;
	if (frame.len > p->config->mtu)
		port_send_failed(p, EMSGSIZE);
	else if (s->is_stuck || !line_queue_push(&s->waiting, to, frame))
		p->line.queue_dropped++;
	else
		pump(s);
}

/* Each second while it is stuck: does the line take a delimiter? Then what was begun is over. */
bool serial_probe(struct port *p)
{
	static const uint8_t delimiters[] = { [FRAMING_COBS] = COBS_DELIMITER, [FRAMING_KISS] = KISS_DELIMITER };
	struct serial *s = p->serial;
	int lines;

	if (!s->is_stuck)
		return true;
	line_queue_clear(&s->waiting);
	bool is_held = config_of(s)->flow == CONFIG_FLOW_HARDWARE && ioctl(s->fd, TIOCMGET, &lines) == 0 &&
		       !(lines & TIOCM_CTS);
	bool is_empty = kernel_holds(s) == 0 && s->out_at == s->out_len;
	if (!is_held && is_empty) {
		s->is_stuck = false;
		s->moved_us = io_now_us();
		look_again(s, s->moved_us, s->moved_us);
		return true;
	}
	tcflush(s->fd, TCOFLUSH);
	s->out[0] = delimiters[config_of(s)->framing];
	s->out_len = 1;
	s->out_at = 0;
	write_on(s, io_now_us());
	return false;
}

uint64_t serial_rubbish_at(const struct port *p, unsigned i, const char **name)
{
	static const struct deframer none;

	return deframer_rubbish_at(p->serial ? &p->serial->deframer : &none, i, name);
}
