//! One step, loss, parameter groups, schedules, averaged weights, stages and the loop.
