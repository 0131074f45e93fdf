/*
 * Alarms: few, in plain words, each with something to do about it.
 *
 *           seen             for as long as its kind takes           unseen for as long
 *   none ─────────► pending ───────────────────────────────► raised ───────────────────► over
 *     ▲                │ unseen                                ▲ │ seen again
 *     └────────────────┘                                       └─┘
 *
 * Who looks says from time to time everything that is wrong: alarms_look(),
 * alarm_see() for each, alarms_done(). What belongs to one cause is one alarm, and
 * the others are under it: whoever is cut off from everybody need not be told of
 * each link and level. A silence is for a kind, or a subject of it, and ends by
 * itself; what it hides goes on being counted and recorded.
 */
#ifndef MESHD_NODE_ALARM_H
#define MESHD_NODE_ALARM_H

#include "meshd/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALARM_MAX 64
#define ALARM_SILENCE_MAX 16
#define ALARM_SUBJECT_MAX 40
#define ALARM_TEXT_MAX 200
#define ALARM_NONE ALARM_MAX /* as an index */

/* What is further down may be a consequence, or the cause, of what is further up; see alarm_under(). */
enum alarm_kind {
	ALARM_ALONE, /* no neighbour at all */
	ALARM_LEVEL, /* nobody of a level of command is reached; subject: the level */
	ALARM_POST, /* a command post is not reached; its level is its group */
	ALARM_MESSAGE, /* an urgent message has not arrived; subject: to whom, the level is its group */
	ALARM_REFUSED, /* somebody tries to join who must not; subject: the link */
	ALARM_FOREIGN, /* somebody on a link has the keys of another deployment */
	ALARM_DUPLICATE, /* another machine has this node's keys */
	ALARM_LINK, /* a link is not up, or nobody answers there; subject: the link */
	ALARM_ONE_WAY, /* somebody on a link is heard, and does not hear this node */
	ALARM_PATH, /* sites that had several ways have one left; subject: the neighbour on it */
	ALARM_FLAPPING, /* neighbours of a link come and go */
	ALARM_WORSE, /* a neighbour of a link is worse than an hour ago */
	ALARM_BUDGET, /* nodes say more to each other on a link than they may */
	ALARM_FULL, /* a thin link is used up */
	ALARM_MTU, /* frames of a link's size do not arrive */
	ALARM_PREFIX, /* two members have the same network; subject: the network */
	ALARM_CLOCK, /* it is not set, or not as those of the neighbours */
	ALARM_KERNEL, /* it refused a route */
	ALARM_STATE, /* the state directory cannot be written */
};
#define ALARM_KINDS 19
const char *alarm_kind_name(enum alarm_kind kind); /* "alone", "level-cut-off", ... */
bool alarm_kind_parse(enum alarm_kind *kind, const char *name);
bool alarm_is_red(enum alarm_kind kind);

enum alarm_phase { ALARM_FREE, ALARM_PENDING, ALARM_RAISED, ALARM_OVER };

struct alarm {
	enum alarm_phase phase;
	enum alarm_kind kind;
	char subject[ALARM_SUBJECT_MAX];
	char group[ALARM_SUBJECT_MAX]; /* the subject of what it may be under; "" */
	char text[ALARM_TEXT_MAX], action[ALARM_TEXT_MAX]; /* as seen last */
	uint64_t since_us; /* seen, without a pause, since */
	uint64_t seen_us; /* last */
	uint64_t over_us;
	unsigned under; /* index; ALARM_NONE: it is one by itself */
	bool is_seen; /* in this look */
	bool is_told; /* it was raised as one by itself */
};

struct alarm_silence {
	enum alarm_kind kind;
	char subject[ALARM_SUBJECT_MAX]; /* "": all of the kind */
	uint64_t until_us; /* 0: free */
};

struct alarms {
	struct alarm all[ALARM_MAX];
	struct alarm_silence silences[ALARM_SILENCE_MAX];
	uint64_t unplaced; /* things seen for which there was no room */
};

/* Begins a look at everything. */
void alarms_look(struct alarms *a);
/* `text` is what is wrong, `action` what to do: one sentence each. */
void alarm_see(struct alarms *a, uint64_t now_us, enum alarm_kind kind, const char *subject, const char *group,
	const char *text, const char *action);
/* Ends it. `changed` is told of each alarm that was raised and is under no other (any more), once, and when such a one
 * is over. */
void alarms_done(struct alarms *a, uint64_t now_us, void (*changed)(void *arg, const struct alarm *alarm), void *arg);

/* Until when it is silent; 0: it is not. */
uint64_t alarm_silent_until(const struct alarms *a, uint64_t now_us, const struct alarm *alarm);
/* One for the same replaces what was said before; until_us 0 ends it. -ENOSPC: too many at a time, -ENOENT: none to
 * end. */
int alarm_silence(struct alarms *a, uint64_t now_us, enum alarm_kind kind, const char *subject, uint64_t until_us);

/* alarm_keep.c: those that hold, at most ALARM_SILENCES_SIZE bytes (0: no room), and back after a restart; `unix_s` is
 * the date. -EBADMSG: damaged, and nothing was taken. */
#define ALARM_SILENCES_SIZE 1280
size_t alarm_silences_write(const struct alarms *a, uint64_t now_us, uint64_t unix_s, uint8_t *out, size_t capacity);
int alarm_silences_read(struct alarms *a, uint64_t now_us, uint64_t unix_s, struct bytes in);

#endif
