-- cycle.lua - a question is over, and the next one begins or the game ends.
--
-- KEYS, ARGV 1 and 2: see people.lua and room.lua; there is no token.
-- ARGV  3 step: the number of the question that is over
-- Returns true when this did it. It does nothing, and returns false, unless
-- that very question is shown: repeated, or with a game that is over or far
-- behind.
-- include ../app.lua
-- include ../people.lua
-- include room.lua

local n = tonumber(ARGV[3])
if not fields or not n or shown_number() ~= n then
    return ok(false)
end
local q, right, chosen = question(n), list(), {}
for _, player in ipairs(players) do
    local answer = call('HGET', KEYS[5], n .. ':' .. player.id)
    if answer then
        chosen[player.id] = cjson.decode(answer).choice
        if chosen[player.id] == q.answer then
            right[#right + 1] = player.id
        end
    end
end

local over = n >= number('count')
set({ step = n, counted = false,
    status = over and 'completed' or 'in_progress' })
for _, id in ipairs(right) do
    by_id[id].score = by_id[id].score + 1
    set_player(by_id[id])
end
tell('REVEAL', { question_id = 'q' .. n, answer = q.answer,
    answer_text = q.choices[q.answer + 1], right = right, choices = chosen,
    players = shown_players() })
if over then
    tell_all('COMPLETED', { players = shown_players() })
else
    tell('QUESTION', { question = without_answer(n + 1),
        deadline_ms = deadline_ms() })
end
live_on(OWN)
return ok(true)
