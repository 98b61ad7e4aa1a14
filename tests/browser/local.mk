# The applications' pages, in a browser; run by ./check browser.
EXTRA_DIST += \
	tests/browser/buzzer.test.js \
	tests/browser/buzzer_words.test.js \
	tests/browser/live.test.js \
	tests/browser/dashboard.test.js \
	tests/browser/gateway.js \
	tests/browser/package.json \
	tests/browser/pet.test.js \
	tests/browser/trivia.test.js \
	tests/browser/up.js
