/*
 * server.h - the fork server: the parent of all children of a worker.
 *
 * A program that has a pool begins its main() with
 *
 *     if (crq_server_wanted(argc, argv))
 *         return crq_server_main();
 *
 * before it opens or starts anything: the pool executes the program again,
 * with one argument, to be its fork server.
 */
#ifndef CRQ_EXEC_SERVER_H
#define CRQ_EXEC_SERVER_H

#include <stdbool.h>

/* The only argument of a program that is to be a fork server, and the
 * descriptor of its socket to the worker. */
#define CRQ_SERVER_ARG "--fork-server"
#define CRQ_SERVER_FD  3

bool crq_server_wanted(int argc, char **argv);

/** Serve until the worker's end of the socket is closed; no process is left
 *  then. Returns the exit status. Children never return from here. */
int crq_server_main(void);

#endif
