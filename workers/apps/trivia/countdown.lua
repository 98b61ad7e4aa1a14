-- countdown.lua - how much time is left for a question.
--
-- KEYS, ARGV 1 and 2: see people.lua and room.lua; there is no token.
-- ARGV  3 step: how many questions are over  4 the time left that this is to
--       tell, milliseconds
-- Returns true when it was told. It is not for another question, nor when as
-- little or less was told already. Steps let the room live on, words need not.
-- include ../app.lua
-- include ../people.lua
-- include room.lua

local left = tonumber(ARGV[4])
if not fields or not shown_number() or number('step') ~= tonumber(ARGV[3]) or
        not left or fields.counted and number('counted') <= left then
    return ok(false)
end
set({ counted = left })
tell('GAME_ROOM_COUNTDOWN', { question_id = 'q' .. shown_number(),
    time_remaining_in_seconds = math.max(0, deadline_ms() - now_ms) / 1000,
    deadline_ms = deadline_ms() })
return ok(true)
