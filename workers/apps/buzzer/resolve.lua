-- resolve.lua - the window of a round is over.
--
-- KEYS, ARGV 1 and 2: see people.lua and game.lua; there is no token.
-- ARGV  3 round  4 the player whose buzz started the window, or "": whoever
--       it was, once so much time has passed  5 the window in milliseconds
-- Returns true when this has decided the round. Any other round, or one that
-- is not open, or not waited for, is left alone.
-- include ../app.lua
-- include ../people.lua
-- include game.lua

if not fields or fields.status ~= 'open' or
        number('round') ~= tonumber(ARGV[3]) or not fields.first or
        not buzzes[fields.first] then
    return ok(false)
end
if ARGV[4] == '' then
    local since = buzzes[fields.first].arrived_ms
    if now_ms < since + tonumber(ARGV[5]) then
        return ok(false)
    end
elseif ARGV[4] ~= fields.first then
    return ok(false)
end
resolve_round()
live_on(#KEYS)
return ok(true)
