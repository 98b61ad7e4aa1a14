/*
 * up.h - the pieces of crq up: its programs, their Redis, their applications.
 */
#ifndef CRQ_CLI_UP_H
#define CRQ_CLI_UP_H

#include "app/app.h"
#include "cli/cli.h"
#include "cli/process.h"

#define UP_MODULES_MAX 64
#define UP_APPS_MAX    32

/* In the order in which they are started. */
enum up_part { UP_REDIS, UP_WORKER, UP_SCHEDULER, UP_WEB, UP_PARTS };

struct up {
    struct cli *cli;
    const char *modules[UP_MODULES_MAX];
    size_t module_count;
    const char *apps[UP_APPS_MAX]; /* as they were named */
    struct crq_app *loaded[UP_APPS_MAX];
    char *module_paths[UP_MODULES_MAX]; /* made for `modules` */
    size_t app_count, loaded_count, module_path_count;
    const char *jobs;    /* NULL: the worker's default */
    const char *listen;  /* of the gateway; NULL: its default */
    struct crq_buf data; /* the folder; "" with -u */
    struct crq_buf url;
    char socket_dir[32]; /* "": the socket is in the data folder */
    struct process parts[UP_PARTS];
    int asked[UP_PARTS]; /* how often each was told to stop */
    int lock_fd;
    int stops; /* how often we were told to, or had to */
    bool announced;
    int64_t deadline_us; /* then those that are left are killed; 0: none */
};

/** Wait a little, or until something happens; whether we are told to stop. */
bool up_told_to_stop(void);
int64_t up_now_us(void);
/** Print how a program ended; returns the exit code for that. */
int up_say_ended(struct process *p);

/** A Redis of our own, or the one of -u, which has to answer: cli->conn is
 *  open. Returns 0, or prints why not and returns the exit code. */
int up_get_redis(struct up *up);
void up_end_redis(struct up *up);

/** Find and read the applications, and add their modules to up->modules.
 *  Returns 0, or prints what is wrong and returns the exit code. */
int up_load_apps(struct up *up);
/** Write their options to Redis, through cli->conn. Returns as above. */
int up_put_options(struct up *up);
void up_free_apps(struct up *up);

#endif
