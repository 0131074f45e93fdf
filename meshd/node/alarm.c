/* Alarms (alarm.h): pure, a table and its rules. */
#include "meshd/node/alarm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SECOND_US UINT64_C(1000000)
#define TOGETHER_US (60 * SECOND_US) /* what began so close together has one cause */

/* Hysteresis: how long it must be seen before it counts, and be gone before it is over. */
static const struct {
	const char *name;
	bool is_red;
	unsigned raise_s, clear_s;
} kinds[ALARM_KINDS] = {
	[ALARM_ALONE] = { "alone", true, 15, 10 },
	[ALARM_LEVEL] = { "level-cut-off", true, 20, 10 },
	[ALARM_POST] = { "post-cut-off", true, 20, 10 },
	[ALARM_MESSAGE] = { "urgent-late", true, 0, 10 },
	[ALARM_REFUSED] = { "refused", true, 0, 300 },
	[ALARM_FOREIGN] = { "foreign-keys", true, 30, 120 },
	[ALARM_DUPLICATE] = { "duplicate", true, 0, 60 },
	[ALARM_LINK] = { "link-down", false, 15, 10 },
	[ALARM_ONE_WAY] = { "link-one-way", false, 60, 60 },
	[ALARM_PATH] = { "one-path-left", false, 30, 60 },
	[ALARM_FLAPPING] = { "link-flapping", false, 0, 300 },
	[ALARM_WORSE] = { "link-worse", false, 0, 60 },
	[ALARM_BUDGET] = { "budget", false, 60, 60 },
	[ALARM_FULL] = { "link-full", false, 30, 60 },
	[ALARM_MTU] = { "mtu", false, 30, 60 },
	[ALARM_PREFIX] = { "network-twice", false, 30, 60 },
	[ALARM_CLOCK] = { "clock", false, 60, 60 },
	[ALARM_KERNEL] = { "kernel-refused", false, 0, 60 },
	[ALARM_STATE] = { "state-unwritable", false, 30, 10 },
};

const char *alarm_kind_name(enum alarm_kind kind)
{
	return kinds[kind].name;
}

bool alarm_kind_parse(enum alarm_kind *kind, const char *name)
{
	for (unsigned i = 0; i < ALARM_KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0) {
			*kind = (enum alarm_kind)i;
			return true;
		}
	return false;
}

bool alarm_is_red(enum alarm_kind kind)
{
	return kinds[kind].is_red;
}

/* --- looking ------------------------------------------------------------------------------------- */

void alarms_look(struct alarms *a)
{
	for (unsigned i = 0; i < ALARM_MAX; i++)
		a->all[i].is_seen = false;
}

static bool is_live(const struct alarm *alarm)
{
	return alarm->phase == ALARM_PENDING || alarm->phase == ALARM_RAISED;
}

static struct alarm *alarm_find(struct alarms *a, enum alarm_kind kind, const char *subject)
{
	for (unsigned i = 0; i < ALARM_MAX; i++)
		if (is_live(&a->all[i]) && a->all[i].kind == kind &&
			strncmp(a->all[i].subject, subject, ALARM_SUBJECT_MAX - 1) == 0)
			return &a->all[i];
	return NULL;
}

/* A free place, else that of what has been over for longest; a red one needs no place of an amber one: there are more
 * places than links, levels and posts that people can look at. */
static struct alarm *alarm_place(struct alarms *a)
{
	struct alarm *oldest = NULL;

	for (unsigned i = 0; i < ALARM_MAX; i++) {
		struct alarm *alarm = &a->all[i];

		if (alarm->phase == ALARM_FREE)
			return alarm;
		if (alarm->phase == ALARM_OVER && (!oldest || alarm->over_us < oldest->over_us))
			oldest = alarm;
	}
	return oldest;
}

static void text_copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

void alarm_see(struct alarms *a, uint64_t now_us, enum alarm_kind kind, const char *subject, const char *group,
	const char *text, const char *action)
{
	struct alarm *alarm = alarm_find(a, kind, subject);

	if (!alarm) {
		alarm = alarm_place(a);
		if (!alarm) {
			a->unplaced++;
			return;
		}
		*alarm =
			(struct alarm){ .phase = ALARM_PENDING, .kind = kind, .since_us = now_us, .under = ALARM_NONE };
		text_copy(alarm->subject, sizeof(alarm->subject), subject);
	}
	alarm->is_seen = true;
	alarm->seen_us = now_us;
	text_copy(alarm->group, sizeof(alarm->group), group);
	text_copy(alarm->text, sizeof(alarm->text), text);
	text_copy(alarm->action, sizeof(alarm->action), action);
}

/* --- one cause, one alarm ---------------------------------------------------------------------------- */

static bool is_together(const struct alarm *a, const struct alarm *b)
{
	uint64_t apart = a->since_us > b->since_us ? a->since_us - b->since_us : b->since_us - a->since_us;

	return apart <= TOGETHER_US;
}

static bool is_of_same(const struct alarm *alarm, enum alarm_kind kind, const struct alarm *other)
{
	return other->kind == kind && strcmp(other->subject, alarm->subject) == 0;
}

/* May `alarm` be told under `other`, which is graver? A post under its level; who is cut off under being alone, and
 * what is written to him under that; a link under what began with it, and a site's last way under the link that it
 * lost; who does not hear us because he is refused; a link that is worse under its coming and going, and one that is
 * full under the budget that fills it. */
static bool alarm_is_under(const struct alarm *alarm, const struct alarm *other)
{
	switch (alarm->kind) {
	case ALARM_LEVEL:
		return other->kind == ALARM_ALONE;
	case ALARM_POST:
		return other->kind == ALARM_ALONE ||
		       (other->kind == ALARM_LEVEL && strcmp(other->subject, alarm->group) == 0);
	case ALARM_MESSAGE:
		return other->kind == ALARM_ALONE || is_of_same(alarm, ALARM_POST, other) ||
		       (other->kind == ALARM_LEVEL && strcmp(other->subject, alarm->group) == 0);
	case ALARM_LINK:
		return other->kind == ALARM_ALONE ||
		       ((other->kind == ALARM_LEVEL || other->kind == ALARM_POST) && is_together(alarm, other));
	case ALARM_FLAPPING:
		return is_of_same(alarm, ALARM_LINK, other);
	case ALARM_ONE_WAY:
		return is_of_same(alarm, ALARM_LINK, other) || is_of_same(alarm, ALARM_REFUSED, other);
	case ALARM_PATH:
		return other->kind == ALARM_LINK && is_together(alarm, other);
	case ALARM_WORSE:
		return is_of_same(alarm, ALARM_FLAPPING, other) || is_of_same(alarm, ALARM_ONE_WAY, other);
	case ALARM_FULL:
		return is_of_same(alarm, ALARM_BUDGET, other);
	default:
		return false;
	}
}

/* The gravest one: kinds are in that order. */
static unsigned alarm_under(const struct alarms *a, const struct alarm *alarm)
{
	unsigned found = ALARM_NONE;

	for (unsigned i = 0; i < ALARM_MAX; i++)
		if (a->all[i].phase == ALARM_RAISED && alarm_is_under(alarm, &a->all[i]) &&
			(found == ALARM_NONE || a->all[i].kind < a->all[found].kind))
			found = i;
	return found;
}

static void alarm_move(struct alarm *alarm, uint64_t now_us)
{
	uint64_t raise_us = kinds[alarm->kind].raise_s * SECOND_US, clear_us = kinds[alarm->kind].clear_s * SECOND_US;

	switch (alarm->phase) {
	case ALARM_PENDING:
		if (!alarm->is_seen)
			alarm->phase = ALARM_FREE;
		else if (now_us - alarm->since_us >= raise_us)
			alarm->phase = ALARM_RAISED;
		break;
	case ALARM_RAISED:
		if (alarm->is_seen || now_us - alarm->seen_us < clear_us)
			break;
		alarm->phase = ALARM_OVER;
		alarm->over_us = now_us;
		break;
	case ALARM_FREE:
	case ALARM_OVER:
		break;
	}
}

void alarms_done(struct alarms *a, uint64_t now_us, void (*changed)(void *arg, const struct alarm *alarm), void *arg)
{
	for (unsigned i = 0; i < ALARM_MAX; i++)
		alarm_move(&a->all[i], now_us);
	/* Who is under whom is known when all have moved. */
	for (unsigned i = 0; i < ALARM_MAX; i++) {
		struct alarm *alarm = &a->all[i];

		if (alarm->phase == ALARM_OVER && alarm->is_told) {
			alarm->is_told = false;
			changed(arg, alarm);
		}
		if (alarm->phase != ALARM_RAISED)
			continue;
		alarm->under = alarm_under(a, alarm);
		if (alarm->under != ALARM_NONE || alarm->is_told)
			continue;
		alarm->is_told = true;
		changed(arg, alarm);
	}
}

/* --- silence --------------------------------------------------------------------------------------------- */

uint64_t alarm_silent_until(const struct alarms *a, uint64_t now_us, const struct alarm *alarm)
{
	uint64_t until_us = 0;

	for (unsigned i = 0; i < ALARM_SILENCE_MAX; i++) {
		const struct alarm_silence *s = &a->silences[i];

		if (s->until_us > now_us && s->until_us > until_us && s->kind == alarm->kind &&
			(!s->subject[0] || strcmp(s->subject, alarm->subject) == 0))
			until_us = s->until_us;
	}
	return until_us;
}

int alarm_silence(struct alarms *a, uint64_t now_us, enum alarm_kind kind, const char *subject, uint64_t until_us)
{
	struct alarm_silence *place = NULL;
	bool is_same = false;

	for (unsigned i = 0; i < ALARM_SILENCE_MAX && !is_same; i++) {
		struct alarm_silence *s = &a->silences[i];
		bool is_over = s->until_us <= now_us;

		is_same = !is_over && s->kind == kind && strncmp(s->subject, subject, ALARM_SUBJECT_MAX - 1) == 0;
		if (is_same || (is_over && !place))
			place = s;
	}
	if (!until_us && !is_same)
		return -ENOENT;
	if (!place)
		return -ENOSPC;
	place->kind = kind;
	place->until_us = until_us;
	text_copy(place->subject, sizeof(place->subject), subject);
	return 0;
}
