/*
 * One request. Whoever connects may read; what changes something needs the token
 * of a paired browser. Every refusal is a sentence, and a word for programs.
 *
 *   GET  / and its files      the page
 *   GET  /now.js              all topics, once, so that the page has something to show when it opens
 *   GET  /stream              all topics, as they change (page_stream.c)
 *   GET  /api/TOPIC           one of them, once, as the control socket answers
 *   GET  /metrics             for Prometheus
 *   POST /api/pair            {"code"} makes a token
 *   POST /api/unpair, /api/silence, /api/reach, /api/send, /api/inbox, /api/outbox
 *                             with "Authorization: Bearer TOKEN"
 *
 * A browser that reads another site must not be made to read or do anything here:
 * names that are not ours are refused (they may have been pointed at us), posts
 * are JSON and bear a token that no other site has.
 */
#include "meshd/io/page.h"

#include "meshd/web/web.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BODY_READ_MAX 65536 /* who sends more is not even told */
#define POLICY                                                                                                         \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri "       \
	"'none'; form-action 'none'; frame-ancestors 'none'"

/* --- answers ----------------------------------------------------------------------------------------- */

static enum MHD_Result response_send(
	struct MHD_Connection *connection, unsigned status, struct MHD_Response *response, const char *type)
{
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, "Content-Security-Policy", POLICY);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
	if (!MHD_get_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL))
		MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static struct MHD_Response *response_copy(const void *data, size_t len)
{
	return MHD_create_response_from_buffer(len, (void *)data, MHD_RESPMEM_MUST_COPY);
}

/* Takes `json` over. */
static enum MHD_Result json_send(struct MHD_Connection *connection, unsigned status, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	struct MHD_Response *response = text ? response_copy(text, strlen(text)) : NULL;

	json_decref(json);
	free(text);
	return response_send(connection, status, response, "application/json");
}

/* `code` for programs, `text` for people. */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *code, const char *text)
{
	return json_send(connection, status, json_pack("{s:b, s:s, s:s}", "ok", 0, "code", code, "error", text));
}

/* --- who asks --------------------------------------------------------------------------------------- */

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* An address, localhost, or this node's own name. */
static bool host_is_ours(const struct daemon *d, const char *host)
{
	const char *own = d->enrolment.certificate.name;
	size_t own_len = strlen(own), len = strcspn(host, ":");
	struct address address;
	char text[ADDRESS_TEXT];

	if (*host == '[') {
		len = strcspn(++host, "]");
		if (!host[len])
			return false;
	}
	if (strncasecmp(host, own, own_len) == 0 && (len == own_len || strncasecmp(host + own_len, ".local", 6) == 0) &&
		(len == own_len || len == own_len + 6))
		return true;
	if (len == 9 && strncasecmp(host, "localhost", len) == 0)
		return true;
	if (!len || len >= sizeof(text))
		return false;
	memcpy(text, host, len);
	text[len] = 0;
	return address_parse(&address, text) == 0;
}

/* A browser says from which page it posts. */
static bool origin_is_ours(struct MHD_Connection *connection)
{
	const char *origin = header_of(connection, "Origin"), *host = header_of(connection, MHD_HTTP_HEADER_HOST);

	return !origin || (host && strncmp(origin, "http://", 7) == 0 && strcasecmp(origin + 7, host) == 0);
}

/* "" if there is none. */
static const char *token_of(struct MHD_Connection *connection)
{
	const char *value = header_of(connection, MHD_HTTP_HEADER_AUTHORIZATION);

	return value && strncmp(value, "Bearer ", 7) == 0 ? value + 7 : "";
}

/* --- reading ---------------------------------------------------------------------------------------- */

static enum MHD_Result asset_send(struct page *page, struct MHD_Connection *connection, const struct web_asset *asset)
{
	char tag[24];
	const char *known = header_of(connection, MHD_HTTP_HEADER_IF_NONE_MATCH);
	bool is_known;

	snprintf(tag, sizeof(tag), "\"%016llx\"", (unsigned long long)page->version);
	is_known = known && strcmp(known, tag) == 0;
	struct MHD_Response *response = MHD_create_response_from_buffer(
		is_known ? 0 : (size_t)(asset->end - asset->begin), (void *)asset->begin, MHD_RESPMEM_PERSISTENT);
	if (response) {
		MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, tag);
		MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	}
	return response_send(connection, is_known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, response, asset->type);
}

static enum MHD_Result stream_send(struct page_visitor *v)
{
	if (v->page->readers >= PAGE_READERS_MAX)
		return refuse(v->connection, MHD_HTTP_SERVICE_UNAVAILABLE, "full",
			"too many read this page; close one, and try it again");
	return response_send(v->connection, MHD_HTTP_OK, page_stream_open(v), "text/event-stream");
}

static enum MHD_Result topic_send(struct page *page, struct MHD_Connection *connection, enum page_topic topic)
{
	const struct page_text *text = page_topic_text(page, topic);

	return response_send(connection, MHD_HTTP_OK,
		text ? response_copy(text->data + text->json_at, text->json_len) : NULL, "application/json");
}

/* JSON is JavaScript: what opens the page is told as much as the stream will, without waiting for its turn. */
static enum MHD_Result now_send(struct page *page, struct MHD_Connection *connection)
{
	char *all = NULL;
	size_t len;
	FILE *out = open_memstream(&all, &len);

	if (!out)
		return MHD_NO;
	fputs("const NOW = {", out);
	for (unsigned i = 0; i < TOPICS; i++) {
		const struct page_text *text = page_topic_text(page, (enum page_topic)i);

		if (text)
			fprintf(out, "\"%s\": %.*s,\n", page_topic_name((enum page_topic)i), (int)text->json_len,
				text->data + text->json_at);
	}
	fputs("};\n", out);
	bool is_whole = fclose(out) == 0;
	struct MHD_Response *response =
		is_whole ? MHD_create_response_from_buffer(len, all, MHD_RESPMEM_MUST_FREE) : NULL;
	if (!response)
		free(all);
	return response_send(connection, MHD_HTTP_OK, response, "text/javascript; charset=utf-8");
}

static enum MHD_Result metrics_send(struct page *page, struct MHD_Connection *connection)
{
	size_t len;
	const char *text = page_metrics(page, &len);

	return response_send(connection, MHD_HTTP_OK, text ? response_copy(text, len) : NULL,
		"text/plain; version=0.0.4; charset=utf-8");
}

static bool topic_find(const char *url, enum page_topic *topic)
{
	for (unsigned i = 0; strncmp(url, "/api/", 5) == 0 && i < TOPICS; i++)
		if (strcmp(url + 5, page_topic_name((enum page_topic)i)) == 0) {
			*topic = (enum page_topic)i;
			return true;
		}
	return false;
}

static enum MHD_Result get_answer(struct page_visitor *v, const char *url)
{
	const struct web_asset *asset = web_asset_find(url);
	enum page_topic topic;

	if (asset)
		return asset_send(v->page, v->connection, asset);
	if (strcmp(url, "/stream") == 0)
		return stream_send(v);
	if (strcmp(url, "/now.js") == 0)
		return now_send(v->page, v->connection);
	if (strcmp(url, "/metrics") == 0)
		return metrics_send(v->page, v->connection);
	if (topic_find(url, &topic))
		return topic_send(v->page, v->connection, topic);
	return refuse(v->connection, MHD_HTTP_NOT_FOUND, "not-found", "there is no such page here; begin at /");
}

/* --- doing ------------------------------------------------------------------------------------------- */

static enum MHD_Result pair_post(struct page_visitor *v, json_t *body)
{
	const char *code = json_string_value(json_object_get(body, "code"));
	char token[2 * PAGE_TOKEN_LEN + 1], from[ADDRESS_TEXT];
	int error = page_pair(v->page, io_now_us(), code ? code : "", token);

	if (error == -ENOENT)
		return refuse(v->connection, MHD_HTTP_FORBIDDEN, "no-code",
			"there is no code that could be shown; ask for one on the node: meshctl pair");
	if (error)
		return refuse(v->connection, MHD_HTTP_FORBIDDEN, "wrong-code",
			"that is not the code; look at it again, after five wrong ones another is needed");
	daemon_say(v->page->d, "page-paired", "%s", address_format(&v->from, from));
	json_t *answer = json_pack("{s:b, s:s}", "ok", 1, "token", token);
	secret_wipe(token, sizeof(token));
	return json_send(v->connection, MHD_HTTP_OK, answer);
}

static enum MHD_Result unpair_post(struct page_visitor *v, json_t *body)
{
	(void)body;
	page_unpair(v->page, token_of(v->connection));
	return json_send(v->connection, MHD_HTTP_OK, json_pack("{s:b}", "ok", 1));
}

/* As on the control socket; whatever the body has for "request". */
static enum MHD_Result control_post(struct page_visitor *v, json_t *body, const char *name)
{
	char from[ADDRESS_TEXT];
	struct asker asker = { .browser = address_format(&v->from, from) };

	json_object_set_new(body, "request", json_string(name));
	json_t *answer = control_reply(v->page->d, body, &asker);
	bool is_good = json_is_true(json_object_get(answer, "ok"));
	return json_send(v->connection, is_good ? MHD_HTTP_OK : MHD_HTTP_BAD_REQUEST, answer);
}

static enum MHD_Result silence_post(struct page_visitor *v, json_t *body)
{
	return control_post(v, body, "silence");
}

static enum MHD_Result reach_post(struct page_visitor *v, json_t *body)
{
	return control_post(v, body, "reach");
}

static enum MHD_Result send_post(struct page_visitor *v, json_t *body)
{
	return control_post(v, body, "send");
}

/* They are read by a post as well: what people write to each other is for who is paired. */
static enum MHD_Result inbox_post(struct page_visitor *v, json_t *body)
{
	return control_post(v, body, "inbox");
}

static enum MHD_Result outbox_post(struct page_visitor *v, json_t *body)
{
	return control_post(v, body, "outbox");
}

static const struct {
	const char *url;
	bool is_for_paired;
	enum MHD_Result (*post)(struct page_visitor *v, json_t *body);
} posts[] = {
	{ "/api/pair", false, pair_post },
	{ "/api/unpair", true, unpair_post },
	{ "/api/silence", true, silence_post },
	{ "/api/reach", true, reach_post },
	{ "/api/send", true, send_post },
	{ "/api/inbox", true, inbox_post },
	{ "/api/outbox", true, outbox_post },
};
#define POSTS (sizeof(posts) / sizeof(posts[0]))

static size_t post_find(const char *url)
{
	size_t i = 0;

	while (i < POSTS && strcmp(posts[i].url, url) != 0)
		i++;
	return i;
}

/* Before the body: NULL, or why it need not be sent. */
static const char *post_check(const struct page_visitor *v, const char *url, unsigned *status, const char **code)
{
	const char *type = header_of(v->connection, MHD_HTTP_HEADER_CONTENT_TYPE);
	size_t at = post_find(url);

	*status = MHD_HTTP_FORBIDDEN;
	*code = "other-site";
	if (!origin_is_ours(v->connection))
		return "the page of another site may do nothing here";
	*status = MHD_HTTP_NOT_FOUND;
	*code = "not-found";
	if (at == POSTS)
		return "nothing can be posted there";
	*status = MHD_HTTP_FORBIDDEN;
	*code = "no-pairing";
	if (!v->page->d->config.page.has_pairing)
		return "pairing is off; write page: {pairing: yes} in the node's file";
	*status = MHD_HTTP_UNAUTHORIZED;
	*code = "unpaired";
	if (posts[at].is_for_paired && !page_is_paired(v->page, io_now_us(), token_of(v->connection)))
		return "this browser is not paired, and may only read; ask for a code on the node: meshctl pair";
	*status = MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
	*code = "not-json";
	if (!type || strncasecmp(type, "application/json", 16) != 0)
		return "send JSON, and say so: Content-Type: application/json";
	return NULL;
}

static enum MHD_Result post_answer(struct page_visitor *v, const char *url)
{
	json_error_t trouble;
	char text[IO_ERROR_MAX];

	if (v->is_body_long)
		return refuse(v->connection, MHD_HTTP_CONTENT_TOO_LARGE, "too-long",
			"that is more than anything here takes: 1,024 bytes");
	json_t *body = json_loadb(v->body, v->body_len, JSON_REJECT_DUPLICATES, &trouble);
	if (!json_is_object(body)) {
		json_decref(body);
		snprintf(text, sizeof(text), "not a JSON object%s%s; send {\"name\": value}", body ? "" : ": ",
			body ? "" : trouble.text);
		return refuse(v->connection, MHD_HTTP_BAD_REQUEST, "not-json", text);
	}
	enum MHD_Result result = posts[post_find(url)].post(v, body); /* post_check() has found it */
	json_decref(body);
	return result;
}

/* --- one request --------------------------------------------------------------------------------------- */

static bool is_reading(const char *method)
{
	return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

/* The headers are here. MHD_YES without an answer: the body is read first. */
static enum MHD_Result request_begin(struct page_visitor *v, const char *url, const char *method)
{
	const char *host = header_of(v->connection, MHD_HTTP_HEADER_HOST), *code;
	unsigned status;

	if (host && !host_is_ours(v->page->d, host))
		return refuse(v->connection, MHD_HTTP_MISDIRECTED_REQUEST, "other-name",
			"this node is not known by that name; use its address, or its own name");
	if (is_reading(method))
		return MHD_YES; /* to answer now would end the connection */
	if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
		return refuse(v->connection, MHD_HTTP_METHOD_NOT_ALLOWED, "method", "only GET and POST are known here");
	const char *wrong = post_check(v, url, &status, &code);
	return wrong ? refuse(v->connection, status, code, wrong) : MHD_YES;
}

/* What does not fit is read and forgotten, up to a point. */
static enum MHD_Result body_take(struct page_visitor *v, const char *data, size_t len)
{
	size_t room = sizeof(v->body) - v->body_len;

	v->is_body_long |= len > room;
	if (!v->is_body_long)
		memcpy(v->body + v->body_len, data, len);
	v->body_len += v->is_body_long ? 0 : len;
	v->body_read += len;
	return v->body_read > BODY_READ_MAX ? MHD_NO : MHD_YES;
}

enum MHD_Result page_answer(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
	const char *version, const char *data, size_t *data_len, void **request)
{
	struct page_visitor *v = page_visitor_of(connection);

	(void)cls, (void)version;
	if (!v)
		return MHD_NO;
	if (!*request) {
		*request = v;
		v->state = VISITOR_ASKS;
		v->since_us = io_now_us();
		v->body_len = v->body_read = 0;
		v->is_body_long = false;
		return request_begin(v, url, method);
	}
	if (*data_len) {
		size_t len = *data_len;

		*data_len = 0;
		return body_take(v, data, len);
	}
	return is_reading(method) ? get_answer(v, url) : post_answer(v, url);
}
