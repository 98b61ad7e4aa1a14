dist_man_MANS += \
	man/crq.1 \
	man/crq-protocol.7
