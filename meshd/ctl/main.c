/* meshctl: the command's name decides; each command does the rest. */
#include "meshd/ctl/ctl.h"

#include <locale.h>
#include <sodium.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "status", command_status },
	{ "nodes", command_nodes },
	{ "links", command_links },
	{ "routes", command_routes },
	{ "why", command_why },
	{ "trace", command_trace },
	{ "reload", command_reload },
	{ "diff", command_diff },
	{ "bundle", command_bundle },
	{ "capture", command_capture },
	{ "avoid", command_avoid },
	{ "prefer", command_prefer },
	{ "cost", command_cost },
	{ "drain", command_drain },
	{ "classes", command_classes },
	{ "reach", command_reach },
	{ "events", command_events },
	{ "alarms", command_alarms },
	{ "outages", command_outages },
	{ "silence", command_silence },
	{ "send", command_send },
	{ "inbox", command_inbox },
	{ "outbox", command_outbox },
	{ "log", command_log },
	{ "report", command_report },
	{ "pair", command_pair },
	{ "authority", command_authority },
	{ "enrol", command_enrol },
	{ "guest", command_guest },
	{ "request", command_request },
	{ "accept", command_accept },
	{ "members", command_members },
	{ "revoke", command_revoke },
	{ "replace", command_replace },
	{ "identity", command_identity },
};

static const char help[] =
	"usage: meshctl COMMAND [OPTIONS]\n"
	"\n"
	"Ask the meshd of this machine (--json for programs, --socket PATH):\n"
	"  status              does it work, for whom, and what to do if not\n"
	"  nodes               every member: reachable or not, by which way\n"
	"  links               every link, and who is there\n"
	"  routes [CLASS]      every route, spare ones too\n"
	"  reach DEST [CLASS]  what works to there: messages, voice, pictures; asks along the way\n"
	"  why DEST [CLASS]    why packets to DEST go where they go, or nowhere\n"
	"  trace DEST          follow a packet, hop by hop\n"
	"  events [--follow]   what happened lately, and what happens\n"
	"  alarms              what is wrong, and what to do\n"
	"  outages             what was cut off, and when the first text, voice, picture came\n"
	"  silence ALARM [SUBJECT] [for 30m] [--off]   not to hear of it for a while\n"
	"  send NAME \"TEXT\" [--urgent]   a message, which waits until there is a way\n"
	"  inbox [--follow]    what has come\n"
	"  outbox [--follow]   what was sent, and whether it has arrived\n"
	"  log [FILE]... [--from DATE] [--to DATE] [--own]   the incident log, and whether it holds\n"
	"  log nodes           of which other nodes there is a copy, and until when\n"
	"  log export FILE [--force]   a signed copy of it\n"
	"  report [--from DATE] [--to DATE] [--merge FILE]...   what happened, as a page\n"
	"         [--own] [--csv] [--out FILE] [--force]\n"
	"  classes             which packets are command, text or bulk, and who sends too many\n"
	"  members             who belongs, and who is out\n"
	"  pair                a code for a browser that is to do more than read the page\n"
	"  reload [--try 2m] [--keep] [--undo]   read the configuration again: links, rules, keys\n"
	"  diff                what a reload would change\n"
	"  avoid LINK [for 30m] [--off]     a link only if nothing else is left, for a while\n"
	"  prefer LINK [for 30m] [--off]    all others are avoided\n"
	"  cost LINK +N [for 30m] [--off]   ways over it cost more\n"
	"  drain [for 30m] [--off]          others pass this node by: before it is switched off\n"
	"  bundle [FILE] [--force]   all of it in one file, for a bug report: no keys\n"
	"  capture LINK -w FILE [--opened] [--for 30s] [--force]   what it carries, for Wireshark\n"
	"\n"
	"At the desk, offline:\n"
	"  authority init [--out FILE] [--id HEX8] [--passphrase] [--force]\n"
	"  authority lock --authority FILE\n"
	"  enrol --authority FILE --name NAME --level city|district|town|scene\n"
	"        [--prefix NETWORK]... [--role gateway|command-post]... [--years N]\n"
	"        [--out FILE] [--force] [--again]\n"
	"  enrol --authority FILE --request WORDS   the same of a machine that has keys of its own\n"
	"        [--name NAME] [--level LEVEL] [--words] [--offline]\n"
	"  guest --authority FILE --request WORDS --agency NAME --to NAME|NETWORK... --for 24h\n"
	"        [--class text|command|bulk]... [--until-list N] [--words] [--offline]   admits for a while\n"
	"  guest --authority FILE --extend ANSWER --for 24h   more time for it\n"
	"  identity FILE [--state DIR]   what an enrolment file says, or an answer that came over the mesh\n"
	"\n"
	"On a machine that is to be a member:\n"
	"  request --name NAME --level city|district|town|scene   makes its keys, and shows what to say\n"
	"        [--file FILE] [--qr] [--key FILE] [--force]\n"
	"  accept ANSWER       what the authority answered: a file, or - for words [--key FILE]\n"
	"\n"
	"On any node, with the authority's key (or, with a list that was made before, without):\n"
	"  revoke NAME --authority FILE [--offline]\n"
	"  revoke --list FILE\n"
	"  enrol --answer FILE   an answer to a request that was made elsewhere\n"
	"  replace NAME NEW.key --authority FILE [--request WORDS] [--offline] [--force]\n"
	"\n"
	"Exit status: 0 good (status: healthy), 1 not, 2 usage or no meshd. Manual: meshctl(1).\n";

int main(int argc, char **argv)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
	if (argc < 2) {
		fputs(help, stderr);
		return CTL_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		fputs(help, stdout);
		return CTL_GOOD;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("meshctl %s\n", MESHD_VERSION);
		return CTL_GOOD;
	}
	if (sodium_init() < 0)
		return ctl_fail(CTL_BAD, "the kernel gives no random numbers; use Linux 5.10 or newer");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(argc - 2, argv + 2);
	return ctl_fail(CTL_USAGE, "%s is not a command; meshctl --help lists them", argv[1]);
}
