/* What meshd answers, and meshctl bundle hands on, has no secret in it: no key, in no form, and no password. */
#include "tests/unit/io_world.h"

#define PASSWORD "correct-horse"
#define MAC "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define PIECE 15 /* bytes that are looked for: whole groups of base64 */

static const char *const requests[] = { "{\"request\": \"status\"}", "{\"request\": \"nodes\"}",
	"{\"request\": \"links\"}", "{\"request\": \"routes\"}", "{\"request\": \"classes\"}",
	"{\"request\": \"events\"}", "{\"request\": \"alarms\"}", "{\"request\": \"outages\"}",
	"{\"request\": \"members\"}", "{\"request\": \"diff\"}", "{\"request\": \"diff\", \"running\": true}",
	"{\"request\": \"reload\", \"try_s\": 20}", "{\"request\": \"why\", \"dest\": \"city-1\"}" };

/* As it is, in hexadecimal digits, and in base64, wherever in a longer text it may begin. */
static bool holds(const char *text, const uint8_t *secret)
{
	char form[64];

	sodium_bin2hex(form, sizeof(form), secret, PIECE);
	if (strcasestr(text, form))
		return true;
	for (unsigned shift = 0; shift < 3; shift++) {
		sodium_bin2base64(form, sizeof(form), secret + shift, PIECE, sodium_base64_VARIANT_ORIGINAL);
		if (strstr(text, form))
			return true;
	}
	return false;
}

static void nothing_is_in(const char *text, const struct enrolment *e, const struct secret_authority *a)
{
	uint8_t mac[32];

	assert_int_equal(sodium_hex2bin(mac, sizeof(mac), MAC, strlen(MAC), NULL, NULL, NULL), 0);
	struct secret_deployment_key k;
	assert_int_equal(deployment_key_make(&k, a, 1), 0);
	const uint8_t *const secrets[] = { e->identity.sign_secret, e->identity.dh_secret, e->psk, a->sign_secret, mac,
		k.psk };
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (holds(text, secrets[i]))
			fail_msg("secret %zu is in %s", i, text);
	if (strstr(text, PASSWORD))
		fail_msg("the password is in %s", text);
}

static void config_put(struct place *p, struct daemon *d, const char *more)
{
	char text[2048], path[256];
	static char kept[256];
	int len = snprintf(text, sizeof(text),
		"node: {key: k, state: s, control: c}\nlinks:\n"
		"  - {name: lab, type: babel, interface: eth9, accept: [any], mac: [" MAC "]}\n"
		"  - {name: modem, preset: short-message, command: [/bin/modem, --password, " PASSWORD
		"], peers: [287654]}\n%s",
		more);

	file_put(p, "meshd.yaml", text, (size_t)len);
	snprintf(kept, sizeof(kept), "%s", path_in(p, "meshd.yaml", path));
	d->config_path = kept;
}

/* Another key takes the place of the deployment's. */
static void key_change(struct daemon *d, uint64_t now_us, const struct secret_authority *a)
{
	uint8_t list[REVOCATION_MAX_LEN], key[DEPLOYMENT_KEY_LEN];
	struct revocation r = { 0 };
	struct secret_deployment_key k;

	assert_int_equal(revocation_issue(&r, a, 1), 0);
	int len = revocation_encode(&r, list, sizeof(list));
	assert_int_equal(node_revocation_add(d->node, now_us, bytes_of(list, (size_t)len)), 0);
	assert_int_equal(deployment_key_make(&k, a, 1), 0);
	deployment_key_encode(&k, key);
	assert_int_equal(node_key_add(d->node, now_us, bytes_of(key, sizeof(key))), 0);
	assert_int_equal(node_key_number(d->node), 1);
}

static void no_answer_has_a_secret(void **state)
{
	struct world *w = world_new(*state);
	struct daemon *d = w->members[CAR].d;
	struct config *file = calloc(1, sizeof(*file));

	/* What is looked for is found where it is. */
	char text[128];
	sodium_bin2base64(text, sizeof(text), d->enrolment.psk, KEY_LEN, sodium_base64_VARIANT_ORIGINAL);
	assert_true(holds(text, d->enrolment.psk));
	world_run(w, 20 * SECOND_US);
	key_change(d, w->now_us, &w->authority);
	config_put(*state, d, "");
	assert_int_equal(config_load(file, d->config_path, d->error), 0);
	for (unsigned i = 0; i < file->link_count; i++) {
		d->config.links[d->port_count] = file->links[i];
		d->ports[d->port_count] = (struct port){ .d = d,
			.id = d->port_count,
			.config = &d->config.links[d->port_count],
			.state = PORT_MISSING,
			.error = "not there; plug it in",
			.fd = -1,
			.group_fd = -1 };
		d->port_count++;
	}
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]) - 2; i++) {
		struct asker asker = { 0 };
		char *line = control_answer(d, bytes_of(requests[i], strlen(requests[i])), &asker);

		assert_non_null(line);
		says(line, "\"ok\":true");
		nothing_is_in(line, &d->enrolment, &w->authority);
		free(line);
	}
	/* Nor has an error of the file. */
	config_put(*state, d, "  - {name: lab, type: babel, interface: eth8, mac: [" MAC "00 zz]}\n");
	for (size_t i = sizeof(requests) / sizeof(requests[0]) - 4; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct asker asker = { 0 };
		char *line = control_answer(d, bytes_of(requests[i], strlen(requests[i])), &asker);

		assert_non_null(line);
		nothing_is_in(line, &d->enrolment, &w->authority);
		free(line);
	}
	d->port_count = d->config.link_count;
	free(file);
	world_free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_enter, place_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_answer_has_a_secret),
	};

	if (sodium_init() < 0)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
