"""What of RQ's classes no scenario needs to cover, each with the reason: it
never reaches another worker.

Names are "Class.name", or the plain name of a function; "Class.*" stands for
all that have no entry of their own and no scenario.
"""

#: Attributes that choose a class of this process.
CLASSES = "names a class that this process uses"
#: What RQ's worker does between two writes to Redis.
INSIDE = "is a step inside RQ's own worker process, seen by what it leaves"
#: Works on an object in memory.
LOCAL = "computes from what is in memory, and writes nothing"

UNSHARED = {
    "BaseRegistry.job_class": CLASSES,
    "BaseRegistry.death_penalty_class": CLASSES,
    "Queue.job_class": CLASSES,
    "Queue.death_penalty_class": CLASSES,
    "BaseWorker.job_class": CLASSES,
    "BaseWorker.queue_class": CLASSES,
    "BaseWorker.death_penalty_class": CLASSES,

    "Job.perform": INSIDE,
    "Queue.dequeue_any": INSIDE,
    "Queue.pop_job_id": "pops for a worker; a worker's own pop is in every "
                        "scenario",
    "Queue.lpop": "pops for a worker, of several queues",
    "Queue.run_job": "runs a job in the client's process (is_async=False)",
    "Queue.run_sync": "runs a job in the client's process (is_async=False)",
    "Queue.is_async": "runs jobs in the client's process when false",
    "Queue.scheduler_pid": "reads the lock of a scheduler on this machine",
    "Job.func": "imports the function, which a worker's module need not let "
                "a client do",
    "Job.process_dependencies": LOCAL,
    "Queue.key": LOCAL,
    "get_key": LOCAL,

    "prepare_execution": INSIDE,
    "cleanup_execution": INSIDE,

    "StartedJobRegistry.add": "raises NotImplementedError",
    "StartedJobRegistry.remove": "raises NotImplementedError",
    "DeferredJobRegistry.cleanup": "does nothing",
    "ExecutionRegistry.remove": "raises, or is never called",
    "ExecutionRegistry.cleanup": "is part of each look at the executions",

    "BaseWorker.procline": INSIDE,
    "BaseWorker.bootstrap": INSIDE,
    "BaseWorker.teardown": INSIDE,
    "BaseWorker.cleanup_execution": INSIDE,
    "BaseWorker.connection_timeout": INSIDE,
    "BaseWorker.dequeue_timeout": INSIDE,
    "BaseWorker.dequeue_job_and_maintain_ttl": INSIDE,
    "BaseWorker.get_redis_server_version": INSIDE,
    "BaseWorker.handle_execution_ended": INSIDE,
    "BaseWorker.handle_job_success": INSIDE,
    "BaseWorker.horse_pid": INSIDE,
    "BaseWorker.is_horse": INSIDE,
    "BaseWorker.main_work_horse": INSIDE,
    "BaseWorker.pop_exc_handler": "exception handlers are Python functions of "
                                  "RQ's worker",
    "BaseWorker.push_exc_handler": "exception handlers are Python functions "
                                   "of RQ's worker",
    "BaseWorker.reorder_queues": INSIDE,
    "BaseWorker.request_force_stop": "leaves the job to be found abandoned, "
                                     "which has scenarios",
    "BaseWorker.setup_work_horse_signals": INSIDE,
    "BaseWorker.validate_queues": INSIDE,
    "Worker.execute_job": INSIDE,
    "Worker.fork_work_horse": INSIDE,
    "Worker.wait_for_horse": INSIDE,
}
