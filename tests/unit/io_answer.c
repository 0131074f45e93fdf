/* What the daemon answers, of real nodes in a small world, and to whatever else is asked. */
#include "tests/unit/io_world.h"

#include "meshd/io/collect.h"

static json_t *asked_well(struct daemon *d, const char *request)
{
	json_t *answer = asked(d, request);

	if (!json_is_true(json_object_get(answer, "ok")))
		fail_msg("%s: %s", request, json_string_value(json_object_get(answer, "error")));
	return answer;
}

static void refused(struct daemon *d, struct bytes request, const char *why)
{
	struct asker asker = { 0 };
	char *line = control_answer(d, request, &asker);

	assert_non_null(line);
	says(line, "\"ok\":false");
	says(line, why);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	free(line);
}

static json_int_t number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* The entry of a list with this name; NULL: none. */
static const json_t *named(const json_t *list, const char *key, const char *name)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (list, i, entry)
		if (strcmp(text_of(entry, key), name) == 0)
			return entry;
	return NULL;
}

static bool has_reason(const json_t *status, const char *part)
{
	const json_t *reason;
	size_t i;

	json_array_foreach (json_object_get(status, "reasons"), i, reason) {
		assert_true(*text_of(reason, "action")); /* nothing is told without what to do */
		if (strstr(text_of(reason, "what"), part))
			return true;
	}
	return false;
}

/* --- whatever is asked ---------------------------------------------------------------------- */

static void what_is_no_question_gets_an_error(void **state)
{
	static const struct {
		const char *request, *says;
	} cases[] = {
		{ "", "not JSON" },
		{ "status", "not JSON" },
		{ "{", "not JSON" },
		{ "{\"request\": \"status\"", "not JSON" },
		{ "{\"request\": \"status\"} x", "not JSON" },
		{ "{\"request\": \"status\", \"request\": \"nodes\"}", "not JSON" },
		{ "[]", "one of status" },
		{ "[\"status\"]", "one of status" },
		{ "{}", "one of status" },
		{ "{\"request\": null}", "one of status" },
		{ "{\"request\": 7}", "one of status" },
		{ "{\"request\": \"shutdown\"}", "one of status" },
		{ "{\"request\": \"Status\"}", "one of status" },
		{ "{\"request\": \"why\"}", "\\\"dest\\\" is missing" },
		{ "{\"request\": \"why\", \"dest\": 7}", "\\\"dest\\\" is missing" },
		{ "{\"request\": \"why\", \"dest\": \"\"}", "\\\"dest\\\" is missing" },
		{ "{\"request\": \"why\", \"dest\": \"nobody\"}", "no node, address or prefix" },
		{ "{\"request\": \"why\", \"dest\": \"ci\"}", "do you mean \\\"city-1\\\"?" },
		{ "{\"request\": \"why\", \"dest\": \"10.0.0.1/8\"}", "bits beyond its length" },
		{ "{\"request\": \"trace\", \"dest\": \"10.0.0.0/8\"}", "a prefix cannot be traced" },
		{ "{\"request\": \"why\", \"dest\": \"city-1\", \"class\": \"urgent\"}", "is text, command or bulk" },
		{ "{\"request\": \"routes\", \"class\": 7}", "is text, command or bulk" },
		{ "{\"request\": \"reach\"}", "\\\"dest\\\" is missing" },
		{ "{\"request\": \"reach\", \"dest\": \"city-1\", \"class\": []}", "is text, command or bulk" },
		{ "{\"request\": \"names\"}", "a list of at most" },
		{ "{\"request\": \"names\", \"addresses\": \"fd00::1\"}", "a list of at most" },
	};
	struct world *w = world_new(*state);

	world_run(w, 5 * SECOND_US);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused(w->members[CAR].d, bytes_of(cases[i].request, strlen(cases[i].request)), cases[i].says);
	world_free(w);
}

static void who_asks_for_what_is_not_there_is_told_each_request_once(void **state)
{
	static const char *const some[] = { " events,", " revoke,", " grant,", " send,", " log,", " pair,",
		" capture\"" };
	struct world *w = world_new(*state);
	struct asker asker = { 0 };
	char *line = control_answer(w->members[CAR].d, bytes_of("{}", 2), &asker);

	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		const char *at = strstr(line, some[i]);

		assert_non_null(at);
		assert_null(strstr(at + 1, some[i]));
	}
	free(line);
	world_free(w);
}

static void hostile_bytes_get_an_error(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	static char line[2 * CONTROL_LINE_MAX];
	uint8_t noise[512];

	memset(line, '[', sizeof(line)); /* as deep as it gets */
	refused(d, bytes_of(line, CONTROL_LINE_MAX - 1), "not JSON");
	refused(d, bytes_of(line, CONTROL_LINE_MAX), "more than 4095 bytes");
	refused(d, bytes_of(line, sizeof(line)), "more than 4095 bytes");
	refused(d, bytes_of("{\"request\": \"status\0\"}", 22), "not JSON");
	refused(d, bytes_of("{\"request\": \"\xff\xfe\"}", 17), "not JSON");
	for (unsigned i = 0; i < 2000; i++) {
		random_fill(&kernel_random, noise, sizeof(noise));
		refused(d, bytes_of(noise, i % sizeof(noise)), "\"error\":");
	}
	world_free(w);
}

/* Cut, and with one byte changed: an answer each time, of either kind. */
static void damaged_questions_get_an_answer(void **state)
{
	static const char good[] = "{\"request\": \"why\", \"dest\": \"fd00::1/64\"}";
	struct world *w = world_new(*state);

	for (size_t at = 0; at < sizeof(good) - 1; at++)
		for (unsigned value = 1; value < 256; value++) {
			char line[sizeof(good)];

			memcpy(line, good, sizeof(line));
			line[at] = (char)value;
			json_decref(asked(w->members[CAR].d, line));
		}
	world_free(w);
}

/* --- status --------------------------------------------------------------------------------- */

static const char *only_warning(const json_t *status)
{
	const json_t *warnings = json_object_get(status, "warnings");

	assert_int_equal(json_array_size(warnings), 1);
	return text_of(json_array_get(warnings, 0), "what");
}

static void status_tells_what_hangs_on_one_path_or_one_node(void **state)
{
	struct world *w = world_new(*state);

	world_run(w, 10 * SECOND_US);
	/* Two links, and both end at the relay; which itself is no trouble. */
	json_t *status = asked_well(w->members[CAR].d, "{\"request\": \"status\"}");
	assert_string_equal(only_warning(status), "city-1 hangs on one node: relay");
	assert_string_equal(text_of(status, "verdict"), "healthy");
	json_decref(status);
	status = asked_well(w->members[CITY].d, "{\"request\": \"status\"}");
	says(only_warning(status), " hang on one path: radio1 to relay");
	json_decref(status);
	world_free(w);
}

static void connected_node_is_healthy(void **state)
{
	struct world *w = world_new(*state);

	world_run(w, 10 * SECOND_US);
	json_t *status = asked_well(w->members[CAR].d, "{\"request\": \"status\"}");
	assert_string_equal(text_of(status, "verdict"), "healthy");
	assert_int_equal(json_array_size(json_object_get(status, "reasons")), 0);
	assert_int_equal(number_of(status, "neighbours"), 2); /* the relay, on two links */
	assert_int_equal(json_array_size(json_object_get(status, "levels")), 4);
	const json_t *city = named(json_object_get(status, "levels"), "level", "city");
	assert_int_equal(number_of(city, "known"), 1);
	assert_int_equal(number_of(city, "reachable"), 1);
	const json_t *node = named(json_object_get(city, "nodes"), "name", "city-1");
	assert_string_equal(text_of(node, "via"), "relay");
	assert_string_equal(text_of(node, "link"), "fibre0");
	assert_true(json_is_false(json_object_get(node, "direct")));
	const json_t *town = named(json_object_get(status, "levels"), "level", "town");
	node = named(json_object_get(town, "nodes"), "name", "relay");
	assert_true(json_is_true(json_object_get(node, "direct")));
	assert_int_equal(number_of(named(json_object_get(status, "levels"), "level", "scene"), "known"), 0);
	json_decref(status);
	world_free(w);
}

static void lonely_node_says_so(void **state)
{
	struct world *w = world_new(*state);

	json_t *status = asked_well(w->members[CAR].d, "{\"request\": \"status\"}");
	assert_string_equal(text_of(status, "verdict"), "alone");
	assert_true(has_reason(status, "no other node is in contact"));
	json_decref(status);
	world_free(w);
}

static void lost_city_degrades_and_lost_scene_does_not(void **state)
{
	struct world *w = world_new(*state);

	world_run(w, 10 * SECOND_US);
	w->is_cut[RADIO1] = true;
	world_run(w, 20 * SECOND_US);
	json_t *status = asked_well(w->members[CAR].d, "{\"request\": \"status\"}");
	assert_string_equal(text_of(status, "verdict"), "degraded");
	assert_true(has_reason(status, "no city node can be reached"));
	json_decref(status);
	w->is_cut[RADIO1] = false;
	w->is_cut[RADIO0] = w->is_cut[FIBRE0] = true;
	world_run(w, 20 * SECOND_US);
	status = asked_well(w->members[RELAY].d, "{\"request\": \"status\"}");
	assert_string_equal(text_of(status, "verdict"), "healthy");
	json_decref(status);
	world_free(w);
}

/* The car knows it, and nobody has ever heard it. */
static struct certificate post_introduce(struct world *w)
{
	struct enrolment post;

	memset(&post, 0, sizeof(post));
	identity_generate(&post.identity, &kernel_random);
	post.certificate = (struct certificate){ .level = LEVEL_SCENE,
		.roles = ROLE_COMMAND_POST,
		.name = "post",
		.name_len = 4,
		.key = post.identity.public,
		.not_after = UINT32_MAX };
	assert_int_equal(certificate_issue(&post.certificate, &w->authority), 0);
	assert_int_equal(member_introduce(w->members[CAR].d->node, &post.certificate), 0);
	return post.certificate;
}

static void unreachable_command_post_is_named(void **state)
{
	struct world *w = world_new(*state);

	post_introduce(w);
	world_run(w, 10 * SECOND_US);
	json_t *status = asked_well(w->members[CAR].d, "{\"request\": \"status\"}");
	assert_string_equal(text_of(status, "verdict"), "degraded");
	assert_true(has_reason(status, "command post \"post\" (scene) cannot be reached"));
	json_decref(status);
	world_free(w);
}

/* That it is out. */
static void car_is_told_of(struct world *w, const struct certificate *c)
{
	struct revocation list = { 0 };
	uint8_t encoded[REVOCATION_MAX_LEN];

	assert_int_equal(revocation_add(&list, c->serial), 0);
	assert_int_equal(revocation_issue(&list, &w->authority, 1), 0);
	int len = revocation_encode(&list, encoded, sizeof(encoded));
	assert_int_equal(node_revocation_restore(w->members[CAR].d->node, bytes_of(encoded, (size_t)len)), 0);
}

/* The request of an operator; `encoded` may have been made by another authority. */
static json_t *revoke_asked(struct world *w, struct revocation *list, struct bytes encoded_key)
{
	uint8_t encoded[REVOCATION_MAX_LEN];
	char text[1024], key[256], line[2048];

	assert_int_equal(revocation_issue(list, &w->authority, 1), 0);
	int len = revocation_encode(list, encoded, sizeof(encoded));
	sodium_bin2base64(text, sizeof(text), encoded, (size_t)len, sodium_base64_VARIANT_ORIGINAL);
	sodium_bin2base64(key, sizeof(key), encoded_key.data, encoded_key.len, sodium_base64_VARIANT_ORIGINAL);
	snprintf(line, sizeof(line), "{\"request\": \"revoke\", \"list\": \"%s\", \"key\": \"%s\"}", text, key);
	return asked(w->members[CAR].d, line);
}

static void a_key_comes_with_its_list_and_goes_round(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	struct revocation list = { 0 };
	struct secret_deployment_key k;
	uint8_t key[DEPLOYMENT_KEY_LEN];

	world_run(w, 60 * SECOND_US); /* to about now, which is when an operator asks */
	assert_int_equal(deployment_key_make(&k, &w->authority, 1), 0);
	deployment_key_encode(&k, key);
	json_t *answer = revoke_asked(w, &list, bytes_of(key, sizeof(key)));
	assert_true(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	world_run(w, 5 * SECOND_US);
	for (unsigned i = 0; i < MEMBERS; i++)
		assert_int_equal(node_key_number(w->members[i].d->node), 1);
	json_t *members = asked_well(d, "{\"request\": \"members\"}");
	assert_int_equal(number_of(members, "key"), 1);
	json_decref(members);
	/* The list is in, whatever is wrong with the key. */
	static const char *const troubles[] = { "is not signed by the authority", "is damaged", "is of a later one" };
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(deployment_key_make(&k, &w->authority, i < 2 ? 2 : 40), 0);
		deployment_key_encode(&k, key);
		key[DEPLOYMENT_KEY_LEN - 1] ^= i == 0;
		answer = revoke_asked(w, &list, bytes_of(key, sizeof(key) - (i == 1)));
		says(text_of(answer, "error"), "the list is in, but the key");
		says(text_of(answer, "error"), troubles[i]);
		json_decref(answer);
		members = asked_well(d, "{\"request\": \"members\"}");
		assert_int_equal(number_of(json_object_get(members, "list"), "number"), list.epoch);
		assert_int_equal(number_of(members, "key"), 1);
		json_decref(members);
	}
	world_free(w);
}

/* Lost for good: nothing is wrong that it is not there. */
static void revoked_member_does_not_count(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	struct certificate post = post_introduce(w);

	world_run(w, 10 * SECOND_US);
	car_is_told_of(w, &post);
	json_t *status = asked_well(d, "{\"request\": \"status\"}");
	/* Told to nobody yet: it is on its way, and that is no fault. */
	assert_int_equal(number_of(json_object_get(status, "list"), "known"), 1);
	const json_t *spreads = named(json_object_get(status, "warnings"), "kind", "list-spreads");
	assert_int_equal(number_of(spreads, "reachable"), 3);
	says(text_of(spreads, "what"), "list 1 of who is out is known by 1 of 3, not yet by ");
	json_decref(status);
	world_run(w, 20 * SECOND_US);
	status = asked_well(d, "{\"request\": \"status\"}");
	assert_string_equal(text_of(status, "verdict"), "healthy");
	assert_int_equal(number_of(json_object_get(status, "list"), "known"), 3);
	assert_int_equal(json_array_size(json_object_get(json_object_get(status, "list"), "missing")), 0);
	assert_int_equal(number_of(named(json_object_get(status, "levels"), "level", "scene"), "known"), 0);
	json_decref(status);
	json_t *members = asked_well(d, "{\"request\": \"members\"}");
	assert_string_equal(text_of(named(json_object_get(members, "members"), "name", "post"), "state"), "revoked");
	assert_true(json_is_true(
		json_object_get(named(json_object_get(members, "members"), "name", "relay"), "knows_list")));
	assert_false(json_is_true(
		json_object_get(named(json_object_get(members, "members"), "name", "post"), "knows_list")));
	json_decref(members);
	world_free(w);
}

static bool shares_logs(struct daemon *d, const struct certificate *c)
{
	struct address a = identity_address(&c->key, d->enrolment.authority.deployment);
	struct view *v = view_new(d);

	assert_non_null(v);
	bool is_shared = collect_member(v, &a) != NULL;
	view_free(v);
	return is_shared;
}

static struct certificate guest_introduce(struct world *w)
{
	struct enrolment guest = { 0 };

	identity_generate(&guest.identity, &kernel_random);
	guest.certificate = (struct certificate){ .level = LEVEL_SCENE,
		.roles = ROLE_GUEST,
		.name = "pump",
		.name_len = 4,
		.key = guest.identity.public,
		.not_after = UINT32_MAX,
		.guest = { .classes = GUEST_TEXT, .agency = "fire", .agency_len = 4, .to_count = 1 } };
	guest.certificate.guest.to[0] = prefix_of_host(node_address(w->members[CITY].d->node));
	assert_int_equal(certificate_issue(&guest.certificate, &w->authority), 0);
	assert_int_equal(member_introduce(w->members[CAR].d->node, &guest.certificate), 0);
	return guest.certificate;
}

/* What happened here is neither for guests nor for who is out, and of a log of our own there is one already. */
static void logs_are_shared_with_members_alone(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	struct certificate post = post_introduce(w), guest = guest_introduce(w), stranger = post;

	world_run(w, 10 * SECOND_US);
	random_fill(&kernel_random, stranger.key.sign, sizeof(stranger.key.sign));
	assert_true(shares_logs(d, &w->members[CITY].d->enrolment.certificate));
	assert_true(shares_logs(d, &post));
	assert_false(shares_logs(d, &guest));
	assert_false(shares_logs(d, &stranger));
	assert_false(shares_logs(d, &d->enrolment.certificate));
	car_is_told_of(w, &post);
	assert_false(shares_logs(d, &post));
	world_free(w);
}

static void replaced_member_does_not_count(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	struct enrolment lost;
	struct secret_authority early = w->authority;

	/* Issued before: the serial is lower than that of the city that runs. */
	early.next_serial = 1;
	w->authority.next_serial = 100;
	member_make(&lost, &early, "city-1", LEVEL_CITY);
	member_stop(w, CITY);
	daemon_unmake(w->members[CITY].d);
	member_start(w, CITY, "city-1", LEVEL_CITY);
	world_link(w, CITY, RADIO1);
	assert_int_equal(member_introduce(d->node, &lost.certificate), 0);
	world_run(w, 20 * SECOND_US);
	json_t *status = asked_well(d, "{\"request\": \"status\"}");
	const json_t *city = named(json_object_get(status, "levels"), "level", "city");
	assert_int_equal(number_of(city, "known"), 1);
	assert_int_equal(number_of(city, "reachable"), 1);
	assert_string_equal(text_of(status, "verdict"), "healthy");
	json_decref(status);
	json_t *why = asked_well(d, "{\"request\": \"why\", \"dest\": \"city-1\"}");
	assert_string_equal(text_of(why, "verdict"), "route");
	json_decref(why);
	json_t *nodes = asked_well(d, "{\"request\": \"nodes\"}");
	const json_t *node;
	unsigned replaced = 0;
	size_t i;
	json_array_foreach (json_object_get(nodes, "nodes"), i, node)
		replaced += json_is_true(json_object_get(node, "replaced"));
	assert_int_equal(json_array_size(json_object_get(nodes, "nodes")), 4);
	assert_int_equal(replaced, 1);
	json_decref(nodes);
	world_free(w);
}

static void own_trouble_degrades(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	world_run(w, 10 * SECOND_US);
	d->state.is_writable = false;
	d->state.error = ENOSPC;
	d->ports[0].state = PORT_MISSING;
	strcpy(d->ports[0].error, "wlan0 is not there; plug it in");
	d->route_refused_us = io_now_us() - 300 * SECOND_US;
	d->config.links[1].peer_count = 1; /* somebody is configured and answers: no trouble */
	json_t *status = asked_well(d, "{\"request\": \"status\"}");
	assert_string_equal(text_of(status, "verdict"), "degraded");
	assert_true(has_reason(status, "cannot be written: No space left"));
	assert_true(has_reason(status, "link radio0 is down (missing): wlan0 is not there"));
	assert_true(has_reason(status, "the kernel refused a route"));
	assert_int_equal(json_array_size(json_object_get(status, "reasons")), 3);
	json_decref(status);
	d->route_refused_us = io_now_us() - 601 * SECOND_US;
	status = asked_well(d, "{\"request\": \"status\"}");
	assert_false(has_reason(status, "the kernel refused a route"));
	json_decref(status);
	world_free(w);
}

static void silent_peers_of_a_link_are_named(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	w->is_cut[FIBRE0] = true;
	d->config.links[1].type = CONFIG_UDP;
	d->config.links[1].peer_count = 1;
	strcpy(d->config.links[1].peers[0].host, "city.example");
	world_run(w, 10 * SECOND_US);
	json_t *status = asked_well(d, "{\"request\": \"status\"}");
	assert_true(has_reason(status, "link fibre0: nobody answers at city.example"));
	json_decref(status);
	d->ports[1].remotes[0].is_failed = true;
	status = asked_well(d, "{\"request\": \"status\"}");
	assert_true(has_reason(status, "link fibre0: the name city.example cannot be looked up"));
	json_decref(status);
	world_free(w);
}

/* --- tables --------------------------------------------------------------------------------- */

static void nodes_tell_the_way_and_its_age(void **state)
{
	struct world *w = world_new(*state);

	world_run(w, 150 * SECOND_US); /* metrics that drifted are told after a minute */
	json_t *answer = asked_well(w->members[CAR].d, "{\"request\": \"nodes\"}");
	const json_t *nodes = json_object_get(answer, "nodes");
	assert_int_equal(json_array_size(nodes), 3);
	assert_true(json_is_true(json_object_get(named(nodes, "name", "car"), "self")));
	const json_t *city = named(nodes, "name", "city-1");
	assert_true(json_is_true(json_object_get(city, "reachable")));
	assert_string_equal(text_of(city, "level"), "city");
	assert_int_equal(number_of(city, "metric"), 96 + 256);
	assert_true(json_is_number(json_object_get(city, "heard_s")));
	assert_true(json_is_integer(json_object_get(city, "valid_s")));
	json_decref(answer);
	world_free(w);
}

static void links_tell_costs_of_both_directions(void **state)
{
	struct world *w = world_new(*state);

	world_run(w, 15 * SECOND_US);
	json_t *answer = asked_well(w->members[CAR].d, "{\"request\": \"links\"}");
	const json_t *links = json_object_get(answer, "links");
	assert_int_equal(json_array_size(links), 2);
	const json_t *radio = named(links, "name", "radio0");
	assert_string_equal(text_of(radio, "state"), "up");
	assert_true(number_of(radio, "tx_bytes") > 0 && number_of(radio, "rx_bytes") > 0);
	assert_true(number_of(json_object_get(json_object_get(radio, "lanes"), "control"), "sent_bytes") > 0);
	const json_t *relay = named(json_object_get(radio, "neighbours"), "name", "relay");
	assert_true(json_is_true(json_object_get(relay, "up")));
	assert_int_equal(number_of(relay, "cost"), 256);
	assert_int_equal(number_of(relay, "cost_in"), 256);
	assert_int_equal(number_of(relay, "cost_out"), 256);
	assert_true(json_is_integer(json_object_get(relay, "loss_percent")));
	assert_int_equal(number_of(relay, "loss_percent"), 0);
	json_decref(answer);
	world_free(w);
}

static void routes_tell_spare_ways_and_not_echoes_of_our_own(void **state)
{
	struct world *w = world_new(*state);
	const json_t *route;
	unsigned in_use = 0, spare = 0, backup = 0;
	size_t i;

	world_run(w, 10 * SECOND_US);
	json_t *answer = asked_well(w->members[CAR].d, "{\"request\": \"routes\", \"class\": \"text\"}");
	json_array_foreach (json_object_get(answer, "routes"), i, route) {
		assert_string_not_equal(text_of(route, "origin"), "car");
		if (strcmp(text_of(route, "origin"), "city-1") != 0)
			continue;
		in_use += json_is_true(json_object_get(route, "selected"));
		spare += json_is_false(json_object_get(route, "selected")) &&
			 json_is_true(json_object_get(route, "feasible"));
		backup += json_is_false(json_object_get(route, "selected")) &&
			  json_is_true(json_object_get(route, "backup"));
	}
	assert_int_equal(in_use, 1);
	assert_int_equal(spare, 1);
	assert_int_equal(backup, 1);
	assert_int_equal(json_array_size(json_object_get(answer, "own")), 1);
	json_decref(answer);
	world_free(w);
}

static void routes_are_told_of_all_classes_or_of_one(void **state)
{
	static const char *const names[] = { "text", "command", "bulk" };
	struct world *w = world_new(*state);
	const json_t *route;
	size_t i, all = 0;
	json_t *answer;

	world_run(w, 10 * SECOND_US);
	for (unsigned class = 0; class < 3; class ++) {
		char request[64];
		unsigned in_use = 0;

		snprintf(request, sizeof(request), "{\"request\": \"routes\", \"class\": \"%s\"}", names[class]);
		answer = asked_well(w->members[CAR].d, request);
		json_array_foreach (json_object_get(answer, "routes"), i, route) {
			assert_string_equal(text_of(route, "class"), names[class]);
			in_use += json_is_true(json_object_get(route, "selected"));
		}
		assert_int_equal(in_use, 2);
		all += json_array_size(json_object_get(answer, "routes"));
		json_decref(answer);
	}
	answer = asked_well(w->members[CAR].d, "{\"request\": \"routes\"}");
	assert_int_equal(json_array_size(json_object_get(answer, "routes")), all);
	json_decref(answer);
	world_free(w);
}

static void long_lists_come_in_pages(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	json_int_t from = 0;
	size_t total = 0;
	unsigned pages = 0;

	for (unsigned i = 0; i < 450; i++) {
		struct enrolment other;
		char name[16];

		snprintf(name, sizeof(name), "node-%u", i);
		member_make(&other, &w->authority, name, LEVEL_TOWN);
		assert_int_equal(member_introduce(d->node, &other.certificate), 0);
	}
	do {
		char request[64];

		snprintf(request, sizeof(request), "{\"request\": \"nodes\", \"from\": %d}", (int)from);
		json_t *answer = asked_well(d, request);
		size_t count = json_array_size(json_object_get(answer, "nodes"));
		from = number_of(answer, "next");
		assert_true(from ? count == 200 : count > 0);
		total += count;
		pages++;
		json_decref(answer);
	} while (from);
	assert_int_equal(pages, 3);
	assert_int_equal(total, 451);
	json_t *answer = asked_well(d, "{\"request\": \"nodes\", \"from\": 1000000}");
	assert_int_equal(json_array_size(json_object_get(answer, "nodes")), 0);
	assert_true(json_is_null(json_object_get(answer, "next")));
	json_decref(answer);
	json_decref(asked_well(d, "{\"request\": \"routes\", \"from\": -5}"));
	json_decref(asked_well(d, "{\"request\": \"routes\", \"from\": 9223372036854775807}"));
	json_decref(asked_well(d, "{\"request\": \"routes\", \"from\": \"x\"}"));
	world_free(w);
}

/* --- why, trace, names ------------------------------------------------------------------------ */

static void why_names_the_way_and_the_longer_one(void **state)
{
	struct world *w = world_new(*state);

	world_run(w, 150 * SECOND_US); /* metrics that drifted are told after a minute */
	json_t *answer = asked_well(w->members[CAR].d, "{\"request\": \"why\", \"dest\": \"CITY-1\"}");
	assert_string_equal(text_of(answer, "verdict"), "route");
	says(text_of(answer, "text"), "packets to city-1 go to relay over fibre0");
	const json_t *ways = json_object_get(answer, "ways");
	assert_int_equal(json_array_size(ways), 2);
	assert_string_equal(text_of(named(ways, "link", "fibre0"), "rule"), "chosen");
	assert_string_equal(text_of(named(ways, "link", "radio0"), "rule"), "longer");
	says(text_of(named(ways, "link", "radio0"), "text"), "metric 512, and 352 is in use");
	json_decref(answer);
	world_free(w);
}

static void why_of_what_was_lost(void **state)
{
	struct world *w = world_new(*state);

	world_run(w, 10 * SECOND_US);
	node_shutdown(w->members[CITY].d->node, w->now_us);
	member_stop(w, CITY);
	world_run(w, 3 * SECOND_US);
	json_t *answer = asked_well(w->members[CAR].d, "{\"request\": \"why\", \"dest\": \"city-1\"}");
	const char *verdict = text_of(answer, "verdict");
	assert_true(strcmp(verdict, "none") == 0 || strcmp(verdict, "held") == 0);
	const json_t *ways = json_object_get(answer, "ways");
	assert_int_equal(json_array_size(ways), 0);
	json_decref(answer);
	world_free(w);
}

/* The way of the car leads back here: it does not announce it. */
static void why_tells_who_has_no_way_of_its_own(void **state)
{
	struct world *w = world_new(*state);
	const json_t *way;
	size_t i;
	unsigned unannounced = 0;

	world_run(w, 50 * SECOND_US);
	json_t *answer = asked_well(w->members[RELAY].d, "{\"request\": \"why\", \"dest\": \"city-1\"}");
	json_array_foreach (json_object_get(answer, "ways"), i, way)
		if (strcmp(text_of(way, "via"), "car") == 0) {
			assert_string_equal(text_of(way, "rule"), "unannounced");
			says(text_of(way, "text"), "car announces no way to it: it has none, or one through this node");
			unannounced++;
		}
	assert_int_equal(unannounced, 2);
	json_decref(answer);
	world_free(w);
}

/* The relay announces the network that the host is in: it is not silent about the host. */
static void why_of_a_host_behind_a_node(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *city = w->members[CITY].d;
	struct certificate *c = &city->enrolment.certificate;

	node_free(city->node);
	c->prefix_count = 1;
	assert_int_equal(prefix_parse(&c->prefixes[0], "10.77.0.0/16"), 0);
	assert_int_equal(certificate_issue(c, &w->authority), 0);
	member_boot(w, CITY);
	assert_int_equal(node_originate(city->node, w->now_us, &c->prefixes[0]), 0);
	world_run(w, 10 * SECOND_US);
	json_t *answer = asked_well(w->members[CAR].d, "{\"request\": \"why\", \"dest\": \"10.77.0.5\"}");
	assert_string_equal(text_of(answer, "verdict"), "route");
	const json_t *ways = json_object_get(answer, "ways"), *way;
	size_t i;
	json_array_foreach (ways, i, way)
		assert_string_not_equal(text_of(way, "rule"), "unannounced");
	assert_int_equal(json_array_size(ways), 2); /* the relay, on two links */
	json_decref(answer);
	world_free(w);
}

static void why_of_what_nobody_announces(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	struct enrolment other;

	member_make(&other, &w->authority, "asleep", LEVEL_TOWN);
	assert_int_equal(member_introduce(d->node, &other.certificate), 0);
	world_run(w, 10 * SECOND_US);
	json_t *answer = asked_well(d, "{\"request\": \"why\", \"dest\": \"asleep\"}");
	assert_string_equal(text_of(answer, "verdict"), "none");
	says(text_of(answer, "text"), "it is switched off, or no link leads there");
	json_decref(answer);
	answer = asked_well(d, "{\"request\": \"why\", \"dest\": \"192.0.2.0/24\"}");
	says(text_of(answer, "text"), "nobody in the mesh announces 192.0.2.0/24");
	json_decref(answer);
	answer = asked_well(d, "{\"request\": \"why\", \"dest\": \"car\"}");
	assert_string_equal(text_of(answer, "verdict"), "own");
	assert_int_equal(json_array_size(json_object_get(answer, "ways")), 0);
	json_decref(answer);
	world_free(w);
}

static void addresses_get_their_names(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	char request[256], text[ADDRESS_TEXT];
	struct address city = node_address(w->members[CITY].d->node);

	world_run(w, 10 * SECOND_US);
	snprintf(request, sizeof(request),
		"{\"request\": \"names\", \"addresses\": [\"%s\", \"fd00::1\", \"rubbish\", 7, \"10.0.0.1\"]}",
		address_format(&city, text));
	json_t *answer = asked_well(d, request);
	const json_t *names = json_object_get(answer, "names");
	assert_int_equal(json_array_size(names), 5);
	assert_string_equal(json_string_value(json_array_get(names, 0)), "city-1");
	for (size_t i = 1; i < 5; i++)
		assert_true(json_is_null(json_array_get(names, i)));
	json_decref(answer);
	answer = asked_well(d, "{\"request\": \"trace\", \"dest\": \"city-1\"}");
	assert_string_equal(text_of(answer, "address"), text);
	assert_true(json_is_false(json_object_get(answer, "own")));
	assert_true(json_is_true(json_object_get(answer, "routed")));
	json_decref(answer);
	world_free(w);
}

/* --- questions do not change anything ------------------------------------------------------------ */

static void questions_leave_the_node_as_it_was(void **state)
{
	static const char *const all[] = { "{\"request\": \"status\"}", "{\"request\": \"nodes\"}",
		"{\"request\": \"links\"}", "{\"request\": \"routes\"}", "{\"request\": \"why\", \"dest\": \"city-1\"}",
		"{\"request\": \"trace\", \"dest\": \"city-1\"}", "{\"request\": \"classes\"}",
		"{\"request\": \"why\", \"dest\": \"city-1\", \"class\": \"command\"}",
		"{\"request\": \"reach\", \"dest\": \"city-1\"}" };
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;

	world_run(w, 10 * SECOND_US);
	struct node_counters before = *node_counters(d->node);
	struct babel_counters engine = *babel_counters(node_babel(d->node));
	size_t sent = w->tail;
	unsigned events = w->events;
	for (unsigned i = 0; i < 200; i++)
		json_decref(asked_well(d, all[i % (sizeof(all) / sizeof(all[0]))]));
	assert_memory_equal(&before, node_counters(d->node), sizeof(before));
	assert_memory_equal(&engine, babel_counters(node_babel(d->node)), sizeof(engine));
	assert_int_equal(w->tail, sent);
	assert_int_equal(w->events, events);
	world_free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_enter, place_leave)

/* --- classes of routes -------------------------------------------------------------------------- */

/* The segment carries 9.6 kbit/s. */
static void segment_is_thin(struct world *w, unsigned segment)
{
	for (unsigned i = 0; i < MEMBERS; i++) {
		int id = world_map[segment][i];

		if (id < 0)
			continue;
		w->members[i].d->config.links[id].rate_bps = 9600;
		node_link_remove(w->members[i].d->node, w->now_us, (unsigned)id);
		world_link(w, i, segment);
	}
}

static void why_of_bulk_that_a_thin_link_refuses(void **state)
{
	struct world *w = world_new(*state);
	const char *const request = "{\"request\": \"why\", \"dest\": \"city-1\", \"class\": \"bulk\"}";

	segment_is_thin(w, RADIO1);
	world_run(w, 30 * SECOND_US);
	json_t *answer = asked_well(w->members[RELAY].d, request);
	assert_string_equal(text_of(answer, "class"), "bulk");
	assert_string_equal(text_of(answer, "verdict"), "not admitted");
	says(text_of(answer, "text"), "radio1 carries 9.6kbit/s, and bulk needs 200 kbit/s");
	const json_t *way = named(json_object_get(answer, "ways"), "via", "city-1");
	assert_string_equal(text_of(way, "rule"), "not admitted");
	assert_false(json_is_true(json_object_get(way, "chosen")));
	json_decref(answer);
	answer = asked_well(w->members[CAR].d, request);
	assert_string_equal(text_of(answer, "verdict"), "falls");
	way = named(json_object_get(answer, "ways"), "link", "fibre0");
	assert_string_equal(text_of(way, "rule"), "no class");
	says(text_of(way, "text"), "relay has a way for text, and none for bulk: beyond it a link is too thin");
	json_decref(answer);
	answer = asked_well(w->members[CAR].d, "{\"request\": \"why\", \"dest\": \"relay\", \"class\": \"bulk\"}");
	assert_string_equal(text_of(answer, "verdict"), "route");
	says(text_of(answer, "text"), "packets of bulk to relay go to relay over");
	json_decref(answer);
	world_free(w);
}

static void nodes_and_status_tell_for_what_a_node_is_reached(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *car = w->members[CAR].d;

	segment_is_thin(w, RADIO1);
	world_run(w, 30 * SECOND_US);
	json_t *answer = asked_well(car, "{\"request\": \"nodes\"}");
	const json_t *nodes = json_object_get(answer, "nodes");
	assert_int_equal(json_array_size(json_object_get(named(nodes, "name", "relay"), "classes")), 3);
	const json_t *classes = json_object_get(named(nodes, "name", "city-1"), "classes");
	assert_int_equal(json_array_size(classes), 2);
	assert_string_equal(json_string_value(json_array_get(classes, 1)), "command");
	json_decref(answer);
	answer = asked_well(car, "{\"request\": \"status\"}");
	const json_t *city = named(json_object_get(answer, "levels"), "level", "city");
	classes = json_object_get(named(json_object_get(city, "nodes"), "name", "city-1"), "classes");
	assert_int_equal(json_array_size(classes), 2);
	json_decref(answer);
	world_free(w);
}

/* Questions are sent by the real clock, which the world then follows. */
static void reach_asks_along_the_way_and_tells_what_it_learned(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *car = w->members[CAR].d;

	segment_is_thin(w, RADIO1);
	world_run(w, 30 * SECOND_US);
	json_t *answer = asked_well(car, "{\"request\": \"reach\", \"dest\": \"city-1\"}");
	assert_false(json_is_true(json_object_get(answer, "pending")));
	const json_t *text = named(json_object_get(answer, "classes"), "class", "text");
	assert_string_equal(text_of(text, "verdict"), "unknown");
	json_decref(answer);
	answer = asked_well(car, "{\"request\": \"reach\", \"dest\": \"city-1\", \"start\": true}");
	assert_true(json_is_true(json_object_get(answer, "pending")));
	assert_int_equal(json_array_size(json_object_get(answer, "classes")), 3);
	json_decref(answer);
	w->now_us = io_now_us();
	world_run(w, SECOND_US);
	answer = asked_well(car, "{\"request\": \"reach\", \"dest\": \"city-1\"}");
	assert_false(json_is_true(json_object_get(answer, "pending")));
	text = named(json_object_get(answer, "classes"), "class", "text");
	assert_string_equal(text_of(text, "verdict"), "works");
	assert_string_equal(text_of(text, "reason"), "arrived");
	assert_string_equal(text_of(text, "answered_by"), "city-1");
	assert_int_equal(number_of(text, "hops"), 2);
	assert_true(json_is_number(json_object_get(text, "age_s")));
	assert_true(json_is_number(json_object_get(text, "rtt_ms")));
	const json_t *slowest = json_object_get(text, "slowest");
	assert_int_equal(number_of(slowest, "rate_bps"), 9600);
	assert_int_equal(number_of(slowest, "hop"), 2);
	assert_string_equal(text_of(slowest, "from"), "relay");
	says(text_of(text, "text"), "2 hops; slowest: hop 2, relay to city-1, 9.6kbit/s");
	const json_t *bulk = named(json_object_get(answer, "classes"), "class", "bulk");
	assert_string_equal(text_of(bulk, "verdict"), "fails");
	assert_string_equal(text_of(bulk, "reason"), "not admitted");
	says(text_of(bulk, "text"), "hop 2, relay to city-1, carries 9.6kbit/s: too thin for bulk");
	assert_true(json_is_null(json_object_get(bulk, "worked_s")));
	json_decref(answer);
	answer = asked_well(
		car, "{\"request\": \"reach\", \"dest\": \"192.0.2.1\", \"start\": true, \"class\": \"bulk\"}");
	assert_int_equal(json_array_size(json_object_get(answer, "classes")), 1);
	bulk = named(json_object_get(answer, "classes"), "class", "bulk");
	assert_string_equal(text_of(bulk, "reason"), "no way");
	says(text_of(bulk, "text"), "this node has no way to it");
	json_decref(answer);
	world_free(w);
}

/* --- classes -------------------------------------------------------------------------------- */

static void classes_tell_what_is_set_and_what_came_of_it(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	struct config_classes *c = &d->config.classes;
	unsigned class;

	strcpy(c->rules[0], "bulk udp");
	assert_null(traffic_rule_parse(&c->policy.rules[0], c->rules[0]));
	c->policy.rule_count = 1;
	assert_null(config_parse_limit(&class, &c->policy.limits[TRAFFIC_BULK], "bulk 2M burst 2s"));
	assert_int_equal(node_classes_set(d->node, &c->policy), 0);
	json_t *answer = asked_well(d, "{\"request\": \"classes\"}");
	const json_t *rule = named(json_object_get(answer, "rules"), "rule", "bulk udp");
	const json_t *bulk = named(json_object_get(answer, "classes"), "class", "bulk");
	const json_t *command = named(json_object_get(answer, "classes"), "class", "command");
	assert_string_equal(text_of(rule, "class"), "bulk");
	assert_int_equal(number_of(rule, "packets"), 0);
	assert_string_equal(text_of(bulk, "limit"), "stated");
	assert_int_equal(number_of(bulk, "rate_bps"), 2000000);
	assert_int_equal(number_of(bulk, "burst_ms"), 2000);
	assert_string_equal(text_of(command, "limit"), "usual");
	assert_true(json_is_null(json_object_get(command, "rate_bps")));
	assert_int_equal(json_array_size(json_object_get(command, "offenders")), 0);
	json_decref(answer);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_no_question_gets_an_error),
		TEST(who_asks_for_what_is_not_there_is_told_each_request_once),
		TEST(hostile_bytes_get_an_error),
		TEST(damaged_questions_get_an_answer),
		TEST(connected_node_is_healthy),
		TEST(status_tells_what_hangs_on_one_path_or_one_node),
		TEST(lonely_node_says_so),
		TEST(lost_city_degrades_and_lost_scene_does_not),
		TEST(unreachable_command_post_is_named),
		TEST(revoked_member_does_not_count),
		TEST(a_key_comes_with_its_list_and_goes_round),
		TEST(logs_are_shared_with_members_alone),
		TEST(replaced_member_does_not_count),
		TEST(own_trouble_degrades),
		TEST(silent_peers_of_a_link_are_named),
		TEST(nodes_tell_the_way_and_its_age),
		TEST(links_tell_costs_of_both_directions),
		TEST(routes_tell_spare_ways_and_not_echoes_of_our_own),
		TEST(routes_are_told_of_all_classes_or_of_one),
		TEST(why_of_bulk_that_a_thin_link_refuses),
		TEST(nodes_and_status_tell_for_what_a_node_is_reached),
		TEST(reach_asks_along_the_way_and_tells_what_it_learned),
		TEST(long_lists_come_in_pages),
		TEST(why_names_the_way_and_the_longer_one),
		TEST(why_of_what_was_lost),
		TEST(why_tells_who_has_no_way_of_its_own),
		TEST(why_of_a_host_behind_a_node),
		TEST(why_of_what_nobody_announces),
		TEST(addresses_get_their_names),
		TEST(classes_tell_what_is_set_and_what_came_of_it),
		TEST(questions_leave_the_node_as_it_was),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
