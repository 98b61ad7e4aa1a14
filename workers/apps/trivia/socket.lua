-- socket.lua - a socket of a player was opened or closed.
--
-- KEYS, ARGV 1 and 2: see people.lua and room.lua.
-- ARGV  3 "1" opened, "-1" closed
-- Returns {"identity", "last_id", "hello": [the room, as a message]}.
-- include ../app.lua
-- include ../people.lua
-- include room.lua

local why = no_player()
if why then
    return why
end
local player, opened = by_id[role], ARGV[3] == '1'
if count_socket(player, opened and 1 or -1) then
    tell(opened and 'PLAYER_JOINED' or 'PLAYER_LEFT',
        { player = shown_player(player) })
end
live_on(OWN)
return welcome(role, KEYS[6], 'ROOM', view())
