/*
 * meshctl trace DEST: which nodes a packet really crosses, and where it dies.
 *
 *   hop limit 1, 2, 3 ... ─► each node on the way answers for one of them
 *
 * The probes are ordinary packets of this machine. A hop that is silent (a lost
 * answer, a filter) is passed over; after SILENT_MAX silent ones in a row there
 * is nobody further on.
 */
#include "meshd/ctl/ctl.h"
#include "meshd/ctl/probe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOPS_MAX 32
#define TRIES 2
#define SILENT_MAX 3
#define RELAY_IPV4 "192.0.0.8" /* what relays without an IPv4 address answer from (RFC 7600) */
#define WAIT_DEFAULT_MS 2000 /* two geostationary hops */

struct trace {
	struct question q;
	unsigned wait_ms;
	struct address to, own;
	char to_text[ADDRESS_TEXT];
	char to_name[NAME_MAX_LEN + 1];
	char last_name[CTL_ERROR_MAX]; /* who answered last; this node at first */
	bool has_answers;
	unsigned number; /* of probes sent */
	json_t *hops;
};

/* The node's name, or its address. */
static void name_find(const struct trace *t, const struct address *address, char *name, size_t size)
{
	char text[ADDRESS_TEXT], error[CTL_ERROR_MAX];
	int code;

	address_format(address, text);
	json_t *answer =
		client_ask(t->q.socket, json_pack("{s:s, s:[s]}", "request", "names", "addresses", text), &code, error);
	const char *known = json_string_value(json_array_get(json_object_get(answer, "names"), 0));
	if (!known && strcmp(text, RELAY_IPV4) == 0)
		known = "a node without IPv4";
	snprintf(name, size, "%s", known ? known : text);
	json_decref(answer);
}

static void hop_note(struct trace *t, unsigned hop, const struct probe_result *r)
{
	char text[ADDRESS_TEXT];
	uint64_t hundredths = r->rtt_us / 10;

	if (r->outcome == PROBE_SILENT) {
		json_array_append_new(t->hops, json_pack("{s:i, s:b}", "hop", (int)hop, "answered", 0));
		if (!t->q.json)
			printf("%3u  no answer\n", hop);
	} else {
		t->has_answers = true;
		name_find(t, &r->from, t->last_name, sizeof(t->last_name));
		address_format(&r->from, text);
		json_array_append_new(
			t->hops, json_pack("{s:i, s:b, s:s, s:s, s:f}", "hop", (int)hop, "answered", 1, "name",
					 t->last_name, "address", text, "ms", (double)hundredths / 100));
		if (!t->q.json)
			printf("%3u  %s  %s  %.1f ms\n", hop, t->last_name, text, (double)r->rtt_us / 1000);
	}
	fflush(stdout);
}

static void hop_probe(struct trace *t, int fd, unsigned hop, struct probe_result *r)
{
	for (unsigned i = 0; i < TRIES; i++) {
		probe_send(fd, &t->to, t->number++, hop, t->wait_ms, r);
		if (r->outcome != PROBE_SILENT)
			return;
	}
}

static int end_say(struct trace *t, bool arrived, const char *text)
{
	if (t->q.json) {
		json_t *o = json_pack("{s:b, s:s, s:b, s:s, s:O}", "ok", 1, "address", t->to_text, "arrived", arrived,
			"text", text, "hops", t->hops);

		json_print(o, stdout);
		json_decref(o);
	} else {
		printf("%s\n", text);
	}
	return arrived ? CTL_GOOD : CTL_BAD;
}

static int outcome_say(struct trace *t, unsigned hop, const struct probe_result *r)
{
	char text[2 * CTL_ERROR_MAX];

	if (r->outcome == PROBE_ARRIVED)
		snprintf(text, sizeof(text), "arrived: %u hop%s, %.1f ms there and back", hop, hop == 1 ? "" : "s",
			(double)r->rtt_us / 1000);
	else if (r->outcome == PROBE_NO_ROUTE)
		snprintf(text, sizeof(text), "it does not leave this machine: %s; meshctl why %s tells more",
			strerror(r->error), t->to_text);
	else if (r->outcome == PROBE_REFUSED && address_equal(&r->from, &t->own))
		snprintf(text, sizeof(text), "this node has no way to it; meshctl why %s tells more", t->to_text);
	else if (r->outcome == PROBE_REFUSED)
		snprintf(text, sizeof(text), "it ends at %s, which %s; ask there: meshctl why %s", t->last_name,
			r->is_prohibited ? "does not let it pass" : "has no way to go on", t->to_text);
	else if (!t->has_answers)
		snprintf(text, sizeof(text), "nobody on the way answers; meshctl why %s tells more", t->to_text);
	else
		snprintf(text, sizeof(text), "it dies after %s: nobody further on answers; ask there: meshctl why %s",
			t->last_name, t->to_text);
	return end_say(t, r->outcome == PROBE_ARRIVED, text);
}

static int trace_run(struct trace *t, int fd)
{
	struct probe_result r = { .outcome = PROBE_SILENT };
	unsigned silent = 0;

	for (unsigned hop = 1; hop <= HOPS_MAX; hop++) {
		hop_probe(t, fd, hop, &r);
		if (r.outcome == PROBE_NO_ROUTE || (r.outcome == PROBE_REFUSED && address_equal(&r.from, &t->own)))
			return outcome_say(t, hop, &r);
		hop_note(t, hop, &r);
		silent = r.outcome == PROBE_SILENT ? silent + 1 : 0;
		if (silent == SILENT_MAX || r.outcome == PROBE_ARRIVED || r.outcome == PROBE_REFUSED)
			return outcome_say(t, hop, &r);
	}
	return end_say(t, false, "given up after 32 hops; the packet may be going in a circle");
}

static int trace_start(struct trace *t, const json_t *answer)
{
	if (address_parse(&t->to, json_text(answer, "address")) < 0 ||
		address_parse(&t->own, json_text(answer, "from")) < 0)
		return ctl_fail(CTL_USAGE, "meshd's answer has no address; meshctl and meshd differ in version");
	address_format(&t->to, t->to_text);
	snprintf(t->to_name, sizeof(t->to_name), "%s", json_text(answer, "name"));
	snprintf(t->last_name, sizeof(t->last_name), "%s", json_text(answer, "from_name"));
	if (json_flag(answer, "own"))
		return end_say(t, true, "that is this node, or behind it");
	int fd = probe_open(t->to.family);
	if (fd < 0)
		return ctl_fail(CTL_BAD, "no socket: %s", strerror(-fd));
	if (!t->q.json)
		printf("to %s%s%s\n", t->to_name, *t->to_name ? ", " : "", t->to_text);
	if (*json_text(answer, "note"))
		fprintf(stderr, "note: %s\n", json_text(answer, "note"));
	int status = trace_run(t, fd);
	close(fd);
	return status;
}

int command_trace(int argc, char **argv)
{
	struct trace t = { .wait_ms = WAIT_DEFAULT_MS };
	int status = question_parse(&t.q, argc, argv, QUESTION_DEST);
	json_t *answer = status ? NULL : question_ask(&t.q, "trace", &status);

	if (!answer)
		return status;
	t.hops = json_array();
	status = trace_start(&t, answer);
	json_decref(t.hops);
	json_decref(answer);
	return status;
}
