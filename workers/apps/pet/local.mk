pkglib_LTLIBRARIES += pet.la
pet_la_SOURCES = \
	workers/apps/app.c \
	workers/apps/app.h \
	workers/apps/pet/tasks.c
nodist_pet_la_SOURCES = workers/apps/pet/lua.h
pet_la_CPPFLAGS = $(APP_CPPFLAGS)
pet_la_LDFLAGS  = $(APP_LDFLAGS)
pet_la_LIBADD   = libcrq.la

PET_LUA = \
	workers/apps/pet/adopt.lua \
	workers/apps/pet/authorise.lua \
	workers/apps/pet/feed.lua \
	workers/apps/pet/increase_hunger.lua \
	workers/apps/pet/play.lua \
	workers/apps/pet/release.lua \
	workers/apps/pet/sleep.lua \
	workers/apps/pet/view.lua \
	workers/apps/pet/wake_up.lua
PET_LUA_PIECES = \
	workers/apps/app.lua \
	workers/apps/pet/pet.lua

petdir = $(pkgdatadir)/apps/pet
dist_pet_DATA = \
	workers/apps/pet/README.md \
	workers/apps/pet/app.json
petwwwdir = $(petdir)/www
dist_petwww_DATA = \
	workers/apps/pet/www/icon.svg \
	workers/apps/pet/www/index.html \
	workers/apps/pet/www/page.js \
	workers/apps/pet/www/pet.css \
	workers/apps/pet/www/words.js
EXTRA_DIST += $(PET_LUA) $(PET_LUA_PIECES)
BUILT_SOURCES += workers/apps/pet/lua.h
CLEANFILES += workers/apps/pet/lua.h

workers/apps/pet/lua.h: build-aux/embed-lua workers/apps/pet/local.mk \
		$(PET_LUA) $(PET_LUA_PIECES)
	$(AM_V_GEN)$(MKDIR_P) workers/apps/pet
	$(AM_V_at)cd $(srcdir) && $(SHELL) build-aux/embed-lua --texts \
		$(abs_builddir)/workers/apps/pet/lua.h $(PET_LUA)
