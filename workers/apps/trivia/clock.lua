-- clock.lua - where a game is.
--
-- KEYS, ARGV 1 and 2: see people.lua and room.lua; there is no token.
-- Returns {"step": questions that are over, "count", "started_ms",
-- "round_ms"}, null when no game goes on.
-- include ../app.lua
-- include ../people.lua
-- include room.lua

if not fields or not shown_number() then
    return ok(cjson.null)
end
return ok({ step = number('step'), count = number('count'),
    started_ms = number('started_ms'), round_ms = number('round_ms') })
