-- room.lua - the room that all of trivia's scripts are about.
--
-- These have in common, besides what people.lua says: KEYS 4 the questions,
-- JSON by their number, 5 the answers, JSON by "<question>:<player>", 6 the
-- room's stream of events, for its sockets, 7 that of all rooms, for triggers.
--
-- The room is a hash: title, topic, owner (a player's id), status, next_id,
-- count of questions; since it began: started_ms, T0; round_ms; countdown_ms;
-- step, how many questions are over: number step + 1 is shown until
-- T0 + (step + 1) * round_ms; counted, the least time left that was told of it;
-- reason, when it failed. rounds.c reads it, too.
--
--     building -> ready -> in_progress -> completed
--         \-> failed

must_be('hash', KEYS[4])
must_be('hash', KEYS[5])
must_be('stream', KEYS[6])
must_be('stream', KEYS[7])

-- Everything but the stream of all rooms is the room's own.
local OWN = 6

local function question(n)
    local text = call('HGET', KEYS[4], n)
    return text and cjson.decode(text) or nil
end

-- Which question is shown, and until when; nil when none is.
local function shown_number()
    return fields.status == 'in_progress' and number('step') + 1 or nil
end

local function deadline_ms()
    return number('started_ms') + (number('step') + 1) * number('round_ms')
end

-- What is told of a question before its answer may be known.
local function without_answer(n)
    local q = question(n)
    return { id = 'q' .. n, number = n, of = number('count'), text = q.text,
        choices = list(q.choices) }
end

local function shown_player(player)
    return { id = player.id, name = player.name, avatar = player.avatar,
        score = player.score, present = present(player) }
end

local function shown_players()
    local all = list()
    for i, player in ipairs(players) do
        all[i] = shown_player(player)
    end
    return all
end

local function shown_room()
    local owner = by_id[fields.owner]
    return { code = CODE, title = fields.title, topic = fields.topic,
        status = fields.status, owner_id = fields.owner,
        owner_name = owner and owner.name or '', questions = number('count'),
        reason = fields.reason or cjson.null }
end

-- The room as the player who asks may see it.
local function view()
    local n, me = shown_number(), by_id[role]
    local mine = cjson.null
    if me then
        local answer = n and call('HGET', KEYS[5], n .. ':' .. me.id)
        mine = shown_player(me)
        mine.owner = me.id == fields.owner
        mine.choice = answer and cjson.decode(answer).choice or cjson.null
    end
    return { room = shown_room(), me = mine, players = shown_players(),
        question = n and me and without_answer(n) or cjson.null,
        deadline_ms = n and deadline_ms() or cjson.null, now_ms = now_ms }
end

local function tell(kind, data)
    append(KEYS[6], 2000, kind, data)
    publish('trivia:live:' .. CODE, kind, data)
end

-- A step in the life of a room is told to triggers too.
local function tell_all(kind, data)
    append(KEYS[7], 100000, kind, data, 'code', CODE, 'topic', fields.topic,
        'count', fields.count)
    tell(kind, data)
end

-- ---- what is refused; nil when nothing is

local function no_room()
    return not fields and refuse(404, 'No such room',
        'There is no room ' .. CODE .. '.') or nil
end

local function no_player()
    return no_room() or not by_id[role] and refuse(403, 'Not in this room',
        'Only a player of this room may do that.') or nil
end

local function wrong_phase(what)
    local why = { building = 'Its questions are not ready yet.',
        ready = 'It has not begun.', in_progress = 'It has begun already.',
        completed = 'It is over.', failed = 'It has failed.' }
    return refuse(409, what, why[fields.status], { phase = fields.status })
end
