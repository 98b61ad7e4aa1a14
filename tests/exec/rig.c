/* rig.c - see rig.h. */
#include "rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/random.h"

/* Callbacks may come just before the loop blocks: whoever waits for one has to
 * be let look. */
static void look(struct rig *rig)
{
    ev_break(rig->loop, EVBREAK_ONE);
}

static void on_ready(void *arg, const struct crq_pool_task *tasks, size_t count)
{
    struct rig *rig = arg;

    (void)tasks;
    rig->ready++;
    rig->tasks = count;
    look(rig);
}

static void on_refused(void *arg, const char *why)
{
    struct rig *rig = arg;

    rig->refused++;
    snprintf(rig->why, sizeof(rig->why), "%s", why);
    ck_assert_msg(rig->may_refuse, "refused: %s", why);
    look(rig);
}

static void on_idle(void *arg, size_t slot)
{
    struct rig *rig = arg;

    ck_assert(crq_pool_is_idle(rig->pool, slot));
    rig->ends[slot].idle = true;
    look(rig);
}

static void on_log(void *arg, size_t slot, const char *line, size_t len)
{
    struct rig_end *end = &((struct rig *)arg)->ends[slot];

    end->logs++;
    snprintf(end->last_log, sizeof(end->last_log), "%.*s", (int)len, line);
}

static void on_outcome(void *arg, size_t slot, struct crq_outcome *outcome)
{
    struct rig *rig = arg;
    struct rig_end *end = &rig->ends[slot];

    ck_assert(!end->ended && !end->died);
    end->ended = true;
    end->at = ev_time();
    end->outcome = *outcome;
    memset(outcome, 0, sizeof(*outcome)); /* taken over */
    rig->outcomes++;
    look(rig);
}

static void on_died(void *arg, size_t slot, const struct crq_death *death)
{
    struct rig *rig = arg;
    struct rig_end *end = &rig->ends[slot];

    ck_assert(!end->ended && !end->died);
    end->died = true;
    end->at = ev_time();
    end->death = *death;
    snprintf(end->output, sizeof(end->output), "%s", death->output);
    snprintf(end->backtrace, sizeof(end->backtrace), "%s", death->backtrace);
    snprintf(end->failure, sizeof(end->failure), "%s", death->failure);
    end->death.failure = end->failure;
    end->death.output = end->output;
    end->death.backtrace = end->backtrace;
    rig->deaths++;
    look(rig);
}

static void on_server_died(void *arg, pid_t pid, int wait_status)
{
    struct rig *rig = arg;

    (void)pid;
    (void)wait_status;
    rig->server_died++;
    look(rig);
}

static void on_closed(void *arg)
{
    struct rig *rig = arg;

    rig->closed++;
    look(rig);
}

static const struct crq_pool_events events = { on_ready, on_refused, on_idle,
    on_log, on_outcome, on_died, on_server_died, on_closed };

struct crq_pool_options rig_options(size_t slots)
{
    static const char *const modules[] = { DEMO, RIG };
    struct crq_pool_options options;

    memset(&options, 0, sizeof(options));
    options.slots = slots;
    options.modules = modules;
    options.module_count = 2;
    options.kill_grace_ms = 200;
    return options;
}

static void on_guard(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)revents;
    *(bool *)w->data = true;
    ev_break(loop, EVBREAK_ALL);
}

static bool until(struct rig *rig, bool (*done)(struct rig *rig), double limit)
{
    bool late = false;
    ev_timer guard;

    ev_now_update(rig->loop);
    ev_timer_init(&guard, on_guard, limit, 0);
    guard.data = &late;
    ev_timer_start(rig->loop, &guard);
    while (!done(rig) && !late)
        ev_run(rig->loop, EVRUN_ONCE);
    ev_timer_stop(rig->loop, &guard);
    return !late;
}

void rig_until(struct rig *rig, bool (*done)(struct rig *rig))
{
    ck_assert_msg(until(rig, done, 10), "it did not happen in 10 s");
}

static bool never(struct rig *rig)
{
    (void)rig;
    return false;
}

void rig_for(struct rig *rig, double seconds)
{
    (void)until(rig, never, seconds);
}

static bool all_idle(struct rig *rig)
{
    size_t i;

    for (i = 0; i < crq_pool_slots(rig->pool); i++)
        if (!rig->ends[i].idle)
            return false;
    return true;
}

void rig_start(struct rig *rig, const struct crq_pool_options *options)
{
    char uuid[CRQ_UUID_LEN + 1];
    crq_error err;

    signal(SIGPIPE, SIG_IGN);
    crq_uuid4(uuid);
    snprintf(rig->mark, sizeof(rig->mark), "CRQ_RIG=%s", uuid);
    setenv("CRQ_RIG", uuid, 1);
    rig->loop = ev_default_loop(0);
    unit_ok(crq_pool_new(rig->loop, options, &events, rig, &rig->pool, &err),
            &err);
    ck_assert_int_eq(rig->ready, 0); /* callbacks come from the loop only */
    if (!rig->may_refuse)
        rig_until(rig, all_idle);
}

static bool is_closed(struct rig *rig)
{
    return rig->closed > 0;
}

void rig_stop(struct rig *rig)
{
    size_t i;

    crq_pool_close(rig->pool, true);
    rig_until(rig, is_closed);
    ck_assert_int_eq(rig_alive(rig), 0);
    ck_assert_uint_eq(crq_pool_running(rig->pool), 0);
    crq_pool_free(rig->pool);
    for (i = 0; i < RIG_SLOTS; i++)
        crq_outcome_fini(&rig->ends[i].outcome);
    ev_loop_destroy(rig->loop);
}

void rig_begin(struct rig *rig, size_t slot, const char *func, const char *args,
        const struct crq_pool_run *with)
{
    struct crq_pool_run run;
    char data[500];
    crq_error err;

    memset(&run, 0, sizeof(run));
    run.run.timeout_s = -1;
    if (with != NULL)
        run = *with;
    snprintf(data, sizeof(data), "[\"%s\", null, %s, {}]", func, args);
    run.run.job_id = "job";
    run.run.execution_id = "run";
    run.run.queue = "q";
    run.run.worker = "w";
    run.run.data = data;
    run.run.data_len = strlen(data);
    crq_outcome_fini(&rig->ends[slot].outcome);
    memset(&rig->ends[slot], 0, sizeof(rig->ends[slot]));
    unit_ok(crq_pool_run(rig->pool, slot, &run, &err), &err);
    ck_assert(crq_pool_is_running(rig->pool, slot));
    ck_assert_int_eq(crq_pool_run(rig->pool, slot, &run, &err), CRQ_ESTATE);
}

static bool none_runs(struct rig *rig)
{
    return crq_pool_running(rig->pool) == 0;
}

struct rig_end *rig_run(struct rig *rig, size_t slot, const char *func,
        const char *args, const struct crq_pool_run *run)
{
    rig_begin(rig, slot, func, args, run);
    rig_until(rig, none_runs);
    rig_until(rig, all_idle);
    return &rig->ends[slot];
}

static bool has_mark(const char *pid, const char *mark)
{
    char path[300], bytes[16384];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%s/environ", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, bytes, sizeof(bytes));
    close(fd);
    return n > 0 && memmem(bytes, (size_t)n, mark, strlen(mark)) != NULL;
}

int rig_alive(const struct rig *rig)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    int count = 0;

    ck_assert_ptr_nonnull(dir);
    for (entry = readdir(dir); entry != NULL; entry = readdir(dir))
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
            count += has_mark(entry->d_name, rig->mark);
    closedir(dir);
    return count;
}

int rig_alive_after(const struct rig *rig, int count, int ms)
{
    struct timespec pause = { 0, 5000000 };
    int alive;

    for (; (alive = rig_alive(rig)) > count && ms > 0; ms -= 5)
        nanosleep(&pause, NULL);
    return alive;
}
