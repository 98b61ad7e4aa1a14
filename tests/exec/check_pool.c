/* check_pool.c - real processes: runs, and every way in which they end. */
#include "rig.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exec/server.h"

static struct rig rig;

static void start(size_t slots)
{
    struct crq_pool_options options = rig_options(slots);

    rig_start(&rig, &options);
}

static struct crq_pool_run with_timeout(int64_t timeout_s)
{
    struct crq_pool_run run;

    memset(&run, 0, sizeof(run));
    run.run.timeout_s = timeout_s;
    return run;
}

static const char *error_text(const struct rig_end *end)
{
    return end->outcome.error == NULL ? "" : end->outcome.error;
}

/* ------------------------------------------------------------------ endings */

START_TEST(test_a_run_returns_what_its_task_does)
{
    struct rig_end *end;

    start(1);
    ck_assert_int_eq(rig.ready, 1);
    ck_assert_ptr_nonnull(crq_pool_find(rig.pool, "demo.add"));
    ck_assert_str_eq(crq_pool_find(rig.pool, "demo.add")->params, "x, y");
    ck_assert_ptr_null(crq_pool_find(rig.pool, "demo.none"));
    end = rig_run(&rig, 0, "demo.add", "[2, 3]", NULL);
    ck_assert(end->ended);
    ck_assert_int_eq(end->outcome.kind, CRQ_OUTCOME_RETURNED);
    ck_assert_str_eq(end->outcome.value, "5");
    ck_assert_int_eq(end->outcome.serializer, CRQ_JSON);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_a_failure_says_what_and_where)
{
    struct rig_end *end;

    start(1);
    end = rig_run(&rig, 0, "demo.fail", "[\"no milk\"]", NULL);
    ck_assert(end->ended);
    ck_assert_int_eq(end->outcome.kind, CRQ_OUTCOME_FAILED);
    ck_assert_ptr_nonnull(strstr(error_text(end), "no milk"));
    end = rig_run(&rig, 0, "demo.none", "[]", NULL);
    ck_assert_ptr_nonnull(strstr(error_text(end), "demo.none"));
    end = rig_run(&rig, 0, "demo.retry", "[2]", NULL);
    ck_assert_int_eq(end->outcome.kind, CRQ_OUTCOME_RETRY);
    ck_assert_int_eq(end->outcome.retry_max, 2);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_a_crash_is_told_with_signal_function_and_output)
{
    struct crq_buf text = CRQ_BUF_INIT;
    struct rig_end *end;

    start(1);
    end = rig_run(&rig, 0, "demo.crash", "[]", NULL);
    ck_assert(end->died);
    ck_assert(end->death.began);
    ck_assert(end->death.has_status && WIFSIGNALED(end->death.wait_status));
    ck_assert_int_eq(WTERMSIG(end->death.wait_status), SIGSEGV);
    ck_assert_int_eq(end->death.end, CRQ_END_NONE);
    ck_assert(!end->death.oom);
    ck_assert_int_eq(crq_death_text(&end->death, &text), 0);
    ck_assert_msg(strstr(text.data, "SIGSEGV") != NULL, "%s", text.data);
    ck_assert_msg(strstr(text.data, " crash+0x") != NULL, "%s", text.data);
    ck_assert_msg(strstr(text.data, "(demo.so)") != NULL, "%s", text.data);
    ck_assert_msg(strstr(text.data, "crq_perform+") != NULL, "%s", text.data);
    crq_buf_fini(&text);
    /* The slot has a new child. */
    end = rig_run(&rig, 0, "demo.add", "[2, 3]", NULL);
    ck_assert(end->ended);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_the_output_of_the_last_run_is_kept_and_no_other)
{
    struct rig_end *end;

    start(1);
    (void)rig_run(&rig, 0, "rig.say", "[\"first\\n\"]", NULL);
    end = rig_run(&rig, 0, "rig.say", "[\"second\\n\", \"abort\"]", NULL);
    ck_assert(end->died);
    ck_assert_int_eq(WTERMSIG(end->death.wait_status), SIGABRT);
    ck_assert_msg(strstr(end->backtrace, " say") != NULL, "%s", end->backtrace);
    ck_assert_msg(strstr(end->output, "second") != NULL, "%s", end->output);
    ck_assert_ptr_null(strstr(end->output, "first"));
    end = rig_run(&rig, 0, "rig.say", "[\"third\", \"exit\"]", NULL);
    ck_assert_int_eq(WEXITSTATUS(end->death.wait_status), 7);
    ck_assert_str_eq(end->output, "third");
    (void)rig_run(&rig, 0, "rig.say", "[\"fourth\"]", NULL);
    end = rig_run(&rig, 0, "demo.crash", "[]", NULL);
    ck_assert_ptr_null(strstr(end->output, "fourth"));
    rig_stop(&rig);
}
END_TEST

START_TEST(test_an_exit_in_a_task_is_told_with_its_code)
{
    struct rig_end *end;

    start(1);
    end = rig_run(&rig, 0, "demo.exit", "[3]", NULL);
    ck_assert(end->died);
    ck_assert(WIFEXITED(end->death.wait_status));
    ck_assert_int_eq(WEXITSTATUS(end->death.wait_status), 3);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_log_lines_come_in_order_before_the_outcome)
{
    struct rig_end *end;

    start(1);
    end = rig_run(&rig, 0, "rig.log", "[1000]", NULL);
    ck_assert(end->ended);
    ck_assert_int_eq(end->logs, 1000);
    ck_assert_ptr_nonnull(strstr(end->last_log, "line 999"));
    rig_stop(&rig);
}
END_TEST

/* ------------------------------------------------------------------- limits */

START_TEST(test_a_run_that_ignores_its_deadline_is_killed)
{
    struct crq_pool_run run = with_timeout(1);
    struct rig_end *end;
    double began;

    start(1);
    began = ev_time();
    end = rig_run(&rig, 0, "demo.spin", "[]", &run);
    ck_assert(end->died);
    ck_assert_int_eq(end->death.end, CRQ_END_TIMEOUT);
    ck_assert_int_eq(WTERMSIG(end->death.wait_status), SIGKILL);
    ck_assert(!end->death.oom);
    ck_assert(end->death.ran_us > 1100000);
    ck_assert_msg(end->at - began > 1.19 && end->at - began < 1.7, "%g s",
            end->at - began);
    ck_assert_int_eq(rig_alive(&rig), 2); /* server and the next child */
    rig_stop(&rig);
}
END_TEST

START_TEST(test_a_sleeping_run_goes_at_its_deadline)
{
    struct crq_pool_run run = with_timeout(1);
    struct rig_end *end;

    start(1);
    end = rig_run(&rig, 0, "demo.sleep", "[30]", &run);
    ck_assert(end->died);
    ck_assert_int_eq(end->death.end, CRQ_END_TIMEOUT);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_memory_of_a_run_is_limited_from_outside)
{
    struct crq_pool_options options = rig_options(1);
    struct rig_end *end;

    options.max_child_memory_mib = 200;
    rig_start(&rig, &options);
    end = rig_run(&rig, 0, "demo.alloc", "[300, 10]", NULL);
    ck_assert(end->died);
    ck_assert_int_eq(end->death.end, CRQ_END_MEMORY);
    ck_assert(end->death.peak_kib > 200 * 1024);
    rig_stop(&rig);
}
END_TEST

#ifndef UNIT_ASAN
START_TEST(test_a_child_that_has_grown_is_replaced)
{
    struct crq_pool_options options = rig_options(1);
    struct rig_end *end;
    pid_t before;

    options.max_child_memory_mib = 100;
    rig_start(&rig, &options);
    before = crq_pool_pid(rig.pool, 0);
    (void)rig_run(&rig, 0, "demo.noop", "[]", NULL);
    ck_assert_int_eq(crq_pool_pid(rig.pool, 0), before);
    end = rig_run(&rig, 0, "demo.alloc", "[120]", NULL);
    /* Whether a sample came while it was that large is chance. */
    ck_assert(end->ended || end->death.end == CRQ_END_MEMORY);
    ck_assert_int_ne(crq_pool_pid(rig.pool, 0), before);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_a_hard_memory_limit_makes_malloc_fail_in_a_fresh_child)
{
    struct crq_pool_run run = with_timeout(-1);
    struct rig_end *end;
    pid_t before;

    start(1);
    before = crq_pool_pid(rig.pool, 0);
    run.memory_mib = 64;
    end = rig_run(&rig, 0, "rig.hungry", "[80]", &run);
    ck_assert(end->ended);
    ck_assert_str_eq(end->outcome.value, "false");
    end = rig_run(&rig, 0, "rig.hungry", "[40]", &run);
    ck_assert_str_eq(end->outcome.value, "true");
    ck_assert_int_ne(crq_pool_pid(rig.pool, 0), before);
    /* The next run has no limit. */
    end = rig_run(&rig, 0, "rig.hungry", "[80]", NULL);
    ck_assert_str_eq(end->outcome.value, "true");
    rig_stop(&rig);
}
END_TEST
#endif

START_TEST(test_cpu_time_is_limited)
{
    struct crq_pool_run run = with_timeout(-1);
    struct rig_end *end;

    start(1);
    run.cpu_s = 1;
    end = rig_run(&rig, 0, "demo.spin", "[]", &run);
    ck_assert(end->died);
    ck_assert(end->death.end == CRQ_END_CPU ||
            WTERMSIG(end->death.wait_status) == SIGXCPU);
    rig_stop(&rig);
}
END_TEST

/* -------------------------------------------------------------- being ended */

static bool runs_in_child(struct rig *r)
{
    (void)r;
    return crq_pool_running(rig.pool) == 1;
}

START_TEST(test_a_run_is_ended_by_request)
{
    struct rig_end *end;

    start(1);
    rig_begin(&rig, 0, "demo.sleep", "[30]", NULL);
    rig_until(&rig, runs_in_child);
    crq_pool_end(rig.pool, 0, CRQ_END_STOPPED, true);
    crq_pool_end(rig.pool, 0, CRQ_END_KILLED, true);
    ck_assert(!rig.ends[0].died);
    rig_for(&rig, 0.2);
    end = &rig.ends[0];
    ck_assert(end->died);
    ck_assert_int_eq(end->death.end, CRQ_END_STOPPED);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_a_task_can_ask_whether_it_should_stop)
{
    start(1);
    rig_begin(&rig, 0, "rig.patient", "[]", NULL);
    rig_for(&rig, 0.05);
    crq_pool_stop_soon(rig.pool, 0);
    rig_for(&rig, 0.2);
    ck_assert(rig.ends[0].ended);
    ck_assert_str_eq(rig.ends[0].outcome.value, "true");
    /* What was meant for one run does not reach the next. */
    rig_begin(&rig, 0, "rig.patient", "[]", NULL);
    rig_for(&rig, 0.1);
    ck_assert(!rig.ends[0].ended);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_a_limited_run_can_be_ended_before_its_child_is_there)
{
    struct crq_pool_run run = with_timeout(-1);

    start(1);
    run.cpu_s = 5;
    rig_begin(&rig, 0, "demo.noop", "[]", &run);
    crq_pool_end(rig.pool, 0, CRQ_END_STOPPED, false);
    rig_for(&rig, 0.3);
    ck_assert(rig.ends[0].died);
    ck_assert(!rig.ends[0].death.began);
    ck_assert_int_eq(rig.ends[0].death.end, CRQ_END_STOPPED);
    ck_assert(rig_run(&rig, 0, "demo.noop", "[]", &run)->ended);
    rig_stop(&rig);
}
END_TEST

/* ----------------------------------------------------- nothing is left behind
 */

static const struct {
    const char *func, *args;
} leavers[] = {
    { "demo.orphan", "[60]" },
    { "rig.brood", "[1, \"return\"]" },
    { "rig.brood", "[6, \"return\"]" },
    { "rig.brood", "[6, \"crash\"]" },
};

START_TEST(test_what_a_run_left_is_gone_when_it_ends)
{
    struct rig_end *end;

    start(1);
    rig_begin(&rig, 0, leavers[_i].func, leavers[_i].args, NULL);
    while (!rig.ends[0].ended && !rig.ends[0].died)
        ev_run(rig.loop, EVRUN_ONCE);
    end = &rig.ends[0];
    ck_assert_int_eq(end->died, strstr(leavers[_i].args, "crash") != NULL);
    ck_assert_int_le(rig_alive(&rig), 2);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_a_deadline_takes_the_whole_brood)
{
    struct crq_pool_run run = with_timeout(1);
    struct rig_end *end;

    start(1);
    end = rig_run(&rig, 0, "rig.brood", "[6, \"wait\"]", &run);
    ck_assert(end->died);
    ck_assert_int_eq(rig_alive(&rig), 2);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_a_killed_child_takes_the_whole_brood)
{
    start(1);
    rig_begin(&rig, 0, "rig.brood", "[6, \"wait\"]", NULL);
    rig_for(&rig, 0.2);
    ck_assert_int_gt(rig_alive(&rig), 4);
    kill(crq_pool_pid(rig.pool, 0), SIGKILL);
    while (!rig.ends[0].died)
        ev_run(rig.loop, EVRUN_ONCE);
    ck_assert_int_le(rig_alive(&rig), 2);
    ck_assert_int_eq(rig.ends[0].death.end, CRQ_END_NONE);
    ck_assert_int_eq(WTERMSIG(rig.ends[0].death.wait_status), SIGKILL);
    rig_stop(&rig);
}
END_TEST

/* ---------------------------------------------------------------- callbacks */

static const struct {
    const char *func, *args, *on_success, *on_failure;
    int64_t timeout_s; /* of the run; each callback has one second */
    const char *error; /* NULL: it returned. Else a part of the error or, when
                          it died, of what it had failed with before */
    bool died;
    enum crq_end end;
    crq_event during;
} callbacks[] = {
    { "demo.add", "[2, 3]", "rig.agree", "rig.agree", -1, NULL, false, 0, 0 },
    { "demo.fail", "[\"no milk\"]", "rig.refuse", "rig.agree", -1,
            "RuntimeError: no milk", false, 0, 0 },
    { "demo.add", "[2, 3]", "rig.refuse", NULL, -1, "KeyError: refused after ",
            false, 0, 0 },
    { "demo.add", "[2, 3]", "rig.refuse", "rig.refuse", -1,
            "KeyError: refused after KeyError", false, 0, 0 },
    /* The time of a callback counts from its own beginning, and is kept. */
    { "demo.sleep", "[0.5]", "rig.linger", NULL, 100, "", true, CRQ_END_TIMEOUT,
            CRQ_EVENT_SUCCESS },
    { "demo.fail", "[\"no milk\"]", NULL, "rig.linger", 100,
            "RuntimeError: no milk", true, CRQ_END_TIMEOUT, CRQ_EVENT_FAILURE },
    { "demo.add", "[2, 3]", "rig.refuse", "rig.linger", -1,
            "KeyError: refused after ", true, CRQ_END_TIMEOUT,
            CRQ_EVENT_FAILURE },
    { "demo.add", "[2, 3]", "rig.abort", "rig.agree", -1, "", true,
            CRQ_END_NONE, CRQ_EVENT_SUCCESS },
    { "demo.fail", "[\"no milk\"]", NULL, "rig.abort", -1,
            "RuntimeError: no milk", true, CRQ_END_NONE, CRQ_EVENT_FAILURE },
    /* The child is gone: it is for another one to call it. */
    { "demo.spin", "[]", "rig.agree", "rig.agree", 1, "", true, CRQ_END_TIMEOUT,
            CRQ_EVENT_NONE },
};

START_TEST(test_callbacks_run_in_the_child_with_a_time_of_their_own)
{
    struct crq_pool_run run = with_timeout(callbacks[_i].timeout_s);
    struct rig_end *end;
    const char *text;

    start(1);
    run.run.on_success.name = callbacks[_i].on_success;
    run.run.on_failure.name = callbacks[_i].on_failure;
    run.run.on_success.timeout_s = run.run.on_failure.timeout_s = 1;
    end = rig_run(&rig, 0, callbacks[_i].func, callbacks[_i].args, &run);
    ck_assert_int_eq(end->died, callbacks[_i].died);
    if (callbacks[_i].error == NULL) {
        ck_assert_int_eq(end->outcome.kind, CRQ_OUTCOME_RETURNED);
        ck_assert_str_eq(end->last_log, "agreed 1 ");
    } else {
        text = end->died ? end->failure : error_text(end);
        ck_assert_msg(strstr(text, callbacks[_i].error) != NULL, "%s", text);
        ck_assert(*callbacks[_i].error != '\0' || *text == '\0');
    }
    if (end->died) {
        ck_assert_int_eq(end->death.end, callbacks[_i].end);
        ck_assert_int_eq(end->death.during, callbacks[_i].during);
    }
    /* The next run knows nothing of it. */
    ck_assert(rig_run(&rig, 0, "demo.add", "[2, 3]", NULL)->ended);
    rig_stop(&rig);
}
END_TEST

static const struct {
    const char *name, *error, *log;
    bool died;
} alone[] = {
    { "rig.agree", NULL, "agreed 3 ", false },
    { "rig.refuse", "KeyError: refused after ", "", false },
    { "rig.none", "crq.UnknownCallback: there is no callback 'rig.none'", "",
            false },
    { "rig.linger", NULL, "", true },
};

START_TEST(test_a_callback_runs_without_its_run)
{
    struct crq_callback_call call = { CRQ_EVENT_STOPPED, { alone[_i].name, 1 },
        "", "", "" };
    struct crq_pool_run run = with_timeout(-1);
    struct rig_end *end;

    start(1);
    run.call_back = &call;
    end = rig_run(&rig, 0, "demo.crash", "[]", &run);
    ck_assert_int_eq(end->died, alone[_i].died);
    ck_assert_str_eq(end->last_log, alone[_i].log);
    if (end->died)
        ck_assert_int_eq(end->death.end, CRQ_END_TIMEOUT);
    else if (alone[_i].error != NULL)
        ck_assert_msg(strstr(error_text(end), alone[_i].error) != NULL, "%s",
                error_text(end));
    else
        ck_assert_int_eq(end->outcome.kind, CRQ_OUTCOME_RETURNED);
    rig_stop(&rig);
}
END_TEST

/* A task writes frames of its own to get more time than it has. */
START_TEST(test_no_task_can_claim_the_time_of_a_callback)
{
    struct crq_pool_run run = with_timeout(1);
    struct rig_end *end;

    start(1);
    if (_i > 0) {
        run.run.on_success = (struct crq_run_callback){ "rig.agree", 1 };
    }
    end = rig_run(&rig, 0, "rig.rude", "[\"callbacks\"]", &run);
    ck_assert(end->died);
    ck_assert_int_eq(end->death.end, CRQ_END_PROTOCOL);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_an_idle_child_that_is_killed_is_replaced_quietly)
{
    pid_t before;

    start(2);
    before = crq_pool_pid(rig.pool, 0);
    kill(before, SIGKILL);
    rig_for(&rig, 0.3);
    ck_assert_int_eq(rig.deaths, 0);
    ck_assert(crq_pool_is_idle(rig.pool, 0));
    ck_assert_int_ne(crq_pool_pid(rig.pool, 0), before);
    ck_assert(rig_run(&rig, 0, "demo.noop", "[]", NULL)->ended);
    rig_stop(&rig);
}
END_TEST

static bool is_back(struct rig *r)
{
    return crq_pool_is_idle(r->pool, 0) && crq_pool_is_idle(r->pool, 1);
}

START_TEST(test_a_killed_server_takes_all_and_comes_back)
{
    pid_t server;
    int i;

    start(3);
    for (i = 0; i < 2; i++) {
        server = crq_pool_server_pid(rig.pool);
        rig_begin(&rig, 0, "rig.brood", "[6, \"wait\"]", NULL);
        rig_begin(&rig, 1, "demo.spin", "[]", NULL);
        rig_for(&rig, 0.2);
        kill(server, SIGKILL);
        while (rig.server_died == i)
            ev_run(rig.loop, EVRUN_ONCE);
        ck_assert(rig.ends[0].died && rig.ends[1].died);
        ck_assert_int_eq(rig.ends[0].death.end, CRQ_END_SERVER);
        ck_assert(rig.ends[0].death.began);
        rig_until(&rig, is_back);
    }
    rig_stop(&rig);
}
END_TEST

/* A worker in a process of its own, which has runs going and is killed. */
static void worker_with_runs(int fd)
{
    start(3);
    rig_begin(&rig, 0, "rig.brood", "[6, \"wait\"]", NULL);
    rig_begin(&rig, 1, "demo.spin", "[]", NULL);
    rig_for(&rig, 0.2);
    if (write(fd, rig.mark, sizeof(rig.mark)) < 0)
        _exit(1);
    rig_for(&rig, 10);
    _exit(1);
}

START_TEST(test_a_killed_worker_leaves_nothing)
{
    int pair[2];
    pid_t worker;

    ck_assert_int_eq(pipe(pair), 0);
    worker = fork();
    if (worker == 0)
        worker_with_runs(pair[1]);
    ck_assert_int_eq(read(pair[0], rig.mark, sizeof(rig.mark)),
            sizeof(rig.mark));
    ck_assert_int_gt(rig_alive(&rig), 6);
    kill(worker, SIGKILL);
    waitpid(worker, NULL, 0);
    ck_assert_int_eq(rig_alive_after(&rig, 0, 2000), 0);
}
END_TEST

/* --------------------------------------------------------- hostile children */

static const char *const manners[] = { "[\"babble\"]", "[\"hang up\"]" };

START_TEST(test_a_child_that_speaks_no_frames_is_killed)
{
    struct rig_end *end;

    start(1);
    end = rig_run(&rig, 0, "rig.rude", manners[_i], NULL);
    ck_assert(end->died);
    ck_assert_int_eq(end->death.end, CRQ_END_PROTOCOL);
    ck_assert(rig_run(&rig, 0, "demo.noop", "[]", NULL)->ended);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_a_second_outcome_counts_for_nothing)
{
    pid_t before;

    start(1);
    before = crq_pool_pid(rig.pool, 0);
    rig_begin(&rig, 0, "rig.rude", "[\"twice\"]", NULL);
    while (crq_pool_pid(rig.pool, 0) == before ||
            !crq_pool_is_idle(rig.pool, 0))
        ev_run(rig.loop, EVRUN_ONCE);
    ck_assert_int_eq(rig.outcomes, 1);
    ck_assert_int_eq(rig.deaths, 0);
    ck_assert(rig_run(&rig, 0, "demo.noop", "[]", NULL)->ended);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_a_server_that_cannot_start_is_tried_again_but_not_for_ever)
{
    struct crq_pool_options options = rig_options(1);

    options.exe = "/bin/false";
    rig.may_refuse = true;
    rig_start(&rig, &options);
    rig_for(&rig, 1);
    ck_assert_int_ge(rig.server_died, 3);
    ck_assert_int_le(rig.server_died, 5);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_an_idle_pool_sleeps)
{
    unsigned before;

    start(2);
    (void)rig_run(&rig, 0, "demo.noop", "[]", NULL);
    before = ev_iteration(rig.loop);
    rig_for(&rig, 0.5);
    ck_assert_uint_le(ev_iteration(rig.loop) - before, 2);
    rig_stop(&rig);
}
END_TEST

/* --------------------------------------------------- replacement and reload */

START_TEST(test_a_child_runs_no_more_jobs_than_it_may)
{
    struct crq_pool_options options = rig_options(1);
    struct rig_end *end;
    char pids[6][20];
    int i;

    options.max_jobs_per_child = 2;
    rig_start(&rig, &options);
    for (i = 0; i < 6; i++) {
        end = rig_run(&rig, 0, "rig.pid", "[]", NULL);
        ck_assert(end->ended);
        snprintf(pids[i], sizeof(pids[i]), "%s", end->outcome.value);
    }
    for (i = 1; i < 6; i++)
        ck_assert_int_eq(strcmp(pids[i], pids[i - 1]) == 0, i % 2 == 1);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_a_reload_lets_running_jobs_end)
{
    pid_t server;
    crq_error err;

    start(2);
    server = crq_pool_server_pid(rig.pool);
    rig_begin(&rig, 0, "rig.patient", "[]", NULL);
    rig.ends[1].idle = false;
    unit_ok(crq_pool_reload(rig.pool, NULL, 0, &err), &err);
    /* Two servers, the old child, the new one, and nothing else. */
    while (rig.ready < 2 || !rig.ends[1].idle)
        ev_run(rig.loop, EVRUN_ONCE);
    ck_assert_int_ne(crq_pool_server_pid(rig.pool), server);
    ck_assert_int_eq(rig_alive_after(&rig, 4, 1000), 4);
    ck_assert(crq_pool_is_running(rig.pool, 0));
    crq_pool_stop_soon(rig.pool, 0);
    while (!rig.ends[0].idle)
        ev_run(rig.loop, EVRUN_ONCE);
    ck_assert(rig.ends[0].ended);
    rig_for(&rig, 0.1);
    ck_assert_int_eq(rig_alive(&rig), 3);
    ck_assert_int_eq(rig.server_died, 0);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_a_reload_that_is_refused_changes_nothing)
{
    static const char *const none[] = { "/nowhere/missing.so" };
    pid_t server;
    crq_error err;

    start(1);
    rig.may_refuse = true;
    server = crq_pool_server_pid(rig.pool);
    unit_ok(crq_pool_reload(rig.pool, none, 1, &err), &err);
    while (rig.refused == 0)
        ev_run(rig.loop, EVRUN_ONCE);
    ck_assert_ptr_nonnull(strstr(rig.why, "missing"));
    ck_assert_int_eq(crq_pool_server_pid(rig.pool), server);
    ck_assert(rig_run(&rig, 0, "demo.noop", "[]", NULL)->ended);
    rig_for(&rig, 0.1);
    ck_assert_int_eq(rig_alive(&rig), 2);
    /* Nor what a server after this one loads. */
    kill(server, SIGKILL);
    while (rig.ready < 2)
        ev_run(rig.loop, EVRUN_ONCE);
    ck_assert_int_eq(rig.refused, 1);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_a_module_that_cannot_be_loaded_is_told_at_the_start)
{
    static const char *const none[] = { "/nowhere/missing.so" };
    struct crq_pool_options options = rig_options(1);

    options.modules = none;
    options.module_count = 1;
    rig.may_refuse = true;
    rig_start(&rig, &options);
    while (rig.refused == 0)
        ev_run(rig.loop, EVRUN_ONCE);
    ck_assert_ptr_nonnull(strstr(rig.why, "missing"));
    rig_for(&rig, 0.1);
    ck_assert_int_eq(rig.refused, 1);
    rig_stop(&rig);
}
END_TEST

static bool is_over(struct rig *r)
{
    return r->closed > 0;
}

START_TEST(test_closing_waits_for_what_runs)
{
    start(2);
    rig_begin(&rig, 0, "demo.sleep", "[0.3]", NULL);
    crq_pool_close(rig.pool, false);
    ck_assert(!crq_pool_is_idle(rig.pool, 1));
    rig_until(&rig, is_over);
    ck_assert(rig.ends[0].ended);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_closing_now_ends_what_runs)
{
    start(2);
    rig_begin(&rig, 0, "demo.spin", "[]", NULL);
    rig_for(&rig, 0.05);
    crq_pool_close(rig.pool, false);
    rig_for(&rig, 0.05);
    ck_assert_int_eq(rig.closed, 0);
    crq_pool_close(rig.pool, true);
    rig_until(&rig, is_over);
    ck_assert(rig.ends[0].died);
    ck_assert_int_eq(rig.ends[0].death.end, CRQ_END_SHUTDOWN);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_a_server_that_hangs_does_not_keep_the_pool)
{
    static const char *const hang[] = { HANG };
    struct crq_pool_options options = rig_options(1);

    options.modules = hang;
    options.module_count = 1;
    options.kill_grace_ms = 50;
    rig.may_refuse = true;
    rig_start(&rig, &options);
    /* The server, and what the module has left. */
    while (rig_alive(&rig) < 2)
        rig_for(&rig, 0.01);
    crq_pool_close(rig.pool, false);
    rig_until(&rig, is_over);
    ck_assert_int_eq(rig.ready + rig.refused, 0);
    ck_assert_int_eq(rig.server_died, 0);
    rig_stop(&rig);
}
END_TEST

/* ---------------------------------------------------------------------- many
 */

static bool thousand(struct rig *r)
{
    size_t i;

    for (i = 0; i < 2; i++)
        if (crq_pool_is_idle(r->pool, i) &&
                (size_t)r->outcomes + crq_pool_running(r->pool) < 1000)
            rig_begin(r, i, "demo.add", "[2, 3]", NULL);
    return r->outcomes >= 1000;
}

START_TEST(test_a_thousand_runs_on_two_children)
{
    pid_t first, second;

    start(2);
    first = crq_pool_pid(rig.pool, 0);
    second = crq_pool_pid(rig.pool, 1);
    rig_until(&rig, thousand);
    ck_assert_int_eq(rig.deaths, 0);
    ck_assert_int_eq(crq_pool_pid(rig.pool, 0), first);
    ck_assert_int_eq(crq_pool_pid(rig.pool, 1), second);
    rig_stop(&rig);
}
END_TEST

START_TEST(test_large_data_go_through)
{
    struct crq_pool_run run = with_timeout(-1);
    size_t len = 3 << 20, head;
    char *data = malloc(len + 100);
    struct rig_end *end = &rig.ends[0];
    crq_error err;

    ck_assert_ptr_nonnull(data);
    start(1);
    head = (size_t)sprintf(data, "[\"demo.echo\", null, [\"");
    memset(data + head, 'x', len);
    strcpy(data + head + len, "\"], {}]");
    run.run.job_id = run.run.execution_id = run.run.queue = run.run.worker =
            "x";
    run.run.data = data;
    run.run.data_len = strlen(data);
    unit_ok(crq_pool_run(rig.pool, 0, &run, &err), &err);
    free(data); /* it was copied */
    while (!end->ended)
        ev_run(rig.loop, EVRUN_ONCE);
    ck_assert_uint_eq(end->outcome.value_len, len + 2);
    rig_stop(&rig);
}
END_TEST

int main(int argc, char **argv)
{
    TCase *tc;

    if (crq_server_wanted(argc, argv))
        return crq_server_main();
    tc = tcase_create("pool");
    tcase_add_test(tc, test_a_run_returns_what_its_task_does);
    tcase_add_test(tc, test_a_failure_says_what_and_where);
    tcase_add_test(tc, test_a_crash_is_told_with_signal_function_and_output);
    tcase_add_test(tc, test_the_output_of_the_last_run_is_kept_and_no_other);
    tcase_add_test(tc, test_an_exit_in_a_task_is_told_with_its_code);
    tcase_add_test(tc, test_log_lines_come_in_order_before_the_outcome);
    tcase_add_test(tc, test_a_run_that_ignores_its_deadline_is_killed);
    tcase_add_test(tc, test_a_sleeping_run_goes_at_its_deadline);
    tcase_add_test(tc, test_memory_of_a_run_is_limited_from_outside);
#ifndef UNIT_ASAN
    tcase_add_test(tc, test_a_child_that_has_grown_is_replaced);
    tcase_add_test(tc,
            test_a_hard_memory_limit_makes_malloc_fail_in_a_fresh_child);
#endif
    tcase_add_test(tc, test_cpu_time_is_limited);
    tcase_add_test(tc, test_a_run_is_ended_by_request);
    tcase_add_test(tc, test_a_task_can_ask_whether_it_should_stop);
    tcase_add_test(tc,
            test_a_limited_run_can_be_ended_before_its_child_is_there);
    unit_add_rows(tc, test_what_a_run_left_is_gone_when_it_ends, leavers);
    tcase_add_test(tc, test_a_deadline_takes_the_whole_brood);
    tcase_add_test(tc, test_a_killed_child_takes_the_whole_brood);
    unit_add_rows(tc, test_callbacks_run_in_the_child_with_a_time_of_their_own,
            callbacks);
    unit_add_rows(tc, test_a_callback_runs_without_its_run, alone);
    tcase_add_loop_test(tc, test_no_task_can_claim_the_time_of_a_callback, 0,
            2);
    tcase_add_test(tc, test_an_idle_child_that_is_killed_is_replaced_quietly);
    tcase_add_test(tc, test_a_killed_server_takes_all_and_comes_back);
    tcase_add_test(tc, test_a_killed_worker_leaves_nothing);
    unit_add_rows(tc, test_a_child_that_speaks_no_frames_is_killed, manners);
    tcase_add_test(tc, test_a_second_outcome_counts_for_nothing);
    tcase_add_test(tc,
            test_a_server_that_cannot_start_is_tried_again_but_not_for_ever);
    tcase_add_test(tc, test_an_idle_pool_sleeps);
    tcase_add_test(tc, test_a_child_runs_no_more_jobs_than_it_may);
    tcase_add_test(tc, test_a_reload_lets_running_jobs_end);
    tcase_add_test(tc, test_a_reload_that_is_refused_changes_nothing);
    tcase_add_test(tc,
            test_a_module_that_cannot_be_loaded_is_told_at_the_start);
    tcase_add_test(tc, test_closing_waits_for_what_runs);
    tcase_add_test(tc, test_closing_now_ends_what_runs);
    tcase_add_test(tc, test_a_server_that_hangs_does_not_keep_the_pool);
    tcase_add_test(tc, test_a_thousand_runs_on_two_children);
    tcase_add_test(tc, test_large_data_go_through);
    return unit_run("pool", tc);
}
