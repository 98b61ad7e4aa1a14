-- view.lua - the game as whoever asks may see it.
--
-- KEYS, ARGV 1 and 2: see people.lua and game.lua. Who has no token, or a
-- foreign one, sees what the board shows.
-- Returns {"game", "me", "players", "resolved", "now_ms"}.
-- include ../app.lua
-- include ../people.lua
-- include game.lua

return no_game() or ok(shown())
