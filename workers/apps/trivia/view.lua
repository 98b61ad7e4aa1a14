-- view.lua - the room as whoever asks may see it.
--
-- KEYS, ARGV 1 and 2: see people.lua and room.lua. Without a token the question
-- is not shown.
-- Returns {"room", "question", "me", "players", "deadline_ms", "now_ms"}.
-- include ../app.lua
-- include ../people.lua
-- include room.lua

local why = TOKEN ~= '' and no_player() or no_room()
return why or ok(view())
