/* Incident logs as nodes write them, for what reads them back. */
#ifndef TESTS_UNIT_LOG_WRITER_H
#define TESTS_UNIT_LOG_WRITER_H

#include "tests/unit/crypto_members.h"

#include "meshd/chronicle/chronicle.h"

#include <stdlib.h>

#define T0 4102444800000ll /* 2100: after any build */

static struct secret_authority authority;

static inline json_t *base64(const uint8_t *data, size_t len)
{
	char text[700];

	return json_string(sodium_bin2base64(text, sizeof(text), data, len, sodium_base64_VARIANT_ORIGINAL));
}

/* A node and its log, to be filled. */
struct writer_of_log {
	struct secret_identity identity;
	json_t *answer;
	uint8_t after[LOG_HASH_LEN];
	uint64_t number;
};

static inline void log_begin(struct writer_of_log *w, const char *name, uint64_t seed)
{
	uint8_t encoded[CERTIFICATE_MAX_LEN];

	*w = (struct writer_of_log){ 0 };
	identity_make(&w->identity, seed);
	struct certificate c = certificate_draft(&w->identity.public, name);
	assert_int_equal(certificate_issue(&c, &authority), 0);
	int len = certificate_encode(&c, encoded, sizeof(encoded));
	w->answer = json_pack("{s:b, s:s, s:I, s:o, s:o, s:[]}", "ok", 1, "node", name, "deployment",
		(json_int_t)authority.public.deployment, "authority",
		base64(authority.public.sign_public, SIGN_PUBLIC_LEN), "certificate", base64(encoded, (size_t)len),
		"log");
}

static inline void run_add(struct writer_of_log *w, const char *body)
{
	struct log_link link = { .deployment = authority.public.deployment, .number = ++w->number };

	memcpy(link.before, w->after, LOG_HASH_LEN);
	log_link_sign(&link, bytes_of(body, strlen(body)), &w->identity, w->after);
	json_array_append_new(
		json_object_get(w->answer, "log"), json_pack("{s:I, s:o, s:o, s:s}", "number", (json_int_t)link.number,
							   "before", base64(link.before, LOG_HASH_LEN), "signature",
							   base64(link.signature, SIGNATURE_LEN), "body", body));
}

/* One run of one entry. */
static inline void entry_add(struct writer_of_log *w, const char *process, int64_t at_ms, int64_t date_ms,
	const char *code, const char *data)
{
	char body[512];

	snprintf(body, sizeof(body),
		"{\"process\":\"%s\",\"entries\":[{\"at\":%lld,\"date\":%lld,\"code\":\"%s\",\"text\":\"words\","
		"\"data\":%s}]}",
		process, (long long)at_ms, (long long)date_ms, code, data);
	run_add(w, body);
}

/* As a file, of which the text is for free(). */
static inline char *log_text(struct writer_of_log *w, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	assert_true(out && chronicle_write(w->answer, out));
	fclose(out);
	json_decref(w->answer);
	char *copy = strdup(text); /* gcc takes `text` for a pointer to the variable */
	free(text);
	return copy;
}

#endif
