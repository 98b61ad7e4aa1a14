# Units for systemd; ./configure --with-systemdsystemunitdir says where to.
systemdsystemunit_DATA = dist/systemd/crq-worker@.service
EXTRA_DIST += dist/systemd/crq-worker@.service.in
CLEANFILES += dist/systemd/crq-worker@.service

dist/systemd/crq-worker@.service: dist/systemd/crq-worker@.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) dist/systemd && \
	$(SED) 's|@bindir[@]|$(bindir)|g' \
		'$(top_srcdir)/dist/systemd/crq-worker@.service.in' >'$@.new' && \
	mv '$@.new' '$@'
