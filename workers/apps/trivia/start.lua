-- start.lua - the game begins: T0 is now.
--
-- KEYS, ARGV 1 and 2: see people.lua and room.lua.
-- ARGV  3 the length of a round  4 the time between two words about how much of
--       it is left; milliseconds
-- Returns {"status", "started_ms", "round_ms", "questions"}.
-- include ../app.lua
-- include ../people.lua
-- include room.lua

local why = no_player()
if why then
    return why
end
if role ~= fields.owner then
    return refuse(403, 'Not the owner', 'Only ' ..
        by_id[fields.owner].name .. ' may start the game.')
end
if fields.status ~= 'ready' then
    return wrong_phase('Not to be started')
end
set({ status = 'in_progress', started_ms = now_ms, round_ms = ARGV[3],
    countdown_ms = ARGV[4], step = 0 })
local begun = { status = fields.status, started_ms = now_ms,
    round_ms = number('round_ms'), questions = number('count') }
tell_all('GAME_ROOM_STARTED', begun)
tell('QUESTION', { question = without_answer(1), deadline_ms = deadline_ms() })
live_on(OWN)
return ok(begun)
