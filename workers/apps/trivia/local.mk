pkglib_LTLIBRARIES += trivia.la
trivia_la_SOURCES = \
	workers/apps/app.c \
	workers/apps/app.h \
	workers/apps/trivia/fetch.c \
	workers/apps/trivia/questions.c \
	workers/apps/trivia/rounds.c \
	workers/apps/trivia/tasks.c \
	workers/apps/trivia/trivia.h
nodist_trivia_la_SOURCES = workers/apps/trivia/lua.h
trivia_la_CPPFLAGS = $(APP_CPPFLAGS) $(CURL_CFLAGS)
trivia_la_LDFLAGS  = $(APP_LDFLAGS)
trivia_la_LIBADD   = libcrq.la $(CURL_LIBS)

TRIVIA_LUA = \
	workers/apps/trivia/answer.lua \
	workers/apps/trivia/countdown.lua \
	workers/apps/trivia/create.lua \
	workers/apps/trivia/cycle.lua \
	workers/apps/trivia/fail.lua \
	workers/apps/trivia/join.lua \
	workers/apps/trivia/ready.lua \
	workers/apps/trivia/socket.lua \
	workers/apps/trivia/start.lua \
	workers/apps/trivia/view.lua
TRIVIA_LUA_PIECES = \
	workers/apps/app.lua \
	workers/apps/people.lua \
	workers/apps/trivia/room.lua

triviadir = $(pkgdatadir)/apps/trivia
dist_trivia_DATA = \
	workers/apps/trivia/README.md \
	workers/apps/trivia/app.json
triviawwwdir = $(triviadir)/www
dist_triviawww_DATA = \
	workers/apps/trivia/www/avatars.svg \
	workers/apps/trivia/www/game.js \
	workers/apps/trivia/www/icon.svg \
	workers/apps/trivia/www/index.html \
	workers/apps/trivia/www/page.js \
	workers/apps/trivia/www/show.js \
	workers/apps/trivia/www/trivia.css \
	workers/apps/trivia/www/words.js
EXTRA_DIST += $(TRIVIA_LUA) $(TRIVIA_LUA_PIECES)
BUILT_SOURCES += workers/apps/trivia/lua.h
CLEANFILES += workers/apps/trivia/lua.h

workers/apps/trivia/lua.h: build-aux/embed-lua workers/apps/trivia/local.mk \
		$(TRIVIA_LUA) $(TRIVIA_LUA_PIECES)
	$(AM_V_GEN)$(MKDIR_P) workers/apps/trivia
	$(AM_V_at)cd $(srcdir) && $(SHELL) build-aux/embed-lua --texts \
		$(abs_builddir)/workers/apps/trivia/lua.h $(TRIVIA_LUA)

# Where the module looks for its questions: beside itself, and before it is
# installed in the folder above.
triviabankdir = $(pkglibdir)
triviabank_DATA = trivia-questions.json
EXTRA_DIST += workers/apps/trivia/questions.json
CLEANFILES += trivia-questions.json

trivia-questions.json: workers/apps/trivia/questions.json
	$(AM_V_GEN)cp '$(srcdir)/workers/apps/trivia/questions.json' $@
