/* Urgent messages of this node that have not arrived after URGENT_LATE_US: their sender is told, for each receiver
 * once. */
#include "meshd/io/alarm_look.h"
#include "meshd/io/mailbox.h"

#include <string.h>

#define URGENT_LATE_US (300 * SECOND_US)
#define RECEIVERS_MAX 16

struct late {
	struct address to;
	unsigned count;
	struct node_message oldest; /* its text is not looked at */
};
struct lates {
	uint64_t now_us;
	unsigned count;
	struct late all[RECEIVERS_MAX];
};

static bool is_late(const struct node_message *m, uint64_t now_us)
{
	return m->box == NODE_MESSAGE_OUT && m->is_urgent && !node_message_state_ends(m->state) &&
	       (int64_t)now_us - m->made_us >= (int64_t)URGENT_LATE_US;
}

/* They come in the order in which they were written. */
static void message_note(void *arg, const struct node_message *m)
{
	struct lates *l = arg;
	unsigned i = 0;

	if (!is_late(m, l->now_us))
		return;
	while (i < l->count && !address_equal(&l->all[i].to, &m->to))
		i++;
	if (i == RECEIVERS_MAX)
		return;
	if (i == l->count)
		l->all[l->count++] = (struct late){ .to = m->to, .oldest = *m };
	l->all[i].count++;
}

static const char *state_words(const struct looker *l, const struct node_message *m, char text[VIEW_NAME + 32])
{
	char name[VIEW_NAME];

	mailbox_name(l->v->d, &m->at, name);
	if (m->state == NODE_MESSAGE_LEFT)
		snprintf(text, VIEW_NAME + 32, "it has left by %s", m->link);
	else if (m->state == NODE_MESSAGE_REACHED)
		snprintf(text, VIEW_NAME + 32, "it waits at %s", *name ? name : "a node further on");
	else
		snprintf(text, VIEW_NAME + 32, "%s",
			m->wait == NODE_MESSAGE_WAIT_WAY ? "there is no way" : "it waits here");
	return text;
}

static const char *level_of(const struct looker *l, const struct address *to)
{
	for (size_t i = 0; i < l->v->member_count; i++) {
		struct address a = view_address_of(l->v, l->v->members[i].certificate);

		if (address_equal(&a, to))
			return level_name(l->v->members[i].certificate->level);
	}
	return "";
}

void alarm_messages_look(struct looker *l)
{
	struct lates lates = { .now_us = l->v->now_us };
	char name[VIEW_NAME], state[VIEW_NAME + 32], more[32];

	node_dump_messages(l->v->node, message_note, &lates);
	for (unsigned i = 0; i < lates.count; i++) {
		const struct late *late = &lates.all[i];
		unsigned minutes =
			(unsigned)(((int64_t)lates.now_us - late->oldest.made_us) / (60 * (int64_t)SECOND_US));

		mailbox_name(l->v->d, &late->to, name);
		more[0] = 0;
		if (late->count > 1)
			snprintf(more, sizeof(more), ", and %u more", late->count - 1);
		look_see(l, ALARM_MESSAGE, name, level_of(l, &late->to),
			"say it over the radio; meshctl outbox tells where each one waits",
			"urgent message %u to %s has not arrived after %u min: %s%s", late->oldest.number, name,
			minutes, state_words(l, &late->oldest, state), more);
	}
}
