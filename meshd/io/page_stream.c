/*
 * The stream: the answers of the control socket, as text/event-stream (HTML
 * standard, 9.2). While anybody reads, a turn comes every TURN_S. It looks at one
 * topic at most, and wakes a few of those who are told less than there is. Each
 * topic is one text for all: a thousand nodes are looked at as often for a
 * hundred readers as for one, and never for more than 1/SHARE of the time. Who
 * reads slowly is told the newest of each topic, and misses what was between.
 */
#include "meshd/io/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TURN_S 0.025
#define WOKEN 12 /* in a turn */
#define PING_US (10 * SECOND_US) /* something is said at least so often, for who waits at the other end */
#define SHARE 50
#define SOON_US (SECOND_US / 4) /* after an event, for the others that come with it */
#define EVENTS_TOLD 120
#define BLOCK 8192

static const struct {
	const char *name;
	const char *list; /* comes in pages; NULL: it does not */
	uint64_t period_us;
} topics[TOPICS] = {
	[TOPIC_STATUS] = { "status", NULL, 2 * SECOND_US },
	[TOPIC_ALARMS] = { "alarms", NULL, 2 * SECOND_US },
	[TOPIC_OUTAGES] = { "outages", NULL, SECOND_US },
	[TOPIC_LINKS] = { "links", NULL, SECOND_US },
	[TOPIC_MEMBERS] = { "members", "members", 10 * SECOND_US },
	/* How many messages there are, for who may not read them; who may asks for them when that changes. */
	[TOPIC_MAIL] = { "mail", NULL, SECOND_US },
	[TOPIC_EVENTS] = { "events", NULL, SECOND_US },
};

const char *page_topic_name(enum page_topic topic)
{
	return topics[topic].name;
}

/* --- texts ----------------------------------------------------------------------------------------- */

static struct page_text *text_new(const char *name, const json_t *json)
{
	char *dumped = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
	size_t json_len = dumped ? strlen(dumped) : 0, size = strlen(name) + json_len + 32;
	struct page_text *text = dumped ? malloc(sizeof(*text) + size) : NULL;

	if (text) {
		text->holders = 1;
		text->json_len = json_len;
		text->len = (size_t)snprintf(text->data, size, "event: %s\ndata: %s\n\n", name, dumped);
		text->json_at = text->len - json_len - 2;
	}
	free(dumped);
	return text;
}

static void text_leave(struct page_text *text)
{
	if (text && --text->holders == 0)
		free(text);
}

json_t *page_ask(struct daemon *d, const char *request, uint64_t from)
{
	struct asker asker = { 0 };
	json_t *asked = json_pack("{s:s}", "request", request);

	if (from)
		json_object_set_new(asked, "from", json_integer((json_int_t)from));
	json_t *answer = asked ? control_reply(d, asked, &asker) : NULL;
	json_decref(asked);
	return answer;
}

/* All pages of it. NULL: memory. */
static json_t *topic_answer(struct daemon *d, enum page_topic topic)
{
	const char *name = topics[topic].name, *list = topics[topic].list;
	uint64_t from = topic == TOPIC_EVENTS && d->events.next > EVENTS_TOLD ? d->events.next - EVENTS_TOLD : 0;
	json_t *answer = page_ask(d, name, from), *next;

	while (answer && list && json_is_integer(next = json_object_get(answer, "next"))) {
		json_t *more = page_ask(d, name, (uint64_t)json_integer_value(next));

		if (!more)
			break;
		json_array_extend(json_object_get(answer, list), json_object_get(more, list));
		json_object_set(answer, "next", json_object_get(more, "next"));
		json_decref(more);
	}
	return answer;
}

static bool texts_equal(const struct page_text *a, const struct page_text *b)
{
	return a && a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void topic_look(struct page *page, enum page_topic topic)
{
	struct page_topic_state *t = &page->topics[topic];
	uint64_t began_us = io_now_us();

	if (topic == TOPIC_EVENTS && t->text && page->events_next == page->d->events.next) {
		t->next_us = began_us + topics[topic].period_us; /* it would differ in nothing but its age */
		return;
	}
	page->events_next = topic == TOPIC_EVENTS ? page->d->events.next : page->events_next;
	json_t *answer = topic_answer(page->d, topic);
	struct page_text *text = text_new(topics[topic].name, answer);
	uint64_t now_us = io_now_us(), rest_us = (now_us - began_us) * SHARE;

	json_decref(answer);
	t->free_us = now_us + rest_us;
	t->next_us = now_us + (rest_us > topics[topic].period_us ? rest_us : topics[topic].period_us);
	if (!text)
		return; /* the old one stays, and is tried again */
	if (texts_equal(t->text, text)) {
		text_leave(text);
		return;
	}
	text_leave(t->text);
	t->text = text;
	t->number = ++page->number;
}

const struct page_text *page_topic_text(struct page *page, enum page_topic topic)
{
	if (!page->topics[topic].text || io_now_us() >= page->topics[topic].next_us)
		topic_look(page, topic);
	return page->topics[topic].text;
}

/* The one that has been due for longest. */
static void topics_look(struct page *page)
{
	uint64_t now_us = io_now_us();
	unsigned due = 0;

	for (unsigned i = 1; i < TOPICS; i++)
		if (page->topics[i].next_us < page->topics[due].next_us)
			due = i;
	if (now_us >= page->topics[due].next_us)
		topic_look(page, (enum page_topic)due);
}

/* What was true when somebody read last is not told to who comes. */
static void topics_forget(struct page *page)
{
	for (unsigned i = 0; i < TOPICS; i++) {
		text_leave(page->topics[i].text);
		page->topics[i] = (struct page_topic_state){ 0 };
	}
}

void page_event(struct daemon *d)
{
	uint64_t soon_us = io_now_us() + SOON_US;

	for (unsigned i = 0; d->page && d->page->readers && i < TOPICS; i++) {
		struct page_topic_state *t = &d->page->topics[i];
		uint64_t due_us = t->free_us > soon_us ? t->free_us : soon_us;

		if (i != TOPIC_MEMBERS && t->next_us > due_us)
			t->next_us = due_us;
	}
}

/* --- readers ------------------------------------------------------------------------------------------- */

/* What he is to be told next; held for him. NULL: nothing. */
static struct page_text *reader_next(struct page_visitor *v)
{
	struct page *page = v->page;
	struct page_text *text = NULL;

	if (!v->has_hello) {
		v->has_hello = true;
		text = page->hello;
	}
	for (unsigned i = 0; !text && i < TOPICS; i++)
		if (page->topics[i].text && page->topics[i].number > v->told[i]) {
			v->told[i] = page->topics[i].number;
			text = page->topics[i].text;
		}
	if (text)
		text->holders++;
	return text;
}

static bool reader_has_news(const struct page_visitor *v, uint64_t now_us)
{
	const struct page *page = v->page;
	bool has_news = !v->has_hello || now_us - v->told_us > PING_US;

	for (unsigned i = 0; i < TOPICS; i++)
		has_news |= page->topics[i].text && page->topics[i].number > v->told[i];
	return has_news;
}

/* As MHD_ContentReaderCallback. */
static ssize_t reader_take(void *cls, uint64_t at, char *out, size_t room)
{
	static const char ping[] = ": \n\n";
	struct page_visitor *v = cls;
	uint64_t now_us = io_now_us();

	(void)at;
	if (!v->text && (v->text = reader_next(v)) != NULL) {
		v->text_at = 0;
		v->text_us = v->told_us = now_us;
	}
	if (!v->text && now_us - v->told_us > PING_US && room >= sizeof(ping) - 1) {
		v->told_us = now_us;
		memcpy(out, ping, sizeof(ping) - 1);
		return sizeof(ping) - 1;
	}
	if (!v->text) {
		v->is_suspended = true;
		MHD_suspend_connection(v->connection);
		return 0;
	}
	size_t rest = v->text->len - v->text_at, len = rest < room ? rest : room;
	memcpy(out, v->text->data + v->text_at, len);
	v->text_at += len;
	if (len == rest) {
		text_leave(v->text);
		v->text = NULL;
	}
	return (ssize_t)len;
}

struct MHD_Response *page_stream_open(struct page_visitor *v)
{
	struct page *page = v->page;
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, reader_take, v, NULL);

	if (!response)
		return NULL;
	v->state = VISITOR_READS;
	v->since_us = v->told_us = io_now_us();
	v->is_suspended = v->has_hello = false;
	memset(v->told, 0, sizeof(v->told));
	if (page->readers++ == 0) {
		topics_forget(page);
		ev_timer_set(&page->turn, 0, TURN_S);
		ev_timer_start(page->d->loop, &page->turn);
	}
	return response;
}

void page_stream_end(struct page_visitor *v)
{
	struct page *page = v->page;

	text_leave(v->text);
	v->text = NULL;
	v->is_suspended = false;
	if (--page->readers == 0)
		ev_timer_stop(page->d->loop, &page->turn);
}

/* A few in each turn, so that a hundred are not served between two packets. */
static bool readers_wake(struct page *page)
{
	uint64_t now_us = io_now_us();
	unsigned woken = 0;

	for (unsigned i = 0; i < PAGE_VISITORS_MAX && woken < WOKEN; i++) {
		struct page_visitor *v = &page->visitors[page->waking++ % PAGE_VISITORS_MAX];

		if (v->state != VISITOR_READS || !v->is_suspended || !reader_has_news(v, now_us))
			continue;
		v->is_suspended = false;
		MHD_resume_connection(v->connection);
		woken++;
	}
	return woken != 0;
}

void page_stream_turn(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct page *page = timer->data;

	(void)loop, (void)events;
	topics_look(page);
	if (readers_wake(page))
		page_run(page);
}

int page_stream_init(struct page *page)
{
	char version[24];

	snprintf(version, sizeof(version), "%016llx", (unsigned long long)page->version);
	json_t *hello = json_pack("{s:s, s:s, s:b, s:I}", "version", MESHD_VERSION, "files", version, "pairing",
		page->d->config.page.has_pairing, "started_us", (json_int_t)page->d->start_us);
	page->hello = text_new("hello", hello);
	json_decref(hello);
	return page->hello ? 0 : -ENOMEM;
}

void page_stream_done(struct page *page)
{
	topics_forget(page);
	text_leave(page->hello);
}
