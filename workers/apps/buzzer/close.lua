-- close.lua - the host ends the question, decided or not.
--
-- KEYS, ARGV: see people.lua and game.lua.
-- Returns {"round", "first": who started the window that is over now, or null}.
-- include ../app.lua
-- include ../people.lua
-- include game.lua

local why = no_host()
if why then
    return why
end
local gone = { round = number('round'), first = fields.first or cjson.null }
if fields.status ~= 'closed' then
    set({ status = 'closed', first = false, winner = false })
    tell('BUZZER_CLOSED', { round = gone.round })
    live_on(#KEYS)
end
return ok(gone)
