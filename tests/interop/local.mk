# Python's RQ on the other side; run by ./check interop.
EXTRA_DIST += \
	tests/interop/api.py \
	tests/interop/conformance/clients.py \
	tests/interop/conformance/differences.py \
	tests/interop/conformance/plays_again.py \
	tests/interop/conformance/plays_around.py \
	tests/interop/conformance/plays_deps.py \
	tests/interop/conformance/plays_run.py \
	tests/interop/conformance/plays_steer.py \
	tests/interop/conformance/scenarios.py \
	tests/interop/conformance/stage.py \
	tests/interop/conformance/test_clients.py \
	tests/interop/conformance/test_completeness.py \
	tests/interop/conformance/test_conformance.py \
	tests/interop/conformance/test_random.py \
	tests/interop/conformance/unshared.py \
	tests/interop/conformance/whole.py \
	tests/interop/conftest.py \
	tests/interop/demo.py \
	tests/interop/jobs.py \
	tests/interop/pytest.ini \
	tests/interop/requirements.txt \
	tests/interop/rq_workers.py \
	tests/interop/state.py \
	tests/interop/tasks.py \
	tests/interop/test_ahead.py \
	tests/interop/test_api.py \
	tests/interop/test_api_act.py \
	tests/interop/test_api_enqueue.py \
	tests/interop/test_app.py \
	tests/interop/test_bench.py \
	tests/interop/test_callbacks.py \
	tests/interop/test_cli.py \
	tests/interop/test_clock.py \
	tests/interop/test_completion.py \
	tests/interop/test_crq_manual.py \
	tests/interop/test_dashboard.py \
	tests/interop/test_dashboard_pages.py \
	tests/interop/test_dependencies.py \
	tests/interop/test_doctor.py \
	tests/interop/test_enqueue.py \
	tests/interop/test_fault.py \
	tests/interop/test_foreign.py \
	tests/interop/test_golden.py \
	tests/interop/test_ground.py \
	tests/interop/test_help.py \
	tests/interop/test_info.py \
	tests/interop/test_janitor.py \
	tests/interop/test_list.py \
	tests/interop/test_log.py \
	tests/interop/test_manual.py \
	tests/interop/test_many.py \
	tests/interop/test_many_due.py \
	tests/interop/test_notify.py \
	tests/interop/test_old_rq.py \
	tests/interop/test_operations.py \
	tests/interop/test_read.py \
	tests/interop/test_readme.py \
	tests/interop/test_rivals.py \
	tests/interop/test_run.py \
	tests/interop/test_schedule.py \
	tests/interop/test_scheduler.py \
	tests/interop/test_show.py \
	tests/interop/test_speed.py \
	tests/interop/test_stats.py \
	tests/interop/test_steps.py \
	tests/interop/test_steps_clients.py \
	tests/interop/test_steps_courier.py \
	tests/interop/test_steps_orders.py \
	tests/interop/test_tls.py \
	tests/interop/test_top.py \
	tests/interop/test_transitions.py \
	tests/interop/test_trigger.py \
	tests/interop/test_up.py \
	tests/interop/test_web.py \
	tests/interop/test_web_api.py \
	tests/interop/test_web_hostile.py \
	tests/interop/test_web_load.py \
	tests/interop/test_web_schema.py \
	tests/interop/test_web_http.py \
	tests/interop/test_web_sockets.py \
	tests/interop/test_webhooks.py \
	tests/interop/test_with_scheduler.py \
	tests/interop/test_worker.py \
	tests/interop/test_worker_manual.py \
	tests/interop/test_worker_runs.py \
	tests/interop/web.py
# Python on the other side. Each test is a script that skips without it.
check_PROGRAMS += tests/interop/enqueue_peer tests/interop/pickle_peer \
	tests/interop/run_peer
dist_check_SCRIPTS += tests/interop/pickle.sh
EXTRA_DIST += tests/interop/pickle_peer.py
TESTS += tests/interop/pickle.sh

tests_interop_enqueue_peer_SOURCES = tests/interop/enqueue_peer.c
tests_interop_enqueue_peer_LDADD = libcrq-core.la
tests_interop_pickle_peer_SOURCES = tests/interop/pickle_peer.c
tests_interop_pickle_peer_LDADD = libcrq-core.la
tests_interop_run_peer_SOURCES = tests/interop/run_peer.c
tests_interop_run_peer_LDADD = libcrq-core.la

# What workers run while they are killed: test_fault.py.
check_LTLIBRARIES += tests/interop/ledger.la
tests_interop_ledger_la_SOURCES = tests/interop/ledger.c
tests_interop_ledger_la_CPPFLAGS = -D_GNU_SOURCE -I$(top_srcdir)/src/include
# -rpath: without a place to be installed in, libtool makes no shared object.
tests_interop_ledger_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version \
	-rpath /nowhere -export-symbols-regex '^crq_module$$'
tests_interop_ledger_la_LIBADD = libcrq.la

# A crq-worker that can be killed between any two of its writes, and a
# crq-courier, which that finds beside itself: test_steps*.py.
check_PROGRAMS += tests/interop/crq-worker-steps tests/interop/crq-courier
tests_interop_crq_worker_steps_SOURCES = $(crq_worker_SOURCES) \
	tests/interop/steps.c \
	tests/interop/steps.h
tests_interop_crq_worker_steps_LDFLAGS = $(crq_worker_LDFLAGS) \
	-Wl,--wrap=send -Wl,--wrap=sendmsg -Wl,--wrap=kill
tests_interop_crq_worker_steps_LDADD = $(crq_worker_LDADD)
tests_interop_crq_courier_SOURCES = $(crq_courier_SOURCES) \
	tests/interop/steps.c \
	tests/interop/steps.h \
	tests/interop/steps_courier.c
tests_interop_crq_courier_CPPFLAGS = $(crq_courier_CPPFLAGS)
tests_interop_crq_courier_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=send -Wl,--wrap=sendmsg -Wl,--wrap=kill \
	-Wl,--wrap=curl_multi_add_handle \
	-Wl,--wrap=curl_multi_remove_handle \
	-Wl,--wrap=curl_multi_socket_action
tests_interop_crq_courier_LDADD = $(crq_courier_LDADD)
# The HTTP server alone: test_web_http.py.
check_PROGRAMS += tests/interop/http_peer
tests_interop_http_peer_SOURCES = tests/interop/http_peer.c
tests_interop_http_peer_LDADD = libcrq-web.la

# What crq-web serves in tests, and the tasks behind it: test_web.py.
EXTRA_DIST += \
	tests/web/demo/app.json \
	tests/web/demo/www/.hidden \
	tests/web/demo/www/app.js \
	tests/web/demo/www/index.html \
	tests/web/demo/www/sub/index.html
check_LTLIBRARIES += tests/interop/gate.la
tests_interop_gate_la_SOURCES = tests/interop/gate.c
tests_interop_gate_la_CPPFLAGS = -I$(top_srcdir)/src/include
tests_interop_gate_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version \
	-rpath /nowhere -export-symbols-regex '^crq_module$$'
tests_interop_gate_la_LIBADD = libcrq.la
# A wall clock for test_clock.py, to be preloaded; without a sanitizer of its
# own, which would have to be loaded first.
check_LTLIBRARIES += tests/interop/shift.la
tests_interop_shift_la_SOURCES = tests/interop/shift.c
tests_interop_shift_la_CFLAGS = $(WARN_CFLAGS)
tests_interop_shift_la_LDFLAGS = -module -avoid-version -rpath /nowhere
tests_interop_shift_la_LIBADD =
