-- close.lua - the host ends the question, decided or not.
--
-- KEYS, ARGV: see game.lua.
-- Returns {"round", "first": who started the window that is over now, or null}.
-- include ../app.lua
-- include game.lua

local why = no_host()
if why then
    return why
end
local gone = { round = number('round'), first = game.first or cjson.null }
if game.status ~= 'closed' then
    set({ status = 'closed', first = false, winner = false })
    tell('BUZZER_CLOSED', { round = gone.round })
    live_on()
end
return ok(gone)
