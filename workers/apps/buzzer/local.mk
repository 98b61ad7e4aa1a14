pkglib_LTLIBRARIES += buzzer.la
buzzer_la_SOURCES = \
	workers/apps/app.c \
	workers/apps/app.h \
	workers/apps/buzzer/tasks.c
nodist_buzzer_la_SOURCES = workers/apps/buzzer/lua.h
buzzer_la_CPPFLAGS = $(APP_CPPFLAGS)
buzzer_la_LDFLAGS  = $(APP_LDFLAGS)
buzzer_la_LIBADD   = libcrq.la

BUZZER_LUA = \
	workers/apps/buzzer/buzz.lua \
	workers/apps/buzzer/close.lua \
	workers/apps/buzzer/create.lua \
	workers/apps/buzzer/join.lua \
	workers/apps/buzzer/judge.lua \
	workers/apps/buzzer/open.lua \
	workers/apps/buzzer/ready.lua \
	workers/apps/buzzer/resolve.lua \
	workers/apps/buzzer/socket.lua \
	workers/apps/buzzer/view.lua
BUZZER_LUA_PIECES = \
	workers/apps/app.lua \
	workers/apps/buzzer/game.lua \
	workers/apps/people.lua

buzzerdir = $(pkgdatadir)/apps/buzzer
dist_buzzer_DATA = \
	workers/apps/buzzer/README.md \
	workers/apps/buzzer/app.json
buzzerwwwdir = $(buzzerdir)/www
dist_buzzerwww_DATA = \
	workers/apps/buzzer/www/buzzer.css \
	workers/apps/buzzer/www/game.js \
	workers/apps/buzzer/www/icon.svg \
	workers/apps/buzzer/www/index.html \
	workers/apps/buzzer/www/page.js \
	workers/apps/buzzer/www/show.js \
	workers/apps/buzzer/www/words.js
EXTRA_DIST += $(BUZZER_LUA) $(BUZZER_LUA_PIECES)
BUILT_SOURCES += workers/apps/buzzer/lua.h
CLEANFILES += workers/apps/buzzer/lua.h

workers/apps/buzzer/lua.h: build-aux/embed-lua workers/apps/buzzer/local.mk \
		$(BUZZER_LUA) $(BUZZER_LUA_PIECES)
	$(AM_V_GEN)$(MKDIR_P) workers/apps/buzzer
	$(AM_V_at)cd $(srcdir) && $(SHELL) build-aux/embed-lua --texts \
		$(abs_builddir)/workers/apps/buzzer/lua.h $(BUZZER_LUA)
