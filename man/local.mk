dist_man_MANS += \
	man/crq-protocol.7
