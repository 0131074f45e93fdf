/* What the commands of meshsim share: how they end, and how they read their words. */
#ifndef SIM_WORLD_COMMAND_H
#define SIM_WORLD_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

enum { EXIT_FAILED = 1, EXIT_WRONG = 2 };

/* Says on standard error what is wrong with the command; EXIT_WRONG. */
int command_wrong(const char *what);
/* False: `text` is NULL or not a number. */
bool command_number(uint64_t *value, const char *text);
/* How many processes can run at once here, but at most so many. */
unsigned command_processors(unsigned most);

#endif
