/*
 * The live lab: namespaces, the TAP devices in them, the links between these,
 * and the processes. One thread, one epoll loop, one deadline heap.
 *
 *   sandbox.c     the first process of a PID namespace: what it starts ends with it
 *   namespace.c   a node's namespace, interfaces, addresses
 *   emulator.c    frames from TAP to TAP through a link model; carrier
 *   line.c        pseudo-terminals in the place of TAP devices
 *   process.c     what a node runs, and COMMAND
 *   steer.c       orders: cut, set, power-off ...
 *   control.c     orders from a Unix socket;  client.c: its other side
 *   capture.c     a pcap file for each link
 *   journal.c     events.jsonl, stats
 *   lab.c         builds, runs, ends
 *
 * The lab owns everything; nodes and links live as long as it does. Private to
 * the emulator.
 */
#ifndef SIM_LAB_H
#define SIM_LAB_H

#include "meshd/base/heap.h"
#include "meshd/base/list.h"
#include "sim/scenario.h"

#include <jansson.h>
#include <sys/types.h>

#define LAB_PATH_MAX 4096
#define LAB_FRAME_MAX 9216
#define LAB_IN_FLIGHT_MAX ((size_t)64 << 20) /* bytes held in all links */
#define LAB_SOCKET "lab.sock"
#define LAB_NETNS_DIR "/run/netns"
#define LAB_GRACE_US 3000000 /* after SIGTERM, at the end */

struct lab;
struct lab_link;

/* What epoll points at. */
struct lab_watch {
	int fd; /* -1: not open */
	void (*ready)(struct lab *lab, struct lab_watch *watch, uint32_t events);
};

struct lab_counter {
	uint64_t frames;
	uint64_t bytes;
};

struct lab_end {
	struct lab_watch watch; /* the TAP device, or the radio's side of a serial port */
	struct lab_link *link;
	struct lab_node *node;
	unsigned index; /* in the link */
	const char *name; /* of the interface */
	uint8_t mac[6];
	bool carrier;
	bool unplugged;
	struct lab_counter offered; /* what this end sent */
	struct lab_counter fates[LINK_VERDICTS]; /* of what was sent to this end */
	struct lab_line *line; /* a serial port; NULL: a TAP device, or unplugged */
};

struct lab_link {
	const struct scenario_link *conf;
	struct link_model model;
	struct link_params params[2]; /* as set last */
	uint64_t epoch; /* frames of an older one are lost */
	unsigned end_count;
	struct lab_end ends[LINK_ENDS_MAX];
	struct lab_capture *capture;
};

struct lab_process {
	pid_t pid; /* 0: not running; leads its own group */
};

struct lab_node {
	const struct scenario_node *conf;
	int netns;
	int socket; /* in the namespace, for ioctls */
	bool powered;
	bool start_wanted; /* as soon as the last process is gone */
	struct lab_process processes[SCENARIO_RUN_MAX];
};

struct lab_event {
	struct timer timer;
	struct lab *lab;
	const struct scenario_event *conf;
};

struct lab {
	const struct scenario *scenario;
	const char *out; /* DIR, absolute */
	bool quiet;
	char *const *command; /* NULL: none */
	unsigned node_count;
	struct lab_node *nodes;
	unsigned link_count;
	struct lab_link *links;
	struct lab_event *events;
	int home; /* the lab's own network namespace */
	int epoll;
	struct lab_watch clock;
	struct lab_watch signals;
	struct heap heap;
	uint64_t now_us; /* of this turn of the loop */
	uint64_t armed_us; /* what the clock is set to */
	uint64_t start_us; /* ready */
	size_t in_flight; /* bytes */
	struct list frames;
	struct timer flush; /* captures to disk */
	struct timer end; /* of the lab */
	FILE *journal;
	struct lab_control *control;
	pid_t command_pid;
	bool ending;
	bool over;
	int status;
};

/* --- lab.c --- */

/* Builds, runs and removes the lab. The exit status. */
int lab_run(const struct scenario *s, const char *out, bool quiet, char *const *command);
/* Ends the lab: SIGTERM to all, then over. The first status stands. */
void lab_end(struct lab *lab, int status);
/* Over, if nothing runs that must be waited for. */
void lab_end_check(struct lab *lab);
uint64_t lab_clock_us(void);
int lab_watch_add(struct lab *lab, struct lab_watch *watch, int fd,
	void (*ready)(struct lab *lab, struct lab_watch *watch, uint32_t events));
/* Not looked at for a while. */
void lab_watch_pause(struct lab *lab, struct lab_watch *watch, bool paused);
void lab_watch_close(struct lab *lab, struct lab_watch *watch);
/* "meshlab: ..." on stderr. Returns -EIO, so that it can be returned. */
int lab_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- sandbox.c --- */

/* Runs body(user) in new PID, mount and network namespaces (and a user namespace
 * where there is no privilege). Returns in both: here with body's exit status,
 * there with what body returned. When this process dies, in whatever way, all of
 * them die. */
int sandbox_run(int (*body)(void *user), void *user);
/* Joins the namespaces of the lab whose process is `pid`, unless we are in them,
 * and forks: returns in the child only, the parent exits with its status. */
int sandbox_join(pid_t pid);

/* --- namespace.c --- */

/* Each 0, or negative after a complaint. */
int namespace_create(struct lab *lab, struct lab_node *node);
int namespace_enter(int netns);
/* The interface of an end: created, its MTU set; down, no carrier. */
int namespace_create_tap(struct lab *lab, struct lab_end *end);
/* Up or down, with addresses and routes. */
int namespace_set_power(struct lab_node *node, bool on);
int namespace_set_interface(const struct lab_node *node, const char *name, bool up);
int namespace_configure(const struct lab_node *node, const struct scenario_interface *only);
int namespace_set_mtu(const struct lab_end *end, unsigned mtu);
/* A NAT box forgets whom it serves: the next packet leaves from another port. */
int namespace_forget_flows(struct lab *lab, const struct lab_node *node);

/* --- emulator.c --- */

int emulator_open_link(struct lab *lab, struct lab_link *link, const struct scenario_link *conf, uint64_t seed);
void emulator_close_link(struct lab *lab, struct lab_link *link);
int emulator_open_end(struct lab *lab, struct lab_end *end);
void emulator_close_end(struct lab *lab, struct lab_end *end);
void emulator_set_state(struct lab *lab, struct lab_link *link, enum link_state state);
/* Carriers of all links, after power or state changed. */
void emulator_update_carriers(struct lab *lab);
void emulator_drop_frames(struct lab *lab);
/* A whole Ethernet frame that the end sends. */
void emulator_offer(struct lab *lab, struct lab_end *from, const uint8_t *data, uint32_t len);

/* --- line.c --- */

int line_open(struct lab *lab, struct lab_end *end);
void line_close(struct lab *lab, struct lab_end *end);
/* Writes what a frame carries behind its Ethernet header; false: the port has no room. */
bool line_write(const struct lab_end *to, const uint8_t *data, uint32_t len);
/* So many random bytes come out of the port. */
void line_noise(struct lab_end *end, uint32_t bytes);

/* --- process.c --- */

void process_set_environment(const struct lab *lab, const char *program_dir);
int process_start_node(struct lab *lab, struct lab_node *node);
void process_signal_node(struct lab_node *node, int signal);
bool process_is_running(const struct lab_node *node);
int process_start_command(struct lab *lab);
/* Waits for children that ended. */
void process_reap(struct lab *lab);
/* Runs a tool in a node's namespace with `input` on its standard input; its exit
 * status, or negative. */
int process_run_tool(int netns, char *const argv[], const char *input);

/* --- steer.c --- */

/* What came of an order that cannot be waited for here. */
enum steer_result { STEER_DONE, STEER_FAILED, STEER_WHEN_STOPPED };
enum steer_result steer(
	struct lab *lab, const char *text, const char *by, unsigned *node, char complaint[LINK_COMPLAINT_MAX]);

/* --- control.c, client.c --- */

int control_open(struct lab *lab);
void control_close(struct lab *lab);
/* Answers who waited for the processes of the node to end. */
void control_node_stopped(struct lab *lab, unsigned node);
int client_main(int argc, char **argv); /* meshlab ctl */
int client_exec_main(int argc, char **argv); /* meshlab exec */

/* --- capture.c --- */

struct lab_capture *capture_open(const char *dir, const char *link);
void capture_frame(struct lab_capture *c, const void *frame, uint32_t len);
void capture_flush(struct lab_capture *c);
void capture_close(struct lab_capture *c);

/* --- journal.c --- */

int journal_open(struct lab *lab);
void journal_write(struct lab *lab, const char *by, const char *format, ...) __attribute__((format(printf, 3, 4)));
void journal_close(struct lab *lab);
json_t *stats_json(const struct lab *lab);
void stats_print(const struct lab *lab, FILE *out);

#endif
