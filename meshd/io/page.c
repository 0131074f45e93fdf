/*
 * The page's sockets. A place that cannot be listened at is told and tried again:
 * the interface may come, whoever has the port may go, and the mesh does not wait
 * for either. A visitor has REQUEST_US for each request, and as long between two,
 * however busily he sends bytes; who reads the stream may stay.
 */
#include "meshd/io/library.h"
#include "meshd/io/page.h"
#include "meshd/web/web.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_MAX 16384 /* of a connection: headers, and what is being sent */
#define VISITORS_ONE 160 /* from one address */
#define TIMEOUT_S 15 /* for which nothing moves */
#define REQUEST_US (10 * SECOND_US)
#define PAUSE_S 0.5
#define BACKLOG 64
#define SEND_ROOM 65536 /* of the kernel, for one visitor */
#define USER_TIMEOUT_MS 20000 /* until one whose phone is gone is given up */

/* --- libmicrohttpd in the loop -------------------------------------------------------------------- */

void page_run(struct page *page)
{
	struct ev_loop *loop = page->d->loop;
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(page->mhd);
	ev_timer_stop(loop, &page->due);
	if (MHD_get_timeout(page->mhd, &wait_ms) != MHD_YES)
		return;
	ev_timer_set(&page->due, (double)wait_ms / 1000, 0);
	ev_timer_start(loop, &page->due);
}

static void mhd_is_ready(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop, (void)events;
	page_run(io->data);
}

static void mhd_is_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	page_run(timer->data);
}

/* --- visitors --------------------------------------------------------------------------------------- */

struct page_visitor *page_visitor_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void visitor_connects(struct page *page, struct MHD_Connection *connection, void **context)
{
	for (unsigned i = 0; i < PAGE_VISITORS_MAX; i++) {
		struct page_visitor *v = &page->visitors[i];

		if (v->state != VISITOR_NONE)
			continue;
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
		struct endpoint from = info ? endpoint_of_sockaddr(info->client_addr) : (struct endpoint){ 0 };
		uint16_t port;

		*v = (struct page_visitor){
			.page = page, .connection = connection, .state = VISITOR_QUIET, .since_us = io_now_us()
		};
		endpoint_address(&from, &v->from, &port);
		*context = v;
		return;
	}
}

static void visitor_leaves(struct page_visitor *v)
{
	if (v->state == VISITOR_READS)
		page_stream_end(v);
	v->state = VISITOR_NONE;
}

static void connection_changed(
	void *cls, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		visitor_connects(cls, connection, context);
	else if (*context)
		visitor_leaves(*context);
}

static void request_ended(
	void *cls, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode code)
{
	struct page_visitor *v = page_visitor_of(connection);

	(void)cls, (void)request, (void)code;
	if (!v)
		return;
	if (v->state == VISITOR_READS)
		page_stream_end(v);
	v->state = VISITOR_QUIET;
	v->since_us = io_now_us();
}

static bool visitor_is_late(const struct page_visitor *v, uint64_t now_us)
{
	switch (v->state) {
	case VISITOR_QUIET:
	case VISITOR_ASKS:
		return now_us - v->since_us > REQUEST_US;
	case VISITOR_READS:
		return v->text && now_us - v->text_us > PAGE_TEXT_US;
	case VISITOR_NONE:
		break;
	}
	return false;
}

/* libmicrohttpd has no word for it; the end of the connection it understands. */
static void visitor_end(struct page_visitor *v)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(v->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (info)
		shutdown(info->connect_fd, SHUT_RDWR);
}

static unsigned visitors_from(const struct page *page, const struct address *from, unsigned *all)
{
	unsigned same = 0;

	*all = 0;
	for (unsigned i = 0; i < PAGE_VISITORS_MAX; i++) {
		const struct page_visitor *v = &page->visitors[i];

		if (v->state == VISITOR_NONE)
			continue;
		++*all;
		same += address_equal(&v->from, from);
	}
	return same;
}

/* The first visitor is what it is loaded for. */
static int mhd_ready(struct page *page, char error[IO_ERROR_MAX])
{
	int code = page->mhd ? 0 : library_load(&library_microhttpd, error);

	if (code < 0 || page->mhd)
		return code;
	page->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		page_answer, page, MHD_OPTION_CONNECTION_LIMIT, (unsigned)PAGE_VISITORS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)TIMEOUT_S, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, page,
		MHD_OPTION_NOTIFY_COMPLETED, request_ended, page, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
	if (!page->mhd)
		return io_fail(error, -ENOMEM, "the page cannot be served; free some memory and files");
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(page->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	ev_io_set(&page->io, info->epoll_fd, EV_READ);
	ev_io_start(page->d->loop, &page->io);
	return 0;
}

static void visitor_refuse(int fd, const char *why)
{
	char answer[256 + IO_ERROR_MAX], asked[2048];
	int len = snprintf(answer, sizeof(answer),
		"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"Retry-After: 5\r\nConnection: close\r\n\r\n%s.\n",
		why);

	/* What is unread when we close would take the answer with it. */
	send(fd, answer, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	while (recv(fd, asked, sizeof(asked), MSG_DONTWAIT) == (ssize_t)sizeof(asked))
		;
	close(fd);
}

static void visitor_let_in(struct page *page, int fd, const struct sockaddr_storage *address, socklen_t len)
{
	const int send_room = SEND_ROOM, user_timeout_ms = USER_TIMEOUT_MS;
	struct endpoint e = endpoint_of_sockaddr((const struct sockaddr *)address);
	struct address from = { 0 };
	uint16_t port;
	unsigned all;
	char error[IO_ERROR_MAX];

	endpoint_address(&e, &from, &port);
	if (visitors_from(page, &from, &all) >= VISITORS_ONE || all == PAGE_VISITORS_MAX) {
		visitor_refuse(fd, "too many read this page; close one, and try it again");
		return;
	}
	if (mhd_ready(page, error) < 0) {
		daemon_say(page->d, "page-error", "%s", error);
		visitor_refuse(fd, error);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_room, sizeof(send_room));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof(user_timeout_ms));
	MHD_add_connection(page->mhd, fd, (const struct sockaddr *)address, len); /* on failure it closes fd */
	page_run(page);
}

/* --- places ----------------------------------------------------------------------------------------- */

static void place_close(struct page_place *place)
{
	if (place->fd < 0)
		return;
	ev_io_stop(place->page->d->loop, &place->io);
	close(place->fd);
	place->fd = -1;
}

static void visitors_pause(struct page *page)
{
	for (unsigned i = 0; i < page->place_count; i++)
		if (page->places[i].fd >= 0)
			ev_io_stop(page->d->loop, &page->places[i].io);
	ev_timer_set(&page->pause, PAUSE_S, 0);
	ev_timer_start(page->d->loop, &page->pause);
}

static void pause_is_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct page *page = timer->data;

	(void)events;
	for (unsigned i = 0; i < page->place_count; i++)
		if (page->places[i].fd >= 0)
			ev_io_start(loop, &page->places[i].io);
}

static void visitor_is_new(struct ev_loop *loop, ev_io *io, int events)
{
	struct page_place *place = io->data;
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int fd = accept4(place->fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)loop, (void)events;
	if (fd >= 0)
		visitor_let_in(place->page, fd, &address, len);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		visitors_pause(place->page);
}

static socklen_t place_sockaddr(const struct config_page_place *place, struct sockaddr_storage *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (place->address.family == FAMILY_IPV4) {
		in->sin_family = AF_INET;
		in->sin_port = htons(place->port);
		memcpy(&in->sin_addr, place->address.bytes, 4);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6; /* of the LAN: any, IPv4 as well */
	in6->sin6_port = htons(place->port);
	memcpy(&in6->sin6_addr, place->address.bytes, 16);
	return sizeof(*in6);
}

/* A listening socket, or a negative errno. That of this machine alone is on its interface, so that the LAN's may be on
 * the same port. */
static int place_listen(const struct page_place *place)
{
	const struct config_page_place *c = place->config;
	const char *on = c->is_lan ? place->page->d->config.lan : address_is_loopback(&c->address) ? "lo" : "";
	struct sockaddr_storage address;
	socklen_t len = place_sockaddr(c, &address);
	const int yes = 1, is_only_v6 = !c->is_lan;
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &is_only_v6, sizeof(is_only_v6));
	/* The address may come later. */
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &yes, sizeof(yes));
	if ((*on && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, on, (socklen_t)strlen(on) + 1) < 0) ||
		bind(fd, (const struct sockaddr *)&address, len) < 0 || listen(fd, BACKLOG) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

static const char *place_remedy(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "another program has the port; write page: {port: 8081}";
	case EACCES:
		return "ports below 1024 are root's; write another";
	case ENODEV:
		return "it is not there yet; tried again each second";
	default:
		return "see page: in the file; tried again each second";
	}
}

/* What has been said once is not said again. */
static void place_failed(struct page_place *place, int error)
{
	char text[IO_ERROR_MAX], address[ADDRESS_TEXT];
	struct daemon *d = place->page->d;

	snprintf(text, sizeof(text), "%s port %u: %s; %s",
		place->config->is_lan ? d->config.lan : address_format(&place->config->address, address),
		place->config->port, strerror(error), place_remedy(error));
	if (strcmp(text, place->error) != 0)
		daemon_say(d, "page-error", "%s", text);
	snprintf(place->error, sizeof(place->error), "%s", text);
}

static void place_open(struct page_place *place)
{
	int fd = place_listen(place);

	if (fd < 0) {
		place_failed(place, -fd);
		return;
	}
	place->fd = fd;
	place->ifindex = if_nametoindex(place->page->d->config.lan);
	place->error[0] = 0;
	ev_io_init(&place->io, visitor_is_new, fd, EV_READ);
	place->io.data = place;
	ev_io_start(place->page->d->loop, &place->io);
}

/* A socket stays with the interface that it was bound to, and not with the next one of that name. */
static bool place_is_lost(const struct page_place *place)
{
	return place->fd >= 0 && place->config->is_lan && if_nametoindex(place->page->d->config.lan) != place->ifindex;
}

/* --- the page ------------------------------------------------------------------------------------------ */

void page_tick(struct daemon *d, uint64_t now_us)
{
	struct page *page = d->page;
	bool has_ended = false;

	if (!page)
		return;
	for (unsigned i = 0; i < page->place_count; i++) {
		if (place_is_lost(&page->places[i]))
			place_close(&page->places[i]);
		if (page->places[i].fd < 0)
			place_open(&page->places[i]);
	}
	for (unsigned i = 0; i < PAGE_VISITORS_MAX; i++)
		if (visitor_is_late(&page->visitors[i], now_us)) {
			visitor_end(&page->visitors[i]);
			has_ended = true;
		}
	if (has_ended)
		page_run(page);
}

int page_open(struct daemon *d, char error[IO_ERROR_MAX])
{
	const struct config_page *config = &d->config.page;
	struct page *page = config->place_count ? calloc(1, sizeof(*page)) : NULL;

	if (!config->place_count)
		return 0;
	if (!page)
		return io_fail(error, -ENOMEM, "not enough memory; stop what else runs here");
	page->d = d;
	page->version = web_version();
	if (page_stream_init(page) < 0) {
		page_stream_done(page);
		free(page);
		return io_fail(error, -ENOMEM,
			"the page cannot be served; free some memory and files, or write page: {serve: no}");
	}
	ev_init(&page->io, mhd_is_ready);
	ev_init(&page->due, mhd_is_due);
	ev_init(&page->turn, page_stream_turn);
	ev_init(&page->pause, pause_is_over);
	page->io.data = page->due.data = page->turn.data = page->pause.data = page;
	page->place_count = config->place_count;
	for (unsigned i = 0; i < page->place_count; i++) {
		page->places[i] = (struct page_place){ .page = page, .config = &config->places[i], .fd = -1 };
		place_open(&page->places[i]);
	}
	d->page = page;
	return 0;
}

void page_close(struct daemon *d)
{
	struct page *page = d->page;

	if (!page)
		return;
	for (unsigned i = 0; i < page->place_count; i++)
		place_close(&page->places[i]);
	/* libmicrohttpd ends with nobody asleep. */
	for (unsigned i = 0; i < PAGE_VISITORS_MAX; i++)
		if (page->visitors[i].state == VISITOR_READS && page->visitors[i].is_suspended)
			MHD_resume_connection(page->visitors[i].connection);
	ev_io_stop(d->loop, &page->io);
	ev_timer_stop(d->loop, &page->due);
	ev_timer_stop(d->loop, &page->turn);
	ev_timer_stop(d->loop, &page->pause);
	if (page->mhd)
		MHD_stop_daemon(page->mhd);
	page_stream_done(page);
	free(page->metrics);
	secret_wipe(&page->pairing, sizeof(page->pairing));
	free(page);
	d->page = NULL;
}
