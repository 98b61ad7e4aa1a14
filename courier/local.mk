# The helper of crq-worker that sends webhooks: the only program with libcurl.
libexec_PROGRAMS += crq-courier
crq_courier_SOURCES = \
	courier/address.c \
	courier/address.h \
	courier/main.c \
	courier/send.c \
	courier/send.h
crq_courier_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS)
crq_courier_LDADD = libcrq-exec.la $(CURL_LIBS)

# Where crq-worker looks for it, when it is not beside it.
AM_CPPFLAGS += -DCRQ_LIBEXEC_DIR='"$(libexecdir)"'
