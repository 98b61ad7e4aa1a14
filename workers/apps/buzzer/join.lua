-- join.lua - a new player.
--
-- KEYS, ARGV 1 and 2: see people.lua and game.lua; the token is the one of the
-- new player.
-- ARGV  3 the player's name  4 how many players there may be
-- Returns {"token", "player_id"}.
-- include ../app.lua
-- include ../people.lua
-- include game.lua

local why = no_game() or why_not_join(ARGV[3], tonumber(ARGV[4]))
if why then
    return why
end
local player = add_player(ARGV[3])
set_player(player)
tell('PLAYERS', { players = shown_players() })
live_on(#KEYS)
return ok({ token = TOKEN, player_id = player.id })
