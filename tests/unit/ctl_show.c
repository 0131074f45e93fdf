/* What people see: fits the screen, lines up, and says the thing; and what they see when nobody answers. */
#include "tests/unit/ctl_run.h"

#include <locale.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

static char *printed(void (*print)(const json_t *answer, FILE *out), const json_t *answer)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	print(answer, out);
	fclose(out);
	char *copy = strdup(text); /* gcc takes `text` for a pointer to the variable */
	free(text);
	return copy;
}

static char *printed_from(void (*print)(const json_t *answer, FILE *out), const char *json)
{
	json_error_t error;
	json_t *answer = json_loads(json, 0, &error);

	if (!answer)
		fail_msg("%s at %d", error.text, error.position);
	char *text = printed(print, answer);
	json_decref(answer);
	return text;
}

/* --- status ---------------------------------------------------------------------------------- */

static json_t *level_make(const char *level, unsigned reachable, unsigned known, const char *name)
{
	json_t *nodes = json_array();

	for (unsigned i = 0; i < known && i < 32; i++)
		json_array_append_new(nodes, json_pack("{s:s, s:b, s:s, s:s, s:b, s:[s,s,s]}", "name", name,
						     "reachable", i < reachable, "link", "radio0", "via", "relay",
						     "direct", i % 2, "classes", "text", "command", "bulk"));
	return json_pack("{s:s, s:i, s:i, s:o}", "level", level, "known", (int)known, "reachable", (int)reachable,
		"nodes", nodes);
}

static json_t *status_make(unsigned links, unsigned reasons, unsigned warnings, unsigned nodes)
{
	json_t *link = json_array(), *reason = json_array(), *warning = json_array();

	for (unsigned i = 0; i < links; i++)
		json_array_append_new(link, json_pack("{s:s, s:s, s:i}", "name", "l", "state", "up", "neighbours", 1));
	for (unsigned i = 0; i < reasons; i++)
		json_array_append_new(reason, json_pack("{s:s, s:s}", "what", "w", "action", "a"));
	for (unsigned i = 0; i < warnings; i++)
		json_array_append_new(warning, json_pack("{s:s, s:s}", "what", "w", "action", "a"));
	return json_pack("{s:b, s:s, s:s, s:s, s:i, s:i, s:[o,o,o,o], s:o, s:o, s:o, s:{s:i,s:i}}", "ok", 1, "verdict",
		"degraded", "name", "me", "level", "scene", "uptime_s", 300, "neighbours", 2, "levels",
		level_make("city", nodes / 2, nodes, "c"), level_make("district", 0, nodes, "d"),
		level_make("town", nodes, nodes, "t"), level_make("scene", 1, nodes, "s"), "links", link, "reasons",
		reason, "warnings", warning, "logs", "members", 1072, "newest_s", 7200);
}

static void status_is_at_most_20_lines_of_100_columns(void **state)
{
	(void)state;
	for (unsigned nodes = 0; nodes <= 600; nodes += 60)
		for (unsigned links = 0; links <= 32; links += 4)
			for (unsigned reasons = 0; reasons <= 64; reasons++) {
				json_t *answer = status_make(links, reasons % 8, reasons / 8, nodes);
				char *text = printed(status_print, answer), *rest = NULL;

				assert_true(lines_of(text) <= 20);
				for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
					assert_true(text_width(line) <= 100);
				free(text);
				json_decref(answer);
			}
}

static void status_leads_with_the_verdict_and_ends_with_what_to_do(void **state)
{
	(void)state;
	char *text = printed_from(status_print,
		"{\"ok\":true,\"verdict\":\"degraded\",\"name\":\"car\",\"level\":\"scene\",\"uptime_s\":185,"
		"\"neighbours\":1,\"levels\":[{\"level\":\"city\",\"known\":2,\"reachable\":1,\"nodes\":["
		"{\"name\":\"c1\",\"reachable\":true,\"classes\":[\"text\",\"command\"],\"link\":\"sat0\",\"via\":"
		"\"c1\",\"direct\":true},"
		"{\"name\":\"c2\",\"reachable\":false}]},"
		"{\"level\":\"town\",\"known\":1,\"reachable\":0,\"nodes\":[{\"name\":\"t1\",\"reachable\":false}]}],"
		"\"links\":[{\"name\":\"sat0\",\"state\":\"up\",\"neighbours\":1},"
		"{\"name\":\"radio0\",\"state\":\"missing\",\"neighbours\":0}],"
		"\"reasons\":[{\"what\":\"link radio0 is down\",\"action\":\"plug it in\"}],"
		"\"warnings\":[{\"what\":\"c1 hangs on one path: sat0 to c1\",\"action\":\"a\"}],"
		"\"logs\":{\"members\":2,\"newest_s\":125}}");

	assert_string_equal(text, "degraded: car (scene), 1 neighbour, running for 3 min\n"
				  "reachable\n"
				  "  city  1 of 2  c1 (sat0, no pictures)\n"
				  "  town  0 of 1  none; not t1\n"
				  "links\n"
				  "  sat0    up       1 neighbour\n"
				  "  radio0  missing  nobody there\n"
				  "logs of 2 other members are here, the newest 2 min old\n"
				  "! link radio0 is down: plug it in\n"
				  "~ c1 hangs on one path: sat0 to c1\n");
	free(text);
}

static void alarms_lead_with_the_gravest_and_say_what_to_do(void **state)
{
	(void)state;
	char *text = printed_from(alarms_print,
		"{\"ok\":true,\"alarms\":[{\"name\":\"level-cut-off city\",\"grade\":\"red\",\"text\":\"no city node "
		"can "
		"be reached, 2 known\",\"action\":\"raise an "
		"antenna\",\"since_s\":185.2,\"under\":null,\"silent_s\":null},"
		"{\"name\":\"link-down sat0\",\"grade\":\"amber\",\"text\":\"link sat0 is down\",\"action\":\"plug it "
		"in\","
		"\"since_s\":190,\"under\":\"level-cut-off city\",\"silent_s\":null},"
		"{\"name\":\"mtu radio0\",\"grade\":\"amber\",\"text\":\"frames are lost\",\"action\":\"nothing\","
		"\"since_s\":60,\"under\":null,\"silent_s\":120}],"
		"\"over\":[{\"name\":\"alone\",\"since_s\":360.1,\"over_s\":300.1}],"
		"\"levels\":[{\"level\":\"city\",\"state\":\"cut-off\"},{\"level\":\"district\",\"state\":\"nobody\"},"
		"{\"level\":\"town\",\"state\":\"works\",\"tested_s\":3.4},"
		"{\"level\":\"scene\",\"state\":\"unknown\",\"tested_s\":null}]}");

	assert_string_equal(text, "RED    level-cut-off city: no city node can be reached, 2 known, for 3 min\n"
				  "       raise an antenna\n"
				  "       with it: link-down sat0: link sat0 is down\n"
				  "AMBER  mtu radio0: frames are lost, for 60 s (silent for 2 min more)\n"
				  "       nothing\n"
				  "over   alone: ended 5 min ago, after 60 s\n"
				  "levels\n"
				  "       city: cut off\n"
				  "       town: works, tested 3 s ago\n"
				  "       scene: not known, never tested; meshctl reach tests it\n");
	free(text);
}

static void outages_tell_what_is_out_and_every_mark(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	char *text = printed_from(outages_print,
		"{\"ok\":true,\"sites\":[{\"site\":\"city\",\"out\":true,\"out_s\":12.5,\"classes\":["
		"{\"class\":\"text\",\"works\":true,\"worked_s\":3.1},{\"class\":\"command\",\"works\":false,"
		"\"worked_s\":200.4},{\"class\":\"bulk\",\"works\":false,\"worked_s\":null}],"
		"\"outage\":{\"site\":\"city\",\"start\":false,\"began_unix_s\":1790000000,\"lost\":[\"text\","
		"\"command\"],\"contact_s\":2.5,\"text_s\":3.0,\"voice_s\":null,\"picture_s\":null,"
		"\"restored_s\":null}}],"
		"\"outages\":[{\"site\":\"city\",\"start\":true,\"began_unix_s\":1789990000,\"lost\":[\"text\"],"
		"\"contact_s\":21.0,\"text_s\":25.0,\"voice_s\":35.0,\"picture_s\":605.0,\"restored_s\":605.0}]}");

	assert_string_equal(text, "city: OUT for 12.5 s, text works, 3.1 s ago; voice LOST, 3 min ago; pictures never\n"
				  "SITE  BEGAN                LOST         CONTACT  TEXT    VOICE   PICTURE  RESTORED\n"
				  "city  2026-09-21 14:13:20  text, voice  2.5 s    3.0 s   -       -        -\n"
				  "city  2026-09-21 11:26:40  (start)      21.0 s   25.0 s  35.0 s  10 min   10 min\n");
	free(text);
	text = printed_from(outages_print, "{\"ok\":true,\"sites\":[],\"outages\":[]}");
	says(text, "nothing is watched; name sites in meshd.yaml");
	free(text);
}

static void messages_tell_what_is_known_of_them(void **state)
{
	(void)state;
	char *text = printed_from(inbox_print,
		"{\"ok\":true,\"inbox\":[{\"from\":\"town-2\",\"age_s\":65,\"urgent\":true,\"date_min\":29833333,"
		"\"text\":\"bridge\\u001b[2J is\\ndown\\u009b\"},"
		"{\"from\":\"city\",\"age_s\":7000,\"urgent\":false,\"date_min\":null,\"text\":\"all well\"}]}");

	assert_string_equal(text, "from city, 116 min ago\n"
				  "    all well\n"
				  "from town-2, 65 s ago, URGENT, written 2026-09-21 14:13 UTC\n"
				  "    bridge [2J is\n"
				  "    down \n");
	free(text);
	text = printed_from(outbox_print,
		"{\"ok\":true,\"outbox\":["
		"{\"number\":5,\"to\":\"a\",\"state\":\"expired\",\"state_s\":3,\"text\":\"e\"},"
		"{\"number\":4,\"to\":\"a\",\"state\":\"delivered\",\"state_s\":3,\"text\":\"d\"},"
		"{\"number\":3,\"to\":\"a\",\"state\":\"reached\",\"state_s\":3,\"at\":\"b\",\"text\":\"c\"},"
		"{\"number\":2,\"to\":\"a\",\"state\":\"left\",\"state_s\":3,\"link\":\"radio0\",\"at\":\"b\",\"text\":"
		"\"b\"},"
		"{\"number\":1,\"to\":\"a\",\"state\":\"queued\",\"state_s\":3,\"waits\":\"way\",\"text\":\"a\"}]}");
	assert_string_equal(text, "1 to a: queued: there is no way there now\n    a\n"
				  "2 to a: left by radio0 3.0 s ago, taken by b\n    b\n"
				  "3 to a: reached b 3.0 s ago, and waits there\n    c\n"
				  "4 to a: delivered 3.0 s ago\n    d\n"
				  "5 to a: EXPIRED 3.0 s ago: nobody knows that it arrived\n    e\n");
	free(text);
	text = printed_from(inbox_print, "{\"ok\":true,\"inbox\":[]}");
	says(text, "nothing has come");
	free(text);
	text = printed_from(sent_print, "{\"ok\":true,\"number\":7}");
	says(text, "7: queued");
	free(text);
}

static void names_that_do_not_fit_are_counted(void **state)
{
	json_t *answer = status_make(1, 0, 8, 600);
	char *text = printed(status_print, answer);

	(void)state;
	says(text, "300 of 600");
	says(text, "600 of 600");
	/* 600 reachable; those that are written out and those that are counted. */
	char *town = strstr(text, "town");
	char *more = strstr(town, " and ");
	unsigned named = 0;
	for (char *at = town; at < more; at++)
		named += *at == '(';
	assert_int_equal(named + strtoul(more + 5, NULL, 10), 600);
	free(text);
	json_decref(answer);
}

/* --- tables ------------------------------------------------------------------------------------- */

static void columns_line_up_in_any_script(void **state)
{
	struct table t;
	char *text = NULL, *rest = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	unsigned at[3], i = 0;

	(void)state;
	table_init(&t, 2);
	table_cell(&t, "plain");
	table_cell(&t, "|");
	table_cell(&t, "\xe5\x8e\xbf\xe6\x8c\x87"); /* two characters, four columns, six bytes */
	table_cell(&t, "|");
	table_cell(&t, "x");
	table_cell(&t, "|");
	table_print(&t, out, "");
	fclose(out);
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *bar = strchr(line, '|');

		*bar = 0;
		at[i++] = text_width(line);
	}
	assert_int_equal(i, 3);
	assert_int_equal(at[0], at[1]);
	assert_int_equal(at[0], at[2]);
	table_done(&t);
	free(text);
}

static void broken_text_is_still_printed(void **state)
{
	(void)state;
	assert_int_equal(text_width("a\xff\xfe"), 3);
	assert_int_equal(text_width("\xe5\x8e"), 2);
	assert_int_equal(text_width(""), 0);
}

static void reachable_is_never_told_without_its_age(void **state)
{
	(void)state;
	char *text = printed_from(nodes_print,
		"{\"nodes\":[{\"name\":\"c1\",\"level\":\"city\",\"address\":\"fd00::1\",\"self\":false,"
		"\"reachable\":true,\"direct\":false,\"via\":\"v\",\"link\":\"sat0\",\"metric\":352,\"heard_s\":4.2},"
		"{\"name\":\"t1\",\"level\":\"town\",\"address\":\"fd00::2\",\"self\":false,\"reachable\":false,"
		"\"metric\":null,\"heard_s\":null}]}");

	says(text, "yes");
	says(text, "4.2 s ago");
	char *t1 = strstr(text, "t1");
	says(t1, "no");
	assert_null(strstr(t1, "ago"));
	free(text);
}

static void links_tell_trouble_and_both_costs(void **state)
{
	(void)state;
	char *text = printed_from(links_print,
		"{\"links\":[{\"name\":\"radio0\",\"type\":\"ethernet\",\"interface\":\"wlan0\",\"state\":\"up\","
		"\"trouble\":\"\",\"tx_bytes\":1234567,\"rx_bytes\":999,\"tx_errors\":2,\"tx_error\":\"No buffer\","
		"\"rate_bps\":9600,\"learned_bps\":4800,\"control_permille\":31,\"lanes\":{\"control\":{\"sent_bytes\":"
		"9},"
		"\"text\":{\"waiting\":3,\"waiting_bytes\":1200,\"full\":1,\"late\":2,\"gone\":0}},"
		"\"rx_lost\":0,\"drops\":{\"replayed\":3},\"peers\":[],\"neighbours\":[{\"name\":\"b1\",\"endpoint\":"
		"\"02:00:00:00:00:01\",\"up\":true,\"heard_s\":0.3,\"cost\":300,\"cost_in\":256,\"cost_out\":null,"
		"\"rtt_ms\":12.34,\"loss_percent\":6,\"routes\":4,\"mtu\":1264}],\"mtu\":1452,\"introductions\":["
		"{\"name\":\"b1\",\"introduced_by\":\"city\",\"endpoint\":\"e1\",\"direct\":true,\"tries\":1,\"called_"
		"s\":9},"
		"{\"name\":\"b2\",\"introduced_by\":\"city\",\"endpoint\":\"203.0.113.9:40001\",\"direct\":false,"
		"\"tries\":3,"
		"\"called_s\":41}]},"
		"{\"name\":\"sat0\",\"type\":\"udp\",\"interface\":\"\",\"state\":\"missing\",\"trouble\":"
		"\"eth9: not there; plug it in\",\"peers\":[{\"host\":\"city.example\",\"port\":6697,\"endpoint\":null,"
		"\"lookup_failed\":true}],\"neighbours\":[]}]}");

	says(text, "radio0: up (ethernet on wlan0), sent 1.2 MB, received 999 B");
	says(text, "2 frames could not be sent; the last: No buffer");
	says(text, "dropped: replayed 3");
	says(text, "4.8kbit/s learned, 3.1 % of it for control in the last 10 s");
	says(text, "text: 3 packets wait (1.2 kB); dropped: 1 no room, 2 waited too long, 0 neighbour lost");
	assert_null(strstr(text, "control: "));
	says(text, "b1         02:00:00:00:00:01  in contact  0.3 s ago  300   256  none  12.3 ms  6 %   4");
	says(text, "b1: direct (introduced by city)");
	says(text, "b1: frames of up to 1264 bytes arrive, the link takes 1452");
	says(text, "b2: through city; called 3 times at 203.0.113.9:40001, the last 41 s ago");
	says(text, "eth9: not there; plug it in");
	says(text, "calls city.example port 6697: the name cannot be looked up");
	says(text, "nobody there");
	free(text);
}

static void routes_tell_what_is_in_use_and_what_is_spare(void **state)
{
	(void)state;
	char *text = printed_from(routes_print,
		"{\"own\":[{\"prefix\":\"fd00::9/128\",\"announced\":true}],\"routes\":["
		"{\"prefix\":\"fd00::1/128\",\"origin\":\"c1\",\"via\":\"v\",\"link\":\"sat0\",\"metric\":352,"
		"\"selected\":true,\"feasible\":true,\"heard_s\":1},"
		"{\"prefix\":\"fd00::1/128\",\"origin\":\"c1\",\"via\":\"w\",\"link\":\"lte0\",\"metric\":500,"
		"\"selected\":false,\"feasible\":true,\"heard_s\":1},"
		"{\"prefix\":\"fd00::1/128\",\"origin\":\"c1\",\"via\":\"u\",\"link\":\"lte0\",\"metric\":450,"
		"\"selected\":false,\"backup\":true,\"feasible\":true,\"heard_s\":1},"
		"{\"prefix\":\"fd00::1/128\",\"origin\":\"c1\",\"via\":\"x\",\"link\":\"lte0\",\"metric\":400,"
		"\"selected\":false,\"feasible\":false,\"heard_s\":1},"
		"{\"prefix\":\"fd00::1/128\",\"origin\":\"c1\",\"via\":\"y\",\"link\":\"lte0\",\"metric\":null,"
		"\"selected\":false,\"feasible\":true,\"heard_s\":1},"
		"{\"prefix\":\"fd00::2/128\",\"origin\":\"c2\",\"via\":null,\"link\":null,\"metric\":null,"
		"\"selected\":false,\"feasible\":false,\"held\":true,\"heard_s\":null}]}");

	says(text, "announced");
	says(text, "in use");
	says(text, "spare");
	says(text, "backup");
	says(text, "not safe");
	says(text, "unusable");
	says(text, "lost, held");
	free(text);
}

static void why_lists_each_way_with_its_rule(void **state)
{
	(void)state;
	char *text = printed_from(why_print,
		"{\"text\":\"packets to c1 go to v\",\"ways\":[{\"chosen\":true,\"via\":\"v\",\"link\":\"sat0\","
		"\"metric\":352,\"prefix\":\"fd00::1/128\",\"rule\":\"chosen\",\"text\":\"the lowest\"},"
		"{\"chosen\":false,\"via\":\"w\",\"link\":\"lte0\",\"metric\":null,\"prefix\":\"fd00::1/128\","
		"\"rule\":\"retracted\",\"text\":\"w cannot\"}]}");

	assert_string_equal(text, "packets to c1 go to v\n"
				  "ways that are known:\n"
				  "  * via v over sat0, metric 352 (fd00::1/128)\n"
				  "      chosen: the lowest\n"
				  "    via w over lte0, metric none (fd00::1/128)\n"
				  "      retracted: w cannot\n");
	free(text);
}

static void numbers_become_words(void **state)
{
	char text[WORDS_MAX];
	json_t *seconds = json_real(9.96);

	(void)state;
	assert_string_equal(words_span(119, text), "119 s");
	assert_string_equal(words_span(120, text), "2 min");
	assert_string_equal(words_span(7200, text), "2 h");
	assert_string_equal(words_span(172800, text), "2 days");
	assert_string_equal(words_bytes(0, text), "0 B");
	assert_string_equal(words_bytes(999, text), "999 B");
	assert_string_equal(words_bytes(1000, text), "1.0 kB");
	assert_string_equal(words_bytes(999499, text), "999 kB");
	assert_string_equal(words_bytes(999500, text), "1.0 MB");
	assert_string_equal(words_bytes(INT64_MAX, text), "9223372 TB");
	assert_string_equal(words_ago(seconds, text), "10.0 s ago");
	assert_string_equal(words_ago(NULL, text), "-");
	json_decref(seconds);
}

/* --- who answers ------------------------------------------------------------------------------------ */

struct server {
	int fd;
	const char *answer, *then; /* first and second */
	pthread_t thread;
};

static void *server_run(void *arg)
{
	struct server *s = arg;
	char request[4096];

	for (const char *answer = s->answer; answer; answer = answer == s->answer ? s->then : NULL) {
		int client = accept(s->fd, NULL, NULL);

		if (read(client, request, sizeof(request)) > 0)
			send(client, answer, strlen(answer), MSG_NOSIGNAL);
		close(client);
	}
	return NULL;
}

static void socket_listen(struct server *s)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "sock" };

	s->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	unlink("sock");
	assert_int_equal(bind(s->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(s->fd, 1), 0);
}

static void server_start(struct server *s, const char *answer, const char *then)
{
	s->answer = answer;
	s->then = then;
	socket_listen(s);
	assert_int_equal(pthread_create(&s->thread, NULL, server_run, s), 0);
}

static void server_end(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->fd);
}

static void no_daemon_is_exit_2_with_a_remedy(void **state)
{
	struct scratch *s = *state;
	struct server server;

	assert_int_equal(run(s, command_status, "--socket nothing"), CTL_USAGE);
	says(s->err, "no meshd answers there; start it");
	socket_listen(&server);
	close(server.fd); /* the file stays, as after kill -9 */
	assert_int_equal(run(s, command_status, "--socket sock"), CTL_USAGE);
	says(s->err, "no meshd answers there; start it");
	assert_int_equal(run(s, command_status, "--socket ."), CTL_USAGE);
	assert_int_equal(lines_of(s->err), 1);
}

static void strange_answers_are_told_as_such(void **state)
{
	static const struct {
		const char *answer, *says;
		int status;
	} cases[] = {
		{ "", "does not answer", CTL_USAGE },
		{ "{\"ok\": true", "does not answer", CTL_USAGE },
		{ "HTTP/1.1 400\n", "not meshd's", CTL_USAGE },
		{ "[]\n", "", CTL_BAD },
		{ "{\"ok\": false, \"error\": \"so it is\"}\n", "so it is", CTL_BAD },
	};
	struct scratch *s = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server server;

		server_start(&server, cases[i].answer, NULL);
		assert_int_equal(run(s, command_nodes, "--socket sock"), cases[i].status);
		server_end(&server);
		says(s->err, cases[i].says);
	}
}

static void pages_are_joined(void **state)
{
	struct scratch *s = *state;
	struct server server;

	server_start(&server, "{\"ok\":true,\"nodes\":[{\"name\":\"first\"}],\"next\":1}\n",
		"{\"ok\":true,\"nodes\":[{\"name\":\"second\"}],\"next\":null}\n");
	assert_int_equal(run(s, command_nodes, "--socket sock --json"), CTL_GOOD);
	server_end(&server);
	json_t *answer = json_loads(s->out, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(answer, "nodes")), 2);
	assert_null(json_object_get(answer, "next"));
	json_decref(answer);
	/* A page that points to itself is the last one. */
	server_start(&server, "{\"ok\":true,\"nodes\":[],\"next\":1}\n",
		"{\"ok\":true,\"nodes\":[{\"name\":\"x\"}],\"next\":1}\n");
	assert_int_equal(run(s, command_nodes, "--socket sock"), CTL_GOOD);
	server_end(&server);
	says(s->out, "x");
}

static void exit_status_is_the_verdict(void **state)
{
	static const struct {
		const char *answer;
		int (*command)(int argc, char **argv);
		const char *line;
		int status;
	} cases[] = {
		{ "{\"ok\":true,\"verdict\":\"healthy\"}\n", command_status, "--socket sock", CTL_GOOD },
		{ "{\"ok\":true,\"verdict\":\"degraded\"}\n", command_status, "--socket sock", CTL_BAD },
		{ "{\"ok\":true,\"verdict\":\"alone\"}\n", command_status, "--socket sock --json", CTL_BAD },
		{ "{\"ok\":true,\"verdict\":\"route\"}\n", command_why, "--socket=sock c1", CTL_GOOD },
		{ "{\"ok\":true,\"verdict\":\"none\"}\n", command_why, "c1 --socket sock", CTL_BAD },
		{ "{\"ok\":true,\"verdict\":\"falls\"}\n", command_why, "c1 bulk --socket sock", CTL_GOOD },
		{ "{\"ok\":true,\"verdict\":\"not admitted\"}\n", command_why, "c1 bulk --socket sock", CTL_BAD },
		{ "{\"ok\":true,\"classes\":[{\"verdict\":\"works\"}]}\n", command_reach, "c1 --socket sock",
			CTL_GOOD },
		{ "{\"ok\":true,\"classes\":[{\"verdict\":\"works\"},{\"verdict\":\"fails\"}]}\n", command_reach,
			"c1 --socket sock", CTL_BAD },
		{ "{\"ok\":true,\"classes\":[{\"verdict\":\"unknown\"}]}\n", command_reach, "c1 --socket sock --json",
			CTL_BAD },
		{ "{\"ok\":true,\"address\":\"fd00::1\",\"from\":\"fd00::1\",\"own\":true}\n", command_trace,
			"c1 --socket sock", CTL_GOOD },
	};
	struct scratch *s = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server server;

		server_start(&server, cases[i].answer, NULL);
		assert_int_equal(run(s, cases[i].command, cases[i].line), cases[i].status);
		server_end(&server);
		assert_string_equal(s->err, "");
	}
}

/* What is pending is asked for again. */
static void reach_waits_for_what_is_pending(void **state)
{
	struct scratch *s = *state;
	struct server server;

	server_start(&server,
		"{\"ok\":true,\"pending\":true,\"classes\":[{\"class\":\"text\",\"verdict\":\"waiting\"}]}\n",
		"{\"ok\":true,\"pending\":false,\"classes\":[{\"class\":\"text\",\"verdict\":\"works\"}]}\n");
	assert_int_equal(run(s, command_reach, "c1 text --socket sock"), CTL_GOOD);
	server_end(&server);
	says(s->out, "works");
}

static void questions_check_their_arguments(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(run(s, command_status, "x"), CTL_USAGE);
	assert_int_equal(run(s, command_why, ""), CTL_USAGE);
	assert_int_equal(run(s, command_why, "a b"), CTL_USAGE);
	says(s->err, "\"b\" is no class; write text, command or bulk");
	assert_int_equal(run(s, command_why, "a bulk c"), CTL_USAGE);
	says(s->err, "\"c\" is one word too many");
	assert_int_equal(run(s, command_reach, "bulk text urgent"), CTL_USAGE);
	assert_int_equal(run(s, command_routes, "urgent"), CTL_USAGE);
	assert_int_equal(run(s, command_nodes, "bulk"), CTL_USAGE);
	assert_int_equal(run(s, command_trace, "a bulk"), CTL_USAGE);
	assert_int_equal(run(s, command_trace, ""), CTL_USAGE);
	assert_int_equal(run(s, command_links, "--watch"), CTL_USAGE);
	says(s->err, "--watch is not an option here");
	assert_int_equal(run(s, command_routes, "--json=1"), CTL_USAGE);
	assert_int_equal(run(s, command_why, "\xff --socket sock"), CTL_USAGE);
	says(s->err, "not text");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_enter, scratch_leave)

/* --- reload ---------------------------------------------------------------------------------- */

static void reload_says_what_waits(void **state)
{
	char *text = printed_from(
		reload_print, "{\"applied\": [\"link lab: accept\"], \"waiting\": [\"node: tun\", \"link sat0\"]}");

	(void)state;
	assert_string_equal(
		text, "changed: link lab: accept\nneeds a restart: node: tun\nneeds a restart: link sat0\n");
	free(text);
	text = printed_from(reload_print, "{\"applied\": [], \"waiting\": []}");
	assert_string_equal(text, "nothing is different\n");
	free(text);
}

static void words_of_classes(void **state)
{
	static const struct {
		const char *classes, *words;
	} cases[] = { { "[\"text\",\"command\",\"bulk\"]", "all" }, { "[\"text\",\"command\"]", "no pictures" },
		{ "[\"text\",\"bulk\"]", "no voice" }, { "[\"text\"]", "messages only" }, { "[]", "messages only" },
		{ "[7]", "messages only" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *classes = json_loads(cases[i].classes, 0, NULL);

		assert_string_equal(words_classes(classes), cases[i].words);
		json_decref(classes);
	}
	assert_string_equal(words_classes(NULL), "messages only");
}

/* --- reach ----------------------------------------------------------------------------------- */

static void reach_says_what_works_for_what_and_how_old_that_is(void **state)
{
	char *text = printed_from(reach_print,
		"{\"address\": \"fd00::1\", \"name\": \"city-1\", \"classes\": ["
		"{\"class\": \"text\", \"verdict\": \"works\", \"text\": \"62.0 ms\", \"age_s\": 0.2, \"worked_s\": "
		"0.2},"
		"{\"class\": \"command\", \"verdict\": \"unknown\", \"text\": \"nobody answers\", \"age_s\": 0.0, "
		"\"worked_s\": 250.0},"
		"{\"class\": \"bulk\", \"verdict\": \"fails\", \"text\": \"too thin\", \"age_s\": 1.0, \"worked_s\": "
		"null}]}");

	(void)state;
	assert_string_equal(text,
		"to city-1, fd00::1\n"
		"  text     messages         works          0.2 s ago  62.0 ms\n"
		"  command  voice, orders    NOT KNOWN      0.0 s ago  nobody answers; it last worked 4 min "
		"ago\n"
		"  bulk     pictures, files  DOES NOT WORK  1.0 s ago  too thin\n");
	free(text);
}

/* --- classes --------------------------------------------------------------------------------- */

static void classes_tell_rules_limits_and_who_is_beyond(void **state)
{
	char *text = printed_from(classes_print,
		"{\"rules\": [{\"rule\": \"command udp port 5060\", \"class\": \"command\", \"packets\": 12}], "
		"\"classes\": ["
		"{\"class\": \"text\", \"limit\": \"none\", \"over_limit\": 0, \"offenders\": []},"
		"{\"class\": \"command\", \"limit\": \"usual\", \"over_limit\": 7, \"offenders\": "
		"[{\"name\": \"car-7\", \"link\": \"radio0\", \"packets\": 7}]},"
		"{\"class\": \"bulk\", \"limit\": \"stated\", \"rate_bps\": 2000000, \"burst_ms\": 500, "
		"\"over_limit\": 3, "
		"\"offenders\": [{\"name\": \"town-3\", \"link\": \"sat0\", \"packets\": 3}]}], \"fallen\": 5}");

	(void)state;
	says(text, "  command udp port 5060  12 packets\n");
	says(text, "  text     none                                 0 packets beyond\n");
	says(text, "  command  an eighth of its link, 64k at least  7 packets beyond\n");
	says(text, "  bulk     2Mbit/s, 500 ms at once              3 packets beyond\n");
	says(text, "5 packets had no way of their class");
	says(text, "! car-7 sends too much command by radio0: 7 packets went on as bulk\n");
	says(text, "! town-3 sends too much bulk by sat0: 3 packets were dropped\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reload_says_what_waits),
		cmocka_unit_test(classes_tell_rules_limits_and_who_is_beyond),
		cmocka_unit_test(words_of_classes),
		cmocka_unit_test(reach_says_what_works_for_what_and_how_old_that_is),
		cmocka_unit_test(status_is_at_most_20_lines_of_100_columns),
		cmocka_unit_test(status_leads_with_the_verdict_and_ends_with_what_to_do),
		cmocka_unit_test(alarms_lead_with_the_gravest_and_say_what_to_do),
		cmocka_unit_test(outages_tell_what_is_out_and_every_mark),
		cmocka_unit_test(messages_tell_what_is_known_of_them),
		cmocka_unit_test(names_that_do_not_fit_are_counted),
		cmocka_unit_test(columns_line_up_in_any_script),
		cmocka_unit_test(broken_text_is_still_printed),
		cmocka_unit_test(reachable_is_never_told_without_its_age),
		cmocka_unit_test(links_tell_trouble_and_both_costs),
		cmocka_unit_test(routes_tell_what_is_in_use_and_what_is_spare),
		cmocka_unit_test(why_lists_each_way_with_its_rule),
		cmocka_unit_test(numbers_become_words),
		TEST(no_daemon_is_exit_2_with_a_remedy),
		TEST(strange_answers_are_told_as_such),
		TEST(pages_are_joined),
		TEST(exit_status_is_the_verdict),
		TEST(reach_waits_for_what_is_pending),
		TEST(questions_check_their_arguments),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
