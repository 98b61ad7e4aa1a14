/* options.h - what crq-web was told on its command line. */
#ifndef CRQ_WEB_OPTIONS_H
#define CRQ_WEB_OPTIONS_H

#include <crq.h>

#include "exec/daemon.h"

#define APPS_MAX    64
#define ORIGINS_MAX 32

struct options {
    struct crq_daemon daemon;
    const char *url;    /* where Redis is; of crq_daemon_begin() */
    const char *listen; /* "127.0.0.1:8080" */
    const char *apps[APPS_MAX];
    size_t app_count;
    const char *origins[ORIGINS_MAX]; /* "https://shop.example" */
    size_t origin_count;
    const char *token_file;         /* NULL: none */
    const char *tls_cert, *tls_key; /* NULL: none */
    unsigned per_address;           /* connections of one; 0: no limit */
    unsigned per_second;            /* requests of one address; 0: no limit */
};

/** Read the command line; prints and exits when it is wrong. */
void options_parse(struct options *o, int argc, char **argv);

#endif
