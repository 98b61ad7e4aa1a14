-- judge.lua - the host says whether the winner's answer was right.
--
-- KEYS, ARGV 1 and 2: see people.lua and game.lua.
-- ARGV  3 "1" right, "0" wrong
-- Returns {"round": the one that is open now, or the one that was judged,
-- "status"}. A wrong answer puts that player out of the question, and opens a
-- new round for the others.
-- include ../app.lua
-- include ../people.lua
-- include game.lua

local why = no_host()
if why then
    return why
end
if fields.status ~= 'resolved' then
    return refuse(409, 'Nothing to judge', 'No round is decided.')
end
local right = ARGV[3] == '1'
local round, player = number('round'), by_id[fields.winner]
local resolved = cjson.decode(fields.resolved)
resolved.correct = right
set({ status = 'closed', winner = false, resolved = json(resolved) })
if player then
    player.score = player.score + (right and 1 or 0)
    player.out = not right or nil
    set_player(player)
end
tell('BUZZER_JUDGED', { round = round, correct = right,
    player_id = player and player.id or cjson.null,
    players = shown_players() })
local left = 0
for _, other in ipairs(players) do
    left = left + (other.out and 0 or 1)
end
if not right and left > 0 then
    open_round()
elseif not right then
    tell('BUZZER_CLOSED', { round = round })
end
live_on(#KEYS)
return ok({ round = number('round'), status = fields.status })
