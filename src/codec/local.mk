libcrq_core_la_SOURCES += \
	src/codec/dict.c \
	src/codec/json.h \
	src/codec/literal.h \
	src/codec/number.c \
	src/codec/pickle.h \
	src/codec/repr.h \
	src/codec/temporal.c \
	src/codec/timetext.h \
	src/codec/utf8.c \
	src/codec/value.c \
	src/codec/value.h \
	src/codec/value_check.c \
	src/codec/value_impl.h \
	src/codec/zip.h
