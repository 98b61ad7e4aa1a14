-- answer.lua - a player answers. The first answer counts.
--
-- KEYS, ARGV 1 and 2: see people.lua and room.lua.
-- ARGV  3 the question's id  4 the choice, from 0, or "" when it is none
-- Returns {"question_id", "choice"}.
-- include ../app.lua
-- include ../people.lua
-- include room.lua

local why = no_player()
if why then
    return why
end
local n = shown_number()
if not n then
    return wrong_phase('No question')
end
if ARGV[3] ~= 'q' .. n or now_ms >= deadline_ms() then
    return refuse(409, 'Too late', 'The time for this question is over.')
end
local choice = tonumber(ARGV[4])
if not choice or choice ~= math.floor(choice) or choice < 0 or
        choice >= #question(n).choices then
    return refuse(422, 'No such choice', 'choice must be 0, 1, 2 or 3.')
end
local key = n .. ':' .. role
if call('HEXISTS', KEYS[5], key) == 1 then
    return refuse(409, 'Answered', 'You have answered this question already.')
end
call('HSET', KEYS[5], key, json({ choice = choice, at_ms = now_ms }))
live_on(OWN)
return ok({ question_id = ARGV[3], choice = choice })
