-- ready.lua - a player's socket has measured round trips.
--
-- KEYS, ARGV 1 and 2: see people.lua and game.lua.
-- ARGV  3 the smallest and 4 the largest round trip of late, or ""
-- Returns true.
-- include ../app.lua
-- include ../people.lua
-- include game.lua

local why = no_player()
if why then
    return why
end
if ARGV[4] ~= '' then
    by_id[role].shortest = tonumber(ARGV[3])
    by_id[role].longest = tonumber(ARGV[4])
    set_player(by_id[role])
    live_on(#KEYS)
end
return ok(true)
