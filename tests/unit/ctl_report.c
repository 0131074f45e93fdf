/* Reports: what they tell of a log, for people and as a table, and of one that tells nothing. */
#include "tests/unit/ctl_run.h"
#include "tests/unit/log_writer.h"

#define MINUTE 60000ll

static void file_put(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	close(fd);
}

static void log_save(struct writer_of_log *w, const char *path)
{
	size_t len;
	char *text = log_text(w, &len);

	file_put(path, text, len);
	free(text);
}

/* At so many minutes after T0. */
static void at(struct writer_of_log *w, double minutes, const char *code, const char *data)
{
	int64_t ms = (int64_t)(minutes * MINUTE);

	entry_add(w, "aa", ms, T0 + ms, code, data);
}

#define WATCH(works, ago) "{\"site\":\"<b>city\",\"class\":\"text\",\"works\":" works ",\"ago_ms\":" ago "}"
#define OUTAGE(age, marks)                                                                                             \
	"{\"site\":\"<b>city\",\"start\":false,\"began_unix_s\":77,\"lost\":[\"text\",\"command\"],\"age_ms\":" age    \
	"," marks "}"

/* An hour: the city is out from minute 10 to 25, by a link; somebody was there. */
static void hour_make(const char *path)
{
	struct writer_of_log w;

	log_begin(&w, "car", 1);
	at(&w, 0, "started", "{}");
	at(&w, 0, "watch", WATCH("true", "0"));
	at(&w, 10.1, "neighbour-down", "{\"link\":\"sat0\",\"neighbour\":\"post\"}");
	at(&w, 10.5, "watch", WATCH("false", "30000"));
	at(&w, 10.5, "outage", OUTAGE("30000", "\"contact_s\":null"));
	at(&w, 11, "alarm-red",
		"{\"kind\":\"link-down\",\"subject\":\"sat0\",\"what\":\"link sat0 is down\",\"action\":\"plug it "
		"in\",\"since_ms\":60000,\"seen_ms\":0}");
	at(&w, 12, "operator", "{\"user\":0,\"who\":\"root\",\"did\":\"silence link-down\"}");
	at(&w, 13, "message-state",
		"{\"to\":\"<post>\",\"box\":\"out\",\"number\":7,\"state\":\"left\",\"urgent\":true,\"age_s\":30}");
	at(&w, 25, "message-state",
		"{\"to\":\"<post>\",\"box\":\"out\",\"number\":7,\"state\":\"delivered\",\"urgent\":true,\"age_s\":"
		"750}");
	at(&w, 26, "message-state",
		"{\"to\":\"city\",\"box\":\"out\",\"number\":8,\"state\":\"expired\",\"urgent\":false,\"age_s\":"
		"86400}");
	at(&w, 25, "neighbour-up", "{\"link\":\"sat0\",\"neighbour\":\"post\"}");
	at(&w, 25, "watch", WATCH("true", "0"));
	at(&w, 25, "outage-mark", OUTAGE("900000", "\"contact_s\":890.0,\"text_s\":900.0,\"voice_s\":905.5"));
	at(&w, 26, "outage-over",
		OUTAGE("960000", "\"contact_s\":890.0,\"text_s\":900.0,\"voice_s\":905.5,\"restored_s\":910.0"));
	at(&w, 27, "alarm-over",
		"{\"kind\":\"link-down\",\"subject\":\"sat0\",\"what\":\"\",\"since_ms\":0,\"seen_ms\":60000}");
	at(&w, 60, "stopped", "null");
	log_save(&w, path);
}

static void a_page_tells_what_was_out_why_and_who_did_what(void **state)
{
	struct scratch *s = *state;

	hour_make("car.log");
	assert_int_equal(run(s, command_report, "car.log"), CTL_GOOD);
	assert_string_equal(s->out, "report.html\n");
	file_load("report.html", s->out, sizeof(s->out));
	says(s->out, "1 outage; text was back after 15 min 00 s at the latest, more than ten minutes");
	says(s->out, "<td class=\"head\" data-label=\"site\">&lt;b&gt;city</td>");
	says(s->out, "text, voice</td>"); /* lost */
	says(s->out, "<td class=\"span late\" data-label=\"text\">15 min 00 s</td>");
	says(s->out, "data-label=\"picture\">\xe2\x80\x93</td>");
	says(s->out, "75.00 %");
	says(s->out, "link sat0 is down<br/><span class=\"soft\">plug it in</span>");
	says(s->out, "data-label=\"repaired after\">16 min 00 s</td>");
	says(s->out, "2 written, 1 was delivered, the slowest after 12 min 30 s");
	says(s->out, "<td data-label=\"to\">&lt;post&gt;</td><td data-label=\"urgent\">urgent</td>"
		     "<td class=\"span\" data-label=\"became of it\">delivered after 12 min 30 s</td>");
	says(s->out, "<td class=\"span late\" data-label=\"became of it\">expired</td>");
	says(s->out, "<td data-label=\"who\">root</td><td data-label=\"what\">silence link-down</td>");
	says(s->out, "every entry is as it was signed, by the key of car");
	says(s->out, "kept by nobody as far as is known: how wrong its dates are is not known");
	assert_null(strstr(s->out, "<b>city"));
	assert_null(strstr(s->out, "://")); /* nothing comes from anywhere else */
	assert_null(strstr(s->out, "<script"));
}

/* Since a node was switched on it has not seen all work: nothing was lost, but nobody may call that well. */
static void what_has_not_worked_since_the_start_is_not_called_well(void **state)
{
	static const char *const marks[] = { "\"contact_s\":1.0,\"text_s\":2.0",
		"\"contact_s\":1.0,\"text_s\":2.0,\"voice_s\":3.0,\"picture_s\":4.0,\"restored_s\":4.0" };
	static const char *const verdicts[] = {
		"Nothing that was watched was lost, but not all has worked since the start",
		"No site that was watched was out."
	};
	struct scratch *s = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct writer_of_log w;
		char data[400];

		log_begin(&w, "car", 1);
		at(&w, 0, "started", "{}");
		snprintf(data, sizeof(data),
			"{\"site\":\"city\",\"start\":true,\"began_unix_s\":77,\"lost\":[\"text\"],\"age_ms\":60000,%"
			"s}",
			marks[i]);
		at(&w, 1, i ? "outage-over" : "outage-mark", data);
		log_save(&w, i ? "whole.log" : "start.log");
		assert_int_equal(run(s, command_report, i ? "whole.log --force" : "start.log"), CTL_GOOD);
		file_load("report.html", s->out, sizeof(s->out));
		says(s->out, verdicts[i]);
		assert_null(strstr(s->out, verdicts[!i]));
	}
}

static void a_file_that_is_there_is_not_replaced(void **state)
{
	struct scratch *s = *state;

	hour_make("car.log");
	assert_int_equal(run(s, command_report, "car.log --out car.log"), CTL_BAD);
	says(s->err, "car.log is there already");
	assert_int_equal(run(s, command_report, "car.log --out x"), CTL_GOOD);
	assert_int_equal(run(s, command_report, "car.log --out x"), CTL_BAD);
	assert_int_equal(run(s, command_report, "car.log --out x --force"), CTL_GOOD);
}

static void a_table_has_it_too(void **state)
{
	struct scratch *s = *state;

	hour_make("car.log");
	assert_int_equal(run(s, command_report, "car.log --csv --out -"), CTL_GOOD);
	says(s->out, "kind,node,from,to,seconds,subject,what\r\n");
	says(s->out, "outage,\"car\",");
	says(s->out, ",910.0,\"<b>city\",\"text, voice\"\r\n");
	says(s->out, "first-text,");
	says(s->out, "fault,\"car\",");
	says(s->out, ",960.0,\"link-down sat0\",\"link sat0 is down\"\r\n");
	says(s->out, "out,\"car\",");
	says(s->out, ",900.0,\"<b>city\",\"text\"\r\n");
	says(s->out, "\"text 75.00 %\"\r\n");
	says(s->out, ",750.0,\"<post>\",\"delivered, urgent\"\r\n");
	says(s->out, ",,\"city\",\"expired\"\r\n");
	says(s->out, "operator,\"car\",");
}

static void what_a_spreadsheet_would_run_is_text(void **state)
{
	struct scratch *s = *state;
	struct writer_of_log w;

	log_begin(&w, "=cmd", 1);
	run_add(&w, "{\"process\":\"a\",\"entries\":[{\"at\":1,\"date\":1790000000000,\"code\":\"reload\",\"text\":"
		    "\"=1+1 \\\"x\\\"\"}]}");
	log_save(&w, "a.log");
	assert_int_equal(run(s, command_report, "a.log --csv --out -"), CTL_GOOD);
	says(s->out, "event,\"'=cmd\",");
	says(s->out, ",\"reload\",\"'=1+1 \"\"x\"\"\"\r\n");
}

/* By this machine's zone, as people write it. */
static const char *minute(double minutes)
{
	static char text[2][DATE_TIME_TEXT];
	static unsigned turn;
	char *out = text[turn++ % 2];

	date_time_format(T0 + (int64_t)(minutes * MINUTE), out);
	for (char *c = out; *c; c++)
		*c = *c == ' ' ? '_' : *c;
	return out;
}

static void a_range_cuts_and_an_empty_one_says_so(void **state)
{
	struct scratch *s = *state;
	char line[200];

	hour_make("car.log");
	snprintf(line, sizeof(line), "car.log --csv --out - --from %s --to %s", minute(15), minute(35));
	assert_int_equal(run(s, command_report, line), CTL_GOOD);
	says(s->out, "\"text 50.00 %\"\r\n");
	assert_null(strstr(s->out, "silence"));
	snprintf(line, sizeof(line), "car.log --from %s --to %s", minute(70), minute(80));
	assert_int_equal(run(s, command_report, line), CTL_BAD);
	says(s->err, "nothing was recorded from ");
	says(s->err, "; there is what happened from ");
	assert_false(file_exists("report.html"));
	snprintf(line, sizeof(line), "car.log --from %s --to %s", minute(30), minute(20));
	assert_int_equal(run(s, command_report, line), CTL_USAGE);
	says(s->err, "--from is not before --to");
	assert_int_equal(run(s, command_report, "car.log --from yesterday"), CTL_USAGE);
	says(s->err, "\"yesterday\" is no date; write");
	assert_int_equal(run(s, command_report, "none.log"), CTL_BAD);
	says(s->err, "none.log: No such file");
}

static void a_changed_log_is_reported_and_said(void **state)
{
	struct scratch *s = *state;
	char *text, *at_name;
	size_t len;
	struct writer_of_log w;

	log_begin(&w, "car", 1);
	at(&w, 0, "started", "{}");
	at(&w, 1, "operator", "{\"who\":\"root\",\"did\":\"reload\"}");
	text = log_text(&w, &len);
	at_name = strstr(text, "root");
	assert_non_null(at_name);
	memcpy(at_name, "boss", 4);
	file_put("car.log", text, len);
	free(text);
	assert_int_equal(run(s, command_report, "car.log"), CTL_BAD);
	says(s->err, "! log of car: IT WAS CHANGED after it was signed, at run 2");
	file_load("report.html", s->out, sizeof(s->out));
	says(s->out, "The log of car does not hold");
}

/* Anybody can make an authority and have what he likes signed by it. */
static void a_log_of_another_authority_is_said_on_top_of_the_page(void **state)
{
	struct scratch *s = *state;
	struct writer_of_log w;

	hour_make("car.log");
	authority_make(&authority, 8);
	log_begin(&w, "post", 2);
	at(&w, 30, "operator", "{\"who\":\"li\",\"did\":\"reload\"}");
	log_save(&w, "post.log");
	authority_make(&authority, 7);
	assert_int_equal(run(s, command_report, "car.log post.log"), CTL_BAD);
	says(s->err, "! log of post: every entry is as it was signed; BY A NODE OF ANOTHER AUTHORITY");
	assert_null(strstr(s->err, "log of car"));
	file_load("report.html", s->out, sizeof(s->out));
	says(s->out, "The log of post does not hold");
	assert_null(strstr(s->out, "The log of car does not hold"));
}

/* Seen from the other end too, by a clock that is off by days. */
static void logs_are_merged(void **state)
{
	struct scratch *s = *state;
	struct writer_of_log w;

	hour_make("car.log");
	log_begin(&w, "post", 2);
	entry_add(&w, "pp", 25 * MINUTE, T0 - 9000 * MINUTE, "neighbour-up", "{\"link\":\"s\",\"neighbour\":\"car\"}");
	entry_add(&w, "pp", 26 * MINUTE, T0 - 8999 * MINUTE, "operator", "{\"who\":\"li\",\"did\":\"reload\"}");
	log_save(&w, "post.log");
	assert_int_equal(run(s, command_report, "car.log post.log --csv --out -"), CTL_GOOD);
	says(s->out, "kept by nobody as far as is known; moved by 6 days");
	assert_int_equal(run(s, command_report, "car.log post.log"), CTL_GOOD);
	file_load("report.html", s->out, sizeof(s->out));
	says(s->out, "as car and post saw it");
	says(s->out, "<td data-label=\"who\">li</td>");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_page_tells_what_was_out_why_and_who_did_what),
		TEST(what_has_not_worked_since_the_start_is_not_called_well),
		TEST(a_file_that_is_there_is_not_replaced),
		TEST(a_table_has_it_too),
		TEST(what_a_spreadsheet_would_run_is_text),
		TEST(a_range_cuts_and_an_empty_one_says_so),
		TEST(a_changed_log_is_reported_and_said),
		TEST(a_log_of_another_authority_is_said_on_top_of_the_page),
		TEST(logs_are_merged),
	};

	if (sodium_init() < 0)
		return 1;
	authority_make(&authority, 7);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
