-- recall.lua - what a callback of a run needs to know whose child is gone.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua
--       16 queue  17 id  18 execution
-- Returns { 1, data, meta, name and timeout of on_failure }, or { 0 }: the
-- fence is gone. Nothing is written.
-- include run.lua

local queue, id, execution = ARGV[16], ARGV[17], ARGV[18]

must_be('zset', wip_key(queue))
if not holds(queue, id, execution) then
    return { 0 }
end
return { 1, call('HGET', job_key(id), 'data') or '',
    call('HGET', job_key(id), 'meta') or '',
    call('HGET', job_key(id), 'failure_callback_name') or '',
    call('HGET', job_key(id), 'failure_callback_timeout') or '' }
