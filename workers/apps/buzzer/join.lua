-- join.lua - a new player.
--
-- KEYS, ARGV 1 and 2: see game.lua; the token is the one of the new player.
-- ARGV  3 the player's name  4 how many players there may be
-- Returns {"token", "player_id"}.
-- include ../app.lua
-- include game.lua

local why = no_game()
if why then
    return why
end
if #players >= tonumber(ARGV[4]) then
    return refuse(409, 'Full', 'This game has ' .. #players ..
        ' players, and no place for more.')
end
for _, player in ipairs(players) do
    if player.name:lower() == ARGV[3]:lower() then
        return refuse(409, 'Name taken', 'There is a player called ' ..
            player.name .. ' already.')
    end
end
local nth = number('next_id')
local player = { id = 'p' .. nth, nth = nth, name = ARGV[3], score = 0 }
players[#players + 1] = player
set_player(player)
call('HSET', KEYS[3], TOKEN, player.id)
set({ next_id = nth + 1 })
tell('PLAYERS', { players = shown_players() })
live_on()
return ok({ token = TOKEN, player_id = player.id })
