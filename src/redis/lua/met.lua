-- met.lua - what a job waits for when it is enqueued: RQ's
-- Job.dependencies_are_met(). For scripts that have `call`.

-- What doesn't exist is not waited for; a hash without data is no job.
local function is_met(key, allows_failures)
    local job = call('HMGET', key, 'status', 'data')
    return (job[2] or '') == '' or job[1] == 'finished' or
        (job[1] == 'failed' and allows_failures)
end
