# The REST interface without a server, for tests/interop/test_api.py.
check_PROGRAMS += tests/web/api_peer
tests_web_api_peer_SOURCES = tests/web/api_peer.c
tests_web_api_peer_LDADD = libcrq-api.la
EXTRA_DIST += tests/web/schemathesis.toml
