/* Recorded incidents become scenarios that run, and what came back then comes back. */
#include "tests/unit/log_writer.h"

#include "sim/world/replay.h"
#include "sim/world/trial.h"

#define S 1000ll

/* At so many seconds after T0, in the process `p`. */
static void at(struct writer_of_log *w, const char *p, double s, const char *code, const char *data)
{
	entry_add(w, p, (int64_t)(s * 1000), T0 + (int64_t)(s * 1000), code, data);
}

/* Words after the name, as the daemon has them. */
static void down(struct writer_of_log *w, double s, const char *link, const char *neighbour, const char *why)
{
	char body[512];

	snprintf(body, sizeof(body),
		"{\"process\":\"a\",\"entries\":[{\"at\":%lld,\"date\":%lld,\"code\":\"neighbour-down\",\"text\":\"%s "
		"%s: "
		"%s\",\"data\":{\"link\":\"%s\",\"neighbour\":\"%s\"}}]}",
		(long long)(s * 1000), (long long)(T0 + (int64_t)(s * 1000)), link, neighbour, why, link, neighbour);
	run_add(w, body);
}

static void up(struct writer_of_log *w, const char *p, double s, const char *link, const char *neighbour)
{
	char data[200];

	snprintf(data, sizeof(data), "{\"link\":\"%s\",\"neighbour\":\"%s\"}", link, neighbour);
	at(w, p, s, "neighbour-up", data);
}

#define LINKS                                                                                                          \
	"{\"links\":[{\"name\":\"radio0\",\"type\":\"ethernet\",\"preset\":\"mesh-radio\",\"rate_bps\":0},"            \
	"{\"name\":\"tty0\",\"type\":\"serial\",\"preset\":\"own\",\"rate_bps\":4800}]}"

static void log_take(struct chronicle *c, struct writer_of_log *w)
{
	char error[CHRONICLE_ERROR_MAX];

	assert_int_equal(chronicle_take(c, w->answer, error), 0);
	json_decref(w->answer);
}

/* For free(); the range is in seconds. */
static char *played(struct chronicle *c, double from_s, double to_s)
{
	char error[REPLAY_ERROR_MAX] = "", *text = NULL;
	struct replay r;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	chronicle_align(c);
	if (replay_read(&r, c, T0 + (int64_t)(from_s * 1000), T0 + (int64_t)(to_s * 1000), error) < 0)
		fail_msg("%s", error);
	replay_write(&r, out);
	fclose(out);
	replay_done(&r);
	char *copy = strdup(text); /* gcc takes `text` for a pointer to the variable */
	free(text);
	return copy;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in\n%s", part, text);
}

static void holds(const char *text)
{
	char error[PLAN_ERROR_MAX];
	struct plan *plan = plan_parse("replay", bytes_of(text, strlen(text)), error);

	if (!plan)
		fail_msg("%s in\n%s", error, text);
	struct trial *t = trial_new(plan, plan->seed, NULL);
	assert_non_null(t);
	trial_run(t, NULL);
	if (trial_failure(t, error))
		fail_msg("%s in\n%s", error, text);
	trial_free(t);
	plan_free(plan);
}

/* Two nodes of which both have a log; the radio is lost from 30 to 90, the wire holds but for the end. */
static void what_was_lost_is_lost_and_what_came_back_comes_back(void **state)
{
	struct writer_of_log car, post;
	struct chronicle c;

	(void)state;
	log_begin(&car, "car", 1);
	log_begin(&post, "post", 2);
	at(&car, "a", 0, "started", LINKS);
	up(&car, "a", 1, "radio0", "post");
	at(&car, "a", 2, "watch",
		"{\"site\":\"post\",\"class\":\"text\",\"works\":true,\"via\":{\"link\":\"radio0\","
		"\"neighbour\":\"post\"}}");
	down(&car, 38, "radio0", "post", "nothing heard for 8 s");
	at(&car, "a", 38, "outage", "{\"site\":\"post\",\"began_unix_s\":5,\"start\":false,\"age_ms\":6000}");
	up(&car, "a", 90, "radio0", "post");
	at(&car, "a", 92, "outage-over",
		"{\"site\":\"post\",\"began_unix_s\":5,\"start\":false,\"age_ms\":60000,\"contact_s\":58.5,\"text_s\":"
		"59.0,\"voice_s\":59.5,\"picture_s\":60.0}");
	at(&post, "p", 0, "started", LINKS);
	up(&post, "p", 1, "radio0", "car"); /* told by the other log */
	at(&post, "p", 100, "stopped", "null");
	chronicle_init(&c);
	log_take(&c, &car);
	log_take(&c, &post);
	char *text = played(&c, 0, 110);
	has(text, "{name: radio0-1, preset: mesh-radio, ends: [car:p1, post:p1], state: silent}");
	has(text, "{at: 6.000, do: restore radio0-1}");
	has(text, "{at: 35.000, do: silence radio0-1}"); /* when it was heard last */
	has(text, "{at: 95.000, do: restore radio0-1}");
	has(text, "{at: 105.000, do: leave post}");
	has(text, "reach: {from: car, to: post, class: text, after: 95.5, within: 30.5}");
	has(text, "class: bulk, after: 95.5");
	assert_null(strstr(text, "radio0-2"));
	free(text);
	text = played(&c, 20, 80); /* the link was up before, and nothing comes back */
	has(text, "ends: [car:p1, post:p1]}");
	has(text, "{at: 15.000, do: silence radio0-1}");
	assert_null(strstr(text, "reach:"));
	holds(text);
	free(text);
	text = played(&c, 0, 99);
	holds(text);
	free(text);
	chronicle_done(&c);
}

/* A site that nobody who has a log is beside: it lies behind the neighbour by whom it was reached. */
static void a_site_behind_a_neighbour_is_cut_off_there(void **state)
{
	struct writer_of_log car;
	struct chronicle c;

	(void)state;
	log_begin(&car, "car", 1);
	at(&car, "a", 0, "started", LINKS);
	up(&car, "a", 1, "tty0", "\xe4\xb8\xad\xe7\xbb\xa7"); /* a name that no scenario takes */
	at(&car, "a", 2, "watch",
		"{\"site\":\"city\",\"class\":\"text\",\"works\":true,\"via\":{\"link\":\"tty0\",\"neighbour\":"
		"\"\xe4\xb8"
		"\xad\xe7\xbb\xa7\"}}");
	at(&car, "a", 60, "outage", "{\"site\":\"city\",\"began_unix_s\":5,\"start\":false,\"age_ms\":10000}");
	at(&car, "a", 200, "outage-over",
		"{\"site\":\"city\",\"began_unix_s\":5,\"start\":false,\"age_ms\":150000,\"contact_s\":100.0,\"text_"
		"s\":"
		"104.0}");
	at(&car, "a", 260, "reload", "null");
	chronicle_init(&c);
	log_take(&c, &car);
	char *text = played(&c, 0, 260);
	has(text, "{name: node-2, level: scene} # \xe4\xb8\xad\xe7\xbb\xa7");
	has(text, "{name: tty0-1, preset: narrowband, ends: [car:p1, node-2:p1], rate: 4800, state: silent}");
	has(text, "{name: beyond-2, preset: fibre, ends: [node-2:p2, city:p2]}");
	has(text, "{at: 55.000, do: silence beyond-2}");
	has(text, "{at: 155.000, do: restore beyond-2}");
	has(text, "reach: {from: car, to: city, class: text, after: 155.0, within: 34.0}");
	assert_null(strstr(text, "class: bulk"));
	holds(text);
	free(text);
	chronicle_done(&c);
}

static void who_was_killed_or_restarted_is_and_no_link_failed(void **state)
{
	struct writer_of_log car;
	struct chronicle c;

	(void)state;
	log_begin(&car, "car", 1);
	at(&car, "a", 0, "started", LINKS);
	up(&car, "a", 1, "radio0", "post");
	down(&car, 20, "radio0", "post", "it was restarted");
	up(&car, "a", 20.5, "radio0", "post");
	at(&car, "a", 40, "clock", "{\"synced\":null}");
	entry_add(&car, "b", 100, T0 + 60 * S, "started", LINKS);
	entry_add(&car, "b", 400, T0 + 60 * S + 300, "neighbour-up", "{\"link\":\"radio0\",\"neighbour\":\"post\"}");
	entry_add(&car, "b", 30000, T0 + 90 * S, "reload", "null");
	chronicle_init(&c);
	log_take(&c, &car);
	char *text = played(&c, 0, 90);
	has(text, "{at: 45.000, do: power-off car}");
	has(text, "{at: 65.100, do: power-on car}");
	assert_null(strstr(text, "silence"));
	holds(text);
	free(text);
	chronicle_done(&c);
}

static void a_range_in_which_nobody_met_is_refused(void **state)
{
	char error[REPLAY_ERROR_MAX];
	struct writer_of_log car;
	struct chronicle c;
	struct replay r;

	(void)state;
	log_begin(&car, "car", 1);
	at(&car, "a", 0, "started", LINKS);
	up(&car, "a", 50, "radio0", "post");
	chronicle_init(&c);
	log_take(&c, &car);
	chronicle_align(&c);
	assert_int_equal(replay_read(&r, &c, T0, T0 + 20 * S, error), -ENODATA);
	has(error, "choose another with --from and --to");
	replay_done(&r);
	chronicle_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_lost_is_lost_and_what_came_back_comes_back),
		cmocka_unit_test(a_site_behind_a_neighbour_is_cut_off_there),
		cmocka_unit_test(who_was_killed_or_restarted_is_and_no_link_failed),
		cmocka_unit_test(a_range_in_which_nobody_met_is_refused),
	};

	if (sodium_init() < 0)
		return 1;
	authority_make(&authority, 7);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
