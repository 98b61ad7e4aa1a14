libcrq_core_la_SOURCES += \
	src/redis/args.c \
	src/redis/args.h \
	src/redis/conn.c \
	src/redis/conn.h \
	src/redis/conn_impl.h \
	src/redis/link.c \
	src/redis/link.h \
	src/redis/many.c \
	src/redis/many.h \
	src/redis/refusal.c \
	src/redis/refusal.h \
	src/redis/reply.c \
	src/redis/reply.h \
	src/redis/script.c \
	src/redis/script.h \
	src/redis/stream.c \
	src/redis/stream.h \
	src/redis/tls.c \
	src/redis/tls.h \
	src/redis/url.c \
	src/redis/url.h

# A script NAME.lua becomes crq_script_NAME in scripts.h. Pieces become part of
# the scripts that say "-- include PIECE.lua". One per line, sorted.
LUA_FILES = \
	src/redis/lua/alive.lua \
	src/redis/lua/begin.lua \
	src/redis/lua/cancel.lua \
	src/redis/lua/claim.lua \
	src/redis/lua/clean.lua \
	src/redis/lua/clean_group.lua \
	src/redis/lua/clean_workers.lua \
	src/redis/lua/compact.lua \
	src/redis/lua/delete.lua \
	src/redis/lua/describe.lua \
	src/redis/lua/empty.lua \
	src/redis/lua/enqueue.lua \
	src/redis/lua/enqueue_after.lua \
	src/redis/lua/errors.lua \
	src/redis/lua/examine.lua \
	src/redis/lua/failed.lua \
	src/redis/lua/finish.lua \
	src/redis/lua/glance.lua \
	src/redis/lua/hand_back.lua \
	src/redis/lua/heartbeat.lua \
	src/redis/lua/joblog.lua \
	src/redis/lua/lock.lua \
	src/redis/lua/move_job.lua \
	src/redis/lua/page.lua \
	src/redis/lua/promote_rest.lua \
	src/redis/lua/recall.lua \
	src/redis/lua/requeue.lua \
	src/redis/lua/sched_aside.lua \
	src/redis/lua/sched_beat.lua \
	src/redis/lua/sched_claim.lua \
	src/redis/lua/sched_due.lua \
	src/redis/lua/sched_event.lua \
	src/redis/lua/sched_keep.lua \
	src/redis/lua/sched_periodic.lua \
	src/redis/lua/sched_periodic_due.lua \
	src/redis/lua/sched_poison.lua \
	src/redis/lua/sched_put.lua \
	src/redis/lua/sched_release.lua \
	src/redis/lua/sched_remove.lua \
	src/redis/lua/sched_report.lua \
	src/redis/lua/sched_rq.lua \
	src/redis/lua/sched_streams.lua \
	src/redis/lua/sched_tick.lua \
	src/redis/lua/sched_trigger.lua \
	src/redis/lua/sched_untrigger.lua \
	src/redis/lua/schedule.lua \
	src/redis/lua/set_meta.lua \
	src/redis/lua/settle.lua \
	src/redis/lua/stats.lua \
	src/redis/lua/stray.lua \
	src/redis/lua/take_over.lua \
	src/redis/lua/unlock.lua \
	src/redis/lua/worker_birth.lua \
	src/redis/lua/worker_death.lua \
	src/redis/lua/worker_update.lua
LUA_PIECES = \
	src/redis/lua/adopt.lua \
	src/redis/lua/alone.lua \
	src/redis/lua/ending.lua \
	src/redis/lua/error_of.lua \
	src/redis/lua/join_group.lua \
	src/redis/lua/met.lua \
	src/redis/lua/move.lua \
	src/redis/lua/operate.lua \
	src/redis/lua/promote.lua \
	src/redis/lua/put_back.lua \
	src/redis/lua/quarantine.lua \
	src/redis/lua/run.lua \
	src/redis/lua/save_job.lua \
	src/redis/lua/sched_leads.lua \
	src/redis/lua/sched_new.lua \
	src/redis/lua/sched_show.lua

nodist_libcrq_core_la_SOURCES = \
	src/redis/scripts.c \
	src/redis/scripts.h

BUILT_SOURCES += src/redis/scripts.c src/redis/scripts.h
CLEANFILES += src/redis/scripts.c src/redis/scripts.h
EXTRA_DIST += build-aux/embed-lua $(LUA_FILES) $(LUA_PIECES)

src/redis/scripts.c: build-aux/embed-lua src/redis/local.mk $(LUA_FILES) \
		$(LUA_PIECES)
	$(AM_V_GEN)$(MKDIR_P) src/redis
	$(AM_V_at)cd $(srcdir) && $(SHELL) build-aux/embed-lua \
		$(abs_builddir)/src/redis/scripts $(LUA_FILES)

# Both are made by one run. This one is newer, unless somebody removed it.
src/redis/scripts.h: src/redis/scripts.c
	$(AM_V_at)test -f $@ || { rm -f src/redis/scripts.c; \
		$(MAKE) $(AM_MAKEFLAGS) src/redis/scripts.c; }
