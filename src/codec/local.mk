libcrq_core_la_SOURCES += \
	src/codec/base64.c \
	src/codec/dict.c \
	src/codec/float.c \
	src/codec/float.h \
	src/codec/json.h \
	src/codec/json_read.c \
	src/codec/json_write.c \
	src/codec/literal.h \
	src/codec/number.c \
	src/codec/pickle.h \
	src/codec/repr.c \
	src/codec/repr.h \
	src/codec/repr_call.c \
	src/codec/repr_impl.h \
	src/codec/temporal.c \
	src/codec/timetext.c \
	src/codec/timetext.h \
	src/codec/unprintable.h \
	src/codec/utf8.c \
	src/codec/value.c \
	src/codec/value.h \
	src/codec/value_check.c \
	src/codec/value_impl.h \
	src/codec/zip.c \
	src/codec/zip.h
