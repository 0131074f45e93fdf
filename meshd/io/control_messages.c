/* "send", "inbox", "outbox": messages from member to member; "mail": how many there are, for who may not read them. */
#include "meshd/io/control.h"
#include "meshd/io/mailbox.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

/* --- one message ----------------------------------------------------------------------------------- */

static json_t *json_since_s(const struct view *v, int64_t then_us)
{
	int64_t age_us = (int64_t)v->now_us - then_us;

	return json_integer(age_us > 0 ? (json_int_t)(age_us / (int64_t)SECOND_US) : 0);
}

static json_t *name_make(const struct view *v, const struct address *a)
{
	char text[VIEW_NAME];

	mailbox_name(v->d, a, text);
	return *text ? json_of_text(text) : json_address(a);
}

static json_t *text_make(struct bytes text)
{
	char room[NODE_TEXT_MAX + 1];

	snprintf(room, sizeof(room), "%.*s", (int)text.len, (const char *)text.data);
	return json_of_text(room);
}

static json_t *common_make(const struct view *v, const struct node_message *m)
{
	char id[2 * NODE_MESSAGE_ID_LEN + 1];

	sodium_bin2hex(id, sizeof(id), m->id, sizeof(m->id));
	return json_pack("{s:s, s:I, s:b, s:o, s:o, s:o}", "id", id, "number", (json_int_t)m->number, "urgent",
		m->is_urgent, "age_s", json_since_s(v, m->made_us), "date_min",
		m->date ? json_integer(m->date) : json_null(), "text", text_make(m->text));
}

static json_t *received_make(const struct view *v, const struct node_message *m)
{
	json_t *made = common_make(v, m);

	json_object_set_new(made, "from", name_make(v, &m->from));
	return made;
}

static json_t *sent_make(const struct view *v, const struct node_message *m)
{
	bool is_over = node_message_state_ends(m->state);
	bool has_left = m->state == NODE_MESSAGE_LEFT || m->state == NODE_MESSAGE_REACHED;
	json_t *made = common_make(v, m);
	int64_t left_us = m->expires_us - (int64_t)v->now_us;

	json_object_set_new(made, "to", name_make(v, &m->to));
	json_object_set_new(made, "state", json_string(node_message_state_name(m->state)));
	json_object_set_new(made, "state_s", json_since_s(v, m->state_us));
	json_object_set_new(made, "link", m->state == NODE_MESSAGE_LEFT ? json_of_text(m->link) : json_null());
	json_object_set_new(made, "at", has_left ? name_make(v, &m->at) : json_null());
	json_object_set_new(made, "waits",
		is_over || m->wait == NODE_MESSAGE_WAIT_NONE ? json_null()
							     : json_string(node_message_wait_name(m->wait)));
	json_object_set_new(made, "expires_s",
		is_over ? json_null() : json_integer(left_us > 0 ? (json_int_t)(left_us / (int64_t)SECOND_US) : 0));
	return made;
}

/* --- boxes ------------------------------------------------------------------------------------------- */

struct box_list {
	const struct view *v;
	enum node_message_box box;
	size_t total, until; /* those before it are older than what is asked for */
	json_t *list;
};

static void box_count(void *arg, const struct node_message *m)
{
	struct box_list *l = arg;

	l->total += m->box == l->box;
}

/* The newest first. */
static void box_each(void *arg, const struct node_message *m)
{
	struct box_list *l = arg;

	if (m->box != l->box || l->until == 0)
		return;
	if (l->until-- > PAGE_LEN)
		return;
	json_array_insert_new(l->list, 0, l->box == NODE_MESSAGE_IN ? received_make(l->v, m) : sent_make(l->v, m));
}

static json_t *box_answer(const struct view *v, const json_t *request, enum node_message_box box, const char *name)
{
	struct box_list l = { .v = v, .box = box, .list = json_array() };
	size_t from = page_from(request);

	node_dump_messages(v->node, box_count, &l);
	l.until = l.total > from ? l.total - from : 0;
	node_dump_messages(v->node, box_each, &l);
	return json_pack("{s:b, s:o, s:o}", "ok", 1, name, l.list, "next", page_next(from, l.total));
}

json_t *answer_inbox(struct view *v, const json_t *request)
{
	return box_answer(v, request, NODE_MESSAGE_IN, "inbox");
}

json_t *answer_outbox(struct view *v, const json_t *request)
{
	return box_answer(v, request, NODE_MESSAGE_OUT, "outbox");
}

struct mail_count {
	unsigned received, waiting, held;
};

static void mail_each(void *arg, const struct node_message *m)
{
	struct mail_count *c = arg;

	c->received += m->box == NODE_MESSAGE_IN;
	c->held += m->box == NODE_MESSAGE_HELD;
	c->waiting += m->box == NODE_MESSAGE_OUT && !node_message_state_ends(m->state);
}

json_t *answer_mail(struct view *v, const json_t *request)
{
	struct mail_count c = { 0 };

	(void)request;
	node_dump_messages(v->node, mail_each, &c);
	return json_pack("{s:b, s:I, s:i, s:i, s:i}", "ok", 1, "changes", (json_int_t)mailbox_changes(v->d), "received",
		(int)c.received, "waiting", (int)c.waiting, "held", (int)c.held);
}

/* --- send -------------------------------------------------------------------------------------------- */

struct number_search {
	uint32_t number;
	uint8_t *key;
	struct bytes found;
};

static void number_each(void *arg, const struct node_message *m)
{
	struct number_search *s = arg;

	if (m->box == NODE_MESSAGE_OUT && m->number == s->number)
		s->found = node_message_key(m->box, m->id, s->key);
}

struct bytes message_key_of(const struct node *n, uint32_t number, uint8_t key[NODE_KEPT_KEY_MAX])
{
	struct number_search s = { .number = number, .key = key };

	node_dump_messages(n, number_each, &s);
	return s.found;
}

json_t *message_sent_make(uint32_t number)
{
	return json_pack("{s:b, s:I, s:s}", "ok", 1, "number", (json_int_t)number, "state",
		node_message_state_name(NODE_MESSAGE_QUEUED));
}

static json_t *refused(const struct view *v, int error, const char *to, size_t len)
{
	switch (error) {
	case -ENOENT:
		return answer_error("nobody here is called \"%.40s\"; meshctl members has the names", to);
	case -EKEYREVOKED:
		return answer_error("\"%.40s\" is out, and nobody has taken its place; write to another member", to);
	case -ENOBUFS:
		return answer_error("too many messages wait to leave; wait until some have, meshctl outbox tells");
	case -EINVAL:
		break;
	default:
		return answer_error("the message cannot be sent: %s", strerror(-error));
	}
	if (strcmp(to, v->d->enrolment.certificate.name) == 0)
		return answer_error("\"%.40s\" is this node itself; write to another member", to);
	if (len)
		return answer_error(
			"the text has %zu bytes, and a message takes %d; write less, or two", len, NODE_TEXT_MAX);
	return answer_error("there is no text; write what is to be read");
}

/* By this machine's clock; 0: it is behind the build, and not right. */
static uint32_t date_now_min(void)
{
	uint32_t now = (uint32_t)(io_date_s() / 60);

	return now >= io_build_floor().t_lo ? now : 0;
}

json_t *answer_send(struct view *v, const json_t *request)
{
	const char *to = json_string_value(json_object_get(request, "to"));
	const json_t *text = json_object_get(request, "text");
	bool is_urgent = json_is_true(json_object_get(request, "urgent"));
	uint32_t number = 0;

	if (!to || !json_is_string(text))
		return answer_error("write to whom, and what: \"to\" is a member's name, \"text\" what it is to read");
	size_t len = json_string_length(text);
	int error = strlen(json_string_value(text)) != len
			    ? -EINVAL
			    : node_message_send(v->d->node, v->now_us, to, bytes_of(json_string_value(text), len),
				      is_urgent, date_now_min(), &number);
	if (error)
		return refused(v, error, to, len);
	operator_note(v, "message %u to %s%s", number, to, is_urgent ? ", urgent" : "");
	v->asker->waits = mailbox_answer_later(v->d, number, v->asker->token);
	return v->asker->waits ? NULL : message_sent_make(number);
}
