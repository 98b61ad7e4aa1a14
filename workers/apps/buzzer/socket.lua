-- socket.lua - a socket was opened or closed.
--
-- KEYS, ARGV 1 and 2: see people.lua and game.lua. Without a token it is a
-- board.
-- ARGV  3 see note_socket()
-- Returns {"identity", "last_id", "hello": [the game, as a message]}; boards have
-- no identity, as any number of them may look on.
-- include ../app.lua
-- include ../people.lua
-- include game.lua

local why = no_game()
if why then
    return why
end
if TOKEN ~= '' and not role then
    return refuse(403, 'Not in this game',
        'This token is not of a player or of the host.')
end
local player = by_id[role]
if player then
    if note_socket(player, ARGV[3]) then
        tell('PLAYERS', { players = shown_players() })
    end
    live_on(#KEYS)
end
return welcome(role or nil, KEYS[5], 'GAME', shown())
