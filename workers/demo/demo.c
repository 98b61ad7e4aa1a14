/*
 * demo.c - the module "demo": small tasks to try a worker with, kind and
 * unkind ones.
 *
 * It uses crq.h and nothing else of crq, as any application's module does.
 */
#include <crq.h>

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---------------------------------------------------------- values, texts */

/* demo.noop() */
static int noop(crq_task *task, crq_error *err)
{
    (void)task;
    (void)err;
    return 0;
}

/* demo.echo(value) -> value */
static int echo(crq_task *task, crq_error *err)
{
    (void)err;
    return crq_task_return(task, crq_value_ref(crq_task_value(task, "value")));
}

static bool is_number(const crq_value *v)
{
    crq_type type = crq_value_type(v);

    return type == CRQ_INT || type == CRQ_FLOAT;
}

/* demo.add(x, y) -> their sum, of ints up to 64 bits or floats */
static int add(crq_task *task, crq_error *err)
{
    const crq_value *x = crq_task_value(task, "x");
    const crq_value *y = crq_task_value(task, "y");
    int64_t a, b, sum;
    double d;
    int rc;

    if (!is_number(x) || !is_number(y))
        return crq_task_fail(task, err, "TypeError",
                "unsupported operand type(s) for +: '%s' and '%s'",
                crq_type_name(crq_value_type(x)),
                crq_type_name(crq_value_type(y)));
    if (crq_value_type(x) == CRQ_FLOAT || crq_value_type(y) == CRQ_FLOAT) {
        d = crq_task_float(task, "x") + crq_task_float(task, "y");
        rc = crq_task_args_end(task, err);
        return rc < 0 ? rc : crq_task_return_float(task, d);
    }
    a = crq_task_int(task, "x");
    b = crq_task_int(task, "y");
    rc = crq_task_args_end(task, err);
    if (rc < 0)
        return rc;
    if (__builtin_add_overflow(a, b, &sum))
        return crq_task_fail(task, err, "OverflowError",
                "the sum does not fit in 64 bits");
    return crq_task_return_int(task, sum);
}

/* demo.greet(name="Stranger") -> "Hi there, NAME!" */
static int greet(crq_task *task, crq_error *err)
{
    static const char before[] = "Hi there, ", behind[] = "!";
    const char *name = crq_task_str_or(task, "name", "Stranger");
    size_t len = strlen(name);
    char *text;
    int rc;

    rc = crq_task_args_end(task, err);
    if (rc < 0)
        return rc;
    text = malloc(sizeof(before) + len + sizeof(behind));
    if (text == NULL)
        return CRQ_ENOMEM;
    memcpy(text, before, sizeof(before) - 1);
    memcpy(text + sizeof(before) - 1, name, len);
    memcpy(text + sizeof(before) - 1 + len, behind, sizeof(behind));
    rc = crq_task_return_str(task, text);
    free(text);
    return rc;
}

/* ------------------------------------------------------------------- time */

static void sleep_for(double seconds)
{
    struct timespec until;
    double whole = floor(seconds);

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)whole;
    until.tv_nsec += (long)((seconds - whole) * 1e9);
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) ==
            EINTR)
        ;
}

/* A number of seconds that can be slept; reports the mistakes of all
 * arguments read before. */
static int check_seconds(crq_task *task, double seconds, crq_error *err)
{
    int rc = crq_task_args_end(task, err);

    if (rc < 0)
        return rc;
    if (!(seconds >= 0))
        return crq_task_fail(task, err, "ValueError",
                "sleep length must be non-negative");
    if (seconds > 1e9)
        return crq_task_fail(task, err, "OverflowError",
                "sleep length is too large");
    return 0;
}

/* demo.sleep(seconds) */
static int sleep_task(crq_task *task, crq_error *err)
{
    double seconds = crq_task_float(task, "seconds");
    int rc = check_seconds(task, seconds, err);

    if (rc == 0)
        sleep_for(seconds);
    return rc;
}

/* demo.count(to=3, seconds=0.0) -> how far it came: to, unless it was told to
 * stop. It logs each number, and tells its progress, so many seconds apart. */
static int count(crq_task *task, crq_error *err)
{
    int64_t to = crq_task_int_or(task, "to", 3);
    double seconds = crq_task_float_or(task, "seconds", 0.0);
    int64_t n = 0;
    int rc = check_seconds(task, seconds, err);

    while (rc == 0 && n < to && !crq_task_should_stop(task)) {
        sleep_for(seconds);
        n++;
        crq_task_log(task, "%lld of %lld", (long long)n, (long long)to);
        rc = crq_task_progress(task, (double)n / (double)to, err);
    }
    return rc < 0 ? rc : crq_task_return_int(task, n);
}

/* demo.spin(): burns CPU for ever, and does not go when it is told to. */
static int spin(crq_task *task, crq_error *err)
{
    volatile bool forever = true;

    (void)task;
    (void)err;
    signal(SIGTERM, SIG_IGN);
    while (forever)
        ;
    return 0;
}

/* ---------------------------------------------------------------- endings */

/* demo.fail(message) */
static int fail(crq_task *task, crq_error *err)
{
    const char *message = crq_task_str(task, "message");
    int rc = crq_task_args_end(task, err);

    if (rc < 0)
        return rc;
    return crq_task_fail(task, err, "RuntimeError", "%s", message);
}

/* demo.crash() */
static int crash(crq_task *task, crq_error *err)
{
    (void)err;
    raise(SIGSEGV);
    return crq_task_return_str(task, "SIGSEGV was ignored");
}

/* demo.exit(code): as a library may do that thinks it is alone. */
static int exit_task(crq_task *task, crq_error *err)
{
    int64_t code = crq_task_int(task, "code");
    int rc = crq_task_args_end(task, err);

    if (rc < 0)
        return rc;
    _exit((int)(code & 0xff));
}

/* demo.retry(times): asks to be run again, every time it is run. */
static int retry(crq_task *task, crq_error *err)
{
    int64_t times = crq_task_int(task, "times");
    int rc = crq_task_args_end(task, err);

    return rc < 0 ? rc : crq_task_retry(task, times, NULL, 0);
}

/* ------------------------------------------------------- memory, processes */

/* What demo.alloc(keep=True) keeps: each begins with where the one before is,
 * so that it is a growth and not a leak. */
static void *kept;

/* demo.alloc(mib, seconds=0, keep=False): takes memory and writes into each
 * page of it, holds it for some seconds, gives it back unless it keeps it. */
static int alloc(crq_task *task, crq_error *err)
{
    int64_t mib = crq_task_int(task, "mib");
    double seconds = crq_task_float_or(task, "seconds", 0);
    bool keep = crq_task_bool_or(task, "keep", false);
    int rc = check_seconds(task, seconds, err);
    size_t size;
    char *memory;

    if (rc < 0)
        return rc;
    if (mib < 1 || mib > (int64_t)(SIZE_MAX >> 21))
        return crq_task_fail(task, err, "ValueError", "mib is %lld",
                (long long)mib);
    size = (size_t)mib << 20;
    memory = malloc(size);
    if (memory == NULL)
        return crq_task_fail(task, err, "MemoryError", "%lld MiB are too many",
                (long long)mib);
    for (size_t i = 0; i < size; i += 1024)
        ((volatile char *)memory)[i] = 1;
    sleep_for(seconds);
    if (keep) {
        memcpy(memory, &kept, sizeof(kept));
        kept = memory;
    } else {
        free(memory);
    }
    return crq_task_return_int(task, mib);
}

/* The process between: makes the orphan, tells its id, and goes. */
static _Noreturn void make_orphan(int out, double seconds)
{
    pid_t pid;

    setsid();
    pid = fork();
    if (pid == 0) {
        close(out);
        sleep_for(seconds);
        _exit(0);
    }
    _exit(write(out, &pid, sizeof(pid)) == (ssize_t)sizeof(pid) ? 0 : 1);
}

/* demo.orphan(seconds) -> the id of a process that sleeps on, in a session of
 * its own and without its parent */
static int orphan(crq_task *task, crq_error *err)
{
    double seconds = crq_task_float(task, "seconds");
    int rc = check_seconds(task, seconds, err), ends[2];
    pid_t between, pid = -1;
    ssize_t got;

    if (rc < 0)
        return rc;
    if (pipe(ends) < 0)
        return crq_task_fail(task, err, "OSError", "pipe: %s", strerror(errno));
    between = fork();
    if (between == 0)
        make_orphan(ends[1], seconds);
    close(ends[1]);
    got = read(ends[0], &pid, sizeof(pid));
    close(ends[0]);
    if (between > 0)
        waitpid(between, NULL, 0);
    if (got != (ssize_t)sizeof(pid) || pid < 0)
        return crq_task_fail(task, err, "OSError", "can't fork");
    return crq_task_return_int(task, pid);
}

/* ------------------------------------------------------------------ Redis */

/* demo.meta(key, value) */
static int meta(crq_task *task, crq_error *err)
{
    const char *key = crq_task_str(task, "key");
    const crq_value *value = crq_task_value(task, "value");
    int rc = crq_task_args_end(task, err);

    if (rc < 0)
        return rc;
    return crq_task_meta_set(task, key, crq_value_ref(value), err);
}

/* demo.enqueue(function, *args, **kwargs) -> the id of the new job, which goes
 * on the queue of this one */
static int enqueue(crq_task *task, crq_error *err)
{
    const char *function = crq_task_str(task, "function");
    crq_call call = CRQ_CALL_INIT;
    crq_queue *queue = NULL;
    crq_job *job = NULL;
    crq_conn *conn;
    int rc;

    rc = crq_task_args_end(task, err);
    if (rc < 0)
        return rc;
    call.func = function;
    call.args = crq_task_rest(task);
    call.kwargs = crq_task_keywords(task);
    call.serializer = crq_task_serializer(task);
    rc = crq_task_conn(task, &conn, err);
    if (rc == 0)
        rc = crq_queue_new(conn, crq_task_queue(task), &queue, err);
    if (rc == 0)
        rc = crq_queue_enqueue(queue, &call, &job, err);
    if (rc == 0)
        rc = crq_task_return_str(task, crq_job_id(job));
    crq_job_free(job);
    crq_queue_free(queue);
    return rc;
}

/* -------------------------------------------------------------- callbacks */

/* The status that the job has in Redis. */
static int status_now(crq_task *task, crq_value **out, crq_error *err)
{
    crq_job *job = NULL;
    crq_conn *conn;
    int rc = crq_task_conn(task, &conn, err);

    if (rc == 0)
        rc = crq_job_fetch(conn, crq_task_job_id(task), &job, err);
    if (rc < 0)
        return rc;
    *out = crq_value_new_text(crq_job_status_text(job));
    crq_job_free(job);
    return *out != NULL ? 0 : CRQ_ENOMEM;
}

/* Push {"callback", "job_id", "status", and what it was told} to the list
 * demo:callbacks; `more` is taken over. */
static int note(crq_task *task, const char *callback, const char *name,
        crq_value *more, crq_error *err)
{
    crq_value *line = crq_value_new_dict(), *status = NULL;
    char *text = NULL;
    size_t len;
    int rc = status_now(task, &status, err);

    if (rc == 0)
        rc = crq_value_set(line, "callback", crq_value_new_text(callback));
    if (rc == 0)
        rc = crq_value_set(line, "job_id",
                crq_value_new_text(crq_task_job_id(task)));
    if (rc == 0)
        rc = crq_value_set(line, "status", crq_value_ref(status));
    if (rc == 0 && name != NULL)
        rc = crq_value_set(line, name, crq_value_ref(more));
    if (rc == 0)
        rc = crq_value_json(line, &text, &len, err);
    if (rc == 0)
        rc = crq_task_redis(task, NULL, err, "RPUSH demo:callbacks %b", text,
                len);
    crq_text_free(text);
    crq_value_free(status);
    crq_value_free(more);
    crq_value_free(line);
    return rc;
}

/* demo.on_success */
static int on_success(crq_task *task, crq_error *err)
{
    const crq_value *result = crq_task_result(task);

    return note(task, "on_success", "result",
            result != NULL ? crq_value_ref(result) : crq_value_new_none(), err);
}

/* demo.on_failure */
static int on_failure(crq_task *task, crq_error *err)
{
    return note(task, "on_failure", "error",
            crq_value_new_text(crq_task_error_message(task)), err);
}

/* demo.on_stopped */
static int on_stopped(crq_task *task, crq_error *err)
{
    return note(task, "on_stopped", NULL, NULL, err);
}

CRQ_MODULE("demo", CRQ_TASK("demo.add", add, "x, y"),
        CRQ_TASK("demo.alloc", alloc, "mib, seconds=0, keep=False"),
        CRQ_TASK("demo.count", count, "to=3, seconds=0.0"),
        CRQ_TASK("demo.crash", crash, ""), CRQ_TASK("demo.echo", echo, "value"),
        CRQ_TASK("demo.enqueue", enqueue, "function, *args, **kwargs"),
        CRQ_TASK("demo.exit", exit_task, "code"),
        CRQ_TASK("demo.fail", fail, "message"),
        CRQ_TASK("demo.greet", greet, "name=\"Stranger\""),
        CRQ_TASK("demo.meta", meta, "key, value"),
        CRQ_TASK("demo.noop", noop, ""),
        CRQ_CALLBACK("demo.on_failure", on_failure),
        CRQ_CALLBACK("demo.on_stopped", on_stopped),
        CRQ_CALLBACK("demo.on_success", on_success),
        CRQ_TASK("demo.orphan", orphan, "seconds"),
        CRQ_TASK("demo.retry", retry, "times"),
        CRQ_TASK("demo.sleep", sleep_task, "seconds"),
        CRQ_TASK("demo.spin", spin, ""))
