-- resolve.lua - the window of a round is over.
--
-- KEYS, ARGV 1 and 2: see game.lua; there is no token.
-- ARGV  3 round  4 the player whose buzz started the window, or "": whoever
--       it was, once so much time has passed  5 the window in milliseconds
-- Returns true when this has decided the round. Any other round, or one that
-- is not open, or not waited for, is left alone.
-- include ../app.lua
-- include game.lua

if not game or game.status ~= 'open' or number('round') ~= tonumber(ARGV[3]) or
        not game.first or not buzzes[game.first] then
    return ok(false)
end
if ARGV[4] == '' then
    local since = buzzes[game.first].arrived_ms
    if now_ms < since + tonumber(ARGV[5]) then
        return ok(false)
    end
elseif ARGV[4] ~= game.first then
    return ok(false)
end
resolve_round()
live_on()
return ok(true)
