-- socket.lua - a socket of a player was opened or closed.
--
-- KEYS, ARGV 1 and 2: see people.lua and room.lua.
-- ARGV  3 see note_socket()
-- Returns {"identity", "last_id", "hello": [the room, as a message]}.
-- include ../app.lua
-- include ../people.lua
-- include room.lua

local why = no_player()
if why then
    return why
end
local player = by_id[role]
if note_socket(player, ARGV[3]) then
    tell(present(player) and 'PLAYER_JOINED' or 'PLAYER_LEFT',
        { player = shown_player(player) })
end
live_on(OWN)
return welcome(role, KEYS[6], 'ROOM', view())
