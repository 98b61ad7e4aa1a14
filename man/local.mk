dist_man_MANS += \
	man/crq-api.7 \
	man/crq-app.5 \
	man/crq-courier.8 \
	man/crq-horse.7 \
	man/crq-protocol.7 \
	man/crq-scheduler.8 \
	man/crq-web.8 \
	man/crq-worker.8 \
	man/crq.1 \
	man/libcrq.3
