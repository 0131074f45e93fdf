/*
 * The daemon: opens everything in order, runs one loop, closes in reverse.
 *
 *   config ─► keys ─► state ─► control ─► node ─► TUN ─► kernel ─► ports ─► loop
 *
 * Who has keys and no certificate yet runs all the same, alone, and asks for it on its links
 * (applicant.c); when that came it begins anew.
 *
 * What can refuse the start without touching the machine comes first. Before
 * each sleep the node runs what is due and says when it wants to run again; a
 * tick each second serves what needs no better clock.
 */
#include "meshd/io/collect.h"
#include "meshd/io/control.h"
#include "meshd/io/mailbox.h"

#include <errno.h>
#include <ifaddrs.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define HEAP_CHUNK_MOST (64 << 10) /* what is larger has pages of its own, which go back as it is freed */
#define NEWCOMER_US (10 * SECOND_US) /* since start: who finds its equal running meanwhile gives way */

__attribute__((format(printf, 4, 0))) static void event_happened(
	struct daemon *d, const char *code, json_t *data, const char *format, va_list args)
{
	char text[LOG_LINE_MAX];
	uint64_t now_us = io_now_us();

	vsnprintf(text, sizeof(text), format, args);
	/* Routes that move tell nothing afterwards; and what has data is recorded however much there is. */
	if (data || event_grade(code) != EVENT_INFO)
		incident_note(d, now_us, code, data, text);
	if (!log_event(&d->log, now_us, code, "%s", text))
		return;
	events_add(&d->events, now_us, code, text);
	control_event(d);
	page_event(d);
}

void daemon_say(struct daemon *d, const char *code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	event_happened(d, code, NULL, format, args);
	va_end(args);
}

void daemon_tell(struct daemon *d, const char *code, json_t *data, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	event_happened(d, code, data, format, args);
	va_end(args);
}

void daemon_fail(struct daemon *d, const char *format, ...)
{
	va_list args;

	if (d->status)
		return; /* the first cause is the one to tell */
	va_start(args, format);
	vsnprintf(d->error, sizeof(d->error), format, args);
	va_end(args);
	d->status = 1;
	if (d->loop)
		ev_break(d->loop, EVBREAK_ALL);
}

/* --- what the node asks for ----------------------------------------------------------------- */

static void output_send(void *user, unsigned link, const struct endpoint *to, struct bytes frame)
{
	struct daemon *d = user;

	if (link < d->port_count)
		port_send(&d->ports[link], to, frame);
}

static void output_deliver(void *user, struct bytes packet)
{
	tun_deliver(user, packet);
}

static void output_kernel_route(void *user, const struct node_kernel_route *route)
{
	kernel_route_note(user, route);
}

static void output_store_seqno(void *user, uint32_t seqno)
{
	state_seqno(user, seqno);
}

static void output_store_certificate(void *user, struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN])
{
	(void)encoded, (void)proof; /* all are written together */
	state_certificates_changed(user);
}

static bool output_store_revocation(void *user, struct bytes encoded, uint32_t date)
{
	state_revocation(user, encoded, date);
	return false;
}

static bool output_store_keys(void *user, struct bytes encoded)
{
	state_keys(user, encoded);
	return false;
}

static bool output_store_message(void *user, struct bytes key, struct bytes value)
{
	return mailbox_store_message(user, key, value);
}

static void output_message(void *user, const struct node_message *m)
{
	mailbox_message(user, m);
}

/* NULL: it is not about a neighbour. What the node says of one begins with the name. */
static json_t *neighbour_data(enum node_event event, const char *link, const char *text)
{
	const char *end = strstr(text, ": ") ? strstr(text, ": ") : strstr(text, ", introduced by ");
	char name[NAME_MAX_LEN + 1];

	if (event != NODE_NEIGHBOUR_UP && event != NODE_NEIGHBOUR_DOWN)
		return NULL;
	snprintf(name, sizeof(name), "%.*s", end ? (int)(end - text) : (int)strlen(text), text);
	return json_pack("{s:s, s:o}", "link", link, "neighbour", json_of_text(name));
}

static void output_event(void *user, enum node_event event, unsigned link, const char *text)
{
	struct daemon *d = user;
	bool has_link = link < d->port_count && d->ports[link].config;

	json_t *data = has_link ? neighbour_data(event, d->config.links[link].name, text) : NULL;

	daemon_tell(d, node_event_name(event), data, "%s%s%s", has_link ? d->config.links[link].name : "",
		has_link ? " " : "", text);
	alarms_event(d, event, has_link ? link : CONFIG_LINK_MAX, text);
	if (event == NODE_DUPLICATE && io_now_us() - d->start_us < NEWCOMER_US)
		daemon_fail(d,
			"%s: another machine is running with the keys of \"%s\"; switch it off, or enrol this one "
			"under its own name",
			d->config.key_path, d->enrolment.certificate.name);
}

/* Is it this machine's own? */
static bool address_is_own(const struct address *a)
{
	struct ifaddrs *all, *at;
	bool is_own = false;

	if (getifaddrs(&all) < 0)
		return true; /* who cannot tell does not call */
	for (at = all; at && !is_own; at = at->ifa_next) {
		struct endpoint e = at->ifa_addr ? endpoint_of_sockaddr(at->ifa_addr) : (struct endpoint){ 0 };
		struct address own;
		uint16_t port;

		is_own = endpoint_address(&e, &own, &port) && address_equal(&own, a);
	}
	freeifaddrs(all);
	return is_own;
}

static bool output_may_call(void *user, unsigned link, const struct endpoint *by, const struct endpoint *to)
{
	struct address address;
	uint16_t port;

	(void)user, (void)link;
	return endpoint_is_introducible(by, to) && endpoint_address(to, &address, &port) && !address_is_own(&address);
}

static void output_inner(void *user, bool is_out, unsigned link, const struct address *neighbour, struct bytes inner)
{
	struct daemon *d = user;

	if (link < d->port_count && d->ports[link].tap.is_opened)
		tap_inner(&d->ports[link], is_out, neighbour, inner);
}

static void output_whole(void *user, bool is_out, unsigned link, const struct address *neighbour, struct bytes inner)
{
	struct daemon *d = user;

	if (link < d->port_count && d->ports[link].tap.is_opened)
		tap_whole(&d->ports[link], is_out, neighbour, inner);
}

static const struct node_output node_output = {
	.send = output_send,
	.deliver = output_deliver,
	.kernel_route = output_kernel_route,
	.store_seqno = output_store_seqno,
	.store_certificate = output_store_certificate,
	.event = output_event,
	.inner = output_inner,
	.whole = output_whole,
	.may_call = output_may_call,
	.store_revocation = output_store_revocation,
	.store_keys = output_store_keys,
	.granted = applicant_granted,
	.store_message = output_store_message,
	.message = output_message,
};

/* --- the loop ----------------------------------------------------------------------------------- */

/* Nobody sleeps beyond due_us. What the timer is set to stays if it is earlier: deadlines move away with each packet,
 * and to be woken once too often costs less than to set it each time. */
static void timer_arm(struct daemon *d, uint64_t due_us)
{
	struct itimerspec at = { .it_value = { (time_t)(due_us / SECOND_US), (long)(due_us % SECOND_US) * 1000 } };

	if (d->armed_us && d->armed_us <= due_us)
		return;
	d->armed_us = due_us;
	timerfd_settime(d->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static void before_sleep(struct ev_loop *loop, ev_prepare *w, int events)
{
	struct daemon *d = w->data;
	uint64_t now_us = io_now_us(), watch_us = ports_watch(d, now_us), due_us = node_poll(d->node, now_us);

	(void)loop, (void)events;
	route_batch_send(d);
	timer_arm(d, due_us < watch_us ? due_us : watch_us);
}

/* It only ends the sleep. */
static void sleep_is_over(struct ev_loop *loop, ev_io *w, int events)
{
	struct daemon *d = w->data;
	uint64_t times;

	(void)loop, (void)events;
	if (read(w->fd, &times, sizeof(times)) == (ssize_t)sizeof(times))
		d->armed_us = 0;
}

static void tick(struct ev_loop *loop, ev_timer *w, int events)
{
	struct daemon *d = w->data;
	uint64_t now_us = io_now_us();

	(void)loop, (void)events;
	ports_tick(d, now_us);
	resolver_tick(d, now_us);
	outage_watch_tick(d, now_us); /* what it finds is kept at once */
	state_tick(d, now_us);
	incidents_tick(d, now_us);
	mailbox_tick(d, now_us);
	collect_tick(d, now_us);
	trial_tick(d, now_us);
	steering_tick(d, now_us);
	alarms_tick(d, now_us);
	page_tick(d, now_us);
	log_flush(&d->log, now_us);
}

static void state_written(struct ev_loop *loop, ev_async *w, int events)
{
	(void)loop, (void)events;
	state_tick(w->data, io_now_us());
	incidents_written(w->data, io_now_us());
}

static void signalled(struct ev_loop *loop, ev_signal *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void watchers_start(struct daemon *d)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

	ev_prepare_init(&d->before_sleep, before_sleep);
	d->before_sleep.data = d;
	ev_prepare_start(d->loop, &d->before_sleep);
	ev_io_init(&d->due, sleep_is_over, d->timer, EV_READ);
	d->due.data = d;
	ev_io_start(d->loop, &d->due);
	ev_timer_init(&d->tick, tick, 1, 1);
	d->tick.data = d;
	ev_timer_start(d->loop, &d->tick);
	ev_async_init(&d->written, state_written);
	d->written.data = d;
	ev_async_start(d->loop, &d->written);
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		ev_signal_init(&d->signals[i], signalled, numbers[i]);
		ev_signal_start(d->loop, &d->signals[i]);
	}
}

/* --- start and stop -------------------------------------------------------------------------------- */

static int node_open(struct daemon *d)
{
	bool has_plain_links = false;

	for (unsigned i = 0; i < d->config.link_count; i++)
		has_plain_links |= d->config.links[i].type == CONFIG_BABEL;
	const struct node_config config = {
		.has_plain_links = has_plain_links,
		.enrolment = &d->enrolment,
		.time_floor = d->state.floor,
		.has_stored_seqno = d->state.has_seqno,
		.stored_seqno = d->state.seqno,
		.random = io_random,
		.is_applicant = d->applicant,
	};

	d->node = node_new(&config, &node_output, d, io_now_us());
	if (!d->node)
		return io_fail(d->error, -ENOMEM, "not enough memory; stop what else runs here");
	state_restore(d);
	mailbox_open(d);
	outage_watch_set(d, &d->config, io_now_us());
	state_outages_restore(d);
	state_silences_restore(d);
	if (node_classes_set(d->node, &d->config.classes.policy) < 0)
		return io_fail(d->error, -ENOMEM, "not enough memory; stop what else runs here");
	return 0;
}

/* The keys are judged twice: by the build's date before anything is touched, and by what the state knows. */
static int keys_open(struct daemon *d)
{
	const struct time_floor floor = io_build_floor(), ever = { 0 };
	struct stat status;
	int error = enrolment_load(&d->enrolment, d->config.key_path, &ever, d->error);

	if (error == -EAGAIN)
		error = applicant_open(d, &floor);
	else if (!error)
		enrolment_renew(d, &floor);
	if (!error && certificate_verify(&d->enrolment.certificate, &d->enrolment.authority, &floor) < 0)
		error = enrolment_expired(d->error, d->config.key_path, &d->enrolment.certificate);
	if (error)
		return error;
	if (stat(d->config.key_path, &status) == 0 && (status.st_mode & 077))
		daemon_say(d, "key-exposed", "%s: other users of this machine can read it; chmod 600 it",
			d->config.key_path);
	error = state_open(d, d->error);
	if (error)
		return error;
	if (d->applicant)
		return 0; /* nothing that it sees as nobody is of any use to others */
	if (certificate_verify(&d->enrolment.certificate, &d->enrolment.authority, &d->state.floor) < 0)
		return enrolment_expired(d->error, d->config.key_path, &d->enrolment.certificate);
	incidents_open(d);
	return 0;
}

static int everything_open(struct daemon *d)
{
	int error = keys_open(d);

	if (!error)
		error = control_open(d, d->error);
	if (!error)
		error = node_open(d);
	if (!error)
		error = tun_open(d, d->error);
	if (!error)
		error = kernel_open(d, d->error);
	if (!error) {
		kernel_routes_flush(d);
		error = kernel_tun_setup(d, d->error);
	}
	if (!error)
		error = watch_open(d, d->error);
	if (!error)
		error = resolver_open(d, d->error);
	if (error)
		return error;
	error = redistribute_open(d, d->error);
	if (error)
		return error;
	d->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (d->timer < 0)
		return io_fail(d->error, -errno, "the kernel gives no timer: %s; raise the limit of open files",
			strerror(errno));
	error = page_open(d, d->error);
	if (error)
		return error;
	collect_open(d);
	ports_open(d);
	lan_open(d);
	tun_start(d);
	watchers_start(d);
	return 0;
}

static void everything_close(struct daemon *d, bool was_started)
{
	control_close(d);
	page_close(d);
	collect_close(d);
	trial_end(d);
	if (d->node)
		node_shutdown(d->node, io_now_us());
	redistribute_close(d);
	ports_close(d);
	resolver_close(d);
	watch_close(d);
	tun_close(d);
	kernel_close(d);
	state_close(d);
	if (was_started)
		daemon_say(d, "stopped", "after %u s", (unsigned)((io_now_us() - d->start_us) / SECOND_US));
	incidents_close(d);
	if (d->timer >= 0)
		close(d->timer);
	if (d->node)
		node_free(d->node);
	enrolment_done(&d->enrolment);
	applicant_close(d);
}

/* What the kernel goes along with. */
static void offloads_say(struct daemon *d)
{
	const struct tun *t = &d->tun;

	daemon_say(d, "offloads", "%s: %s", d->config.tun,
		d->config.is_unbatched ? "off, by the configuration"
		: t->takes_udp         ? "TCP and UDP"
		: t->gives_large       ? "TCP; Linux 6.2 has UDP as well"
				       : "none: the kernel has no large packets for a TUN");
}

/* What a report, or who plays it again, wants to know of this node. */
static json_t *started_make(const struct daemon *d)
{
	json_t *links = json_array();

	for (unsigned i = 0; i < d->config.link_count; i++) {
		const struct config_link *l = &d->config.links[i];

		json_array_append_new(
			links, json_pack("{s:s, s:s, s:s, s:I, s:b}", "name", l->name, "type", port_type_name(l->type),
				       "preset", l->preset, "rate_bps", (json_int_t)(l->is_shaped ? l->rate_bps : 0),
				       "metered", l->metered));
	}
	return json_pack(
		"{s:s, s:s, s:o}", "node", d->enrolment.certificate.name, "version", MESHD_VERSION, "links", links);
}

static void started_say(struct daemon *d)
{
	char address[ADDRESS_TEXT];
	struct address own = node_address(d->node);

	daemon_tell(d, "started", started_make(d), "meshd %s, %s (%s), %s, %u link%s", MESHD_VERSION,
		d->enrolment.certificate.name, level_name(d->enrolment.certificate.level),
		address_format(&own, address), d->port_count, d->port_count == 1 ? "" : "s");
	if (d->applicant)
		daemon_say(d, "waiting",
			"%s has no certificate yet: bring what \"meshctl request\" shows to who has the authority's "
			"key; the "
			"answer is asked for on all links",
			d->config.key_path);
}

/* Into memory that is all zeros. Of what holds nothing, most of its room for links, no page is touched. */
static void config_take(struct config *to, const struct config *from)
{
	static const uint8_t nothing[1024];

	for (size_t at = 0; at < sizeof(*to); at += sizeof(nothing)) {
		size_t left = sizeof(*to) - at, len = left < sizeof(nothing) ? left : sizeof(nothing);

		if (memcmp((const uint8_t *)from + at, nothing, len) != 0)
			memcpy((uint8_t *)to + at, (const uint8_t *)from + at, len);
	}
}

int daemon_run(struct config *config, const char *path, bool is_verbose)
{
	/* Tables that grow leave no holes where they were; and other threads do little, they need no heap of their own.
	 */
	mallopt(M_MMAP_THRESHOLD, HEAP_CHUNK_MOST);
	mallopt(M_ARENA_MAX, 1);
	struct daemon *d = calloc(1, sizeof(*d));
	int status = 1;
	bool was_admitted;

	if (d)
		config_take(&d->config, config);
	secret_wipe(config, sizeof(*config));
	free(config);
	if (!d) {
		fprintf(stderr, "meshd: not enough memory; stop what else runs here\n");
		return status;
	}
	d->config_path = path;
	d->start_us = io_now_us();
	d->tun.fd = d->state.lock_fd = d->timer = -1;
	log_init(&d->log, 2, is_verbose, d->start_us);
	log_find_journal(&d->log, getenv("JOURNAL_STREAM"));
	signal(SIGPIPE, SIG_IGN);
	d->loop = ev_default_loop(EVFLAG_AUTO);
	if (!d->loop)
		io_fail(d->error, -ENOSYS, "the kernel has no way to wait for events; use Linux 5.10 or newer");
	else if (everything_open(d) == 0) {
		offloads_say(d);
		started_say(d);
		if (!d->status)
			ev_run(d->loop, 0);
		status = d->status;
	}
	if (status)
		fprintf(stderr, "meshd: %s\n", d->error);
	was_admitted = !status && d->was_admitted;
	if (d->loop) {
		everything_close(d, status == 0);
		ev_loop_destroy(d->loop);
	}
	free(d);
	return was_admitted ? DAEMON_AGAIN : status;
}
