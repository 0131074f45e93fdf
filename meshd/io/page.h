/*
 * What the files of the page share. libmicrohttpd speaks HTTP, driven by the
 * daemon's own loop; what is told comes from the answers of the control socket.
 *
 *   page.c          listens, lets visitors in, ends those who take too long
 *   page_answer.c   one request: files, answers, what a paired browser may do
 *   page_stream.c   the answers, looked at in turn and pushed to who reads
 *   page_pair.c     codes and tokens
 *   metrics.c       the same in the text form of Prometheus
 *
 * Everybody on the LAN may connect, and may be slow, many, rude or gone. All that
 * a visitor can make us hold is in `struct page_visitor`, in the memory that
 * libmicrohttpd has for a connection (MEMORY_MAX in page.c), and in one text that he
 * must have read within PAGE_TEXT_US.
 */
#ifndef MESHD_IO_PAGE_H
#define MESHD_IO_PAGE_H

#include "meshd/io/control.h"

#include <microhttpd.h>

#define PAGE_VISITORS_MAX 192
#define PAGE_READERS_MAX 128 /* of the stream: there is always a place for who only asks */
#define PAGE_BODY_MAX 1024
#define PAGE_TEXT_US (30 * SECOND_US)
#define PAGE_TOKENS_MAX 8
#define PAGE_TOKEN_LEN 16 /* bytes; twice that in hex */
#define PAGE_CODE_LEN 6 /* digits */

/* What is told, in the order in which who comes is told it. */
enum page_topic {
	TOPIC_STATUS,
	TOPIC_ALARMS,
	TOPIC_OUTAGES,
	TOPIC_LINKS,
	TOPIC_MEMBERS,
	TOPIC_MAIL,
	TOPIC_EVENTS,
	TOPICS
};

/* As it is streamed: "event: NAME\ndata: JSON\n\n". Who is being told it holds it. */
struct page_text {
	unsigned holders;
	size_t len;
	size_t json_at, json_len;
	char data[];
};

struct page_topic_state {
	struct page_text *text; /* NULL: not looked at lately */
	uint64_t number; /* of this text, over all topics: who was told a lesser one is told it */
	uint64_t next_us; /* look */
	uint64_t free_us; /* ... and no earlier, whatever happens */
};

enum visitor_state {
	VISITOR_NONE, /* the place is free */
	VISITOR_QUIET, /* connected, nothing asked yet or any more */
	VISITOR_ASKS,
	VISITOR_READS, /* the stream */
};
struct page_visitor {
	struct page *page;
	struct MHD_Connection *connection;
	enum visitor_state state;
	struct address from;
	uint64_t since_us; /* of the state */
	size_t body_len, body_read; /* kept, and all */
	bool is_body_long;
	char body[PAGE_BODY_MAX];
	/* who reads: */
	bool is_suspended; /* there is nothing new */
	bool has_hello;
	uint64_t told[TOPICS];
	uint64_t told_us; /* something, last */
	struct page_text *text; /* what he is being told */
	size_t text_at;
	uint64_t text_us; /* since */
};

struct page_place {
	struct page *page;
	const struct config_page_place *config;
	int fd; /* -1: not open */
	unsigned ifindex; /* of the LAN, as it was then */
	ev_io io;
	char error[IO_ERROR_MAX]; /* why, as it was said; "" */
};

struct page_token {
	uint8_t token[PAGE_TOKEN_LEN];
	uint64_t until_us; /* 0: free */
};
struct page_pairing {
	char code[PAGE_CODE_LEN + 1]; /* "": there is none */
	uint64_t until_us;
	unsigned wrong;
	struct page_token tokens[PAGE_TOKENS_MAX];
};

struct page {
	struct daemon *d;
	struct MHD_Daemon *mhd;
	ev_io io; /* of mhd's epoll */
	ev_timer due; /* mhd's own */
	ev_timer turn; /* while anybody reads */
	ev_timer pause; /* until visitors are let in again */
	unsigned place_count;
	struct page_place places[CONFIG_PAGE_PLACE_MAX];
	struct page_visitor visitors[PAGE_VISITORS_MAX];
	unsigned readers, waking; /* ... whose turn it is */
	struct page_topic_state topics[TOPICS];
	uint64_t number; /* of the last text */
	uint64_t events_next; /* when they were looked at */
	uint64_t version; /* of the page's files */
	struct page_text *hello;
	char *metrics;
	size_t metrics_len;
	uint64_t metrics_us; /* made */
	struct page_pairing pairing;
};

/* page.c */
/* Something was resumed, or given to mhd. */
void page_run(struct page *page);
struct page_visitor *page_visitor_of(struct MHD_Connection *connection);

/* page_answer.c: as MHD_AccessHandlerCallback */
enum MHD_Result page_answer(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
	const char *version, const char *data, size_t *data_len, void **request);

/* page_stream.c */
/* What the control socket answers to this, from an entry on if it is a list. NULL: memory. */
json_t *page_ask(struct daemon *d, const char *request, uint64_t from);
/* NULL: memory. `topic`'s text, at most as old as its period. Borrowed. */
const struct page_text *page_topic_text(struct page *page, enum page_topic topic);
const char *page_topic_name(enum page_topic topic);
/* He reads from now on. NULL: memory. */
struct MHD_Response *page_stream_open(struct page_visitor *v);
void page_stream_end(struct page_visitor *v); /* he has gone */
void page_stream_turn(struct ev_loop *loop, ev_timer *timer, int events);
int page_stream_init(struct page *page); /* -ENOMEM */
void page_stream_done(struct page *page);

/* page_pair.c */
/* A new code, which a browser may show once within *valid_s. */
const char *page_code_new(struct page *page, uint64_t now_us, unsigned *valid_s);
/* 0 with a token in hex; -EACCES: wrong; -ENOENT: there is no code (any more). */
int page_pair(struct page *page, uint64_t now_us, const char *code, char token[2 * PAGE_TOKEN_LEN + 1]);
bool page_is_paired(const struct page *page, uint64_t now_us, const char *token);
void page_unpair(struct page *page, const char *token);

/* metrics.c: at most a second old, borrowed; NULL: memory. */
const char *page_metrics(struct page *page, size_t *len);

#endif
