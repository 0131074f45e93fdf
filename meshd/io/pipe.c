/*
 * Pipes: a child program that has the modem (docs/pipe.md is its contract).
 *
 *   node ──► waiting ──► stdin   length 2 | address length 1 | address | frame
 *   stdout ──► records ──► node  the same; stderr ──► the log
 *
 *   started ──► running ── exits, writes rubbish, takes nothing ──► killed
 *      ▲                                                              │
 *      └────────────── 1, 2, 4 ... 60 s, anew after a good minute ────┘
 *
 * The pipe to the child is one page, which the kernel calls writable only when it
 * is empty: the child has the next frame when it asks for it, and until then
 * another one may overtake it in the node.
 */
#include "meshd/io/line.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LENGTH 2
#define RECORD_MAX (1 + CONFIG_PIPE_ADDRESS_MAX + NODE_FRAME_MAX)
#define ONE_FRAME 1 /* byte of room lets a message of any size leave */
#define PAUSE_MIN_US SECOND_US
#define PAUSE_MAX_US (60 * SECOND_US)
#define GOOD_US (60 * SECOND_US) /* who has run for so long is started again at once */
#define STUCK_MIN_US (120 * SECOND_US)
#define STUCK_FRAMES 10 /* ... or ten times what the link's rate says that a frame takes */
#define GRACE_MS 200 /* to end by itself at SIGTERM */
#define TEXT_MAX 200

struct pipe {
	struct port *p;
	pid_t pid; /* leads a group of its own */
	int in, out, err; /* as the child calls them; -1: closed */
	ev_io writable, readable, told;
	ev_child ended;
	struct line_queue waiting;
	uint64_t closed_us; /* its output was, at that time; it may be about to end */
	bool is_full; /* the child has not taken the last frame */
	uint64_t started_us, taken_us;
	uint8_t record[LENGTH + RECORD_MAX]; /* what has come of one */
	size_t record_len;
	char text[TEXT_MAX]; /* what has come of a line of stderr */
	size_t text_len;
};

/* --- the child --------------------------------------------------------------------------------------- */

/* Between fork and exec: only what is safe there. */
static void child_become(const struct pipe *m, const int fds[3], char *const argv[])
{
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A modem needs none of the powers that a daemon without root was started with. */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			_exit(127);
	syscall(SYS_close_range, 3, ~0u, 0); /* musl has no function for it */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(argv[0], argv);
	(void)!write(2, "cannot be run: ", 15);
	(void)!write(2, strerror(errno), strlen(strerror(errno)));
	(void)m;
	_exit(127);
}

static void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Our ends in m->in, out, err, the child's in theirs[]. */
static int pipes_make(struct pipe *m, int theirs[3])
{
	int *ours[3] = { &m->in, &m->out, &m->err };

	for (int i = 0; i < 3; i++) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC) < 0)
			return -errno;
		*ours[i] = ends[i == 0];
		theirs[i] = ends[i != 0];
		fcntl(*ours[i], F_SETFL, O_NONBLOCK);
	}
	return fcntl(m->in, F_SETPIPE_SZ, 4096) < 0 ? -errno : 0;
}

static int child_start(struct pipe *m)
{
	char *argv[CONFIG_WORD_MAX + 1] = { NULL };
	int theirs[3] = { -1, -1, -1 };

	for (unsigned i = 0; i < m->p->config->pipe.word_count; i++)
		argv[i] = (char *)(uintptr_t)config_pipe_word(&m->p->config->pipe, i);
	int code = pipes_make(m, theirs);
	m->pid = code < 0 ? -1 : fork();
	if (m->pid == 0)
		child_become(m, theirs, argv);
	if (m->pid < 0 && code == 0)
		code = -errno;
	for (int i = 0; i < 3; i++)
		fd_close(&theirs[i]);
	return code;
}

/* Its own end is waited for a moment, so that a modem is not left in the middle of a word. */
static void child_stop(struct pipe *m)
{
	const struct timespec look = { 0, 10000000 };

	if (m->pid <= 0)
		return;
	kill(-m->pid, SIGTERM);
	for (unsigned i = 0; i < GRACE_MS / 10; i++) {
		if (waitpid(m->pid, NULL, WNOHANG) != 0)
			break;
		nanosleep(&look, NULL);
	}
	kill(-m->pid, SIGKILL); /* the rest of its group, too */
	waitpid(m->pid, NULL, 0);
	m->pid = 0;
}

/* --- opening -------------------------------------------------------------------------------------------- */

static void on_readable(struct ev_loop *loop, ev_io *io, int events);
static void on_writable(struct ev_loop *loop, ev_io *io, int events);
static void on_told(struct ev_loop *loop, ev_io *io, int events);
static void on_ended(struct ev_loop *loop, ev_child *child, int events);

static struct pipe *pipe_make(struct port *p)
{
	struct pipe *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->p = p;
	m->in = m->out = m->err = -1;
	line_queue_init(&m->waiting, 2 * NODE_FRAME_MAX);
	ev_init(&m->readable, on_readable);
	ev_init(&m->writable, on_writable);
	ev_init(&m->told, on_told);
	m->readable.data = m->writable.data = m->told.data = m->ended.data = m;
	return m;
}

static void watch_start(struct pipe *m)
{
	struct ev_loop *loop = m->p->d->loop;

	ev_io_set(&m->readable, m->out, EV_READ);
	ev_io_set(&m->writable, m->in, EV_WRITE);
	ev_io_set(&m->told, m->err, EV_READ);
	ev_io_start(loop, &m->readable);
	ev_io_start(loop, &m->writable);
	ev_io_start(loop, &m->told);
	ev_child_init(&m->ended, on_ended, m->pid, 0);
	ev_child_start(loop, &m->ended);
}

static void pipe_clear(struct pipe *m)
{
	line_queue_clear(&m->waiting);
	fd_close(&m->in);
	fd_close(&m->out);
	fd_close(&m->err);
	m->record_len = m->text_len = 0;
}

int pipe_open(struct port *p, char error[IO_ERROR_MAX])
{
	const char *program = config_pipe_word(&p->config->pipe, 0);

	if (!p->pipe)
		p->pipe = pipe_make(p);
	struct pipe *m = p->pipe;
	if (!m)
		return io_fail(error, -ENOMEM, "not enough memory; free some");
	if (access(program, X_OK) < 0)
		return io_fail(error, -errno, "%s cannot be run: %s; look at command:", program, strerror(errno));
	int code = child_start(m);
	if (code < 0) {
		pipe_clear(m);
		return io_fail(
			error, code, "%s cannot be started: %s; free memory or processes", program, strerror(-code));
	}
	m->started_us = m->taken_us = io_now_us();
	m->is_full = false;
	m->closed_us = 0;
	watch_start(m);
	return 0;
}

void pipe_close(struct port *p)
{
	struct pipe *m = p->pipe;

	if (!m || m->in < 0)
		return;
	ev_io_stop(p->d->loop, &m->readable);
	ev_io_stop(p->d->loop, &m->writable);
	ev_io_stop(p->d->loop, &m->told);
	ev_child_stop(p->d->loop, &m->ended);
	pipe_clear(m);
	child_stop(m);
}

void pipe_free(struct port *p)
{
	free(p->pipe);
	p->pipe = NULL;
}

/* It is over with this child: the port closes with the next tick, and opens again after a pause. */
__attribute__((format(printf, 2, 3))) static void child_failed(struct pipe *m, const char *format, ...)
{
	struct port *p = m->p;
	char text[120];
	va_list args;

	if (p->wants_reopen)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	p->line.restarts++;
	uint64_t now_us = io_now_us();
	bool was_good = now_us >= m->started_us + GOOD_US;
	uint64_t pause_us = was_good || !p->pause_us ? PAUSE_MIN_US : 2 * p->pause_us;
	p->pause_us = pause_us < PAUSE_MAX_US ? pause_us : PAUSE_MAX_US;
	p->retry_us = now_us + p->pause_us;
	ev_io_stop(p->d->loop, &m->readable);
	ev_io_stop(p->d->loop, &m->writable);
	port_broken(p, "the modem program %s; it is started again in %u s, see the log for what it said", text,
		(unsigned)(p->pause_us / SECOND_US));
}

static void on_ended(struct ev_loop *loop, ev_child *child, int events)
{
	struct pipe *m = child->data;
	int status = child->rstatus;

	(void)events;
	ev_child_stop(loop, child);
	m->pid = 0; /* it was waited for */
	on_told(loop, &m->told, EV_READ); /* its last words */
	if (WIFSIGNALED(status))
		child_failed(m, "was ended by signal %d", WTERMSIG(status));
	else
		child_failed(m, "ended with status %d", WEXITSTATUS(status));
}

/* --- what it says ---------------------------------------------------------------------------------------- */

static void line_say(struct pipe *m)
{
	if (m->text_len)
		daemon_say(m->p->d, "modem", "%s: %.*s", m->p->config->name, (int)m->text_len, m->text);
	m->text_len = 0;
}

static void on_told(struct ev_loop *loop, ev_io *io, int events)
{
	struct pipe *m = io->data;
	char data[1024];
	ssize_t len = m->err < 0 ? 0 : read(m->err, data, sizeof(data));

	(void)events;
	for (ssize_t i = 0; i < len; i++) {
		if (data[i] == '\n' || m->text_len == sizeof(m->text))
			line_say(m);
		if (data[i] != '\n')
			m->text[m->text_len++] = data[i];
	}
	if (len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	line_say(m);
	ev_io_stop(loop, io);
}

/* --- in ---------------------------------------------------------------------------------------------------- */

/* A whole record, without its length. */
static void record_in(struct pipe *m, uint64_t now_us, struct bytes record)
{
	struct reader r = reader_of(record);
	struct bytes address = read_bytes(&r, read_u8(&r)), frame = read_bytes(&r, reader_left(&r));

	if (!reader_ok(&r) || address.len > CONFIG_PIPE_ADDRESS_MAX || !frame.len || frame.len > m->p->config->mtu) {
		m->p->line.rubbish_bytes += LENGTH + record.len;
		m->p->rx_dropped++;
		return;
	}
	struct endpoint from = endpoint_of_modem(address);
	batch_in_one(m->p, now_us, &from, frame);
}

/* How much of a record is still to come; 0: it is whole. Its length may be rubbish: -EPROTO. */
static int record_lacks(const struct pipe *m)
{
	struct reader r = reader_of(bytes_of(m->record, m->record_len));

	if (m->record_len < LENGTH)
		return (int)(LENGTH - m->record_len);
	size_t len = read_u16(&r);
	if (len < 2 || len > RECORD_MAX)
		return -EPROTO;
	return (int)(LENGTH + len - m->record_len);
}

/* Bytes of one record at most; false: there are none now, or the child is done with. */
static bool record_read(struct pipe *m, uint64_t now_us)
{
	int lacks = record_lacks(m);
	ssize_t len = read(m->out, m->record + m->record_len, (size_t)lacks);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (len <= 0) {
		m->closed_us = io_now_us();
		ev_io_stop(m->p->d->loop, &m->readable);
		return false;
	}
	m->record_len += (size_t)len;
	lacks = record_lacks(m);
	if (lacks < 0) {
		m->p->line.rubbish_bytes += m->record_len;
		child_failed(m, "writes what are no records");
		return false;
	}
	if (lacks)
		return true;
	record_in(m, now_us, bytes_of(m->record + LENGTH, m->record_len - LENGTH));
	m->record_len = 0;
	return true;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct pipe *m = io->data;
	uint64_t now_us = io_now_us();

	(void)loop;
	(void)events;
	for (unsigned i = 0; i < 2 * IO_BATCH && record_read(m, now_us); i++)
		;
}

/* --- out --------------------------------------------------------------------------------------------------- */

/* Writes of less than a page are whole or none. */
static void record_write(struct pipe *m, const struct line_frame *f)
{
	uint8_t record[LENGTH + RECORD_MAX];
	struct writer w = writer_of(record, sizeof(record));
	struct bytes address = f->is_to_all ? bytes_of(NULL, 0) : modem_of_endpoint(&f->to);

	write_u16(&w, (uint16_t)(1 + address.len + f->len));
	write_u8(&w, (uint8_t)address.len);
	write_bytes(&w, address);
	write_bytes(&w, bytes_of(f->bytes, f->len));
	struct bytes whole = writer_bytes(&w);
	if (write(m->in, whole.data, whole.len) != (ssize_t)whole.len)
		port_send_failed(m->p, errno);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct pipe *m = io->data;
	struct line_frame *f = line_queue_pop(&m->waiting);

	(void)events;
	m->taken_us = io_now_us();
	m->is_full = f != NULL;
	if (!f) {
		ev_io_stop(loop, io); /* until there is one */
		node_link_ready(m->p->d->node, m->taken_us, m->p->id, ONE_FRAME);
		return;
	}
	record_write(m, f);
	free(f);
}

/* May be called from within outputs of the node. */
void pipe_send(struct port *p, const struct endpoint *to, struct bytes frame)
{
	struct pipe *m = p->pipe;

	if (to && to->len != MODEM_ENDPOINT_LEN)
		return;
	if (frame.len > p->config->mtu) {
		port_send_failed(p, EMSGSIZE);
		return;
	}
	if (!line_queue_push(&m->waiting, to, frame)) {
		p->line.queue_dropped++;
		return;
	}
	if (!ev_is_active(&m->writable))
		ev_io_start(p->d->loop, &m->writable);
}

/* Each second: does the child take what it was given? */
void pipe_probe(struct port *p, uint64_t now_us)
{
	struct pipe *m = p->pipe;
	uint64_t frames_us = STUCK_FRAMES * (uint64_t)p->config->mtu * 8 * SECOND_US / p->config->rate_bps;

	if (m->closed_us && now_us >= m->closed_us + SECOND_US)
		child_failed(m, "closed its output");
	if (!m->is_full || now_us < m->taken_us + (frames_us > STUCK_MIN_US ? frames_us : STUCK_MIN_US))
		return;
	p->line.stuck++;
	child_failed(m, "takes nothing");
}
