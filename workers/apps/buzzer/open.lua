-- open.lua - the host asks the next question: all may buzz again.
--
-- KEYS, ARGV: see people.lua and game.lua.
-- Returns {"round"}.
-- include ../app.lua
-- include ../people.lua
-- include game.lua

local why = no_host()
if why then
    return why
end
if fields.status == 'open' then
    return refuse(409, 'Open', 'The buzzer is open already.')
end
for _, player in ipairs(players) do
    if player.out then
        player.out = nil
        set_player(player)
    end
end
open_round()
live_on(#KEYS)
return ok({ round = number('round') })
