/*
 * cronfile.h - schedules in the manner of a crontab.
 *
 *     CRON_TZ=Europe/Berlin
 *     QUEUE=reports
 *     # minute hour day month weekday  id  function  arguments
 *     0 9 * * mon-fri  daily-report  shop.report  :2024 to='the boss'
 *     @every 30s       poll          shop.poll
 *
 * crq-scheduler(8) describes it. Settings hold for the lines below them; a line
 * becomes what app.json has as a schedule, and is checked by the same code.
 */
#ifndef CRQ_APP_CRONFILE_H
#define CRQ_APP_CRONFILE_H

#include <crq.h>

#include "app/app.h"

/**
 * Read a file into an application without a name and triggers. `where` of a
 * mistake is "LINE:COLUMN", bytes counted from 1. Errors as crq_app_load().
 */
int crq_cronfile_load(const char *path, crq_app_mistake *mistake, void *arg,
        struct crq_app **out, crq_error *err) CRQ_MUST_CHECK;

/** The same from memory. */
int crq_cronfile_parse(const char *text, size_t len, crq_app_mistake *mistake,
        void *arg, struct crq_app **out, crq_error *err) CRQ_MUST_CHECK;

#endif
