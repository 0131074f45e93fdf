/* meshctl send, inbox, outbox: messages from member to member, and what has become of them. */
#include "meshd/ctl/ctl.h"

#include <string.h>

#define TEXT_ROOM 1024
#define FOLLOWED_MAX 200

/* --- send ------------------------------------------------------------------------------------------ */

/* The words behind the name, with a blank between two. False: too long for any message. */
static bool text_join(const struct text_list *words, char text[TEXT_ROOM])
{
	size_t len = 0;

	*text = 0;
	for (unsigned i = 1; i < words->count && len < TEXT_ROOM; i++)
		len += (size_t)snprintf(text + len, TEXT_ROOM - len, "%s%s", i > 1 ? " " : "", words->texts[i]);
	return len < TEXT_ROOM;
}

int command_send(int argc, char **argv)
{
	struct question q = { 0 };
	bool is_urgent = false;
	const struct option_spec specs[] = {
		{ "--json", .flag = &q.json },
		{ "--urgent", .flag = &is_urgent },
		{ "--socket", .text = &q.socket },
	};
	struct text_list words = { 0 };
	char error[CTL_ERROR_MAX], text[TEXT_ROOM];
	int code;

	if (arguments_parse(argc, argv, specs, sizeof(specs) / sizeof(specs[0]), &words, error) < 0)
		return ctl_fail(CTL_USAGE, "%s", error);
	if (words.count < 2)
		return ctl_fail(CTL_USAGE, "write to whom, and what: meshctl send NAME \"TEXT\"");
	if (!text_join(&words, text))
		return ctl_fail(CTL_BAD, "the text is too long for a message; write less");
	json_t *request = json_pack(
		"{s:s, s:s, s:s, s:b}", "request", "send", "to", words.texts[0], "text", text, "urgent", is_urgent);
	if (!request)
		return ctl_fail(CTL_USAGE, "the name or the text is not UTF-8");
	json_t *answer = client_ask(q.socket ? q.socket : CTL_SOCKET, request, &code, error);
	if (!answer)
		return client_fail(code, error);
	answer_print(&q, answer, sent_print);
	json_decref(answer);
	return CTL_GOOD;
}

void sent_print(const json_t *answer, FILE *out)
{
	fprintf(out, "%lld: queued; meshctl outbox tells how it goes\n", (long long)json_number(answer, "number"));
}

/* --- what is there --------------------------------------------------------------------------------- */

/* What others wrote must not steer a terminal. */
static void text_print(const json_t *message, FILE *out)
{
	fputs("    ", out);
	for (const uint8_t *at = (const uint8_t *)json_text(message, "text"); *at; at++) {
		bool is_c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0; /* as UTF-8 has them */

		if (*at == '\n')
			fputs("\n    ", out);
		else
			fputc(*at < ' ' || *at == 0x7f || is_c1 ? ' ' : *at, out);
		at += is_c1;
	}
	fputc('\n', out);
}

static void written_print(const json_t *message, FILE *out)
{
	const json_t *date = json_object_get(message, "date_min");
	char text[16];

	if (json_flag(message, "urgent"))
		fprintf(out, ", URGENT");
	if (json_is_integer(date))
		fprintf(out, ", written %s %02d:%02d UTC", date_format((uint32_t)json_integer_value(date), text),
			(int)(json_integer_value(date) / 60 % 24), (int)(json_integer_value(date) % 60));
	fputc('\n', out);
}

static void received_print(const json_t *message, FILE *out)
{
	char ago[WORDS_MAX];

	fprintf(out, "from %s, %s", json_text(message, "from"), words_ago(json_object_get(message, "age_s"), ago));
	written_print(message, out);
	text_print(message, out);
}

void inbox_print(const json_t *answer, FILE *out)
{
	const json_t *list = json_object_get(answer, "inbox");

	if (!json_array_size(list))
		fprintf(out, "nothing has come\n");
	for (size_t i = json_array_size(list); i-- > 0;)
		received_print(json_array_get(list, i), out);
}

static const char *wait_words(const json_t *message)
{
	static const char *const words[][2] = {
		{ "store", "it is being written to the disk" },
		{ "way", "there is no way there now" },
		{ "turn", "others go first" },
		{ "answer", "the next node has not answered yet" },
		{ "full", "the next node has no room now" },
		{ "old", "the next node's meshd is too old for messages" },
		{ "out", "the member is revoked; it goes to who takes its place" },
	};
	const char *waits = json_text(message, "waits");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i][0], waits) == 0)
			return words[i][1];
	return "";
}

static void state_print(const json_t *message, FILE *out)
{
	const char *state = json_text(message, "state"), *waits = wait_words(message);
	char ago[WORDS_MAX];

	words_ago(json_object_get(message, "state_s"), ago);
	if (strcmp(state, "queued") == 0)
		fprintf(out, "queued%s%s", *waits ? ": " : "", waits);
	else if (strcmp(state, "left") == 0)
		fprintf(out, "left by %s %s, taken by %s", json_text(message, "link"), ago, json_text(message, "at"));
	else if (strcmp(state, "reached") == 0)
		fprintf(out, "reached %s %s, and waits there", json_text(message, "at"), ago);
	else if (strcmp(state, "delivered") == 0)
		fprintf(out, "delivered %s", ago);
	else
		fprintf(out, "EXPIRED %s: nobody knows that it arrived", ago);
}

static void sent_one_print(const json_t *message, FILE *out)
{
	fprintf(out, "%lld to %s: ", (long long)json_number(message, "number"), json_text(message, "to"));
	state_print(message, out);
	written_print(message, out);
	text_print(message, out);
}

void outbox_print(const json_t *answer, FILE *out)
{
	const json_t *list = json_object_get(answer, "outbox");

	if (!json_array_size(list))
		fprintf(out, "nothing was sent\n");
	for (size_t i = json_array_size(list); i-- > 0;)
		sent_one_print(json_array_get(list, i), out);
}

/* --- --follow: each message as it comes, each state as it changes ------------------------------------- */

struct follower {
	const struct question *q;
	const char *request; /* and list */
	void (*print)(const json_t *message, FILE *out);
	char seen[FOLLOWED_MAX][48]; /* id and state */
	unsigned count;
};

/* Was it told as it is? Then it is known from now on. */
static bool is_told(struct follower *f, const json_t *message)
{
	char key[sizeof(f->seen[0])];

	snprintf(key, sizeof(key), "%s %s", json_text(message, "id"), json_text(message, "state"));
	for (unsigned i = 0; i < f->count && i < FOLLOWED_MAX; i++)
		if (strcmp(f->seen[i], key) == 0)
			return true;
	memcpy(f->seen[f->count++ % FOLLOWED_MAX], key, sizeof(key));
	return false;
}

static void look(struct follower *f)
{
	json_t *request = json_pack("{s:s}", "request", f->request);
	char error[CTL_ERROR_MAX];
	int code;
	json_t *answer = client_ask(f->q->socket, request, &code, error);
	const json_t *list = json_object_get(answer, f->request);

	/* The oldest of those that one answer has comes first, as it will be forgotten first. */
	size_t count = json_array_size(list) < FOLLOWED_MAX ? json_array_size(list) : FOLLOWED_MAX;
	for (size_t i = count; i-- > 0;) {
		const json_t *message = json_array_get(list, i);

		if (is_told(f, message))
			continue;
		if (f->q->json) {
			json_dumpf(message, stdout, JSON_COMPACT);
			fputc('\n', stdout);
		} else {
			f->print(message, stdout);
		}
	}
	json_decref(answer);
	fflush(stdout);
}

static void event_seen(void *arg, const json_t *line)
{
	const char *code = json_text(line, "code");

	/* The first line says that events are followed: nothing is missed between. */
	if (json_flag(line, "ok") || strncmp(code, "message", 7) == 0 || json_object_get(line, "lost"))
		look(arg);
}

static int boxed(int argc, char **argv, const char *request, answer_printer print,
	void (*each)(const json_t *message, FILE *out))
{
	struct question q;
	int status = question_parse(&q, argc, argv, QUESTION_FOLLOW);
	char error[CTL_ERROR_MAX];

	if (status)
		return status;
	if (q.follow) {
		static struct follower f;
		json_t *events = json_pack("{s:s, s:b}", "request", "events", "follow", 1);

		f = (struct follower){ .q = &q, .request = request, .print = each };
		return client_fail(client_follow(q.socket, events, event_seen, &f, error), error);
	}
	json_t *answer = question_ask(&q, request, &status);
	if (!answer)
		return status;
	answer_print(&q, answer, print);
	json_decref(answer);
	return CTL_GOOD;
}

int command_inbox(int argc, char **argv)
{
	return boxed(argc, argv, "inbox", inbox_print, received_print);
}

int command_outbox(int argc, char **argv)
{
	return boxed(argc, argv, "outbox", outbox_print, sent_one_print);
}
