/*
 * The lab as a whole: built, run, ended.
 *
 * build -> ready -> turns of the loop -> ending (SIGTERM, grace) -> over
 *                     |    ^                    |
 *                     +----+ frames, orders     +-- frames go on: what retracts
 *                                                   on its way out must be heard
 */
#include "sim/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define FLUSH_US 1000000
#define AFTER_LAST_EVENT_US 1000000
#define EVENTS_PER_TURN 64

uint64_t lab_clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int lab_complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("meshlab: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	return -EIO;
}

int lab_watch_add(struct lab *lab, struct lab_watch *watch, int fd,
	void (*ready)(struct lab *lab, struct lab_watch *watch, uint32_t events))
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = watch };

	watch->fd = fd;
	watch->ready = ready;
	if (epoll_ctl(lab->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	lab_complain("cannot watch a file: %s", strerror(errno));
	close(fd);
	watch->fd = -1;
	return -EIO;
}

void lab_watch_pause(struct lab *lab, struct lab_watch *watch, bool paused)
{
	struct epoll_event event = { .events = paused ? 0 : EPOLLIN, .data.ptr = watch };

	if (watch->fd >= 0)
		epoll_ctl(lab->epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

void lab_watch_close(struct lab *lab, struct lab_watch *watch)
{
	if (watch->fd < 0)
		return;
	epoll_ctl(lab->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	close(watch->fd);
	watch->fd = -1;
}

/* --- ending --- */

void lab_end_check(struct lab *lab)
{
	if (!lab->ending || lab->command_pid)
		return;
	for (unsigned n = 0; n < lab->node_count; n++)
		if (process_is_running(&lab->nodes[n]))
			return;
	lab->over = true;
}

void lab_end(struct lab *lab, int status)
{
	if (lab->ending)
		return;
	journal_write(lab, "lab", "end");
	lab->ending = true;
	lab->status = status;
	if (lab->command_pid)
		kill(lab->command_pid, SIGTERM);
	for (unsigned n = 0; n < lab->node_count; n++)
		process_signal_node(&lab->nodes[n], SIGTERM);
	timer_set(&lab->heap, &lab->end, lab_clock_us() + LAB_GRACE_US);
	lab_end_check(lab);
}

static void lab_end_due(struct timer *timer, uint64_t now_us)
{
	struct lab *lab = container_of(timer, struct lab, end);

	(void)now_us;
	if (lab->ending)
		lab->over = true; /* what still runs is killed with the PID namespace */
	else
		lab_end(lab, EXIT_SUCCESS);
}

/* --- the loop --- */

static void signals_ready(struct lab *lab, struct lab_watch *watch, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			process_reap(lab);
		else
			lab_end(lab, 128 + (int)info.ssi_signo);
	}
}

static void clock_ready(struct lab *lab, struct lab_watch *watch, uint32_t events)
{
	uint64_t expirations;

	(void)events;
	lab->armed_us = NEVER;
	(void)!read(watch->fd, &expirations, sizeof(expirations));
}

static void clock_arm(struct lab *lab, uint64_t due_us)
{
	struct itimerspec spec = { 0 };

	if (due_us == lab->armed_us)
		return;
	lab->armed_us = due_us;
	if (due_us != NEVER) {
		spec.it_value.tv_sec = (time_t)(due_us / 1000000);
		spec.it_value.tv_nsec = (long)(due_us % 1000000 * 1000);
	}
	timerfd_settime(lab->clock.fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void lab_loop(struct lab *lab)
{
	struct epoll_event events[EVENTS_PER_TURN];

	while (!lab->over) {
		clock_arm(lab, heap_run(&lab->heap, lab_clock_us()));
		if (lab->over)
			break;
		int count = epoll_wait(lab->epoll, events, EVENTS_PER_TURN, -1);
		for (int i = 0; i < count; i++) {
			struct lab_watch *watch = events[i].data.ptr;

			/* Closed by another event of this turn. */
			if (watch->fd >= 0)
				watch->ready(lab, watch, events[i].events);
			heap_run(&lab->heap, lab_clock_us());
		}
	}
}

/* --- building --- */

static void flush_due(struct timer *timer, uint64_t now_us)
{
	struct lab *lab = container_of(timer, struct lab, flush);

	for (unsigned l = 0; l < lab->link_count; l++)
		capture_flush(lab->links[l].capture);
	timer_set(&lab->heap, timer, now_us + FLUSH_US);
}

static void event_due(struct timer *timer, uint64_t now_us)
{
	struct lab_event *event = container_of(timer, struct lab_event, timer);
	char complaint[LINK_COMPLAINT_MAX];
	unsigned node;

	(void)now_us;
	if (!event->lab->ending)
		steer(event->lab, event->conf->text, "scenario", &node, complaint);
}

static int lab_open_loop(struct lab *lab)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	lab->epoll = epoll_create1(EPOLL_CLOEXEC);
	lab->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int clock = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (lab->epoll < 0 || lab->home < 0 || clock < 0 || signal_fd < 0)
		return lab_complain("cannot open what the loop needs: %s", strerror(errno));
	int error = lab_watch_add(lab, &lab->clock, clock, clock_ready);
	if (!error)
		error = lab_watch_add(lab, &lab->signals, signal_fd, signals_ready);
	return error;
}

static int lab_build_network(struct lab *lab)
{
	const struct scenario *s = lab->scenario;
	int error = 0;

	for (; lab->node_count < s->node_count && !error; lab->node_count++) {
		struct lab_node *node = &lab->nodes[lab->node_count];

		node->conf = &s->nodes[lab->node_count];
		error = namespace_create(lab, node);
	}
	for (; lab->link_count < s->link_count && !error; lab->link_count++)
		error = emulator_open_link(lab, &lab->links[lab->link_count], &s->links[lab->link_count],
			s->seed ^ (lab->link_count + 1) * 0xbf58476d1ce4e5b9u);
	for (unsigned n = 0; n < lab->node_count && !error; n++)
		error = namespace_set_power(&lab->nodes[n], lab->nodes[n].conf->power);
	emulator_update_carriers(lab);
	return error;
}

static int lab_build(struct lab *lab)
{
	const struct scenario *s = lab->scenario;

	lab->nodes = calloc(s->node_count, sizeof(*lab->nodes));
	lab->links = calloc(s->link_count + 1, sizeof(*lab->links));
	lab->events = calloc(s->event_count + 1, sizeof(*lab->events));
	if (!lab->nodes || !lab->links || !lab->events)
		return lab_complain("out of memory");
	lab->start_us = lab_clock_us(); /* until it is ready */
	int error = journal_open(lab);
	if (!error)
		error = lab_open_loop(lab);
	if (!error)
		error = lab_build_network(lab);
	if (!error)
		error = control_open(lab);
	return error;
}

static int lab_start(struct lab *lab)
{
	const struct scenario *s = lab->scenario;
	int error = 0;

	lab->start_us = lab_clock_us();
	journal_write(lab, "lab", "ready");
	for (unsigned e = 0; e < s->event_count; e++) {
		struct lab_event *event = &lab->events[e];

		event->lab = lab;
		event->conf = &s->events[e];
		timer_init(&event->timer, event_due);
		timer_set(&lab->heap, &event->timer, lab->start_us + event->conf->at_us);
	}
	if (!lab->command && s->event_count)
		timer_set(&lab->heap, &lab->end,
			lab->start_us + s->events[s->event_count - 1].at_us + AFTER_LAST_EVENT_US);
	timer_set(&lab->heap, &lab->flush, lab->start_us + FLUSH_US);
	for (unsigned n = 0; n < lab->node_count && !error; n++)
		if (lab->nodes[n].powered)
			error = process_start_node(lab, &lab->nodes[n]);
	if (!error && lab->command)
		error = process_start_command(lab);
	return error;
}

static void lab_write_stats(const struct lab *lab)
{
	char path[LAB_PATH_MAX];
	json_t *stats = stats_json(lab);

	snprintf(path, sizeof(path), "%s/stats.json", lab->out);
	if (!stats || json_dump_file(stats, path, JSON_INDENT(2)))
		lab_complain("%s: cannot be written", path);
	json_decref(stats);
}

static void lab_done(struct lab *lab)
{
	emulator_drop_frames(lab);
	for (unsigned l = 0; l < lab->link_count; l++)
		emulator_close_link(lab, &lab->links[l]);
	for (unsigned n = 0; n < lab->node_count; n++) {
		close(lab->nodes[n].netns);
		close(lab->nodes[n].socket);
	}
	control_close(lab);
	journal_close(lab);
	lab_watch_close(lab, &lab->clock);
	lab_watch_close(lab, &lab->signals);
	heap_done(&lab->heap);
	free(lab->nodes);
	free(lab->links);
	free(lab->events);
	close(lab->home);
	close(lab->epoll);
}

/* Frames are due to the millisecond on a busy machine too. What is not allowed is not needed. */
static void lab_hurry(void)
{
	struct sched_param parameters = { .sched_priority = 1 };

	sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameters);
}

int lab_run(const struct scenario *s, const char *out, bool quiet, char *const *command)
{
	struct lab lab = { .scenario = s, .out = out, .quiet = quiet, .command = command, .status = EXIT_FAILURE };

	lab.clock.fd = lab.signals.fd = lab.epoll = lab.home = -1;
	lab.armed_us = NEVER;
	list_init(&lab.frames);
	heap_init(&lab.heap);
	timer_init(&lab.end, lab_end_due);
	timer_init(&lab.flush, flush_due);
	int error = lab_build(&lab);
	if (!error)
		lab_hurry();
	if (!error)
		error = lab_start(&lab);
	if (!error) {
		lab_loop(&lab);
		lab_write_stats(&lab);
	}
	lab_done(&lab);
	return error ? EXIT_FAILURE : lab.status;
}
