bin_PROGRAMS += crq-worker
crq_worker_SOURCES = \
	workers/callbacks.c \
	workers/callbacks.h \
	workers/courier.c \
	workers/dequeue.c \
	workers/heartbeat.c \
	workers/janitor.c \
	workers/joblog.c \
	workers/listener.c \
	workers/main.c \
	workers/options.c \
	workers/options.h \
	workers/pace.c \
	workers/pace.h \
	workers/promote.c \
	workers/runs.c \
	workers/scheduler.c \
	workers/scheduler.h \
	workers/stats.c \
	workers/strategy.c \
	workers/suspension.c \
	workers/waiting.c \
	workers/webhooks.c \
	workers/webhooks.h \
	workers/worker.c \
	workers/worker.h
# -export-dynamic: modules find crq's functions in the program that loads them,
# not in a second copy of the library.
crq_worker_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
crq_worker_LDADD = libcrq-exec.la
