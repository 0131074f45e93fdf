/* The state directory: round trips, damage, and disks that refuse. */
#include "tests/unit/io_daemon.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define RETRY_US (31 * SECOND_US)

static struct daemon *opened(struct place *p)
{
	struct daemon *d = daemon_make(p);

	assert_int_equal(state_open(d, p->error), 0);
	return d;
}

static void closed(struct daemon *d)
{
	state_close(d);
	daemon_unmake(d);
}

/* Until the writing thread is done. */
static void settled(struct daemon *d, uint64_t now_us)
{
	state_tick(d, now_us);
	while (d->state.job) {
		sched_yield();
		state_tick(d, now_us);
	}
}

static void seqno_put(struct place *p, const char *text)
{
	char path[256];

	mkdir(path_in(p, "state", path), 0700);
	file_put(p, "state/seqno", text, strlen(text));
}

/* --- round trips ---------------------------------------------------------------------------- */

static void first_start_finds_nothing_and_makes_the_directory(void **state)
{
	struct place *p = *state;
	struct daemon *d = opened(p);
	struct stat status;

	assert_false(d->state.has_seqno);
	assert_int_equal(d->state.floor.t_lo, io_build_floor().t_lo);
	assert_true(d->state.is_writable);
	assert_int_equal(stat(d->config.state_dir, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(said(p, "state-"), 0);
	closed(d);
}

static void seqno_survives_a_restart(void **state)
{
	static const uint32_t seqnos[] = { 0, 1, 17, 0xabcd8000, UINT32_MAX };

	for (size_t i = 0; i < sizeof(seqnos) / sizeof(seqnos[0]); i++) {
		struct daemon *d = opened(*state);

		state_seqno(d, seqnos[i]);
		closed(d);
		d = opened(*state);
		assert_true(d->state.has_seqno);
		assert_int_equal(d->state.seqno, seqnos[i]);
		closed(d);
	}
	assert_int_equal(said(*state, "state-"), 0);
}

static void the_last_of_many_seqnos_is_kept(void **state)
{
	struct daemon *d = opened(*state);

	for (unsigned i = 0; i < 200; i++)
		state_seqno(d, i * 16);
	closed(d);
	d = opened(*state);
	assert_int_equal(d->state.seqno, 199 * 16);
	closed(d);
}

static void seqno_is_on_disk_without_waiting_for_the_end(void **state)
{
	struct daemon *d = opened(*state);
	char text[16];

	state_seqno(d, 4711);
	settled(d, io_now_us());
	assert_int_equal(file_get(*state, "state/seqno", text, sizeof(text)), 11);
	assert_memory_equal(text, "0000004711\n", 11);
	closed(d);
}

/* --- one daemon per directory -------------------------------------------------------------------- */

static void second_daemon_is_refused_with_the_pid_of_the_first(void **state)
{
	struct place *p = *state;
	struct daemon *first = opened(p), *second = daemon_make(p);
	char pid[32];

	assert_int_equal(state_open(second, p->error), -EBUSY);
	snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
	says(p->error, pid);
	says(p->error, "stop it first");
	state_close(second); /* must not write, nor take the lock away */
	assert_int_equal(state_open(second, p->error), -EBUSY);
	closed(first);
	assert_int_equal(state_open(second, p->error), 0);
	closed(second);
}

static void successor_waits_until_the_killed_daemon_is_gone(void **state)
{
	struct place *p = *state;
	struct daemon *first = opened(p), *second = daemon_make(p);
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) { /* shares the lock, and is slow to go */
		usleep(200000);
		_exit(0);
	}
	closed(first);
	assert_int_equal(state_open(second, p->error), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	closed(second);
}

/* --- damage ----------------------------------------------------------------------------------------- */

static void damaged_seqno_is_set_aside(void **state)
{
	static const char *const damaged[] = { "", "0471", "0000004711", "04711\n", "0000004711\n\n", "9999999999\n",
		"-000000001\n", "0x00000012\n", "          \n",
		"047110000000000000000000000000000000000000000000000000000000000000000000000\n" };
	struct place *p = *state;

	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		char kept[128];

		seqno_put(p, damaged[i]);
		struct daemon *d = opened(p);
		assert_false(d->state.has_seqno);
		assert_int_equal(said(p, "state-damaged"), i + 1);
		assert_int_equal(file_get(p, "state/seqno", kept, sizeof(kept)), -1);
		assert_int_equal(file_get(p, "state/seqno.bad", kept, sizeof(kept)), (ssize_t)strlen(damaged[i]));
		closed(d);
	}
}

static void directory_in_place_of_a_file_is_set_aside(void **state)
{
	struct place *p = *state;
	char path[256];

	mkdir(path_in(p, "state", path), 0700);
	mkdir(path_in(p, "state/seqno", path), 0700);
	struct daemon *d = opened(p);
	assert_false(d->state.has_seqno);
	state_seqno(d, 5);
	closed(d);
	d = opened(p);
	assert_int_equal(d->state.seqno, 5);
	closed(d);
}

static void time_floor_never_falls_below_the_build(void **state)
{
	const uint32_t build = io_build_floor().t_lo;
	struct place *p = *state;
	char text[16];

	for (int ahead = -1000; ahead <= 1000; ahead += 1000) {
		struct daemon *d = opened(p);

		closed(d);
		snprintf(text, sizeof(text), "%010u\n", (unsigned)((int)build + ahead));
		file_put(p, "state/time", text, 11);
		d = opened(p);
		assert_int_equal(d->state.floor.t_lo, ahead > 0 ? build + 1000 : build);
		closed(d);
	}
}

/* It would declare every certificate expired. */
static void time_floor_of_the_far_future_is_damage(void **state)
{
	struct place *p = *state;
	struct daemon *d = opened(p);

	closed(d);
	file_put(p, "state/time", "4294967295\n", 11);
	d = opened(p);
	assert_int_equal(d->state.floor.t_lo, io_build_floor().t_lo);
	assert_int_equal(said(p, "state-damaged"), 1);
	closed(d);
}

/* --- disks that refuse --------------------------------------------------------------------------------- */

static void unwritable_directory_is_said_once_and_survived(void **state)
{
	struct place *p = *state;
	struct daemon *d = daemon_make(p);

	file_put(p, "state", "a file", 6); /* where the directory should be */
	assert_int_equal(state_open(d, p->error), 0);
	assert_false(d->state.is_writable);
	assert_int_equal(d->state.error, ENOTDIR);
	for (unsigned i = 0; i < 10; i++) {
		state_seqno(d, i);
		settled(d, io_now_us() + i * RETRY_US);
	}
	assert_false(d->state.is_writable);
	closed(d);
	assert_int_equal(said(p, "state-unwritable"), 1);
	says(p->log, "make it writable");
}

static void failed_write_keeps_the_old_file_and_is_tried_again(void **state)
{
	struct place *p = *state;
	char path[256], text[16];

	seqno_put(p, "0000000100\n");
	struct daemon *d = opened(p);
	mkdir(path_in(p, "state/seqno.new", path), 0700); /* root may write anywhere, but not into this */
	state_seqno(d, 200);
	settled(d, io_now_us());
	assert_false(d->state.is_writable);
	assert_int_equal(said(p, "state-unwritable"), 1);
	file_get(p, "state/seqno", text, sizeof(text));
	assert_memory_equal(text, "0000000100\n", 11);
	rmdir(path);
	settled(d, io_now_us()); /* not yet: now and then, not all the time */
	assert_false(d->state.is_writable);
	settled(d, io_now_us() + RETRY_US);
	assert_true(d->state.is_writable);
	assert_int_equal(said(p, "state-writable"), 1);
	file_get(p, "state/seqno", text, sizeof(text));
	assert_memory_equal(text, "0000000200\n", 11);
	closed(d);
}

static void full_disk_is_survived(void **state)
{
	struct place *p = *state;
	char path[256], fill[65536] = { 0 }, text[16];

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		skip();
	assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mkdir(path_in(p, "state", path), 0700), 0);
	assert_int_equal(mount("none", path, "tmpfs", 0, "size=16k"), 0);
	struct daemon *d = opened(p);
	state_seqno(d, 300);
	settled(d, io_now_us());
	assert_true(d->state.is_writable);
	int fd = open(path_in(p, "state/fill", path), O_WRONLY | O_CREAT, 0600);
	while (write(fd, fill, sizeof(fill)) > 0)
		;
	close(fd);
	state_seqno(d, 400);
	settled(d, io_now_us());
	assert_false(d->state.is_writable);
	assert_int_equal(d->state.error, ENOSPC);
	said(p, "state-unwritable");
	says(p->log, "free some space");
	file_get(p, "state/seqno", text, sizeof(text));
	assert_memory_equal(text, "0000000300\n", 11); /* old, and whole */
	unlink(path);
	settled(d, io_now_us() + RETRY_US);
	assert_true(d->state.is_writable);
	closed(d);
	umount(path_in(p, "state", path));
}

/* --- certificates ---------------------------------------------------------------------------------------- */

static void output_nothing(void *user, struct bytes bytes)
{
	(void)user, (void)bytes;
}

static void output_certificate(void *user, struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN])
{
	(void)encoded, (void)proof;
	state_certificates_changed(user);
}

static void output_event(void *user, enum node_event event, unsigned link, const char *text)
{
	(void)user, (void)event, (void)link, (void)text;
}

static void output_seqno(void *user, uint32_t seqno)
{
	(void)user, (void)seqno;
}

static void output_frame(void *user, unsigned link, const struct endpoint *to, struct bytes frame)
{
	(void)user, (void)link, (void)to, (void)frame;
}

static void output_route(void *user, const struct node_kernel_route *route)
{
	(void)user, (void)route;
}

static bool output_revocation(void *user, struct bytes encoded, uint32_t date)
{
	state_revocation(user, encoded, date);
	return false;
}

static bool output_keys(void *user, struct bytes encoded)
{
	state_keys(user, encoded);
	return false;
}

static struct daemon *opened_with_node(struct place *p, const struct enrolment *e)
{
	static const struct node_output output = { .send = output_frame,
		.deliver = output_nothing,
		.kernel_route = output_route,
		.store_seqno = output_seqno,
		.store_certificate = output_certificate,
		.event = output_event,
		.store_revocation = output_revocation,
		.store_keys = output_keys };
	const struct node_config config = { .enrolment = e, .random = kernel_random };
	struct daemon *d = opened(p);

	d->enrolment = *e;
	d->node = node_new(&config, &output, d, io_now_us());
	assert_non_null(d->node);
	state_restore(d);
	return d;
}

static void closed_with_node(struct daemon *d)
{
	state_close(d);
	node_free(d->node);
	daemon_unmake(d);
}

static void certificate_counted(void *arg, const struct certificate *c)
{
	(void)c;
	++*(unsigned *)arg;
}

static unsigned certificates_of(const struct daemon *d)
{
	unsigned count = 0;

	node_dump_certificates(d->node, certificate_counted, &count);
	return count;
}

/* The state of a node that has met `count` others. */
static unsigned met(struct place *p, struct secret_authority *a, const struct enrolment *self, unsigned count)
{
	struct daemon *d = opened_with_node(p, self);

	for (unsigned i = 0; i < count; i++) {
		struct enrolment other;
		char name[16];

		snprintf(name, sizeof(name), "node-%u", i);
		member_make(&other, a, name, LEVEL_TOWN);
		assert_int_equal(member_introduce(d->node, &other.certificate), 0);
		state_certificates_changed(d);
	}
	unsigned known = certificates_of(d);
	closed_with_node(d);
	return known;
}

static void learned_certificates_survive_a_restart(void **state)
{
	struct secret_authority a;
	struct enrolment self;

	authority_generate(&a, &kernel_random);
	member_make(&self, &a, "self", LEVEL_SCENE);
	unsigned known = met(*state, &a, &self, 20);
	struct daemon *d = opened_with_node(*state, &self);
	assert_true(known >= 20);
	assert_int_equal(certificates_of(d), known);
	closed_with_node(d);
}

static void damaged_certificates_are_set_aside(void **state)
{
	struct place *p = *state;
	struct secret_authority a;
	struct enrolment self;
	uint8_t file[4096], kept[4096];

	authority_generate(&a, &kernel_random);
	member_make(&self, &a, "self", LEVEL_SCENE);
	unsigned known = met(p, &a, &self, 5);
	ssize_t len = file_get(p, "state/certificates", file, sizeof(file));
	assert_true(len > 0);
	for (ssize_t at = -1; at < len; at += 97) { /* at -1: cut short instead */
		file[at < 0 ? 0 : at] ^= at < 0 ? 0 : 0x20;
		file_put(p, "state/certificates", file, (size_t)(at < 0 ? len - 1 : len));
		file[at < 0 ? 0 : at] ^= at < 0 ? 0 : 0x20;
		struct daemon *d = opened_with_node(p, &self);
		assert_int_equal(certificates_of(d), known - 5);
		assert_true(file_get(p, "state/certificates.bad", kept, sizeof(kept)) > 0);
		closed_with_node(d);
	}
}

/* The next list, and the key that goes with it. */
static void list_and_key_in(struct daemon *d, const struct secret_authority *a, struct revocation *r)
{
	uint8_t list[REVOCATION_MAX_LEN], key[DEPLOYMENT_KEY_LEN];
	struct secret_deployment_key k;

	assert_int_equal(revocation_issue(r, a, 1), 0);
	int len = revocation_encode(r, list, sizeof(list));
	assert_int_equal(node_revocation_add(d->node, io_now_us(), bytes_of(list, (size_t)len)), 0);
	assert_int_equal(deployment_key_make(&k, a, r->epoch), 0);
	deployment_key_encode(&k, key);
	assert_int_equal(node_key_add(d->node, io_now_us(), bytes_of(key, sizeof(key))), 0);
	assert_int_equal(node_key_number(d->node), r->epoch - 1); /* it is being written */
	while (d->state.job || d->state.keys.waits) {
		sched_yield();
		state_tick(d, io_now_us());
	}
	assert_int_equal(node_key_number(d->node), r->epoch);
}

static void keys_survive_a_restart_and_are_for_their_owner_only(void **state)
{
	struct place *p = *state;
	struct secret_authority a;
	struct enrolment self;
	struct revocation r = { 0 };
	struct stat status;
	char path[256];
	uint8_t file[512];

	authority_generate(&a, &kernel_random);
	member_make(&self, &a, "self", LEVEL_SCENE);
	struct daemon *d = opened_with_node(p, &self);
	for (unsigned i = 0; i < 4; i++)
		list_and_key_in(d, &a, &r);
	closed_with_node(d);
	assert_int_equal(stat(path_in(p, "state/keys", path), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_size, NODE_KEYS_MAX_LEN);
	d = opened_with_node(p, &self);
	assert_int_equal(node_key_number(d->node), 4);
	list_and_key_in(d, &a, &r); /* and it goes on from there */
	closed_with_node(d);
	d = opened_with_node(p, &self);
	assert_int_equal(node_key_number(d->node), 5);
	closed_with_node(d);
	/* Of a damaged file what is right is used, and the rest is set aside. */
	ssize_t len = file_get(p, "state/keys", file, sizeof(file));
	file[20] ^= 1;
	file_put(p, "state/keys", file, (size_t)len);
	d = opened_with_node(p, &self);
	assert_int_equal(node_key_number(d->node), 4);
	assert_true(file_get(p, "state/keys.bad", file, sizeof(file)) == len);
	closed_with_node(d);
}

/* The file of `known` certificates with each record changed by `record`, under a right checksum. */
static void records_rewrite(struct place *p, size_t (*record)(uint8_t *out, const uint8_t *in, size_t len))
{
	uint8_t in[8192], out[8192];
	ssize_t len = file_get(p, "state/certificates", in, sizeof(in));
	size_t at = 0, end = 0;

	assert_true(len > 16);
	while (at < (size_t)len - 16) {
		size_t size = 2 + ((size_t)(in[at] & 0x7f) << 8 | in[at + 1]) + CERTIFICATE_PROOF_LEN;

		assert_true(in[at] & 0x80);
		end += record(out + end, in + at, size);
		at += size;
	}
	hash_bytes(out + end, 16, bytes_of(out, end), (struct bytes){ 0 });
	file_put(p, "state/certificates", out, end + 16);
}

static size_t record_without_proof(uint8_t *out, const uint8_t *in, size_t len)
{
	memcpy(out, in, len - CERTIFICATE_PROOF_LEN);
	out[0] &= 0x7f;
	return len - CERTIFICATE_PROOF_LEN;
}

static size_t record_with_damaged_proof(uint8_t *out, const uint8_t *in, size_t len)
{
	memcpy(out, in, len);
	out[len - 1] ^= 1;
	return len;
}

static size_t record_with_damaged_signature(uint8_t *out, const uint8_t *in, size_t len)
{
	memcpy(out, in, len);
	out[len - CERTIFICATE_PROOF_LEN - 1] ^= 1;
	return len;
}

/* A file as it was before there were proofs, and one whose proofs are wrong: verified, and written with proofs. */
static void certificates_without_a_good_proof_are_verified_and_proven(void **state)
{
	struct place *p = *state;
	struct secret_authority a;
	struct enrolment self;
	uint8_t good[8192], file[8192];

	authority_generate(&a, &kernel_random);
	member_make(&self, &a, "self", LEVEL_SCENE);
	unsigned known = met(p, &a, &self, 5);
	ssize_t len = file_get(p, "state/certificates", good, sizeof(good));
	for (unsigned is_damaged = 0; is_damaged < 2; is_damaged++) {
		records_rewrite(p, is_damaged ? record_with_damaged_proof : record_without_proof);
		struct daemon *d = opened_with_node(p, &self);
		assert_int_equal(certificates_of(d), known);
		closed_with_node(d);
		assert_int_equal(file_get(p, "state/certificates", file, sizeof(file)), len);
		assert_memory_equal(file, good, (size_t)len);
	}
	assert_int_equal(said(p, "state-damaged"), 0);
}

static void certificate_that_was_forged_on_the_disk_is_forgotten(void **state)
{
	struct place *p = *state;
	struct secret_authority a;
	struct enrolment self;

	authority_generate(&a, &kernel_random);
	member_make(&self, &a, "self", LEVEL_SCENE);
	unsigned known = met(p, &a, &self, 5);
	records_rewrite(p, record_with_damaged_signature);
	struct daemon *d = opened_with_node(p, &self);
	assert_int_equal(certificates_of(d), known - 5);
	assert_true(d->state.dirty[STATE_CERTIFICATES]);
	closed_with_node(d);
}

static void certificates_of_another_deployment_are_forgotten(void **state)
{
	struct secret_authority a, b;
	struct enrolment self, other;

	authority_generate(&a, &kernel_random);
	authority_generate(&b, &kernel_random);
	member_make(&self, &a, "self", LEVEL_SCENE);
	member_make(&other, &b, "self", LEVEL_SCENE);
	unsigned known = met(*state, &a, &self, 5);
	struct daemon *d = opened_with_node(*state, &other);
	assert_int_equal(certificates_of(d), known - 5);
	closed_with_node(d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_enter, place_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_start_finds_nothing_and_makes_the_directory),
		TEST(seqno_survives_a_restart),
		TEST(the_last_of_many_seqnos_is_kept),
		TEST(seqno_is_on_disk_without_waiting_for_the_end),
		TEST(second_daemon_is_refused_with_the_pid_of_the_first),
		TEST(successor_waits_until_the_killed_daemon_is_gone),
		TEST(damaged_seqno_is_set_aside),
		TEST(directory_in_place_of_a_file_is_set_aside),
		TEST(time_floor_never_falls_below_the_build),
		TEST(time_floor_of_the_far_future_is_damage),
		TEST(unwritable_directory_is_said_once_and_survived),
		TEST(failed_write_keeps_the_old_file_and_is_tried_again),
		TEST(full_disk_is_survived),
		TEST(learned_certificates_survive_a_restart),
		TEST(damaged_certificates_are_set_aside),
		TEST(keys_survive_a_restart_and_are_for_their_owner_only),
		TEST(certificates_without_a_good_proof_are_verified_and_proven),
		TEST(certificate_that_was_forged_on_the_disk_is_forgotten),
		TEST(certificates_of_another_deployment_are_forgotten),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
