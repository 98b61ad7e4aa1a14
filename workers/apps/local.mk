# The applications: modules that include crq.h, and each other's headers as
# "apps/...", and nothing else of crq.
APP_CPPFLAGS = -D_GNU_SOURCE -I$(top_srcdir)/src/include \
	-I$(top_srcdir)/workers -Iworkers
APP_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version \
	-export-symbols-regex '^crq_module$$'

include workers/apps/buzzer/local.mk
include workers/apps/pet/local.mk
include workers/apps/trivia/local.mk
