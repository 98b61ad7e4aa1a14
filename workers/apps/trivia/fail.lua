-- fail.lua - a room gets no questions.
--
-- KEYS, ARGV 1 and 2: see people.lua and room.lua; there is no token.
-- ARGV  3 the reason
-- Returns the room's status: a room that is past building is left alone; null
-- when there is none.
-- include ../app.lua
-- include ../people.lua
-- include room.lua

if not fields then
    return ok(cjson.null)
end
if fields.status == 'building' then
    set({ status = 'failed', reason = ARGV[3] })
    tell_all('FAILED', { reason = ARGV[3] })
    live_on(OWN)
end
return ok(fields.status)
