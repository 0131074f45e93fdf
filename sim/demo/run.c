/*
 * The demonstration, inside the lab: seven steps, each with a deadline. What is
 * measured goes to run.json; the judgement is the report's, afterwards, from
 * captures that are complete by then.
 */
#include "sim/demo/run.h"
#include "crypto/crypto.h"
#include "sim/demo/commands.h"
#include "sim/demo/tools.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS 20000000
#define TAIL_LINES 8

const char *const who_names[WHO] = {
	[CITY] = "city-post",
	[DISTRICT] = "district-post",
	[TOWN] = "town-post",
	[VEHICLE] = "vehicle-1",
	[RELAY] = "backpack-relay",
	[SCENE] = "backpack-scene",
};

static volatile sig_atomic_t is_stopped;

static void stop(int signal)
{
	(void)signal;
	is_stopped = 1;
}

bool run_wait(struct run *r, uint64_t deadline_us, bool (*is_done)(struct run *r))
{
	const struct timespec look = { 0, LOOK_NS };

	while (!is_stopped) {
		watch_poll(&r->watch);
		if (is_done && is_done(r))
			return true;
		if (now_us() >= deadline_us)
			return false;
		nanosleep(&look, NULL);
	}
	return false;
}

void run_pause(struct run *r, uint64_t us)
{
	run_wait(r, now_us() + us, NULL);
}

bool run_broken(struct run *r, const enum who *nodes, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (is_stopped)
		snprintf(text, sizeof(text), "stopped by a signal");
	if (is_stopped && json_object_get(r->facts, "broken"))
		return false;
	timeline_say(&r->timeline, MARK_BROKEN, now_us(), "demo", "%s", text);
	json_object_set_new(r->facts, "broken", json_string(text));
	for (; !is_stopped && *nodes != WHO; nodes++)
		watch_tail(&r->watch, who_names[*nodes], TAIL_LINES);
	return false;
}

bool run_program(struct run *r, const char *name, const char *const *argv, char *text, size_t size)
{
	uint64_t deadline = now_us() + 5 * SECOND_US;
	struct process p;
	int error = process_start(&p, name, argv);

	if (error) {
		snprintf(text, size, "%s: %s", argv[0], strerror(-error));
		return false;
	}
	while (!process_is_over(&p) && now_us() < deadline)
		run_pause(r, 1);
	process_stop(&p);
	process_output(&p, text, size);
	return p.status == 0;
}

bool run_control(struct run *r, const char *verb, const char *argument, const char *told)
{
	static const enum who nobody[] = { WHO };
	const char *const argv[] = { "meshlab", "ctl", verb, argument, NULL };
	char text[256];

	timeline_say(&r->timeline, MARK_ACT, now_us(), argument, "%s", told);
	return run_program(r, "control", argv, text, sizeof(text)) ||
	       run_broken(r, nobody, "meshlab ctl %s %s: %s", verb, argument, text);
}

bool run_tool(struct run *r, struct process *p, const char *name, const char *node, const char *command, ...)
{
	static const enum who nobody[] = { WHO };
	const char *argv[PROCESS_ARGUMENTS_MAX] = { "meshlab", "exec", node, "meshdemo", command };
	unsigned count = 5;
	va_list args;

	va_start(args, command);
	while (count + 1 < PROCESS_ARGUMENTS_MAX && (argv[count] = va_arg(args, const char *)))
		count++;
	va_end(args);
	int error = process_start(p, name, argv);
	return error ? run_broken(r, nobody, "meshlab exec %s: %s", node, strerror(-error)) : true;
}

json_t *run_answer(struct run *r, struct process *p)
{
	static const enum who nobody[] = { WHO };
	char text[1024];

	process_output(p, text, sizeof(text));
	json_t *answer = p->status == 0 ? json_loads(text, 0, NULL) : NULL;
	if (!answer)
		run_broken(r, nobody, "%s: %s", p->name, *text ? text : "ended without an answer");
	return answer;
}

/* The addresses follow from the keys. */
static bool addresses_read(struct run *r)
{
	static struct enrolment e;
	json_t *nodes = json_array();

	json_object_set_new(r->facts, "nodes", nodes);
	for (unsigned i = 0; i < WHO; i++) {
		char path[PROCESS_PATH_MAX];
		uint8_t *text;

		snprintf(path, sizeof(path), "nodes/%s/node.key", who_names[i]);
		long len = file_read(path, ENROLMENT_TEXT_MAX, &text);
		if (len < 0)
			return complain("run: %s: %s", path, strerror((int)-len)), false;
		int error = enrolment_parse(&e, bytes_of(text, (size_t)len));
		secret_wipe(text, (size_t)len);
		free(text);
		if (error)
			return complain("run: %s: not an enrolment file", path), false;
		struct address address = identity_address(&e.identity.public, e.certificate.deployment);
		struct prefix deployment = deployment_prefix(e.certificate.deployment);
		char prefix[PREFIX_TEXT];
		address_format(&address, r->address[i]);
		json_object_set_new(r->facts, "deployment", json_string(prefix_format(&deployment, prefix)));
		json_array_append_new(nodes, json_pack("{s:s, s:s}", "name", who_names[i], "address", r->address[i]));
		enrolment_done(&e);
	}
	return true;
}

static void facts_write(struct run *r)
{
	json_object_set(r->facts, "events", r->timeline.events);
	json_object_set_new(r->facts, "end_us", json_integer((json_int_t)now_us()));
	if (json_dump_file(r->facts, "run.json", JSON_INDENT(1)) < 0)
		complain("run: run.json cannot be written; check the disk");
}

static void run_done(struct run *r)
{
	struct process *all[] = { &r->ping, &r->sender, &r->receiver, &r->flows[0], &r->flows[1] };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		process_stop(all[i]);
	json_decref(r->facts);
	timeline_done(&r->timeline);
}

static bool steps_run(struct run *r)
{
	static bool (*const steps[])(struct run * r) = { step_fibre, step_outage, step_power_on, step_image,
		step_failover, step_narrowband, step_clear };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (!steps[i](r))
			return false;
	return true;
}

int command_run(int argc, char **argv)
{
	static struct run r;
	const char *dir = option(argc, argv, "--dir");
	struct sigaction action = { .sa_handler = stop };

	if (!dir)
		return complain("run: needs --dir DIR");
	if (chdir(dir) < 0 || (mkdir("tools", 0755) < 0 && errno != EEXIST))
		return complain("run: %s: %s", dir, strerror(errno));
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	timeline_init(&r.timeline);
	watch_init(&r.watch, &r.timeline, who_names, who_names[CITY], who_names[SCENE]);
	r.facts = json_object();
	json_object_set_new(r.facts, "wall_minus_monotonic_us", json_integer((json_int_t)(wall_us() - now_us())));
	json_object_set_new(r.facts, "begin_us", json_integer((json_int_t)now_us()));
	bool held = addresses_read(&r) && steps_run(&r);
	facts_write(&r);
	run_done(&r);
	return held ? 0 : 1;
}
