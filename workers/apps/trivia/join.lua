-- join.lua - a new player.
--
-- KEYS, ARGV 1 and 2: see people.lua and room.lua; the token is the one of the
-- new player.
-- ARGV  3 name  4 avatar  5 how many players there may be
-- Returns {"token", "player_id"}.
-- include ../app.lua
-- include ../people.lua
-- include room.lua

local why = no_room()
if why then
    return why
end
if fields.status ~= 'building' and fields.status ~= 'ready' then
    return wrong_phase('Too late to join')
end
why = why_not_join(ARGV[3], tonumber(ARGV[5]))
if why then
    return why
end
local player = add_player(ARGV[3])
player.avatar = ARGV[4]
set_player(player)
tell('PLAYER_JOINED', { player = shown_player(player) })
live_on(OWN)
return ok({ token = TOKEN, player_id = player.id })
