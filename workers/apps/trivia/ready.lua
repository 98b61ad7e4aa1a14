-- ready.lua - the questions have come.
--
-- KEYS, ARGV 1 and 2: see people.lua and room.lua; there is no token.
-- ARGV  3 the questions: JSON, [{"text", "choices", "answer"}], already checked
-- Returns the room's status: a room that is not building is left alone; null
-- when there is none.
-- include ../app.lua
-- include ../people.lua
-- include room.lua

if not fields then
    return ok(cjson.null)
end
if fields.status == 'building' then
    local questions = cjson.decode(ARGV[3])
    for n, q in ipairs(questions) do
        call('HSET', KEYS[4], n, cjson.encode(q))
    end
    set({ status = 'ready', count = #questions })
    tell_all('GAME_ROOM_UPDATED', { room = shown_room() })
    live_on(OWN)
end
return ok(fields.status)
