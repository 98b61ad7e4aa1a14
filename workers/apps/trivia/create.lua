-- create.lua - a new room, whose questions are still to come.
--
-- KEYS, ARGV 1 and 2: see people.lua and room.lua; the token is the owner's.
-- ARGV  3 title  4 topic  5 the owner's name  6 how many questions
--       7 the owner's avatar
-- Returns {"code", "token", "player_id", "status"}, false when the code is
-- taken.
-- include ../app.lua
-- include ../people.lua
-- include room.lua

if fields then
    return ok(false)
end
fields = {}
set({ title = ARGV[3], topic = ARGV[4], status = 'building', owner = 'p1',
    count = ARGV[6], next_id = 1 })
call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6])
local owner = add_player(ARGV[5])
owner.avatar = ARGV[7]
set_player(owner)
tell_all('GAME_ROOM_CREATED', { room = shown_room() })
live_on(OWN)
return ok({ code = CODE, token = TOKEN, player_id = 'p1',
    status = fields.status })
