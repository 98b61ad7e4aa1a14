# The applications, through real workers; run by ./check apps.
EXTRA_DIST += \
	tests/apps/conftest.py \
	tests/apps/players.py \
	tests/apps/pytest.ini \
	tests/apps/test_buzzer.py \
	tests/apps/test_buzzer_live.py \
	tests/apps/test_pet.py \
	tests/apps/test_scripts.py \
	tests/apps/test_trivia.py \
	tests/apps/test_trivia_games.py
