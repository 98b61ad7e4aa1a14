# What daemons need beside the library: kept out of libcrq.so and crq, which
# shall not link an event loop.
noinst_LTLIBRARIES += libcrq-exec.la
libcrq_exec_la_CPPFLAGS = $(AM_CPPFLAGS) $(MSGPACK_CFLAGS)
libcrq_exec_la_LIBADD = libcrq-core.la $(MSGPACK_LIBS) $(EV_LIBS)
libcrq_exec_la_SOURCES = \
	src/exec/async.c \
	src/exec/async.h \
	src/exec/async_calls.c \
	src/exec/async_connect.c \
	src/exec/async_impl.h \
	src/exec/birth.c \
	src/exec/birth.h \
	src/exec/child.c \
	src/exec/child.h \
	src/exec/daemon.c \
	src/exec/daemon.h \
	src/exec/death.c \
	src/exec/fault.c \
	src/exec/fault.h \
	src/exec/flush.c \
	src/exec/flush.h \
	src/exec/frame.c \
	src/exec/frame.h \
	src/exec/notify.c \
	src/exec/notify.h \
	src/exec/pool.c \
	src/exec/pool.h \
	src/exec/pool_impl.h \
	src/exec/pool_server.c \
	src/exec/pool_slot.c \
	src/exec/proc.c \
	src/exec/proc.h \
	src/exec/resolve.c \
	src/exec/resolve.h \
	src/exec/server.c \
	src/exec/server.h \
	src/exec/slot.c \
	src/exec/slot.h \
	src/exec/symbols.c \
	src/exec/symbols.h \
	src/exec/wire.c \
	src/exec/wire.h
