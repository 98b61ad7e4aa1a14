# Units for systemd; ./configure --with-systemdsystemunitdir says where to.
systemdsystemunit_DATA = \
	dist/systemd/crq-scheduler.service \
	dist/systemd/crq-web.service \
	dist/systemd/crq-worker@.service
EXTRA_DIST += \
	dist/systemd/crq-scheduler.service.in \
	dist/systemd/crq-web.service.in \
	dist/systemd/crq-worker@.service.in
CLEANFILES += $(systemdsystemunit_DATA)

dist/systemd/crq-scheduler.service: dist/systemd/crq-scheduler.service.in
dist/systemd/crq-web.service: dist/systemd/crq-web.service.in
dist/systemd/crq-worker@.service: dist/systemd/crq-worker@.service.in
$(systemdsystemunit_DATA): Makefile
	$(AM_V_GEN)$(MKDIR_P) dist/systemd && \
	$(SED) 's|@bindir[@]|$(bindir)|g' \
		'$(top_srcdir)/$@.in' >'$@.new' && \
	mv '$@.new' '$@'

# bash-completion finds it by the name of the program.
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = dist/completions/crq.bash
