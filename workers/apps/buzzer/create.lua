-- create.lua - a new game.
--
-- KEYS, ARGV 1 and 2: see people.lua and game.lua; the token is the one of the
-- host.
-- ARGV  3 the host's name
-- Returns {"code", "host_token"}, false when the code is taken.
-- include ../app.lua
-- include ../people.lua
-- include game.lua

if fields then
    return ok(false)
end
fields = {}
set({ host_name = ARGV[3], status = 'closed', round = 0, next_id = 1 })
call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
call('HSET', KEYS[3], TOKEN, 'host')
tell('PLAYERS', { players = list() })
live_on(#KEYS)
return ok({ code = CODE, host_token = TOKEN })
