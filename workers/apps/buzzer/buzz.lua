-- buzz.lua - a player has pressed.
--
-- KEYS, ARGV 1 and 2: see people.lua and game.lua.
-- ARGV  3 round, or "" when it was no number  4 the player's own measure from
--       hearing to pressing, or ""  5 "1": pressed before hearing
--       6 when the player was told, or ""  7 when the buzz came, or ""
--       8 the smallest and 9 the largest round trip of late, or ""
--       10 penalty  11 window  12 the largest window
--       13 "1" when the job that resolves exists, should this be the first
-- All times in milliseconds, those of day since 1970.
-- Returns {"first": player id, "wait_ms": the window} and changes nothing when
-- this is the first buzz and 13 is "0"; else {"round", "ms", "early",
-- "estimated", "over": this was the last one, the round is resolved, "first"}.
-- include ../app.lua
-- include ../people.lua
-- include game.lua

local why = no_player()
if why then
    return why
end
local me = by_id[role]
if tonumber(ARGV[3]) ~= number('round') or fields.status == 'closed' then
    return refuse(409, 'Not open', 'That round is not open.')
elseif fields.status == 'resolved' then
    return refuse(409, 'Too late', 'The round is decided.')
elseif me.out then
    return refuse(409, 'Out', 'You have answered this question wrong.')
elseif buzzes[role] then
    return refuse(409, 'Twice', 'You have pressed already.')
end

-- ---- how long it took

-- The player's word counts when it can be true. A socket that was opened when
-- the round was open already may have been told again: that gains nothing.
local LEAST_MS, JITTER_MS = 60, 30
local opened = number('opened_ms')
local arrived = tonumber(ARGV[7]) or now_ms
local told = (me.since_ms or 0) <= opened and tonumber(ARGV[6]) or opened
local shortest = tonumber(ARGV[8]) or 0
local longest = tonumber(ARGV[9]) or 0
local past = math.max(0, arrived - told)
local claim = tonumber(ARGV[4])
local estimated = not (claim and claim >= LEAST_MS and claim <= past and
    claim >= past - longest - JITTER_MS)
local ms = estimated and past - shortest or claim
-- Nobody answers news before it can have come, or so soon that no thought was
-- between: who presses all the time.
local early = ARGV[5] == '1' or past < shortest - JITTER_MS or ms < LEAST_MS
ms = math.max(LEAST_MS, ms) + (early and tonumber(ARGV[10]) or 0)
ms = math.floor(ms * 10 + 0.5) / 10

-- ---- the first one starts the window

local pressed, smallest, largest = 0, shortest, longest
for _, player in ipairs(players) do
    pressed = pressed + (buzzes[player.id] and 1 or 0)
    smallest = math.min(smallest, player.shortest or smallest)
    largest = math.max(largest, player.longest or largest)
end
if pressed == 0 and ARGV[13] ~= '1' then
    return ok({ first = role, wait_ms = math.min(tonumber(ARGV[12]),
        tonumber(ARGV[11]) + largest - smallest) })
end

local buzz = { ms = ms, arrived_ms = arrived, nth = pressed, early = early,
    estimated = estimated }
call('HSET', KEYS[4], role, cjson.encode(buzz))
buzzes[role] = buzz
if ARGV[9] ~= '' then
    me.shortest, me.longest = shortest, longest
    set_player(me)
end
if pressed == 0 then
    set({ first = role })
end
local first, over = fields.first, true
for _, player in ipairs(players) do
    over = over and (player.out or not present(player) or
        buzzes[player.id] ~= nil)
end
if over then
    resolve_round()
end
live_on(#KEYS)
return ok({ round = number('round'), ms = ms, early = early,
    estimated = estimated, over = over, first = first })
