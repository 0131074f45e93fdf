/*
 * meshdemo's commands: each takes its arguments and returns the exit status, and
 * says on stderr what is wrong. `run` is the demonstration; the others are its
 * hands, started by it inside the namespaces.
 */
#ifndef SIM_DEMO_COMMANDS_H
#define SIM_DEMO_COMMANDS_H

int command_picture(int argc, char **argv); /* the photograph into a file */
int command_ping(int argc, char **argv); /* until the first answer */
int command_send(int argc, char **argv); /* a file to a receiver */
int command_receive(int argc, char **argv);
int command_flow(int argc, char **argv); /* numbered packets both ways until SIGTERM */
int command_clear(int argc, char **argv); /* known plaintext, unsealed: proves that the scanner finds */
int command_run(int argc, char **argv); /* the demonstration, inside the lab */
int command_report(int argc, char **argv); /* afterwards: figures, verdict, page */

#endif
