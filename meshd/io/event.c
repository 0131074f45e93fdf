/*
 * Events: what the log said lately, numbered, for who asks afterwards or follows
 * (control_events.c). The codes are an interface, like the members of answers:
 * each has its grade here, by syslog's numbers, and its words in meshd(8). What
 * is not among them is a mistake that a test finds.
 */
#include "meshd/io/io.h"

#include <string.h>

static const struct {
	const char *code;
	enum event_grade grade;
} codes[] = {
	{ "started", EVENT_NOTICE },
	{ "stopped", EVENT_NOTICE },
	{ "waiting", EVENT_NOTICE },
	{ "admitted", EVENT_NOTICE },
	{ "port-up", EVENT_NOTICE },
	{ "port-missing", EVENT_WARNING },
	{ "port-no-carrier", EVENT_WARNING },
	{ "port-error", EVENT_WARNING },
	{ "link-up", EVENT_NOTICE },
	{ "link-down", EVENT_WARNING },
	{ "neighbour-up", EVENT_NOTICE },
	{ "neighbour-down", EVENT_WARNING },
	{ "route-up", EVENT_INFO },
	{ "route-moved", EVENT_INFO },
	{ "route-down", EVENT_NOTICE },
	{ "refused", EVENT_WARNING },
	{ "duplicate", EVENT_ERROR },
	{ "short-id", EVENT_NOTICE },
	{ "revoked", EVENT_WARNING },
	{ "guest-over", EVENT_NOTICE },
	{ "name-found", EVENT_INFO },
	{ "name-failed", EVENT_WARNING },
	{ "lan-up", EVENT_NOTICE },
	{ "lan-down", EVENT_WARNING },
	{ "lan-missing", EVENT_WARNING },
	{ "lan-refused", EVENT_WARNING },
	{ "kernel-refused", EVENT_ERROR },
	{ "redistribute", EVENT_INFO },
	{ "redistribute-refused", EVENT_WARNING },
	{ "redistribute-full", EVENT_WARNING },
	{ "reload", EVENT_NOTICE },
	{ "reload-refused", EVENT_ERROR },
	{ "reload-undone", EVENT_WARNING },
	{ "modem", EVENT_INFO },
	{ "offloads", EVENT_INFO },
	{ "out-of-memory", EVENT_ERROR },
	{ "control-short", EVENT_WARNING },
	{ "key-exposed", EVENT_WARNING },
	{ "state-unwritable", EVENT_ERROR },
	{ "state-writable", EVENT_NOTICE },
	{ "state-damaged", EVENT_WARNING },
	{ "log-unwritable", EVENT_ERROR },
	{ "log-writable", EVENT_NOTICE },
	{ "log-damaged", EVENT_WARNING },
	{ "log-tampered", EVENT_ERROR },
	{ "log-refused", EVENT_WARNING },
	{ "log-unshared", EVENT_WARNING },
	{ "clock-set", EVENT_NOTICE },
	{ "message", EVENT_NOTICE },
	{ "message-state", EVENT_INFO },
	{ "messages-unwritable", EVENT_ERROR },
	{ "messages-writable", EVENT_NOTICE },
	{ "messages-damaged", EVENT_WARNING },
	{ "operator", EVENT_NOTICE },
	{ "steering-over", EVENT_NOTICE },
	{ "alarm-red", EVENT_ERROR },
	{ "alarm-amber", EVENT_WARNING },
	{ "alarm-over", EVENT_NOTICE },
	{ "silence", EVENT_NOTICE },
	{ "outage", EVENT_WARNING },
	{ "outage-mark", EVENT_NOTICE },
	{ "outage-over", EVENT_NOTICE },
	{ "page-error", EVENT_WARNING },
	{ "page-paired", EVENT_NOTICE },
	{ "suppressed", EVENT_WARNING },
};

bool event_is_known(const char *code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(codes[i].code, code) == 0)
			return true;
	return false;
}

enum event_grade event_grade(const char *code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].grade;
	return EVENT_NOTICE;
}

const char *event_grade_name(enum event_grade grade)
{
	switch (grade) {
	case EVENT_ERROR:
		return "error";
	case EVENT_WARNING:
		return "warning";
	case EVENT_NOTICE:
		return "notice";
	case EVENT_INFO:
		return "info";
	}
	return "notice";
}

void events_add(struct events *e, uint64_t now_us, const char *code, const char *text)
{
	struct event *event = &e->kept[e->next++ % EVENTS_MAX];

	event->at_us = now_us;
	snprintf(event->code, sizeof(event->code), "%s", code);
	snprintf(event->text, sizeof(event->text), "%s", text);
}

uint64_t events_first(const struct events *e)
{
	return e->next > EVENTS_MAX ? e->next - EVENTS_MAX : 0;
}

const struct event *events_at(const struct events *e, uint64_t number)
{
	return number >= events_first(e) && number < e->next ? &e->kept[number % EVENTS_MAX] : NULL;
}
