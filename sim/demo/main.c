/* meshdemo: the demonstration and the tools that it uses, in one program. */
#include "sim/demo/commands.h"
#include "sim/demo/picture.h"
#include "sim/demo/tools.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USAGE_STATUS 2

static const char help[] =
	"usage: meshdemo COMMAND ...   started by sim/demo/run.sh (make demo)\n"
	"  picture --file FILE                                      draw the photograph of the scene\n"
	"  run --dir DIR                                            the demonstration, inside meshlab\n"
	"  report --dir DIR                                         figures, verdict and page of a run\n"
	"  ping --to ADDRESS [--within S]                           until the first answer\n"
	"  send --to ADDRESS --port PORT --file FILE [--within S]   a file, with its SHA-256\n"
	"  receive --on ADDRESS --port PORT --file FILE [--within S]\n"
	"  flow --on ADDRESS --to ADDRESS --record FILE             100 packets a second until SIGTERM\n"
	"  clear --to ADDRESS --name NODE --address ADDRESS         what must not be readable, in clear\n";

int command_picture(int argc, char **argv)
{
	const char *path = option(argc, argv, "--file");
	uint8_t *jpeg;
	size_t len;

	if (!path)
		return complain("picture: needs --file FILE");
	int error = jpeg_of_picture(&jpeg, &len);
	if (error)
		return complain("picture: no JPEG of the right size: %s", strerror(-error));
	error = file_write(path, bytes_of(jpeg, len));
	free(jpeg);
	return error ? complain("picture: %s: %s", path, strerror(-error)) : 0;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "picture", command_picture },
	{ "run", command_run },
	{ "report", command_report },
	{ "ping", command_ping },
	{ "send", command_send },
	{ "receive", command_receive },
	{ "flow", command_flow },
	{ "clear", command_clear },
};

int main(int argc, char **argv)
{
	if (sodium_init() < 0)
		return complain("the kernel gives no random numbers; use Linux 5.10 or newer");
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	fputs(help, argc > 1 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
	return argc > 1 && strcmp(argv[1], "--help") == 0 ? 0 : USAGE_STATUS;
}
